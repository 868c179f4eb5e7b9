// S6: power cut in 東苑. All devices of a court drop without a word and come back
// flickering; an operator sees one affair, a real burglary in the middle of it is on
// top at once, nothing is lost, and what is over does not stay.
//   FLOOD_S=900 FLOOD_END=1 node run.mjs 92-flood.test.mjs     as long as in life, and until the flood has ended
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, open, shot } from './lib/browser.mjs'
import { busy } from './lib/busy.mjs'
import { Device } from './lib/device.mjs'
import { Estate } from './lib/estate.mjs'
import { Hub, now, password, until } from './lib/hub.mjs'
import { Stream } from './lib/stream.mjs'

const seconds = Number(process.env.FLOOD_S || 25)
const devices = Number(process.env.FLOOD_DEVICES || 400)
const rootRule = 'power.area_lost'
const estate = new Estate(devices)
const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
let browser, page, stream, began, calm

before(async () => {
  const site = join(hub.dir, 'site.yaml')
  writeFileSync(site, estate.site())
  hub.config = `site: {file: ${site}}\n`
  await hub.start()
  await hub.ok('POST', '/users', { login: 'operator', name: '陈静', role: 'operator', password })
  estate.live(hub)
  stream = await Stream.open(hub, 'alarm,incident,flood')
  browser = await launch()
  page = await open(browser, hub, 'dispatch', 'operator')
  await page.locator('[data-queue]').waitFor()
  await estate.calm()
})
after(async () => {
  await stream?.close()
  await browser?.close()
  estate.close()
  await hub.close()
})

const incidents = (state = 'open') => hub.all(`/incidents?state=${state}`)
const openAlarms = () => hub.all('/alarms?state=open')
/** The calls to the operators since the stream was opened. */
const calls = () => stream.of('incident', (i) => i.annunciate)

/** Notes in the page when rows appear and how long a click takes until the screen shows it. */
const observe = () => page.evaluate(() => {
  window.rows = {}
  window.clicks = []
  const look = () => {
    for (const r of document.querySelectorAll('[data-testid="alarm-row"]')) {
      const d = r.dataset.device
      if (d && !window.rows[d]) window.rows[d] = Date.now()
    }
  }
  new MutationObserver(look).observe(document.querySelector('[data-queue]'), { childList: true, subtree: true, attributes: true })
  look()
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (e.name === 'click') window.clicks.push(e.duration)
  }).observe({ type: 'event', durationThreshold: 16 })
})

/** Milliseconds from a click on a row of the queue until the screen shows it, in order. */
async function clicks() {
  await page.evaluate(() => (window.clicks = []))
  const rows = page.locator('[data-testid="alarm-row"]')
  for (let i = 0; i < 6; i++) {
    const box = await rows.nth(i % Math.min(3, await rows.count())).boundingBox().catch(() => null)
    if (box) await page.mouse.click(box.x + box.width / 3, box.y + box.height / 2)
    await page.waitForTimeout(120)
  }
  return (await page.evaluate(() => window.clicks)).sort((a, b) => a - b)
}
const median = (all) => all[all.length >> 1] ?? 0 // none: all were below the 16 ms from which they are measured

test('before it: two small alarms, and how long a click takes', async (t) => {
  for (const [i, zone] of ['north/b09/u1', 'north/b11/u3'].entries()) {
    const wire = await Device.connect(hub, await hub.device('door', `door-before-${i}`, zone))
    await wire.publish('event', { id: `before-${i}`, boot: 'b1', seq: 1, at: now(), type: 'lock_fault', data: {} })
    wire.close()
  }
  await page.locator('[data-testid="alarm-row"]').nth(1).waitFor()
  await observe()
  await clicks() // the first one opens what others find open
  calm = await clicks()
  t.diagnostic(`clicks: ${calm} ms`)
})

