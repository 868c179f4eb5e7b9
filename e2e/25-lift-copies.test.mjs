// A resident of the demonstration calls the lift from the phone, and it comes by itself
// behind the card; at the desk one asks for a copy of a badge trail, another allows it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { existsSync, readFileSync } from 'node:fs'
import { launch, open, shot } from './lib/browser.mjs'
import { Device } from './lib/device.mjs'
import { Hub, now, until } from './lib/hub.mjs'

const hub = new Hub('demo', ['--quiet'])
const zone = 'east/b01/u1'
let browser, mine

before(async () => {
  await hub.start(120_000)
  browser = await launch()
  const home = await hub.ok('GET', '/home', undefined, { as: 'resident' })
  mine = { person: home.person, flat: home.flat, door: home.doors.find((d) => d.lift_floor !== undefined) }
})
after(async () => {
  await browser?.close()
  await hub.close()
})

const axeFile = new URL('../dashboards/web/node_modules/axe-core/axe.min.js', import.meta.url)
/** axe finds nothing against WCAG 2.2 AA within a part of the page. */
async function clean(page, where, within) {
  if (!existsSync(axeFile)) return
  await page.evaluate(readFileSync(axeFile, 'utf8'))
  const bad = await page.evaluate(async (sel) => (await window.axe.run(sel ? document.querySelector(sel) : document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
    .violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((x) => `${x.target} ${x.any[0]?.message ?? ''}`).join(' | ')}`), within)
  assert.deepEqual(bad, [], where)
}
const calls = async (door) => (await hub.ok('GET', `/devices/${door}/commands`)).items.filter((c) => c.type === 'call')
const stands = async (door) => (await hub.ok('GET', `/devices/${door}`)).state?.lift?.floor

test('the phone calls the lift to the own floor, and it comes', async () => {
  assert.equal(mine.door.lift_floor, Number(mine.flat.slice(0, 2)))
  const page = await open(browser, hub, 'home', 'resident', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 })
  page.setDefaultTimeout(40_000)
  const button = page.locator(`[data-testid=home-lift][data-door=${mine.door.id}]`)
  await button.waitFor()
  assert.match(await button.textContent(), new RegExp(`叫电梯到 ${mine.door.lift_floor} 楼`))
  await clean(page, 'first page')
  await shot(page, '25-home-lift')
  await button.click()
  await page.locator('[data-testid=home-lift][data-phase=called]').waitFor()
  await shot(page, '25-home-lift-called')
  await until('it stands there', async () => (await stands(mine.door.id)) === mine.door.lift_floor)
  const [c] = await calls(mine.door.id)
  await until('the controller has said that it arrived', async () => (await hub.ok('GET', `/devices/${mine.door.id}/commands/${c.id}`)).status === 'done')
  assert.ok((await hub.ok('GET', '/audit?limit=200')).items.some((e) => e.action === 'home.lift' && e.target === mine.door.id && e.detail.floor === mine.door.lift_floor))
  await page.context().close()
})

test('behind a card the lift is called by itself, to the floor of whoever came', async () => {
  const lifted = await hub.ok('POST', '/devices', { id: 'door-lift', kind: 'door', name: '电梯门', zone, labels: { lift: '1-12' } })
  const d = await Device.connect(hub, lifted)
  try {
    const p = await hub.ok('POST', '/people', { name: '周十二', unit: zone, household: '1201' })
    await hub.ok('POST', '/credentials', { person: p.id, type: 'card', value: '04AA00BB11' })
    await hub.ok('POST', '/rights', { person: p.id, door: 'door-lift', schedule: 'always' })
    await d.publish('event', { id: 'lift-1', boot: 'b1', seq: 1, at: now(), type: 'badge', data: { credential: { type: 'card', value: '04AA00BB11' }, side: 'in', decision: 'ask' } })
    assert.equal((await d.next((c) => c.args?.ref === 'lift-1')).type, 'unlock')
    const call = await d.next((c) => c.type === 'call')
    assert.deepEqual(call.args, { floor: 12, ref: 'lift-1' })
    await d.publish('event', { id: 'lift-2', boot: 'b1', seq: 2, at: now(), type: 'badge', data: { credential: { type: 'card', value: 'FFFF' }, side: 'in', decision: 'ask' } })
    assert.equal((await d.next((c) => c.args?.ref === 'lift-2')).type, 'deny')
    assert.equal(d.commands.filter((c) => c.type === 'call').length, 1)
  } finally {
    d.close()
  }
})

test('at the desk one asks for a copy, another allows it, and only the first takes it', async () => {
  const desk = await open(browser, hub, 'dispatch', 'supervisor', { viewport: { width: 1600, height: 900 } })
  const chief = await open(browser, hub, 'dispatch', 'admin', { viewport: { width: 1600, height: 900 } })
  const name = (await hub.ok('GET', `/people/${mine.person}`)).name
  for (const p of [desk, chief]) {
    p.setDefaultTimeout(40_000)
    await p.getByTestId('menu-open').waitFor({ timeout: 60_000 })
    await p.evaluate(() => (location.hash = '#/badges'))
    await p.getByTestId('badges-page').waitFor()
  }
  const copy = desk.locator('[data-testid=copies] [data-testid=copy]').first()
  await desk.getByTestId('copies').waitFor()
  assert.ok(await desk.getByTestId('trail-copy').isDisabled(), 'without a person and a reason')
  await desk.getByTestId('trail-person').fill(name)
  await desk.locator(`[data-testid=trail-person-found][data-person=${mine.person}]`).click()
  await desk.getByTestId('trail-reason').fill('派出所调取 案件1107')
  await desk.getByTestId('trail-copy').click()
  await copy.waitFor()
  assert.equal(await copy.getAttribute('data-state'), 'waiting')
  assert.equal(await copy.getByTestId('copy-allow').count(), 0, 'nobody allows the own')
  await clean(desk, 'badges', '.manage')
  await shot(desk, '25-copy-waiting')
  const other = chief.locator('[data-testid=copies] [data-testid=copy]').first()
  await other.getByTestId('copy-allow').click()
  await chief.locator('[data-testid=copy][data-state=allowed]').first().waitFor()
  assert.equal(await other.getByTestId('copy-take').count(), 0, 'only who asked takes it')
  const [file] = await Promise.all([desk.waitForEvent('download', { timeout: 60_000 }), desk.getByTestId('copy-take').first().click()])
  const text = readFileSync(await file.path(), 'utf8')
  assert.match(text, /^at,received_at,door,/)
  await shot(desk, '25-copy-allowed')
  const { items } = await hub.ok('GET', '/audit?limit=200')
  assert.deepEqual(['trail.asked', 'trail.allowed', 'trail.taken'].map((a) => items.some((e) => e.action === a && e.target === mine.person)), [true, true, true])
  assert.deepEqual(desk.errors.filter((e) => !/401/.test(e)), [])
})
