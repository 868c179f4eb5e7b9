// The management pages in a real browser: what is tested, and what is looked at.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { clean, fits, open, phone, until } from './browser.js';

const desk = { blind: true, viewport: { width: 1456, height: 819 } };
const wall = { blind: true, viewport: { width: 3840, height: 2160 } };
const screens = [['', desk], ['-phone', { ...phone, blind: true }], ['-4k', wall]];

/** Goes to a page beside the desk. */
async function go(page, name) {
  await page.getByTestId('menu-open').waitFor();
  await page.evaluate((n) => (location.hash = `#/${n}`), name);
  await page.locator(`[data-testid=manage][data-page=${name}]`).waitFor();
}
const rule = async (page, id) => {
  await page.getByTestId('rule').first().waitFor();
  await page.locator(`[data-rule="${id}"]`).first().click();
};
const write = async (page, from, to) => {
  const text = page.getByTestId('code-text');
  await text.fill((await text.inputValue()).replace(from, to));
};

/** Something to hand over: an alarm that is shelved, a device and a zone out of service. */
function handOver(hub) {
  const inHours = (n) => new Date(Date.now() + n * 3600e3).toISOString();
  Object.assign(hub.state.alarms[2], { state: 'shelved', shelved_until: inHours(3), shelved_by: '陈静', shelve_reason: '等备件，明早换喇叭', shelve_kind: 'timed' });
  hub.state.service.push(
    { id: 'oos-8', device: 'charger-east-b02-s2', rule: 'charger.fault', until: inHours(5), by: '孙国强', reason: '更换 7 号插座' },
    { id: 'oos-9', zone: 'north/b09', until: inHours(30), by: '管理员', reason: '线路检修，灯杆断电' },
  );
}

/** Pictures of every page, to be looked at by a person. */
export async function lookManage(take) {
  for (const [size, o] of screens) {
    await take(`rules${size}`, 'dispatch', 'admin', o, async (p) => {
      await go(p, 'rules');
      await p.waitForTimeout(900);
    });
    await take(`rules-view${size}`, 'dispatch', 'admin', o, async (p) => {
      await go(p, 'rules');
      await rule(p, 'charger.hot_plug');
      await p.getByTestId('why-device').fill('charger-east-b02-s2');
      await p.getByTestId('why-ask').click();
      await p.getByTestId('lineage').waitFor();
      await p.waitForTimeout(500);
    });
    await take(`rules-editor${size}`, 'dispatch', 'admin', o, async (p) => {
      await go(p, 'rules');
      await rule(p, 'charger.over_temperature');
      await p.getByTestId('edit-rule').click();
      await write(p, 'temp_c >= 70', 'temp_c >= 95');
      await p.getByTestId('run-tests').click();
      await p.getByTestId('test-failed').first().waitFor();
      await p.getByTestId('replay-7').click();
      await p.getByTestId('replay-sum').waitFor();
      await p.waitForTimeout(700);
    });
    await take(`rules-mistake${size}`, 'dispatch', 'admin', o, async (p, hub) => {
      hub.state.manage.slow = 60_000;
      await go(p, 'rules');
      await rule(p, 'charger.over_temperature');
      await p.getByTestId('edit-rule').click();
      await write(p, /when:/, 'wehn:');
      await p.getByTestId('problems').locator('button').first().click();
      await p.getByTestId('run-replay').click();
      await p.waitForTimeout(1500);
    });
    await take(`report${size}`, 'dispatch', 'admin', o, async (p, hub) => {
      handOver(hub);
      await go(p, 'report');
      await p.getByTestId('figures').waitFor();
      await p.waitForTimeout(700);
    });
    await take(`rota${size}`, 'dispatch', 'admin', o, async (p) => {
      await go(p, 'rota');
      await p.waitForTimeout(1200);
    });
    await take(`rota-policy${size}`, 'dispatch', 'admin', o, async (p) => {
      await go(p, 'rota');
      await p.getByTestId('policy-edit').first().click();
      await p.waitForTimeout(500);
    });
    await take(`rota-contact${size}`, 'dispatch', 'admin', o, async (p) => {
      await go(p, 'rota');
      await p.locator('[data-person=u-sun] [data-testid=contact-edit]').click();
      await p.getByTestId('contact-test').click();
      await p.getByTestId('contact-result').waitFor();
      await p.waitForTimeout(300);
    });
    await take(`report-low${size}`, 'dispatch', 'admin', o, async (p, hub) => {
      handOver(hub);
      await go(p, 'report');
      await p.locator('[data-range="7d"]').first().click();
      await p.getByTestId('actors').scrollIntoViewIfNeeded();
      await p.waitForTimeout(700);
    });
  }
}

