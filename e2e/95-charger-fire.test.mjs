// S1: a battery in port 7 of a shed runs away at night, and the relay of its port
// sticks. The shed is a program of this test with 24 ports, ten of them in use; six
// speakers, two lamps and the doors of the two units that face it answer as real
// ones do. The whole story takes four minutes; unless WHOLE=1 it begins at 52 °C.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { busy } from './lib/busy.mjs'
import { Device } from './lib/device.mjs'
import { Hub, now, until } from './lib/hub.mjs'

const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
const from = process.env.WHOLE ? 38 : 52
const rate = 8 / 60 // K/s
const inUse = [2, 3, 5, 6, 7, 8, 9, 12, 15, 20]
const shed = { power: {}, cutAt: {}, commands: [], seq: 0 }
const others = []
const when = {} // ms of what happened
let ahead = 0 // ms of the shed's clock: two minutes of charging pass in a moment
const clock = () => new Date(Date.now() + ahead).toISOString()

before(async () => {
  await hub.start()
  const make = async (kind, id, zone, labels) => {
    const made = await hub.ok('POST', '/devices', { id, kind, name: id, zone, labels, x: 10, y: 10 })
    return Device.connect(hub, made)
  }
  shed.mqtt = await make('charger', 'shed-b', 'east/b05/sb', { facing: 'east/b05/u5 east/b05/u6', ports: '24' })
  const add = async (kind, id, zone, answer) => {
    const d = await make(kind, id, zone)
    d.id = id
    d.kind = kind
    d.answer = answer
    others.push(d)
    return d
  }
  for (let i = 1; i <= 6; i++) await add('speaker', `speaker-${i}`, ['east/b05/sb', 'east/b05/u5', 'east/b05/u6'][i % 3], speaks)
  for (let i = 1; i <= 2; i++) await add('lamp', `lamp-${i}`, 'east/b05/sb', shines)
  for (const u of ['u5', 'u6']) {
    const d = await add('door', `door-${u}`, `east/b05/${u}`, obeys)
    await d.publish('state', { at: now(), state: { lock: 'secured', position: 'closed', mode: 'controlled' } })
  }
  await hub.ok('POST', '/cameras', { id: 'b-2', name: '车棚 B-2', zone: 'east/b05/sb', url: 'rtsp://127.0.0.1:9/main' })
  for (let p = 1; p <= 24; p++) shed.power[p] = inUse.includes(p) ? 250 : 0
  for (const p of inUse) await tell('session_started', p, { user: `p-${p}` })
  for (let p = 1; p <= 24; p++) await read(p)
  listen()
})
after(async () => {
  clearInterval(shed.timer)
  for (const d of [shed.mqtt, ...others]) d?.close()
  await hub.close()
})

const reply = (d, c, data = {}) => d.publish('reply', { id: c.id, status: 'done', at: now(), data })
const happens = (d, type, data) => d.publish('event', { id: `${d.id}-${++shed.seq}`, boot: 'b1', seq: shed.seq, at: now(), type, data })
const tell = (type, part, data = {}) => shed.mqtt.publish('event', { id: `shed-${++shed.seq}`, boot: 'b1', seq: shed.seq, at: clock(), type, part: part ? `${part}` : '', data })

async function speaks(d, c) {
  if (c.type !== 'play') return
  d.played = c.args
  d.at = Date.now()
  await reply(d, c)
  await happens(d, 'playing', { message: c.args.message })
}
async function shines(d, c) {
  if (c.type !== 'dim') return
  d.at = Date.now()
  await reply(d, c)
  await d.publish('telemetry', { at: now(), values: { dim_pct: c.args.pct } })
}
async function obeys(d, c) {
  if (c.type !== 'set_mode') return
  d.mode = c.args.mode
  d.at = Date.now()
  await d.publish('state', { at: now(), state: { lock: c.args.mode === 'fire_release' ? 'unlocked' : 'secured', position: 'closed', mode: c.args.mode } })
  await reply(d, c)
}

