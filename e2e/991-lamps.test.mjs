// S10: a lamp fails, then a feeder, then a pole leaks. The crew takes, photographs and
// finishes an order in a cellar without a network; only the lamp's own meter closes it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, now, until } from './lib/hub.mjs'
import { Device } from './lib/device.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const hub = new Hub('demo', ['--quiet'])
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
let browser, page, one, order

const orders = async () => (await hub.ok('GET', '/work-orders?limit=1000')).items
const get = (id) => hub.ok('GET', `/work-orders/${id}`)
const watts = (d, w) => d.publish('telemetry', { at: now(), values: { power_w: w, dim_pct: 100, voltage_v: 229 } })

before(async () => {
  const chrome = launch()
  await hub.start()
  browser = await chrome
  const d = await hub.device('lamp', 'lamp-e2e', 'east/b01', '测试灯杆')
  one = await Device.connect(hub, d)
  await one.publish('state', { at: now(), state: { dim_pct: 100 } })
})
after(async () => {
  await browser?.close()
  await hub.close()
})

test('one lamp: an order of priority 3 with asset, part and place', async () => {
  await one.publish('event', { id: 'f-1', boot: 'b1', seq: 1, at: now(), type: 'lamp_failure', part: '2', data: { active: true } })
  await watts(one, 2.5)
  order = await until('the order is there', async () => (await orders()).find((o) => o.device === 'lamp-e2e'), 40_000, 250)
  assert.equal(order.priority, 'medium') // P3 on the screens
  assert.equal(order.part, '2')
  assert.equal(order.zone, 'east/b01')
  assert.match(order.title.zh, /测试灯杆.*2 号/)
})

test('twelve of one feeder: one order of the feeder, with twelve lamps', async () => {
  const before = (await orders()).length
  await hub.ok('POST', '/demo/incidents/feeder_failure', {})
  const o = await until('an order of the feeder has all its lamps', async () => {
    const x = (await orders()).find((y) => y.device.startsWith('light-'))
    return x?.devices?.length === 12 && x
  }, 60_000, 250)
  assert.match(o.title.zh, /照明回路/)
  assert.equal(new Set(o.devices).size, 12)
  for (const id of o.devices) assert.equal((await hub.ok('GET', `/devices/${id}`)).labels.feeder, o.device)
  assert.equal((await orders()).length, before + 1, 'no lamp of it has an order of its own')
})

test('a leak: cut at once, and an order of priority 1', async () => {
  const t0 = Date.now()
  await hub.ok('POST', '/demo/incidents/lamp_leakage', {})
  const a = await until('the alarm is there', async () => (await hub.ok('GET', '/alarms?state=open')).items.find((x) => x.rule === 'lamp.leakage'))
  assert.equal(a.priority, 'critical')
  await until('the pole says that it is cut', async () => (await hub.ok('GET', `/devices/${a.device}`)).state.cut, 10_000, 20)
  console.log(`# from the button of the demonstration to the pole that is cut ${Date.now() - t0} ms`)
  const o = await until('an order is there', async () => (await orders()).find((x) => x.device === a.device && x.priority === 'critical'))
  assert.match(o.title.zh, /漏电/)
})

