// Takes pictures of every screen into test/out, to be looked at by a person.
import { mkdirSync } from 'node:fs';
import { start } from '../mock/server.js';
import { launch, open, phone } from './browser.js';

const out = new URL('../out/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const only = process.argv[2];
const browser = await launch();

async function take(name, app, login, o, steps) {
  if (only && !name.includes(only)) return;
  const hub = await start();
  const page = await open(browser, hub, app, login, o);
  await page.waitForTimeout(login ? 1800 : 500);
  await steps?.(page, hub);
  await page.screenshot({ path: `${out}${name}.png` });
  if (page.errors.length) console.log(name, page.errors.slice(0, 5));
  await page.context().close();
  await hub.close();
}
const wait = (page, ms) => page.waitForTimeout(ms);
const hot = async (page, hub) => {
  await page.evaluate(() => window.cameras.off.add('cam-04'));
  hub.demo.charger_hot();
  await wait(page, 2500);
  await page.locator('[data-priority=critical]').first().click();
  await page.getByText('完成', { exact: true }).first().click().catch(() => {});
  await wait(page, 1200);
};

await take('signin', 'dispatch', null, {});
await take('signin-home', 'home', null, phone);
await take('dispatch', 'dispatch', 'operator', {});
await take('dispatch-alarm', 'dispatch', 'operator', {}, hot);
await take('dispatch-4k', 'dispatch', 'operator', { viewport: { width: 3840, height: 2160 } }, hot);
await take('dispatch-16', 'dispatch', 'operator', {}, async (p) => (await p.getByTestId('layout-16').click(), wait(p, 2500)));
await take('dispatch-device', 'dispatch', 'operator', {}, async (p) => {
  await p.getByTestId('devices-open').click();
  await p.getByTestId('device-search').fill('charger-east-b02');
  await p.getByTestId('device-row').nth(1).click();
  await wait(p, 1500);
});
await take('dispatch-door', 'dispatch', 'operator', {}, async (p) => {
  await p.getByTestId('door-open').click();
  await p.getByTestId('door-search').fill('东苑1栋');
  await wait(p, 300);
});
await take('dispatch-broadcast', 'dispatch', 'operator', {}, async (p) => (await p.keyboard.press('b'), wait(p, 400)));
await take('dispatch-proof', 'dispatch', 'operator', {}, async (p) => {
  await p.keyboard.press('b');
  await p.locator('[data-zone=east]').first().click();
  await p.getByTestId('broadcast-text').fill('请注意，东苑今晚八点停水。');
  await p.getByTestId('broadcast-send').click();
  await wait(p, 1800);
});
await take('dispatch-demo', 'dispatch', 'operator', {}, async (p) => (await p.getByTestId('demo-open').click(), wait(p, 300)));
await take('dispatch-help-en', 'dispatch', 'operator', { lang: 'en' }, async (p) => (await p.keyboard.press('?'), wait(p, 300)));
await take('dispatch-en', 'dispatch', 'operator', { lang: 'en' }, async (p, h) => (h.demo.sos(), wait(p, 2500)));
await take('dispatch-hant', 'dispatch', 'operator', { lang: 'zh-Hant' }, async (p, h) => (h.demo.sos(), wait(p, 2500)));
await take('dispatch-down', 'dispatch', 'operator', {}, async (p, h) => (await h.close(), wait(p, 3000)));
await take('dispatch-phone', 'dispatch', 'operator', phone, async (p, h) => (h.demo.charger_hot(), wait(p, 1500)));
await take('dispatch-phone-plan', 'dispatch', 'operator', phone, async (p, h) => (h.demo.charger_hot(), await p.getByText('平面图').last().click(), wait(p, 1500)));
await take('dispatch-laptop', 'dispatch', 'operator', { viewport: { width: 1280, height: 800 } }, hot);
await take('crew', 'crew', 'crew', phone, async (p) => (await p.getByTestId('order-take').nth(2).click(), wait(p, 600)));
await take('crew-done', 'crew', 'crew', phone, async (p) => (await p.getByTestId('order-take').nth(0).click(), await wait(p, 500), await p.getByTestId('order-done').click(), wait(p, 6000)));
await take('crew-alarms', 'crew', 'crew', phone, async (p) => (await p.getByRole('button', { name: '告警' }).click(), wait(p, 300)));
await take('home', 'home', 'resident', phone);
const hold = async (p, ms) => {
  const b = await p.getByTestId('home-open').boundingBox();
  await p.mouse.move(b.x + 90, b.y + 60);
  await p.mouse.down();
  await wait(p, ms);
};
await take('home-hold', 'home', 'resident', phone, (p) => hold(p, 550));
await take('home-opened', 'home', 'resident', phone, async (p) => (await hold(p, 1200), await p.mouse.up(), await p.getByTestId('home-opened').waitFor(), wait(p, 200)));
await take('home-report', 'home', 'resident', phone, async (p) => (await p.getByTestId('home-report').click(), wait(p, 200)));
await browser.close();
process.exit(0);