/** The relays: that of port 7 sticks, the feeder's does not. */
async function cuts(c) {
  if (c.type !== 'cut') return
  shed.commands.push({ at: Date.now(), ...c.args })
  const all = c.args.feeder ? Object.keys(shed.power).map(Number) : [Number(c.args.part)]
  for (const p of all) {
    if (p === 7 && !c.args.feeder) continue
    shed.power[p] = 0
    shed.cutAt[p] ??= Date.now()
  }
  await reply(shed.mqtt, c, { power_w: all.reduce((s, p) => s + shed.power[p], 0) })
  for (const p of all) await read(p)
}

function listen() {
  const done = new Set()
  for (const d of [shed.mqtt, ...others]) {
    const answer = d === shed.mqtt ? cuts : (c) => d.answer(d, c)
    const loop = setInterval(() => {
      while (d.commands.length) {
        const c = d.commands.shift()
        if (!done.has(c.id)) void (done.add(c.id), answer(c))
      }
      if (d.closed) clearInterval(loop)
    }, 2)
  }
}

const temp = () => (when.began ? Math.min(from + (rate * (Date.now() - when.began)) / 1000, 95) : 24)
const read = (p) => shed.mqtt.publish('telemetry', { at: clock(), part: `${p}`, values: {
  state: shed.power[p] ? 'charging' : shed.cutAt[p] ? 'cut' : 'idle', power_w: shed.power[p], temp_c: Number((p === 7 ? temp() : 26).toFixed(1)),
} })

/** Once a second the burning port, the others every eight. */
function run() {
  let n = 0
  when.began = Date.now()
  shed.timer = setInterval(() => {
    n++
    if (shed.power[7]) shed.power[7] = 250 * (1 + (n % 4 < 2 ? 0.28 : -0.28))
    void read(7)
    if (n % 8 === 0) for (const p of inUse) if (p !== 7) void read(p)
    if (temp() >= 60 && !when.sixty) when.sixty = Date.now()
  }, 1000)
}

const alarms = () => hub.all('/alarms?state=all')
const alarm = async (rule) => (await alarms()).find((a) => a.rule === rule)
const journal = async (a) => (await hub.ok('GET', `/alarms/${a.id}`)).journal
const steps = async (a) => (await journal(a)).filter((j) => j.text.startsWith('ladder '))

test('the curve is told within 30 s of the first oscillation', { timeout: 60_000 }, async (t) => {
  for (let i = 0; i < 150; i++, ahead += 1_000) await read(7)
  run()
  const a = await until('the oscillation is an alarm', () => alarm('charger.curve'), 30_000)
  const took = Date.now() - when.began
  assert.equal(a.part, '7')
  t.diagnostic(`told ${(took / 1000).toFixed(1)} s after the first oscillation`)
})

test('60 °C and rising: cut at once; the relay sticks, so the feeder goes; the neighbours are off', { timeout: 240_000 }, async (t) => {
  const cut = await until('port 7 is ordered off', () => shed.commands.find((c) => c.part === '7'), 230_000, 5)
  const took = cut.at - when.sixty
  assert.ok(took < 1000 + 200 * busy(), `${took} ms after the reading that decided`) // the reading itself may be a second old
  const feeder = await until('the feeder is ordered off', () => shed.commands.find((c) => c.feeder), 5_000, 5)
  assert.ok(feeder.at - cut.at < 2_000 * busy(), `feeder ${feeder.at - cut.at} ms after`)
  await until('nothing draws power any more', () => Object.values(shed.power).every((w) => w === 0), 2_000 * busy(), 5)
  for (const p of [5, 6, 8, 9]) assert.ok(shed.cutAt[p] - cut.at < 3_000 * busy(), `port ${p} is off ${shed.cutAt[p] - cut.at} ms later`)
  assert.deepEqual([5, 6, 8, 9].filter((p) => !shed.commands.some((c) => c.part === `${p}`)), [], 'each neighbour has its own order')
  const a = await alarm('charger.over_temperature')
  assert.equal(a.priority, 'critical')
  assert.deepEqual(a.cameras, ['b-2'])
  await until('the journal has the proof', async () => (await steps(a)).some((j) => j.what === 'action_done' && j.text.includes('feeder')), 10_000)
  t.diagnostic(`cut ${took} ms after 60 °C, feeder ${feeder.at - cut.at} ms after that, neighbours ${[5, 6, 8, 9].map((p) => shed.cutAt[p] - cut.at).join(', ')} ms`)
})