test('in a cellar: taken, photographed and said to be done without a network; the phone is even switched off', { timeout: 120_000 }, async () => {
  page = await open(browser, hub, 'crew', 'crew', phone)
  const ctx = page.context()
  await page.locator(`[data-order-id="${order.id}"]`).waitFor()
  await until('the page is kept', () => page.evaluate(async () => !!(await navigator.serviceWorker.getRegistration('/crew'))?.active))
  await page.waitForTimeout(6000) // what is known is kept every five seconds
  await ctx.setOffline(true)
  const card = () => page.locator(`[data-testid="order"][data-order-id="${order.id}"]`)
  await card().getByTestId('order-take').click()
  await page.locator(`[data-order-id="${order.id}"][data-state=taken]`).waitFor()
  const picture = { name: 'before.png', mimeType: 'image/png', buffer: await page.screenshot() }
  await card().getByTestId('photo-before').setInputFiles(picture)
  await page.locator(`[data-order-id="${order.id}"] [data-testid=photos-before][data-waiting="1"]`).waitFor()
  assert.equal((await get(order.id)).state, 'open', 'the hub has heard of nothing')
  await page.reload()
  await page.locator(`[data-order-id="${order.id}"][data-state=taken]`).waitFor({ timeout: 20_000 })
  await card().getByTestId('photo-after').setInputFiles({ ...picture, name: 'after.png' })
  await page.locator(`[data-order-id="${order.id}"] [data-testid=photos-after][data-waiting="1"]`).waitFor()
  await card().getByTestId('order-done').click()
  await card().getByTestId('order-note').fill('换了灯头')
  await card().getByTestId('order-confirm').click()
  await card().getByTestId('order-claimed').waitFor()
  await shot(page, 'crew-offline')
  await ctx.setOffline(false)
  const o = await until('all has come', async () => {
    const x = await get(order.id)
    return x.state === 'checking' && x
  }, 30_000, 250)
  assert.deepEqual(o.log.filter((e) => ['taken', 'photo', 'claimed'].includes(e.what)).map((e) => e.what), ['taken', 'photo', 'photo', 'claimed'])
  assert.deepEqual(o.photos.map((p) => p.when), ['before', 'after'])
  const cookie = await hub.session('operator')
  const got = await fetch(`${hub.url}/api/v1/work-orders/${order.id}/photos/${o.photos[0].id}`, { headers: { cookie } })
  assert.deepEqual([got.status, got.headers.get('content-type')], [200, 'image/jpeg'])
  assert.equal(Buffer.from(await got.arrayBuffer()).readUInt16BE(0), 0xffd8)
  const desk = await open(browser, hub, 'dispatch', 'operator') // the desk sees them beside the alarm
  await desk.locator('[data-testid=alarm-row][data-device=lamp-e2e]').click()
  await desk.locator(`[data-testid=order-work][data-order="${order.id}"] [data-testid=order-photo]`).nth(1).waitFor()
  await until('the pictures are seen', () => desk.evaluate(() => [...document.querySelectorAll('[data-testid=order-photo] img')].every((i) => i.naturalWidth > 0)))
  await desk.context().close()
})

test('a word alone closes nothing: dark after the proof’s time it is bounced; the meter closes it', { timeout: 460_000 }, async () => {
  const claimed = await get(order.id)
  assert.ok(claimed.check_until)
  // The hub makes the lamp burn for the proof; the false word shows at the meter.
  const desired = (await hub.ok('GET', '/devices/lamp-e2e')).desired.lighting.override
  assert.deepEqual([desired.pct, desired.cause], [100, 'test'])
  await watts(one, 2.6)
  assert.equal((await get(order.id)).state, 'checking')
  const meter = setInterval(() => void watts(one, 2.6).catch(() => {}), 20_000) // it speaks on, as meters do
  const bounced = await until('it is bounced', async () => {
    const x = await get(order.id)
    return x.state === 'taken' && x
  }, 330_000, 1000).finally(() => clearInterval(meter))
  assert.equal(bounced.log.at(-1).what, 'bounced')
  assert.match(bounced.log.at(-1).text, /lamp-e2e: 2\.6 W/)
  await page.locator(`[data-order-id="${order.id}"][data-state=taken]`).waitFor()
  const card = page.locator(`[data-testid="order"][data-order-id="${order.id}"]`)
  await card.getByTestId('order-done').click()
  await card.getByTestId('order-confirm').click()
  await until('it is under proof again', async () => (await get(order.id)).state === 'checking')
  await watts(one, 79.5)
  const done = await until('the meter closes it', async () => {
    const x = await get(order.id)
    return x.state === 'done' && x
  }, 20_000, 250)
  assert.equal(done.log.at(-1).what, 'proven')
  assert.match(done.log.at(-1).text, /lamp-e2e: 79\.5 W/)
  await until('the card is gone', async () => (await page.locator(`[data-order-id="${order.id}"]`).count()) === 0)
})
