// The apps in a real browser against the stand-in hub: what unit tests can't see.
import assert from 'node:assert/strict';
import { newIncident } from '../mock/grouping.js';
import { start } from '../mock/server.js';
import { clean as look, fits, launch, open, phone, until } from './browser.js';
import { testEvidence } from './evidence.js';
import { testManage } from './manage.js';

const tests = [];
const test = (name, f) => tests.push([name, f]);
const tiles = (page) => page.evaluate(() => [...document.querySelectorAll('[data-testid=tile]')].map((t) => {
  const v = t.querySelector('dongyue-video').video;
  return { camera: t.dataset.camera, state: t.dataset.state, width: v.videoWidth, frames: v.getVideoPlaybackQuality().totalVideoFrames };
}));
const playing = async (page) => (await tiles(page)).filter((x) => x.state === 'live' && x.frames > 2);

test('a wrong password is told, the right one opens the desk', async (b, hub) => {
  const page = await open(b, hub, 'dispatch');
  await page.getByTestId('login-submit').click();
  await page.getByText('请输入用户名和密码').waitFor();
  await page.getByTestId('login-user').fill('operator');
  await page.getByTestId('login-password').fill('wrong');
  await page.getByTestId('login-submit').click();
  await page.getByText('用户名或密码不对').waitFor();
  assert.equal(await page.getByTestId('login-password').inputValue(), '');
  await page.getByTestId('login-password').fill('dongyue-demo');
  await page.keyboard.press('Enter');
  await page.getByTestId('wall').waitFor();
  return page;
});

test('a resident who signs in at the desk comes to the own page', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'resident');
  await page.waitForURL('**/home');
  await page.getByTestId('home-open').waitFor();
  return page;
});

test('a critical alarm is on top, in the wall and in the inspector; keys work on it', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator');
  await until('four pictures', async () => (await playing(page)).length === 4);
  hub.demo.charger_hot();
  const row = page.getByTestId('alarm-row').first();
  await until('on top', async () => (await row.getAttribute('data-priority')) === 'critical');
  const a = hub.state.alarms.at(-1);
  await until('its cameras in front', async () => (await tiles(page)).slice(0, 2).every((x, i) => x.camera === a.cameras[i]));
  assert.equal(await page.getByTestId('wall').getAttribute('data-layout'), '1+5');
  await until('its picture, from the large stream', async () => (await tiles(page))[0].frames > 2);
  assert.ok(await page.evaluate((c) => window.cameras.posts.includes(`${c}:main`), a.cameras[0]));
  assert.match(await page.locator('[aria-live=assertive]').textContent(), /新告警，紧急/);
  await until('selected by itself', async () => (await row.getAttribute('aria-current')) === 'true');
  await page.getByText('不要触碰或移动').waitFor();
  await page.keyboard.press('a');
  await until('acknowledged', () => a.state === 'acked_active');
  await page.keyboard.press('n');
  await page.getByTestId('note-text').fill('已派人');
  await page.getByTestId('note-save').click();
  await until('noted', () => a.journal.some((j) => j.text === '已派人'));
  await page.getByText('已派人').first().waitFor();
  await page.keyboard.press('c');
  await page.getByTestId('note-save').click();
  await until('gone from the queue', async () => (await page.locator(`[data-alarm-id=${a.id}]`).count()) === 0);
  await page.keyboard.press('r');
  assert.equal(await page.getByTestId('wall').getAttribute('data-layout'), '4');
  return page;
});

test('a refused close says why in the dialog, in the language of the screen', async (b, hub) => {
  for (const [lang, words] of [['zh-Hans', /关系到人身安全/], ['en', /lives may depend on it/]]) {
    const page = await open(b, hub, 'dispatch', 'operator', { lang, blind: true });
    await page.locator('[data-link=live]').waitFor();
    hub.demo.charger_hot();
    const a = hub.state.alarms.at(-1);
    a.active = a.latched = a.measured = true;
    hub.desk.changed(a, 'repeat', 'hub');
    await page.locator(`[data-testid=alarm-row][data-alarm-id="${a.id}"]`).click();
    await page.keyboard.press('c');
    await page.getByTestId('note-save').click();
    await until('told', async () => words.test(await page.getByTestId('note-error').textContent()));
    assert.ok(!a.closed_at);
    await page.context().close();
  }
});