/** A page, opened by somebody. */
async function at(b, hub, name, who = 'admin', o = desk) {
  const page = await open(b, hub, 'dispatch', who, o);
  await go(page, name);
  return page;
}
const step = (page, name) => page.locator(`[data-step=${name}]`).getAttribute('data-state');
const edit = async (page, id) => {
  await rule(page, id);
  await page.getByTestId('edit-rule').click();
  await page.getByTestId('code-text').waitFor();
};
const inForce = (hub, name) => hub.state.manage.files.find((f) => f.name === name).text;

export function testManage(test) {
  test('rules are found, read by keyboard, and say why they do not fire', async (b, hub) => {
    const page = await at(b, hub, 'rules', 'operator');
    await page.getByTestId('rule').first().waitFor();
    const all = await page.getByTestId('rule').count();
    await page.locator('[data-filter=trouble]').click();
    assert.equal(await page.getByTestId('rule').count(), 1);
    await page.getByTestId('rule').click();
    await page.getByText('超出预算停用').waitFor();
    await page.locator('[data-filter=all]').click();
    await page.keyboard.press('/');
    await page.keyboard.type('charger');
    await until('fewer', async () => (await page.getByTestId('rule').count()) < all);
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    await until('the first', async () => (await page.getByTestId('rule-view').getAttribute('data-rule')) === 'charger.over_temperature');
    await page.getByTestId('depends').locator('button', { hasText: '温度偏高' }).click();
    await until('what it silences', async () => (await page.getByTestId('rule-view').getAttribute('data-rule')) === 'charger.hot_plug');
    await page.getByTestId('why-device').fill('charger-east-b02-s2');
    await page.getByTestId('why-ask').click();
    await page.locator('[data-testid=lineage] [data-ok=false]').first().waitFor();
    return page;
  });

  test('a rule file is checked while it is written, tested, replayed, and only then put in force', async (b, hub) => {
    const page = await at(b, hub, 'rules');
    await edit(page, 'charger.over_temperature');
    const text = page.getByTestId('code-text');
    const before = inForce(hub, 'charger.yaml');
    await write(page, 'when:', 'wehn:');
    await until('the mistake is seen', async () => (await step(page, 'check')) === 'bad');
    await page.getByTestId('problems').locator('button').first().click();
    const line = before.split('\n').findIndex((l) => l.includes('when:'));
    const at10 = await text.evaluate((t) => t.value.slice(0, t.selectionStart).split('\n').length - 1);
    assert.equal(at10, line);
    assert.ok(await page.getByTestId('save').isDisabled());
    await write(page, 'wehn:', 'when:');
    await write(page, 'temp_c >= 70', 'temp_c >= 95');
    await until('checked', async () => (await step(page, 'check')) === 'ok');
    await page.getByTestId('run-tests').click();
    await page.getByTestId('test-failed').first().getByText('@0s raised charger.over_temperature').waitFor();
    assert.ok(await page.getByTestId('save').isDisabled());
    await write(page, 'temp_c >= 95', 'temp_c >= 72');
    await text.focus();
    await page.keyboard.press('Control+Enter');
    await until('tested', async () => (await step(page, 'test')) === 'ok');
    hub.state.manage.slow = 60_000;
    await page.getByTestId('replay-7').click();
    await page.locator('progress').waitFor();
    await page.getByTestId('replay-cancel').click();
    await page.getByText('回放已取消').waitFor();
    assert.equal(hub.state.manage.replays.get('rp-1').state, 'cancelled');
    hub.state.manage.slow = 200;
    await page.getByTestId('replay-1').click();
    await page.getByTestId('replay-sum').waitFor();
    await page.locator('[data-testid=replay] .uplot canvas').waitFor();
    assert.equal(await step(page, 'replay'), 'ok');
    assert.equal(inForce(hub, 'charger.yaml'), before);
    await page.getByTestId('save').click();
    await page.getByText('已启用，共').waitFor();
    assert.match(inForce(hub, 'charger.yaml'), /temp_c >= 72/);
    assert.equal(await page.getByTestId('dirty').count(), 0);
    return page;
  });

  test('a draft outlives a walk to the desk, Escape goes one step at a time, and saving without a replay asks', async (b, hub) => {
    const page = await at(b, hub, 'rules');
    await edit(page, 'charger.over_temperature');
    await write(page, 'temp_c >= 70', 'temp_c >= 72');
    await page.getByTestId('code-text').focus();
    await page.keyboard.press('Escape'); // out of the text
    await page.getByTestId('code-text').waitFor();
    await page.keyboard.press('Escape'); // out of the editor
    await page.getByTestId('rule-list').waitFor();
    await page.keyboard.press('Escape'); // to the desk
    await until('the desk', async () => (await page.getByTestId('manage').count()) === 0);
    await go(page, 'rules');
    await page.getByTestId('dirty').waitFor();
    assert.match(await page.getByTestId('code-text').inputValue(), /temp_c >= 72/);
    await page.getByTestId('run-tests').click();
    for (const name of ['check', 'test']) await until(`${name} is good`, async () => (await step(page, name)) === 'ok');
    await until('may be saved', async () => page.getByTestId('save').isEnabled());
    await page.getByTestId('save').click();
    await page.getByTestId('replay-first').waitFor();
    assert.ok(!inForce(hub, 'charger.yaml').includes('>= 72'));
    await page.getByTestId('save-anyway').click();
    await until('in force', () => inForce(hub, 'charger.yaml').includes('>= 72'));
    return page;
  });

  test('what somebody else saved meanwhile is told; an operator and a hub without a folder only read', async (b, hub) => {
    const page = await at(b, hub, 'rules');
    await edit(page, 'charger.over_temperature');
    await write(page, 'temp_c >= 70', 'temp_c >= 72');
    const f = hub.state.manage.files.find((x) => x.name === 'charger.yaml');
    f.text = f.text.replace('temp_c >= 70', 'temp_c >= 71');
    hub.emit('rules', { change: 'swapped' });
    await page.getByText('刚被别人保存过').waitFor();
    assert.ok(await page.getByTestId('save').isDisabled());
    await page.getByRole('button', { name: '用新的' }).click();
    await until('theirs', async () => (await page.getByTestId('code-text').inputValue()).includes('>= 71'));
    await page.context().close();
    const reader = await at(b, hub, 'rules', 'operator');
    await edit(reader, 'charger.over_temperature');
    await reader.getByText('值班长和管理员可以修改规则').waitFor();
    assert.ok(await reader.getByTestId('code-text').evaluate((t) => t.readOnly));
    await reader.context().close();
    hub.state.manage.readOnly = true;
    const fixed = await at(b, hub, 'rules');
    await edit(fixed, 'charger.over_temperature');
    await fixed.getByText('没有配置规则目录').waitFor();
    return fixed;
  });

  test('the report judges a shift, is handed over as a table and on paper, and takes things out of service', async (b, hub) => {
    handOver(hub);
    const page = await at(b, hub, 'report');
    await page.getByTestId('figures').getByText('212').waitFor();
    await page.locator('[data-testid=hours] .uplot canvas').waitFor();
    assert.ok((await page.locator('[data-testid=verdicts] [data-ok=false]').count()) > 0);
    await page.locator('[data-range=previous]').click();
    await until('the shift before', async () => (await page.locator('[data-testid=verdicts] li').first().textContent()).includes('74'));
    assert.equal(await page.getByTestId('report-page').getAttribute('data-range'), 'previous');
    await page.getByTestId('shelved').getByText('等备件').waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('csv-shelved').click()]);
    assert.match(readFileSync(await file.path(), 'utf8'), /^\uFEFF优先级,告警.*\r\n.*等备件/s);
    await page.getByTestId('service-add').click();
    await page.getByTestId('service-device').fill('door-west-b07-u10');
    await page.getByTestId('service-reason').fill('换锁');
    await page.getByTestId('service-save').click();
    await until('out of service', () => hub.state.service.some((x) => x.device === 'door-west-b07-u10' && Date.parse(x.until) > Date.now()));
    const row = page.getByTestId('service').filter({ hasText: '换锁' });
    await row.getByRole('button').click();
    await row.getByRole('button', { name: '确定恢复？' }).click();
    await until('back', () => !hub.state.service.some((x) => x.reason === '换锁'));
    await page.getByTestId('actor-order').first().click();
    await until('an order', () => hub.state.bad.some((x) => x.order));
    await page.emulateMedia({ media: 'print' });
    await page.getByText('交班人').waitFor();
    assert.ok(await page.getByTestId('wall').isHidden());
    assert.ok(await page.getByTestId('print').isHidden());
    return page;
  });

  test('the rota shows its gaps, takes stand-ins, and calls whom it is told to', async (b, hub) => {
    const page = await at(b, hub, 'rota');
    await page.getByTestId('on-duty').getByText('孙国强').waitFor();
    await page.getByTestId('holes').waitFor();
    await page.locator('[data-shift=night] [data-testid=shift-edit]').click();
    await page.getByRole('button', { name: '周日' }).click();
    await page.getByTestId('shift-save').click();
    await until('no gap', async () => (await page.getByTestId('holes').count()) === 0);
    assert.deepEqual(hub.state.manage.shifts[1].days, [1, 2, 3, 4, 5, 6, 7]);
    await page.getByTestId('override-add').click();
    await page.getByTestId('override-out').selectOption('u-operator');
    await page.getByTestId('override-in').selectOption('u-qian');
    await page.getByTestId('override-reason').fill('培训');
    await page.getByTestId('override-save').click();
    await page.getByTestId('override').filter({ hasText: '培训' }).waitFor();
    await page.locator('[data-testid=policy-edit][data-policy=standard]').click();
    await page.getByTestId('step-new').click();
    assert.ok(await page.getByTestId('policy-save').isDisabled(), 'a step that calls nobody');
    await page.getByTestId('step-add').last().selectOption('user:u-admin');
    await page.getByTestId('step-after').last().fill('600');
    await page.getByTestId('policy-save').click();
    await until('saved', () => hub.state.manage.policies.find((p) => p.name === 'standard').steps.some((x) => x.after_s === 600 && x.to[0] === 'user:u-admin'));
    await page.locator('[data-testid=ladder][data-policy=standard]').getByText('10 分钟后').waitFor();
    await page.locator('[data-person=u-sun] [data-testid=contact-edit]').click();
    await page.getByTestId('contact-address').fill('https://example.org/fail');
    await page.getByTestId('contact-test').click();
    await page.getByTestId('contact-result').getByText('connection refused').waitFor();
    await page.getByTestId('contact-address').fill('https://example.org/good');
    await page.getByTestId('contact-test').click();
    await page.getByTestId('contact-result').getByText('已送达').waitFor();
    await page.getByTestId('contact-save').click();
    await until('kept', () => hub.state.manage.contacts.get('u-sun')[0].address === 'https://example.org/good');
    await page.context().close();
    const reader = await at(b, hub, 'rota', 'operator');
    await reader.getByTestId('shift').first().waitFor();
    assert.equal(await reader.getByTestId('shift-edit').count() + (await reader.getByTestId('policy-edit').count()), 0);
    assert.equal(await reader.getByTestId('contact').count(), 1, 'the own contacts');
    return reader;
  });

  test('a page whose hub is gone says so and keeps what it has', async (b, hub) => {
    const page = await at(b, hub, 'report');
    await page.getByTestId('figures').waitFor();
    for (const r of hub.state.readers) r.destroy();
    await page.getByTestId('report-page').getByText('与服务器断开').waitFor();
    assert.ok(await page.getByTestId('figures').isVisible());
    return page;
  });

  for (const [size, o] of screens) {
    test(`the management pages fit ${o.viewport.width} px, and axe finds nothing on them`, async (b, hub) => {
      handOver(hub);
      const page = await at(b, hub, 'rules', 'admin', { ...o, reducedMotion: 'reduce' });
      const whole = async (where) => {
        await page.waitForTimeout(300);
        await fits(page, `${where}${size}`);
        assert.ok(await page.evaluate(() => { const m = document.querySelector('[data-testid=manage] main'); return m.scrollWidth <= m.clientWidth; }), `${where}${size}: the page scrolls sideways`);
        await clean(page, `${where}${size}`);
      };
      await rule(page, 'charger.hot_plug');
      await page.getByTestId('why-device').fill('charger-east-b02-s2');
      await page.getByTestId('why-ask').click();
      await page.getByTestId('lineage').waitFor();
      await whole('rule');
      await page.getByTestId('edit-rule').click();
      await write(page, 'temp_c >= 70', 'temp_c >= 95');
      await page.getByTestId('run-tests').click();
      await page.getByTestId('test-failed').first().waitFor();
      await page.getByTestId('replay-1').click();
      await page.getByTestId('replay-sum').waitFor();
      await whole('editor');
      await go(page, 'report');
      await page.getByTestId('figures').waitFor();
      await whole('report');
      await page.getByTestId('service-add').click();
      await whole('service');
      await page.keyboard.press('Escape');
      await go(page, 'rota');
      await page.getByTestId('contact').first().waitFor();
      await whole('rota');
      for (const form of ['shift-add', 'override-add', 'policy-edit', 'contact-edit', 'list-add']) {
        await page.getByTestId(form).first().click();
        await page.locator('dialog').waitFor();
        await whole(form);
        await page.keyboard.press('Escape');
        await until('closed', async () => (await page.locator('dialog').count()) === 0);
      }
      return page;
    });
  }
}
