// The pages of what is kept for later: a scheduled notice that comes by itself, an
// uploaded recording, a notice on a panel with its two people, and the lighting plan.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Hub, until } from './lib/hub.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const hub = new Hub('demo', ['--quiet'])
const dir = mkdtempSync(join(tmpdir(), 'dongyue-library-'))
const desk = { viewport: { width: 1600, height: 900 } }
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
let browser, page

before(async () => {
  const chrome = launch()
  await hub.start()
  browser = await chrome
  page = await open(browser, hub, 'dispatch', 'supervisor', desk)
  await page.locator('[data-link=live]').waitFor()
})
after(async () => {
  await browser?.close()
  await hub.close()
  rmSync(dir, { recursive: true, force: true })
})

const go = async (p, name) => {
  await p.goto(`${hub.url}/dispatch#/${name}`)
  await p.locator(`[data-testid=manage][data-page=${name}]`).waitFor()
}
/** The local time of day in one to two minutes: the form takes its time on a busy machine. */
const soon = () => new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'Asia/Shanghai' }).format(Date.now() + 120_000)

test('a recording is uploaded, and one that is none is refused with its reason', async () => {
  await go(page, 'broadcasts')
  const wav = Buffer.alloc(44 + 32000)
  wav.write('RIFF', 0); wav.writeUInt32LE(36 + 32000, 4); wav.write('WAVEfmt ', 8); wav.writeUInt32LE(16, 16); wav.writeUInt16LE(1, 20); wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(16000, 24); wav.writeUInt32LE(32000, 28); wav.writeUInt16LE(2, 32); wav.writeUInt16LE(16, 34); wav.write('data', 36); wav.writeUInt32LE(32000, 40)
  for (let i = 0; i < 16000; i++) wav.writeInt16LE(Math.round(9000 * Math.sin(i / 6)), 44 + 2 * i)
  await page.getByTestId('recording-file').setInputFiles({ name: '上课铃.wav', mimeType: 'audio/wav', buffer: wav })
  await page.getByTestId('recording').first().waitFor()
  assert.match(await page.getByTestId('recording').first().innerText(), /上课铃\s*0:01/)
  await page.getByTestId('recording-file').setInputFiles({ name: 'x.ogg', mimeType: 'audio/ogg', buffer: Buffer.from('no sound') })
  await page.getByTestId('recording-error').waitFor()
})

test('a schedule is written with the keyboard and comes by itself at its minute', { timeout: 240_000 }, async () => {
  await page.getByTestId('schedule-add').focus()
  await page.keyboard.press('Enter')
  await page.getByTestId('schedule-name').fill('上课铃')
  await page.getByTestId('schedule-times').fill('noon')
  assert.ok(await page.getByTestId('schedule-save').isDisabled())
  await page.getByTestId('schedule-times').fill(soon())
  await page.locator('[data-testid=zone-pick][data-zone=east]').click()
  await page.getByTestId('schedule-recording').selectOption({ label: '上课铃' })
  await shot(page, 'schedule-form')
  await page.getByTestId('schedule-name').focus()
  await page.keyboard.press('Enter')
  await page.getByTestId('schedule').first().waitFor()
  assert.ok(await page.getByTestId('recording-remove').first().isDisabled(), 'a recording in use is not removed')
  await shot(page, 'broadcasts')
  const b = await until('it is heard', async () => (await hub.ok('GET', '/broadcasts')).items.find((x) => x.actor === 'schedule' && x.playing + x.done === 12), 160_000, 500)
  assert.equal(b.priority, 5)
  await page.getByTestId('schedule-toggle').first().click()
  await until('it is off', async () => (await hub.ok('GET', '/broadcasts/schedules')).items[0].enabled === false)
  await page.getByTestId('schedule-remove').first().click()
  await page.getByTestId('schedule-remove').first().click()
  await until('it is gone', async () => (await hub.ok('GET', '/broadcasts/schedules')).items.length === 0)
})