test('a high alarm gets its picture, but not over one that nobody has acknowledged', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator');
  await page.locator('[data-link=live]').waitFor();
  await page.getByTestId('alarm-row').first().waitFor(); // its cameras are known by then
  hub.demo.door_forced();
  const high = hub.state.alarms.at(-1);
  await until('its camera in front', async () => (await tiles(page))[0]?.camera === high.cameras[0]);
  hub.demo.charger_hot();
  const critical = hub.state.alarms.at(-1);
  await until('the critical one as well', async () => (await tiles(page)).some((x) => x.camera === critical.cameras[0]));
  const before = (await tiles(page))[0].camera;
  hub.demo.door_forced();
  await page.waitForTimeout(500);
  assert.equal((await tiles(page))[0].camera, before);
  return page;
});

test('hundreds of alarms: the newest critical one still gets its picture, only rows in sight are drawn', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.locator('[data-link=live]').waitFor();
  for (let i = 0; i < 300; i++) hub.raise(i % 8 ? 'medium' : 'critical', i);
  await until('all are counted', async () => /303/.test(await page.getByTestId('list-open').textContent()));
  const drawn = await page.getByTestId('alarm-row').count();
  assert.ok(drawn > 5 && drawn < 60, `${drawn} rows are drawn`);
  const a = hub.state.alarms.findLast((x) => x.priority === 'critical');
  await until('its camera', async () => (await tiles(page)).some((x) => x.camera === a.cameras[0]));
  await page.locator('[data-queue] .list').evaluate((e) => (e.scrollTop = e.scrollHeight));
  await until('the last row', async () => (await page.getByTestId('alarm-row').last().getAttribute('data-alarm-id')) === hub.state.alarms[2].id);
  return page;
});

/** Clicks a row and answers how long it took until it was drawn as selected. */
const click = (page, nth) => page.evaluate(async (n) => {
  const rows = [...document.querySelectorAll('[data-testid=alarm-row]')];
  const row = rows[n % rows.length];
  const id = row.dataset.incident;
  const t = performance.now();
  row.click();
  const now = () => document.querySelector(`[data-testid=alarm-row][data-incident="${id}"]`)?.getAttribute('aria-current') === 'true';
  while (!now()) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame); // painted
  return performance.now() - t;
}, nth);

test('10,000 alarms in ten seconds: a few lines, life safety first, and clicks that answer', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.locator('[data-link=live]').waitFor();
  const storm = hub.desk.storm(10_000, 10);
  await page.getByTestId('flood').waitFor();
  const during = [];
  for (let n = 0; n < 8; n++) {
    during.push(await click(page, n % 4));
    await page.waitForTimeout(900);
  }
  await storm;
  await until('all have come', async () => page.evaluate(() => [...document.querySelectorAll('[data-members]')].some((r) => Number(r.dataset.members) > 9800)));
  const after = [];
  for (let n = 0; n < 8; n++) after.push(await click(page, n % 4));
  const shown = (xs) => xs.map((x) => Math.round(x)).sort((p, q) => p - q);
  console.log(`  click to drawn, ms: while they come ${shown(during).join(' ')}; with 10,003 alarms ${shown(after).join(' ')}`);
  const rows = await page.getByTestId('alarm-row').evaluateAll((rs) => rs.map((r) => r.dataset.priority));
  assert.ok(rows.length <= 13, `${rows.length} lines`);
  assert.match(await page.getByTestId('alarm-row').first().textContent(), /烟雾/);
  assert.equal(rows[0], 'critical');
  assert.ok(await page.getByText('门被强行打开').count() > 0, 'the forced door is not lost in it');
  assert.match(await page.getByTestId('flood').textContent(), /告警洪水 自 \d\d:\d\d · 已归并为 \d+ 件/);
  await page.getByTestId('flood-all').click();
  await until('nothing is lost', async () => (await page.getByTestId('alarm-row').count()) > rows.length);
  const power = page.locator('[data-testid=alarm-row]', { hasText: '馈线 F-03' });
  await power.click();
  await page.keyboard.press('e');
  await page.getByTestId('alarm-member').first().waitFor();
  assert.ok((await page.getByTestId('alarm-member').count()) < 60, 'only the members in sight are drawn');
  hub.desk.setFlood(false);
  await page.getByTestId('flood-over').waitFor();
  assert.match(await page.getByTestId('flood-over').textContent(), /已结束.*共提醒 12 次/);
  await page.getByTestId('flood-over').getByRole('button').click();
  await until('read', async () => (await page.getByTestId('flood-over').count()) === 0);
  return page;
});

