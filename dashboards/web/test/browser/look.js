// Takes pictures of every screen into test/out, to be looked at by a person.
import { mkdirSync } from 'node:fs';
import { start } from '../mock/server.js';
import { launch, open, phone } from './browser.js';
import { lookEvidence } from './evidence.js';
import { lookManage } from './manage.js';

const out = new URL('../out/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const only = process.argv[2];
const browser = await launch();

async function take(name, app, login, o, steps) {
  if (only && !name.startsWith(only)) return;
  const hub = await start();
  const page = await open(browser, hub, app, login, o);
  await page.waitForTimeout(login ? 1800 : 500);
  await steps?.(page, hub);
  await page.screenshot({ path: `${out}${name}.png`, timeout: 120_000 }); // a 4K page with six pictures takes its time
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
  await page.getByTestId('step-done').click();
  await wait(page, 1200);
};

const fire = async (page, hub) => {
  const g = hub.demo.shed_fire();
  await page.locator(`[data-incident="${g.id}"]`).first().click();
  const phone = await page.getByTestId('pane-side').isVisible();
  if (phone) await page.getByTestId('pane-side').click();
  await page.getByTestId('step-done').click();
  await wait(page, 1800);
  if (phone) await page.getByTestId('pane-queue').click();
};
const unfolded = async (page, hub) => {
  await fire(page, hub);
  await page.keyboard.press('e');
  await wait(page, 400);
};
/** Something of everything that is put aside. */
const put = async (page, hub) => {
  const [forced, lamps, speaker] = hub.state.alarms;
  const who = { name: '陈静' };
  Object.assign(lamps, { beneath: lamps.state, state: 'shelved', shelve_kind: 'timed', shelve_reason: '已知情况，正在处理', shelved_by: '陈静', shelved_until: new Date(Date.now() + 3.6e6).toISOString() });
  hub.desk.changed(lamps, 'shelve', who.name, '已知情况，正在处理');
  Object.assign(speaker, { state: 'suppressed', suppressed_by: 'power.area_lost' });
  hub.desk.changed(speaker, 'suppress', 'hub');
  Object.assign(forced, { state: 'unacked_returned', returned_at: new Date().toISOString(), active: false });
  hub.desk.changed(forced, 'return', 'hub');
  await wait(page, 500);
};
const flooded = async (page, hub) => {
  await hub.desk.storm(1200, 2);
  await wait(page, 900);
};
const drilled = async (page) => {
  await page.getByTestId('demo-open').click();
  await page.getByTestId('side-drill').click();
  await page.getByTestId('drill-search').fill('charger-east-b02');
  await page.getByTestId('drill-item').nth(1).click();
  await page.getByTestId('rule-pick').selectOption('charger.over_temperature');
  await page.getByTestId('drill-reason').fill('夜班月度演练');
  await page.getByTestId('drill-start').click();
  await page.getByTestId('drill').waitFor();
  await wait(page, 300);
};
const sizes = { '': { viewport: { width: 1456, height: 819 } }, '-4k': { viewport: { width: 3840, height: 2160 } }, '-phone': phone };
for (const [size, o] of Object.entries(sizes)) {
  await take(`desk-incident${size}`, 'dispatch', 'operator', o, fire);
  await take(`desk-unfolded${size}`, 'dispatch', 'operator', o, unfolded);
  await take(`desk-flood${size}`, 'dispatch', 'operator', o, flooded);
  await take(`desk-states${size}`, 'dispatch', 'operator', o, put);
  await take(`desk-shelved${size}`, 'dispatch', 'operator', o, async (p, h) => (await put(p, h), await p.getByTestId('list-shelved').click(), wait(p, 300)));
  await take(`desk-out${size}`, 'dispatch', 'operator', o, async (p, h) => {
    await put(p, h);
    h.state.service.push({ id: 'oos-1', device: 'lamp-east-b01-4', until: new Date(Date.now() + 1.4e7).toISOString(), reason: '换灯头', by: '陈静' });
    await p.reload();
    await wait(p, 1500);
    await p.getByTestId('list-out').click();
    await wait(p, 300);
  });
  await take(`desk-bad${size}`, 'dispatch', 'operator', o, async (p) => (await p.getByTestId('list-bad').click(), wait(p, 500)));
  await take(`desk-shelve${size}`, 'dispatch', 'operator', o, async (p) => (await p.getByTestId('alarm-row').first().click(), await p.getByTestId('alarm-shelve').click(), wait(p, 300)));
  await take(`desk-why${size}`, 'dispatch', 'operator', o, async (p, h) => (await fire(p, h), await p.keyboard.press('w'), wait(p, 500)));
  await take(`desk-why-not${size}`, 'dispatch', 'operator', o, async (p, h) => {
    await fire(p, h);
    await p.keyboard.press('w');
    await p.getByTestId('why-not').click();
    await p.getByTestId('rule-pick').selectOption('charger.over_temperature');
    await wait(p, 500);
  });
  await take(`desk-drill${size}`, 'dispatch', 'operator', o, drilled);
  await take(`desk-drilled${size}`, 'dispatch', 'operator', o, async (p) => (await drilled(p), await p.keyboard.press('Escape'), await p.locator('[data-testid=alarm-row].unacked').last().click(), wait(p, 800)));
  await take(`desk-clip${size}`, 'dispatch', 'operator', o, async (p, h) => {
    await fire(p, h);
    if (size === '-phone') await p.getByTestId('pane-side').click();
    await p.getByTestId('clip').first().click();
    await wait(p, 900);
  });
  await take(`desk-card${size}`, 'dispatch', 'operator', o, async (p, h) => {
    await fire(p, h);
    if (size === '-phone') await p.getByTestId('pane-side').click();
    await p.getByTestId('log').scrollIntoViewIfNeeded();
    await wait(p, 300);
  });
}
await take('desk-incident-en', 'dispatch', 'operator', { lang: 'en', viewport: { width: 1456, height: 819 } }, unfolded);
await take('desk-menu', 'dispatch', 'operator', {}, async (p) => (await p.getByTestId('menu-open').click(), wait(p, 200)));
await take('desk-manage', 'dispatch', 'operator', {}, async (p) => (await p.getByTestId('menu-open').click(), await p.getByTestId('menu-rules').click(), wait(p, 500)));
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
await take('dispatch-phone-plan', 'dispatch', 'operator', phone, async (p, h) => (h.demo.charger_hot(), await p.getByTestId('pane-side').click(), wait(p, 1500)));
await take('dispatch-laptop', 'dispatch', 'operator', { viewport: { width: 1280, height: 800 } }, hot);
await take('crew', 'crew', 'crew', phone, async (p) => (await p.getByTestId('order-take').nth(2).click(), wait(p, 600)));
await take('crew-done', 'crew', 'crew', phone, async (p) => (await p.getByTestId('order-take').nth(0).click(), await wait(p, 500), await p.getByTestId('order-done').click(), wait(p, 6000)));
await take('crew-alarms', 'crew', 'crew', phone, async (p) => (await p.getByRole('button', { name: '告警' }).click(), wait(p, 300)));
await take('crew-incidents', 'crew', 'crew', phone, async (p, h) => (h.demo.shed_fire(), await p.getByRole('button', { name: '告警' }).click(), wait(p, 500)));
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
await lookManage(take);
await lookEvidence(take);
await browser.close();
process.exit(0);
