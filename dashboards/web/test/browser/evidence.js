// The page of evidence in a real browser: what is tested, and what is looked at.
import assert from 'node:assert/strict';
import { clean, fits, open, phone, until } from './browser.js';

const desk = { blind: true, viewport: { width: 1456, height: 819 } };
const screens = [['', desk], ['-phone', { ...phone, blind: true }], ['-4k', { blind: true, viewport: { width: 3840, height: 2160 } }]];

async function at(b, hub, who = 'admin', o = desk) {
  const page = await open(b, hub, 'dispatch', who, o);
  await page.getByTestId('menu-open').waitFor();
  await page.evaluate(() => (location.hash = '#/evidence'));
  await page.getByTestId('evidence-page').waitFor();
  return page;
}
const asked = (page) => page.evaluate(() => document.querySelector('[data-testid=evidence-video]')?.src ?? '');

/** Pictures of it, to be looked at by a person. */
export async function lookEvidence(take) {
  for (const [size, o] of screens) {
    await take(`evidence${size}`, 'dispatch', 'admin', o, async (p) => {
      await p.getByTestId('menu-open').waitFor();
      await p.evaluate(() => (location.hash = '#/evidence'));
      await p.getByTestId('span').first().waitFor();
      await p.getByTestId('alarm-mark').click();
      await p.waitForTimeout(1500);
    });
  }
}

export function testEvidence(test) {
  test('the time line is read and played by keyboard; a gap says why', async (b, hub) => {
    const page = await at(b, hub, 'operator');
    await page.getByTestId('span').first().waitFor();
    assert.equal(await page.getByTestId('recording-edit').count(), 0, 'an operator may switch recording');
    assert.equal(await page.getByTestId('clip-delete').count(), 0, 'an operator may delete clips');
    await page.getByTestId('zoom-six').click();
    const gap = page.locator('[data-reason="camera.unreachable"]');
    assert.match(await gap.getAttribute('aria-label'), /缺口.*摄像机无法连接/);
    await gap.focus();
    await page.locator('.hint', { hasText: '摄像机无法连接' }).waitFor();
    const box = await gap.boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await until('it plays what follows the gap', async () => (await asked(page)).includes('/recordings/play?from='));
    const first = await asked(page);
    const head = page.getByTestId('playhead');
    const from = Date.parse(decodeURIComponent(/from=([^&]+)/.exec(first)[1]));
    await head.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await until('it plays from the beginning of what is shown', async () => (await asked(page)) !== first);
    assert.ok(Math.abs(Date.now() - 58 * 60_000 - from) < 120_000, new Date(from).toISOString());
    await page.getByTestId('speed-8').click();
    assert.equal(await page.getByTestId('speed-8').getAttribute('aria-pressed'), 'true');
    return page;
  });

  test('an export has a reason and a time that is recorded, and up to 30 minutes', async (b, hub) => {
    const page = await at(b, hub);
    await page.getByTestId('span').first().waitFor();
    await page.getByTestId('zoom-hour').click();
    const head = page.getByTestId('playhead');
    await head.focus();
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.getByTestId('chosen').waitFor();
    await page.getByTestId('evidence-export').click();
    const go = page.getByTestId('cut-save');
    assert.ok(await go.isDisabled());
    await page.getByTestId('cut-reason').fill('派出所调取');
    assert.ok(await go.isEnabled());
    const to = await page.getByTestId('cut-to').inputValue();
    const local = (ms) => { const d = new Date(ms - new Date().getTimezoneOffset() * 60_000); return d.toISOString().slice(0, 19); };
    await page.getByTestId('cut-from').fill(local(new Date(to).getTime() - 40 * 60_000));
    await page.getByText('一次最多导出 30 分钟').waitFor();
    assert.ok(await go.isDisabled());
    await page.getByTestId('cut-from').fill(local(new Date(to).getTime() - 20_000));
    await page.getByTestId('watermark-copy').check();
    const [file] = await Promise.all([page.waitForEvent('download'), go.click()]);
    assert.match(file.suggestedFilename(), /^clip-ev-\d+\.zip$/);
    assert.deepEqual(hub.state.evidence.exports.map((x) => [x.reason, x.watermark]), [['派出所调取', 'copy']]);
    await page.getByText('派出所调取').first().waitFor();
    return page;
  });

  test('green is only what the hub has checked; an altered clip is told', async (b, hub) => {
    hub.state.evidence.altered.add('ev-2');
    const page = await at(b, hub);
    const row = (id) => page.locator(`[data-clip=${id}]`);
    await row('ev-1').waitFor();
    assert.equal(await page.locator('[data-verdict]').count(), 0);
    await row('ev-1').getByTestId('clip-check').click();
    await row('ev-1').locator('[data-verdict=ok]').waitFor();
    await row('ev-2').getByTestId('clip-check').click();
    await row('ev-2').locator('[data-verdict=bad]').waitFor();
    assert.ok(await row('ev-3').getByTestId('clip-play').isDisabled());
    await row('ev-1').getByTestId('clip-keep').click();
    await page.getByTestId('reason-text').fill('立案');
    await page.getByTestId('reason-save').click();
    await until('it is kept', () => hub.state.evidence.kept.has('ev-1'));
    await until('a kept clip can’t be deleted', async () => row('ev-1').getByTestId('clip-delete').isDisabled());
    await row('ev-2').getByTestId('clip-delete').click();
    await page.getByTestId('reason-text').fill('隐私');
    await page.getByTestId('reason-save').click();
    await until('it is gone', async () => (await row('ev-2').count()) === 0);
    await page.getByTestId('clips-state').selectOption('kept');
    await until('one is left', async () => (await page.getByTestId('clip-row').count()) === 1);
    return page;
  });

  test('nothing recorded, and a hub that can’t be reached, are said', async (b, hub) => {
    hub.state.evidence.empty = true;
    const page = await at(b, hub);
    await page.getByTestId('evidence-none').waitFor();
    await page.getByText('还没有录像片段').waitFor();
    assert.ok(await page.getByTestId('evidence-export').isDisabled());
    hub.state.evidence.fail = true;
    await page.reload();
    await page.getByTestId('evidence-line').getByRole('alert').waitFor();
    hub.state.evidence.fail = hub.state.evidence.empty = false;
    await page.getByTestId('evidence-line').getByRole('button', { name: '重试' }).click();
    await page.getByTestId('span').first().waitFor();
    return page;
  });

  for (const [size, o] of screens) {
    test(`the page of evidence fits ${o.viewport.width} px, and axe finds nothing on it`, async (b, hub) => {
      const page = await at(b, hub, 'admin', { ...o, reducedMotion: 'reduce' });
      await page.getByTestId('span').first().waitFor();
      const whole = async (where) => {
        await page.waitForTimeout(300);
        await fits(page, `${where}${size}`);
        assert.ok(await page.evaluate(() => { const m = document.querySelector('[data-testid=manage] main'); return m.scrollWidth <= m.clientWidth; }), `${where}${size}: the page scrolls sideways`);
        await clean(page, `${where}${size}`);
      };
      await whole('evidence');
      for (const open of ['evidence-export', 'recording-edit', 'clip-keep', 'clip-take']) {
        await page.getByTestId(open).first().click();
        await page.locator('dialog').waitFor();
        await whole(open);
        await page.keyboard.press('Escape');
        await until('closed', async () => (await page.locator('dialog').count()) === 0);
      }
      return page;
    });
  }
}