test('one incident with the root cause within 20 s; a real burglary in the middle within a second, on top', { timeout: (seconds + 90) * 1000 }, async (t) => {
  began = Date.now()
  await estate.ask(`cut ${seconds}`)
  const root = await until('the cause is known', () => stream.of('incident', (i) => i.rule === rootRule)[0], 25_000, 20)
  const after = root.at - began
  assert.ok(after <= 20_000, `the cause was there after ${after} ms`)
  assert.equal(root.data.zone, 'east')
  assert.match(root.data.title.zh, /东苑/)

  const door = await until('the burglary is seen', () => stream.of('alarm', (a) => a.rule === 'door.forced_open' && a.change === 'raise')[0], (seconds + 20) * 1000, 5)
  const list = (await incidents()).filter((i) => !i.life_safety)
  const said = Date.parse(door.data.evidence.at)
  assert.ok(door.at - said <= 1000 * busy(), `the burglary was told ${door.at - said} ms after the door said it`)
  assert.equal(list[0].device, door.data.device, 'it is on top')
  assert.ok(list.some((i) => i.rule === rootRule), 'and the power cut is below')
  const call = await until('the operators are called to it', () => calls().find((e) => e.data.device === door.data.device), 2_000, 10)
  assert.equal(call.data.rule, 'door.forced_open', 'as an incident of its own')
  const seen = await until('its row is on the screen', () => page.evaluate((d) => window.rows[d], door.data.device), 5_000, 10)
  assert.ok(seen - said <= 1500 * busy(), `the row came ${seen - said} ms after the door said it`)

  const during = await clicks()
  await shot(page, 'flood')
  // The goal is 100 ms on a machine of its own; here it shares two cores with the hub and 400 devices, so the figure
  // is printed and only a screen that hangs fails.
  assert.ok(during.length > 0 && median(during) <= 2000, `clicks took ${during} ms, before the flood ${calm} ms`)
  t.diagnostic(`root cause after ${after} ms; burglary in the stream after ${door.at - said} ms, on the screen after ${seen - said} ms; clicks ${during} ms`)

  await estate.calm((seconds + 30) * 1000)
  const roots = (await incidents('all')).filter((i) => i.rule === rootRule)
  assert.equal(roots.length, 1, 'one incident for the one cause')
  assert.ok(calls().length <= 10, `the operators were called ${calls().length} times: ${calls().map((e) => `${e.data.rule} ${e.data.device}`)}`)
  t.diagnostic(`${calls().length} calls; ${roots[0].alarms} alarms and ${roots[0].raw} raises in the one incident`)
})

test('nothing that was acknowledged is lost, and every device that fell silent was heard of', async (t) => {
  const { said } = await estate.ask('said')
  const kept = await hub.all('/events?channel=all', 'after')
  const seen = new Set(kept.map((e) => {
    if (e.type === 'presence') return `${e.device} presence ${e.boot} ${e.data.online}`
    if (e.type === 'state') return `${e.device} state ${Date.parse(e.at)}`
    return `${e.device} event ${e.id}`
  }))
  const last = new Map()
  for (const s of said) if (s.channel === 'presence' && s.online) last.set(s.device, s.boot)
  let counted = 0, wills = 0
  for (const s of said) {
    if (s.channel === 'presence') assert.ok(seen.has(`${s.device} presence ${s.boot} ${s.online}`), `${s.device} said that it is there (${s.boot})`)
    else if (s.channel === 'state') assert.ok(seen.has(`${s.device} state ${Date.parse(s.at)}`), `${s.device}'s state of ${s.at}`)
    else if (s.channel === 'event') assert.ok(seen.has(`${s.device} event ${s.id}`), `${s.device}'s event ${s.id}`)
    else continue
    counted++
    if (s.channel === 'presence' && last.get(s.device) !== s.boot) {
      assert.ok(seen.has(`${s.device} presence ${s.boot} false`), `${s.device} fell silent (${s.boot}), and its Will was told`)
      wills++
    }
  }
  assert.ok(counted >= devices * 4, `${counted} messages`)
  t.diagnostic(`${counted} messages of ${devices} devices acknowledged and kept, ${wills} Wills between them; ${kept.length} events in the journal`)
})