test('an incident is one line: opened by key, acted on as a whole or one alarm of it', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.locator('[data-link=live]').waitFor();
  const g = hub.demo.shed_fire();
  const row = page.locator(`[data-testid=alarm-row][data-incident="${g.id}"]`);
  await until('all fifteen', async () => (await row.getAttribute('data-members')) === '15');
  await row.click();
  assert.equal(await page.getByTestId('alarm-member').count(), 0);
  await page.keyboard.press('ArrowRight');
  await until('its alarms', async () => (await page.getByTestId('alarm-member').count()) >= 5);
  await page.getByTestId('alarm-member').first().getByText('根因').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('a');
  await until('one alarm of it is acknowledged', () => g.alarms[1].state === 'acked_active');
  assert.equal(g.alarms.filter((a) => a.state === 'acked_active').length, 1);
  await page.keyboard.press('ArrowLeft');
  await until('folded', async () => (await page.getByTestId('alarm-member').count()) === 0);
  await page.keyboard.press('a');
  await until('all of it is acknowledged', () => g.alarms.every((a) => a.state === 'acked_active'));
  await page.getByTestId('log').getByText('陈静').first().waitFor();
  await page.getByTestId('alarm-shelve').click({ force: true }); // it is not able, but says why
  await page.getByText('关系到人身安全的告警不能搁置').first().waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
  return page;
});

test('shelved with a reason, listed as such, and back; a refusal says why', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  const a = hub.state.alarms[1];
  await page.locator(`[data-testid=alarm-row][data-alarm-id="${a.id}"]`).click();
  await page.keyboard.press('s');
  assert.ok(await page.getByTestId('shelve-save').isDisabled(), 'a reason is needed');
  await page.getByText('已知情况，正在处理').click();
  await page.locator('[data-minutes="480"]').click();
  await page.getByTestId('shelve-save').click();
  await until('told', async () => /超过上限（240 分钟）/.test(await page.getByTestId('shelve-error').textContent()));
  await page.locator('[data-minutes="60"]').click();
  await page.getByTestId('shelve-save').click();
  await until('shelved', () => a.state === 'shelved' && a.shelve_kind === 'timed');
  await until('not in the queue', async () => (await page.locator(`[data-testid=alarm-row][data-alarm-id="${a.id}"]`).count()) === 0);
  await page.keyboard.press('q');
  const row = page.locator(`[data-testid=alarm-row][data-alarm-id="${a.id}"]`);
  await row.waitFor();
  assert.match(await row.textContent(), /搁置至 \d\d:\d\d/);
  assert.match(await page.getByTestId('list-shelved').textContent(), /搁置\s*1/);
  await row.click();
  await page.keyboard.press('s');
  await until('back', () => a.state === 'acked_active');
  return page;
});