test('a notice on a panel: its author can’t release it, another can', async () => {
  await page.getByTestId('notice-add').click()
  await page.getByTestId('notice-text').fill('周六上午坝坝会')
  await page.locator('[data-testid=zone-pick][data-zone=plaza]').click()
  await page.getByTestId('notice-save').click()
  const mine = page.getByTestId('notice-release').first()
  await mine.waitFor()
  assert.ok(await mine.isDisabled())
  const other = await open(browser, hub, 'dispatch', 'operator', desk)
  await other.locator('[data-link=live]').waitFor()
  await go(other, 'broadcasts')
  await other.getByTestId('notice-release').first().click()
  await until('three panels show it', async () => (await page.locator('[data-testid=panel][data-proven=true]', { hasText: '周六上午坝坝会' }).count()) === 3)
  await shot(page, 'panels')
  await other.context().close()
})

test('the lighting plan: a programme, a calendar that runs it, and what is wrong is said', async () => {
  await go(page, 'lighting')
  await page.getByTestId('programme-add').click()
  await page.getByTestId('plan-name').fill('中秋亮灯')
  await page.getByTestId('switch-add').click()
  const at = page.getByTestId('switch-at')
  await at.nth(2).fill('midnight')
  assert.ok(await page.getByTestId('programme-save').isDisabled())
  await at.nth(2).fill('dusk+15m')
  await page.getByTestId('switch-pct').nth(2).fill('80')
  await shot(page, 'programme-form')
  await page.getByTestId('programme-save').click()
  await page.locator('[data-testid=programme][data-id=programme-1]').waitFor()
  await page.locator('[data-testid=calendar][data-id=paths] [data-testid=plan-edit]').click()
  await page.getByTestId('rule-add').click()
  await page.getByTestId('rule-programme').first().selectOption('programme-1')
  await page.getByTestId('calendar-save').click()
  const plan = await until('the plan is stored', async () => {
    const { plan } = await hub.ok('GET', '/lighting')
    return plan.calendars[0].rules[0].programme === 'programme-1' && plan
  })
  assert.deepEqual(plan.programmes.at(-1).switches, [{ at: 'sunset', pct: 100 }, { at: 'sunrise', pct: 0 }, { at: 'dusk+15m', pct: 80 }])
  const night = await hub.ok('GET', '/lighting')
  assert.equal(night.groups[0].programme, 'programme-1', 'it runs tonight')
  assert.ok(night.groups[0].points.some((p) => p.pct === 80))
  await until('what is used is not removed', () => page.locator('[data-testid=programme][data-id=programme-1] [data-testid=plan-remove]').isDisabled())
  await until('a lamp has it', async () => (await hub.ok('GET', '/devices/lamp-e001')).desired.lighting.points.some((p) => p.pct === 80))
  await shot(page, 'lighting-plan')
})

test('on a phone and in the other scripts', async () => {
  const small = await open(browser, hub, 'dispatch', 'supervisor', phone)
  await small.getByTestId('manage-back').or(small.locator('[data-link]')).first().waitFor()
  for (const name of ['broadcasts', 'lighting']) {
    await go(small, name)
    await small.waitForTimeout(1200)
    await shot(small, `phone-${name}`)
    const wide = await small.evaluate(() => document.scrollingElement.scrollWidth - innerWidth)
    assert.ok(wide <= 0, `${name} is ${wide} pixels too wide`)
  }
  for (const [lang, word] of [['zh-Hant', '定時廣播'], ['en', 'Schedules']]) {
    await page.evaluate((l) => localStorage.setItem('dongyue.lang', l), lang)
    await go(page, 'broadcasts')
    await page.reload()
    await page.getByTestId('schedules').getByText(word).first().waitFor()
    await shot(page, `broadcasts-${lang}`)
  }
  assert.deepEqual(page.errors.filter((e) => !/40[1349]|422/.test(e)), [])
})