test('when the power is back nothing stands open that is over, but what a person has to reset', async () => {
  const active = async () => (await openAlarms()).filter((a) => a.active && a.rule !== 'door.forced_open' && !a.device.startsWith('door-before'))
  await until('nothing is active but the door', async () => (await active()).length === 0, 60_000, 500).catch(() => {})
  assert.deepEqual((await active()).map((a) => `${a.rule} ${a.device} ${a.part ?? ''}`), [], 'nothing is active but the door')
  for (const i of await incidents()) await hub.ok('POST', `/incidents/${i.id}/ack`, {}, { as: 'operator' })
  const left = await until('what is over closes', async () => {
    const open = (await openAlarms()).filter((a) => !a.device.startsWith('door-before'))
    return open.every((a) => a.latched && a.returned_at) && open
  }, 60_000, 250)
  assert.deepEqual(left.map((a) => a.rule), ['door.forced_open'], 'the latched one is kept')
  assert.ok(left[0].returned_at, 'the door has been shut meanwhile')
})

test('a flood begins with the eleventh call in ten minutes; what is grave is still heard', async (t) => {
  const before = calls().length
  const kinds = [['lamp', 'tilt', {}], ['door', 'lock_fault', {}], ['speaker', 'fault', { code: 'amplifier' }]]
  const made = []
  for (const zone of ['west/b05', 'west/b06', 'west/b07', 'west/b08']) {
    for (const [kind, type, data] of kinds) {
      made.push({ type, data, device: await hub.device(kind, `${kind}-flood-${zone.slice(-3)}`, zone) })
    }
  }
  const fire = await hub.device('sensor', 'sensor-flood', 'north/b10/u1')
  const wires = await Promise.all([...made.map((m) => m.device), fire].map((d) => Device.connect(hub, d)))
  const tell = (i, type, data) => wires[i].publish('event', { id: `flood-${i}`, boot: 'b1', seq: 1, at: now(), type, data })
  for (const [i, m] of made.entries()) {
    await tell(i, m.type, m.data)
    await until(`${m.device.id} is an alarm`, () => stream.of('alarm', (a) => a.device === m.device.id && a.change === 'raise')[0], 10_000, 10)
  }
  const change = await until('the flood begins', () => stream.of('flood', (f) => f.change === 'begin')[0], 10_000, 20)
  const flood = await hub.ok('GET', '/alarms/flood')
  assert.ok(flood.active && flood.since, 'the API says so, too')
  assert.deepEqual(flood.threshold, { begin: 10, end: 5 })
  assert.equal(flood.operators, 1)
  assert.ok(flood.per_operator_10min > 10, `${flood.per_operator_10min} calls in ten minutes`)
  const until11 = calls().filter((e) => e.at <= change.at).length
  assert.ok(until11 >= 10 && until11 <= 11, `it began after ${until11} calls`)
  const held = made.length - (calls().length - before)
  assert.ok(held > 0, 'in the flood what is not grave is shown without a call')
  const listed = new Set((await openAlarms()).map((a) => a.device))
  for (const m of made) assert.ok(listed.has(m.device.id), `${m.device.id} is in the list: nothing is lost`)

  await tell(made.length, 'smoke', { active: true })
  const smoke = await until('the smoke is called', () => calls().find((e) => e.data.device === 'sensor-flood'), 5_000, 5)
  const took = smoke.at - Date.parse(stream.of('alarm', (a) => a.device === 'sensor-flood')[0].data.evidence.at)
  assert.ok(took <= 1000 * busy(), `after ${took} ms`)
  assert.equal((await incidents())[0].device, 'sensor-flood', 'life safety is first')
  t.diagnostic(`the flood began after call ${until11}; ${held} incidents shown without a call; smoke called after ${took} ms`)
  wires.forEach((w) => w.close())
})

test('the flood ends when fewer than five calls are left of ten minutes', { skip: !process.env.FLOOD_END && 'FLOOD_END=1 waits for it, ten minutes', timeout: 15 * 60_000 }, async () => {
  const over = await until('it ends', () => stream.of('flood', (f) => f.change === 'end')[0], 12 * 60_000, 500)
  assert.equal(over.data.active, false)
  const { history } = await hub.ok('GET', '/alarms/flood')
  assert.ok(history[0].ended_at && history[0].peak_10min > 10)
})

test('nothing went wrong in the page', () => {
  assert.deepEqual(page.errors.filter((e) => !/Failed to load resource|net::/.test(e)), [])
})