test('a device is taken out of service and back; its alarms stand aside meanwhile', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  const a = hub.state.alarms[2];
  await page.locator(`[data-testid=alarm-row][data-alarm-id="${a.id}"]`).click();
  await page.getByTestId('incident-card').locator('.facts .as-link').click();
  await page.getByTestId('service-open').click();
  await page.getByTestId('service-reason').fill('换功放');
  await page.getByTestId('service-save').click();
  await until('aside', () => a.state === 'out_of_service');
  await page.getByTestId('list-out').click();
  await page.locator(`[data-testid=out-of-service][data-device="${a.device}"]`).getByText('换功放').waitFor();
  await page.locator(`[data-testid=alarm-row][data-alarm-id="${a.id}"][data-state=out_of_service]`).waitFor();
  await page.getByTestId('service-back').first().click();
  await until('back', () => a.state === 'acked_active');
  return page;
});

test('a procedure is followed by answers, on every desk; who is asked next counts down', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  const other = await open(b, hub, 'dispatch', 'admin', { blind: true });
  const g = hub.demo.shed_fire();
  for (const p of [page, other]) await p.locator(`[data-testid=alarm-row][data-incident="${g.id}"]`).click();
  await page.getByTestId('escalation').getByText(/正在呼叫 值班员/).waitFor();
  assert.match(await page.getByTestId('escalation').textContent(), /\d+ s 后呼叫 值班长/);
  await page.getByTestId('step-done').click();
  await page.locator('[data-answer=no]').click();
  await page.locator('[data-testid=procedure] [data-step=guard][aria-current=step]').waitFor();
  assert.equal(await page.locator('[data-testid=procedure] [data-step=call]').count(), 0, 'the other branch is not taken');
  await until('the other desk has it', async () => /没有.*陈静/.test((await other.locator('[data-testid=procedure] [data-step=look]').textContent()) ?? ''));
  assert.ok(g.root.journal.some((j) => j.what === 'step'));
  await page.getByTestId('step-undo').click();
  await page.getByTestId('undo-text').fill('看错画面');
  await page.getByTestId('undo-save').click();
  await page.locator('[data-testid=procedure] [data-step=look][aria-current=step]').waitFor();
  await page.getByTestId('log').getByText('看错画面').waitFor();
  await page.keyboard.press('a');
  await until('nobody is asked any more', async () => (await page.getByTestId('escalation').count()) === 0);
  return page;
});

test('why, and why not; evidence with a watermark, exported with a reason', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  const g = hub.demo.shed_fire();
  await page.locator(`[data-testid=alarm-row][data-incident="${g.id}"]`).click();
  await page.locator('[data-testid=actions] [data-state=failed]').waitFor();
  await page.keyboard.press('w');
  await page.getByTestId('lineage').getByText('条件成立').waitFor();
  await page.getByTestId('why-not').click();
  await page.getByTestId('rule-pick').selectOption('charger.over_temperature');
  await page.locator('[data-testid=lineage] [data-ok=false]').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('clip').first().click();
  await until('it plays', () => page.getByTestId('clip-video').evaluate((v) => v.readyState >= 2));
  assert.match(await page.getByTestId('watermark').textContent(), /陈静/);
  await page.getByTestId('clip-reason').fill('派出所调取');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('clip-export').click()]);
  assert.match(file.suggestedFilename(), /^clip-.*\.zip$/);
  await until('with the reason', () => hub.state.exports[0]?.reason === '派出所调取');
  return page;
});

