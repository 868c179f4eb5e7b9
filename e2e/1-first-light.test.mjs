// The whole main job: an operator sees live pictures, a charger runs hot, its
// port is cut, the alarm and its camera are on the screen, and what the operator
// did is still there after the hub was killed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, now, until } from './lib/hub.mjs'
import { publish, Subscriber } from './lib/mqtt.mjs'
import { launch, open, shot, videos } from './lib/browser.mjs'

const hub = new Hub()
let browser, page, charger, link, alarm

before(async () => {
  await hub.start()
  browser = await launch()
})
after(async () => {
  await link?.close()
  await browser?.close()
  await hub.close()
})

test('the start block names the address and the accounts', async () => {
  const out = await until('the block is printed', () => (hub.out.includes('operator') ? hub.out : ''))
  assert.match(out, new RegExp(`${hub.url}/dispatch`))
  for (const who of ['admin', 'operator', 'crew', 'resident']) assert.match(out, new RegExp(who))
})

test('the simulated community is complete and comes online', async () => {
  const { items } = await hub.ok('GET', '/devices?limit=1000')
  const count = (kind) => items.filter((d) => d.kind === kind).length
  assert.deepEqual(['door', 'charger', 'lamp', 'speaker', 'sensor'].map(count), [132, 60, 120, 39, 52])
  assert.equal((await hub.ok('GET', '/cameras?limit=1000')).items.length, 24)
  await until('all 403 devices are online', async () => (await hub.ok('GET', '/devices?limit=1000')).items.every((d) => d.online), 60_000, 500)
})

test('an operator signs in and sees decoded frames that advance', async () => {
  page = await open(browser, hub, 'dispatch', 'operator')
  await page.getByTestId('wall').waitFor()
  const first = await until('four tiles play', async () => {
    const v = (await videos(page)).filter((x) => x.width > 0 && x.frames > 0)
    return v.length >= 4 && v
  }, 30_000)
  await until('frames advance', async () => {
    const v = await videos(page)
    return first.every((a) => v.some((b) => b.camera === a.camera && b.frames > a.frames + 10))
  }, 20_000)
  await shot(page, 'dispatch')
})

test('an over-temperature: the port is cut, row and camera within a second', async () => {
  const shed = (await hub.ok('GET', '/zones?limit=1000')).items.find((z) => z.kind === 'shed')
  charger = await hub.device('charger', 'charger-e2e', shed.id, '测试充电棚')
  assert.ok(charger.secret)
  link = new Subscriber(hub, charger, ['dy/v1/charger/charger-e2e/command'])
  await link.ready()
  await page.evaluate(() => {
    window.seen = {}
    const row = '[data-testid="alarm-row"][data-device="charger-e2e"]'
    window.watcher = setInterval(() => {
      if (!window.seen.row && document.querySelector(row)) window.seen.row = Date.now()
    }, 5)
  })
  // The same account must not be used twice at once, so the subscriber's own
  // session would end: a second client id is another device's.
  const t0 = Date.now()
  await link.close()
  const sent = await publish(hub, charger, 'dy/v1/charger/charger-e2e/telemetry', { at: now(), part: '7', values: { temp_c: 82, power_w: 310 } })
  assert.equal(sent.code, 0, sent.err)
  const seen = await until('the row is there', () => page.evaluate(() => window.seen.row), 5_000, 10)
  alarm = await until('the alarm is in the list', async () => (await hub.ok('GET', '/alarms?state=open')).items.find((a) => a.device === 'charger-e2e'))
  assert.equal(alarm.priority, 'critical')
  assert.equal(alarm.part, '7')
  assert.equal(alarm.state, 'unacked_active')
  assert.ok(alarm.title.zh && alarm.title.en)
  assert.ok(alarm.cameras.length >= 1, 'the alarm names its nearest cameras')
  const tile = await until('its camera is on the wall', () => page.evaluate((id) => !!document.querySelector(`[data-testid="tile"][data-camera="${id}"]`), alarm.cameras[0]), 5_000, 10)
  assert.ok(tile)
  assert.ok(seen - t0 < 1_500, `the row came ${seen - t0} ms after mosquitto_pub was started`)
  const cut = await until('the cut was ordered', async () =>
    (await hub.ok('GET', '/devices/charger-e2e/commands')).items.find((c) => c.type === 'cut'))
  assert.equal(cut.args.part, '7')
  await until('its picture is live', async () => (await videos(page)).find((v) => v.camera === alarm.cameras[0] && v.width > 0 && v.frames > 0), 20_000)
  await shot(page, 'dispatch-alarm')
})

test('the operator acknowledges with the keyboard', async () => {
  await page.locator(`[data-testid="alarm-row"][data-device="charger-e2e"]`).click()
  await page.getByTestId('alarm-ack').click()
  const a = await until('it is acknowledged', async () => {
    const x = await hub.ok('GET', `/alarms/${alarm.id}`)
    return x.acked_at && x
  })
  assert.equal(a.state, 'acked_active')
  assert.ok(a.acked_by)
})

test('after kill -9 and a restart the acknowledgement is still there', async () => {
  await hub.stop('SIGKILL')
  hub.cookies = undefined
  await hub.start()
  const a = await hub.ok('GET', `/alarms/${alarm.id}`)
  assert.equal(a.state, 'acked_active')
  assert.ok(a.journal.some((j) => j.what === 'ack'), 'its journal says who and when')
  await until('the page is live again by itself', () => page.evaluate(() =>
    !!document.querySelector('[data-testid="alarm-row"][data-device="charger-e2e"]')), 20_000)
})

test('nothing went wrong in the page', () => {
  const real = page.errors.filter((e) => !/ERR_CONNECTION_REFUSED|Failed to load resource|ERR_INCOMPLETE_CHUNKED|net::/.test(e))
  assert.deepEqual(real, [])
})