test('smoke: the list, the voice, the doors, the lamps, the card, within seconds', { timeout: 60_000 }, async (t) => {
  when.smoke = Date.now()
  await tell('smoke', 7, { active: true })
  const a = await until('it is at the top of the list', async () => {
    const [first] = (await hub.ok('GET', '/incidents?state=open')).items
    const found = (await alarms()).find((x) => x.rule === 'charger.smoke')
    return found && first?.id === found.incident && found
  }, 3_000 * busy(), 20)
  const listed = Date.now() - when.smoke
  assert.ok(listed < (1_000 + 500) * busy(), `listed after ${listed} ms`)
  const of = (kind) => others.filter((d) => d.kind === kind)
  await until('all six speakers play', () => of('speaker').every((d) => d.played), 3_000 * busy(), 10)
  await until('both doors are on their rung', () => of('door').every((d) => d.mode === 'fire_release'), 3_000 * busy(), 10)
  await until('the lamps burn', () => of('lamp').every((d) => d.at), 3_000 * busy(), 10)
  const ms = (kind) => Math.max(...of(kind).map((d) => d.at)) - when.smoke
  assert.ok(ms('speaker') < 3_000 * busy() && ms('door') < 3_000 * busy() && ms('lamp') < 1_500 * busy(), `voice ${ms('speaker')}, doors ${ms('door')}, lamps ${ms('lamp')} ms`)
  assert.match(of('speaker')[0].played.text, /关好门窗.*背火一侧/)
  assert.equal(of('speaker')[0].played.priority, 1)
  const lines = await until('every step is proved', async () => {
    const all = await steps(a)
    return all.some((j) => j.text.includes('119')) && all.some((j) => j.text.includes('release')) && all
  }, 15_000, 100)
  assert.ok(lines.some((j) => j.text.includes('say') && j.text.includes('6/6')), 'six of six play')
  assert.ok(lines.some((j) => j.text.includes('release') && j.text.includes('2/2')), 'two of two doors')
  const card = lines.find((j) => j.text.includes('119'))
  assert.match(card.text, /7 号口/)
  assert.deepEqual(lines.filter((j) => j.what === 'action_failed').map((j) => j.text), [])
  t.diagnostic(`in the list after ${listed} ms, voice ${ms('speaker')}, doors ${ms('door')}, lamps ${ms('lamp')} ms`)
})

test('a second smoke is the same affair; all of it is one incident', async () => {
  await tell('smoke', 7, { active: true })
  await sleep(1_000)
  const all = (await alarms()).filter((a) => a.device === 'shed-b')
  assert.equal(all.filter((a) => a.rule === 'charger.smoke').length, 1)
  assert.equal(new Set(all.map((a) => a.incident)).size, 1, JSON.stringify(all.map((a) => [a.rule, a.incident])))
  const evs = (await hub.ok('GET', '/events?device=shed-b&limit=1000')).items
  assert.ok(evs.length >= 15, `${evs.length} events`)
  assert.equal(others.filter((d) => d.kind === 'speaker')[0].commands.length, 0, 'nothing is said twice')
})

test('power comes back only after somebody was there', async () => {
  const r = await hub.api('POST', '/devices/shed-b/commands', { type: 'restore', args: { part: '6' } })
  assert.equal(r.status, 422, JSON.stringify(r.body))
  assert.equal(r.body.code, 'command.not_reset')
  for (const p of [5, 6, 7, 8, 9]) await tell('reset', p)
  await until('the hub lets it', async () => (await hub.api('POST', '/devices/shed-b/commands', { type: 'restore', args: { part: '6' } })).status < 300)
  const orders = (await hub.all('/work-orders')).filter((o) => o.device === 'shed-b')
  assert.ok(orders.some((o) => o.priority === 'critical'), JSON.stringify(orders))
})