test('a drill is marked, counted apart and silent; it lists what it would do', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.locator('[data-link=live]').waitFor();
  const before = await page.getByTestId('list-open').textContent();
  await page.getByTestId('demo-open').click();
  await page.getByTestId('side-drill').click();
  await page.getByTestId('drill-search').fill('charger-east-b02-s3');
  await page.getByTestId('drill-item').first().click();
  await page.getByTestId('rule-pick').selectOption('charger.over_temperature');
  await page.getByTestId('drill-reason').fill('夜班演练');
  await page.getByTestId('drill-start').click();
  await page.locator('[data-testid=drill] [data-state=drill]').first().waitFor();
  await page.keyboard.press('Escape');
  const row = page.locator('.drilled [data-testid=alarm-row]');
  await row.getByText('演练').waitFor();
  assert.equal(await page.getByTestId('list-open').textContent(), before, 'a drill is not counted');
  assert.doesNotMatch(await page.locator('[aria-live=assertive]').textContent(), /过热/);
  assert.equal(await page.getByTestId('wall').getAttribute('data-layout'), '4', 'a drill does not take the wall');
  assert.equal(await page.locator('[data-testid=alarm-row]').last().getAttribute('data-priority'), 'critical', 'it stands below what is real');
  await page.getByTestId('demo-open').click();
  await page.getByTestId('drill-end').click();
  await until('over', async () => (await page.getByTestId('drill').count()) === 0);
  return page;
});

test('a bad actor becomes a work order', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.getByTestId('list-bad').click();
  await page.getByTestId('bad-actor').first().getByTestId('bad-order').click();
  await page.getByTestId('bad-actor').first().getByText('已开工单').waitFor();
  assert.equal(hub.state.bad[0].order, 'wo-9');
  return page;
});

test('sound: once for an incident, again when it tells again, never for duress', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true, init: () => {
    window.tones = 0;
    const real = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function () {
      window.tones++;
      return real.call(this);
    };
  } });
  await page.locator('[data-link=live]').waitFor();
  await page.locator('body').click({ position: { x: 5, y: 5 } });
  await until('sound is allowed', async () => /声音开/.test(await page.locator('.sound').textContent()));
  const beats = async (f) => {
    const was = await page.evaluate(() => window.tones);
    f();
    await page.waitForTimeout(700);
    return (await page.evaluate(() => window.tones)) - was;
  };
  for (const a of hub.state.alarms) if (a.state.startsWith('unacked')) Object.assign(a, { state: 'acked_active' }), hub.desk.changed(a, 'ack', 'x');
  await page.waitForTimeout(400);
  assert.equal(await beats(() => hub.demo.duress()), 0, 'duress makes no sound');
  assert.equal(await beats(() => hub.raise('medium', 60)), 1, 'a medium alarm has one tone');
  const low = hub.state.alarms[2];
  assert.equal(await beats(() => hub.desk.changed(low, 'realarm', 'hub')), 1, 'an acknowledged one that tells again is heard');
  const group = newIncident();
  assert.equal(await beats(() => [5, 6, 7, 8].forEach((i) => hub.desk.raise(hub.desk.make('medium', i), group))), 1, 'four alarms of one incident are one tone');
  return page;
});

test('the pages beside the desk open by address, and Escape leads back', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.getByTestId('menu-open').click();
  await page.getByTestId('menu-report').click();
  await page.locator('[data-testid=manage][data-page=report]').waitFor();
  await page.keyboard.press('a'); // no key of the desk works behind it
  await page.goto(`${hub.url}/dispatch#/rota`);
  await page.locator('[data-testid=manage][data-page=rota]').waitFor();
  assert.ok(hub.state.alarms[0].state.startsWith('unacked'));
  await page.keyboard.press('Escape');
  await until('back', async () => (await page.getByTestId('manage').count()) === 0);
  return page;
});

test('J and K move, other keys rest in a text field', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  const current = () => page.locator('[data-testid=alarm-row][aria-current=true]').getAttribute('data-alarm-id');
  await page.getByTestId('alarm-row').first().waitFor();
  const first = await current();
  await page.keyboard.press('j');
  await until('the next', async () => (await current()) !== first);
  await page.keyboard.press('k');
  await until('back', async () => (await current()) === first);
  await page.keyboard.press('d');
  await page.getByTestId('device-search').fill('jkabo?');
  assert.equal(await current(), first);
  assert.equal(await page.locator('dialog').count(), 0);
  await page.locator('body').click({ position: { x: 5, y: 5 } });
  await page.keyboard.press('?');
  await page.locator('dialog').waitFor();
  await page.keyboard.press('Escape');
  await until('closed', async () => (await page.locator('dialog').count()) === 0);
  return page;
});

test('a frozen picture gives way to no signal and comes back by itself', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator');
  const list = await until('pictures', async () => ((await playing(page)).length === 4 ? tiles(page) : undefined));
  const camera = list[1].camera;
  await page.evaluate((c) => {
    window.cameras.off.add(c);
    for (const s of window.cameras.sessions.values()) if (s.camera === c) s.close();
  }, camera);
  const t = Date.now();
  await until('no signal', async () => (await tiles(page))[1].state === 'nosignal');
  assert.ok(Date.now() - t < 3600, `${Date.now() - t} ms`);
  await page.getByText(/无信号 · 0:0/).waitFor();
  await page.getByText(/重连中/).waitFor();
  await page.evaluate((c) => window.cameras.off.delete(c), camera);
  await until('live again', async () => (await tiles(page))[1].state === 'live');
  assert.equal((await tiles(page))[0].state, 'live');
  return page;
});

test('layouts keep their video elements, enlarge takes the large stream, and nothing leaks', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator');
  await until('four', async () => (await playing(page)).length === 4);
  await page.evaluate(() => (window.first = document.querySelector('[data-testid=tile] dongyue-video').video));
  await page.getByTestId('layout-16').click();
  await until('sixteen', async () => (await playing(page)).length === 16);
  assert.ok(await page.evaluate(() => document.querySelector('[data-testid=tile] dongyue-video').video === window.first), 'the element moved');
  await page.getByTestId('tile').nth(5).dblclick();
  const camera = (await tiles(page))[5].camera;
  await until('large stream', () => page.evaluate((c) => window.cameras.posts.includes(`${c}:main`), camera));
  await page.keyboard.press('Escape');
  await page.getByTestId('layout-4').click();
  await until('twelve sessions were deleted', () => page.evaluate(() => window.cameras.sessions.size === 4));
  await page.getByTestId('sign-out').click();
  await page.getByTestId('login-user').waitFor();
  await until('all are gone', () => page.evaluate(() => window.cameras.sessions.size === 0));
  return page;
});

test('a cut stream is said, and what was missed is there afterwards', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.locator('[data-link=live]').waitFor();
  for (const r of hub.state.readers) r.destroy();
  await page.locator('[data-link=down]').waitFor();
  await page.locator('[data-link=live]').waitFor();
  hub.demo.sos();
  await page.locator('[data-testid=alarm-row][data-priority=critical]').waitFor();
  return page;
});

test('a door is opened with a reason, a broadcast is proved per speaker', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.getByTestId('door-open').click();
  await page.getByTestId('door-search').fill('东苑1栋3单元');
  await page.getByTestId('door-item').first().click();
  assert.ok(await page.getByTestId('door-confirm').isDisabled());
  await page.getByText('快递配送').click();
  await page.getByTestId('door-confirm').click();
  await until('done', async () => (await page.getByTestId('door-state').getAttribute('data-status')) === 'done');
  await page.keyboard.press('Escape');
  await page.getByTestId('broadcast-open').click();
  await page.getByTestId('broadcast-send').click();
  await page.getByText('请至少选一个区域').waitFor();
  await page.locator('[data-testid=broadcast-zone][data-zone=east]').click();
  await page.getByTestId('broadcast-text').fill('测试');
  await page.getByTestId('broadcast-drill').check();
  await page.getByTestId('broadcast-send').click();
  await until('eleven of twelve', async () => (await page.getByTestId('broadcast-proof').getAttribute('data-playing')) === '11');
  assert.equal(hub.state.broadcasts[0].mode, 'exercise');
  return page;
});

test('a device shows its values and its curve, and is told what to do', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.getByTestId('devices-open').click();
  await page.getByTestId('device-search').fill('charger-east-b02-s2');
  await page.getByTestId('device-row').click();
  await page.locator('.uplot canvas').waitFor();
  await page.getByRole('button', { name: '切断此口' }).click();
  assert.equal(hub.state.commands.length, 0, 'a grave command asks first');
  await page.getByRole('button', { name: '确定切断此口？' }).click();
  await until('sent', () => hub.state.commands[0]?.type === 'cut' && hub.state.commands[0].args.part === '1');
  await page.locator('[data-testid=inspector] .log .done').waitFor();
  return page;
});

test('languages change at once and stay', async (b, hub) => {
  const page = await open(b, hub, 'dispatch', 'operator', { blind: true });
  await page.locator('[data-testid=lang] [data-lang=zh-Hant]').click();
  await page.getByText('東嶽花苑 調度中心').waitFor();
  await page.getByText('西苑7棟 單元門被強行打開').first().waitFor();
  await page.locator('[data-testid=lang] [data-lang=en]').click();
  await page.getByText('Video wall').first().waitFor();
  await page.reload();
  await page.getByText('Video wall').first().waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  return page;
});

test('a resident holds a second to open; a short press opens nothing; keys have their own way', async (b, hub) => {
  const page = await open(b, hub, 'home', 'resident', phone);
  const box = await page.getByTestId('home-open').boundingBox();
  await page.mouse.move(box.x + 60, box.y + 60);
  await page.mouse.down();
  await page.waitForTimeout(300);
  await page.mouse.up();
  await page.getByText('请一直按住').waitFor();
  assert.equal(hub.state.commands.length, 0);
  await page.mouse.down();
  await page.waitForTimeout(1150);
  await page.mouse.up();
  await page.getByTestId('home-opened').waitFor();
  assert.equal(hub.state.commands.length, 1);
  await page.getByText('开我的门').waitFor();
  await page.getByTestId('home-open').focus();
  await page.keyboard.press('Enter');
  await page.getByText('再按一次确认开门').waitFor();
  assert.equal(hub.state.commands.length, 1);
  await page.keyboard.press('Enter');
  await page.getByTestId('home-opened').waitFor();
  assert.equal(hub.state.commands.length, 2);
  await page.getByTestId('home-report').click();
  await page.getByTestId('report-text').fill('三楼楼道灯不亮');
  await page.getByTestId('report-send').click();
  await page.getByTestId('request').getByText('三楼楼道灯不亮').waitFor();
  return page;
});

test('the crew takes an order and finishes it with a note', async (b, hub) => {
  const page = await open(b, hub, 'crew', 'crew', phone);
  const card = page.locator('[data-testid=order][data-order-id=wo-3]');
  await card.getByTestId('order-take').click();
  await card.getByTestId('order-done').click();
  await card.getByTestId('order-note').fill('换了灯泡');
  await card.getByTestId('order-confirm').click();
  await until('gone', async () => (await card.count()) === 0);
  assert.equal(hub.state.orders[2].log.at(-1).text, '换了灯泡');
  return page;
});

test('nothing is cut off at any width, and targets are large enough', async (b, hub) => {
  for (const [app, who, width] of [['dispatch', 'operator', 390], ['dispatch', 'operator', 1280], ['dispatch', 'operator', 3840], ['crew', 'crew', 320], ['home', 'resident', 320]]) {
    const page = await open(b, hub, app, who, { blind: true, viewport: { width, height: Math.round(width < 900 ? width * 2 : width * 0.56) } });
    await page.waitForTimeout(900);
    await fits(page, `${app} ${width}`);
    await page.context().close();
  }
});

test('axe finds nothing against WCAG 2.2 AA', async (b, hub) => {
  for (const app of ['dispatch', 'home', 'crew']) {
    const page = await open(b, hub, app, null, app === 'dispatch' ? {} : phone);
    await page.getByTestId('login-user').waitFor();
    await look(page, `${app}: sign in`);
  }
  const desk = await open(b, hub, 'dispatch', 'operator', { blind: true, reducedMotion: 'reduce' });
  hub.demo.charger_hot();
  await desk.locator('[data-priority=critical]').first().click();
  await desk.waitForTimeout(1500);
  await look(desk, 'desk with an alarm');
  for (const [key, what] of [['o', 'door'], ['b', 'broadcast'], ['?', 'help'], ['n', 'note'], ['w', 'why']]) {
    await desk.keyboard.press(key);
    await desk.waitForTimeout(350);
    await look(desk, what);
    await desk.keyboard.press('Escape');
    await desk.waitForTimeout(150);
  }
  await desk.keyboard.press('d');
  await desk.getByTestId('device-search').fill('charger-east-b02');
  await desk.getByTestId('device-row').first().click();
  await desk.waitForTimeout(900);
  await look(desk, 'device');
  const fire = hub.demo.shed_fire();
  await desk.locator(`[data-testid=alarm-row][data-incident="${fire.id}"]`).click();
  await desk.keyboard.press('e');
  hub.desk.setFlood(true);
  const [, lamps, speaker] = hub.state.alarms;
  for (const [a, state] of [[lamps, 'shelved'], [speaker, 'out_of_service']]) hub.desk.changed(Object.assign(a, { state }), state, 'x');
  await desk.getByTestId('procedure').waitFor();
  await desk.getByTestId('clip').first().waitFor();
  await desk.waitForTimeout(700);
  await look(desk, 'incident, unfolded, in a flood');
  await desk.getByTestId('clip').first().click();
  await desk.waitForTimeout(350);
  await look(desk, 'clip');
  await desk.keyboard.press('Escape');
  for (const list of ['shelved', 'out', 'bad']) {
    await desk.getByTestId(`list-${list}`).click();
    await desk.waitForTimeout(500);
    await look(desk, `list ${list}`);
  }
  await desk.getByTestId('list-open').click();
  await desk.locator('[data-testid=alarm-row][data-priority=high]').first().click();
  await desk.keyboard.press('s');
  await desk.waitForTimeout(350);
  await look(desk, 'shelve');
  await desk.keyboard.press('Escape');
  await desk.getByTestId('demo-open').click();
  await desk.getByTestId('side-drill').click();
  await desk.getByTestId('drill-search').fill('charger-east-b02-s3');
  await desk.getByTestId('drill-item').first().click();
  await desk.getByTestId('rule-pick').selectOption('charger.over_temperature');
  await desk.getByTestId('drill-reason').fill('x');
  await desk.getByTestId('drill-start').click();
  await desk.getByTestId('drill').waitFor();
  await look(desk, 'drill');
  await desk.keyboard.press('Escape');
  await desk.getByTestId('menu-open').click();
  await look(desk, 'menu');
  await desk.getByTestId('menu-rules').click();
  await desk.getByTestId('manage').waitFor();
  await look(desk, 'a page beside the desk');
  const home = await open(b, hub, 'home', 'resident', phone);
  await home.getByTestId('home-open').waitFor();
  await home.waitForTimeout(500);
  await look(home, 'home');
  await home.getByTestId('home-report').click();
  await look(home, 'report');
  const crew = await open(b, hub, 'crew', 'crew', phone);
  await crew.getByTestId('order-take').first().click();
  await crew.getByTestId('order-done').first().click();
  await look(crew, 'crew');
  return desk;
});

testManage(test);
testEvidence(test);

const only = process.argv[2];
const browser = await launch();
let failed = 0;
for (const [name, f] of tests) {
  if (only && !name.includes(only)) continue;
  const hub = await start();
  try {
    const page = await f(browser, hub);
    const real = (page?.errors ?? []).filter((e) => !/Failed to load resource|ERR_/.test(e));
    assert.deepEqual(real, [], 'errors in the page');
    console.log(`✔ ${name}`);
  } catch (err) {
    failed++;
    console.log(`✘ ${name}\n  ${String(err.message).split('\n').slice(0, 12).join('\n  ')}`);
  } finally {
    for (const c of browser.contexts()) await c.close();
    void hub.close();
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
