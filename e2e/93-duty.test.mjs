// Duties that outlive the hub: escalation, re-alarm, the end of shelving and of
// maintenance fall due at their second, once, whenever the hub is killed.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hub, now, password, until } from './lib/hub.mjs'
import { publish } from './lib/mqtt.mjs'

const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
const people = {}
const device = {}
const id = {} // of alarms
let began, mended

const rules = `rules:
  - id: duty.fire
    title: {zh: "{name}烟雾", en: "Smoke: {name}"}
    on: {kind: sensor, type: smoke}
    when: data.active
    clear: {when: "!data.active"}
    priority: critical
    life_safety: true
    escalation: duty
  - id: duty.water
    title: {zh: "{name}浸水", en: "Water: {name}"}
    on: {kind: sensor, type: water}
    when: data.active
    clear: {when: "!data.active"}
    priority: high
    realarm: 12s
    escalation: nobody
`
const steps = [
  { after_s: 0, to: ['on_duty'] },
  { after_s: 10, to: ['next_on_duty'] },
  { after_s: 20, to: ['supervisor'] },
  { after_s: 32, to: ['list:emergency'] },
]

before(async () => {
  const dir = join(hub.dir, 'rules')
  mkdirSync(dir)
  writeFileSync(join(dir, 'duty.yaml'), rules)
  hub.config = `rules: {dir: ${dir}}\n`
  await hub.start()
  for (const [login, name, role] of [['chen', '陈静', 'operator'], ['li', '李伟', 'operator'], ['wang', '王芳', 'supervisor']]) {
    people[login] = (await hub.ok('POST', '/users', { login, name, role, password })).id
  }
  const shift = { id: 'day', name: { zh: '全天', en: 'All day' }, from: '00:00', to: '00:00', days: [1, 2, 3, 4, 5, 6, 7], team: [people.chen, people.li], supervisor: people.wang }
  await hub.ok('PUT', '/rota/shifts', { shifts: [shift] })
  await hub.ok('PUT', '/rota/lists/emergency', { people: [people.wang, people.li] })
  await hub.ok('PUT', '/escalations/policies/duty', { priorities: [], steps, repeat: 0 })
  for (const what of ['fire', 'water', 'shelved', 'mended']) device[what] = await hub.device('sensor', `sensor-${what}`, `east/b01/${what}`)
})
after(() => hub.close())

async function raise(what, type) {
  const d = device[what]
  const r = await publish(hub, d, `dy/v1/sensor/${d.id}/event`, { id: `${what}-1`, boot: 'b1', seq: 1, at: now(), type, data: { active: true } })
  assert.equal(r.code, 0, r.err)
  id[what] = (await until(`${d.id} is an alarm`, async () => (await hub.all('/alarms?state=all')).find((a) => a.device === d.id))).id
}

const alarm = (what) => hub.ok('GET', `/alarms/${id[what]}`)
/** The lines of an alarm's journal that say what, as times. */
const lines = async (what, of) => (await alarm(of)).journal.filter((j) => j.what === what).map((j) => ({ ...j, at: Date.parse(j.at) }))

let away = { from: 0, to: 0 } // when the hub was killed last, and when it was back

/** Kills the hub at a time and starts it at another. */
async function killed(from, to) {
  await sleep(Math.max(0, from - Date.now()))
  away = { from: Date.now(), to: Infinity }
  await hub.stop('SIGKILL')
  await sleep(Math.max(0, to - Date.now()))
  await hub.start()
  away.to = Date.now()
}

/** It was done in the second in which it fell due; or, when the hub was away then, in the one after that. */
function onTime(what, at, due) {
  const latest = (due >= away.from && due < away.to ? away.to : due) + 1_000
  assert.ok(at >= due - 20 && at <= latest, `${what}: ${at - due} ms after its time; the hub was away from ${away.from - due} to ${away.to - due}`)
}

test('a fire that nobody acknowledges: each step at its second, once, whatever happens to the hub', { timeout: 120_000 }, async (t) => {
  await raise('shelved', 'water')
  await hub.ok('POST', `/alarms/${id.shelved}/shelve`, { kind: 'timed', minutes: 1, reason: '维修中' })
  mended = Date.now() + 28_000
  await hub.ok('POST', '/out-of-service', { device: device.mended.id, until: new Date(mended).toISOString(), reason: '更换探头' })
  await raise('mended', 'water')
  await raise('water', 'water')
  await raise('fire', 'smoke')
  const fire = await alarm('fire')
  began = Date.parse(fire.journal.find((j) => j.what === 'raise').at)
  assert.equal(fire.escalation.policy, 'duty')
  assert.equal((await alarm('shelved')).state, 'shelved')
  assert.equal((await alarm('mended')).state, 'out_of_service')
  await until('the first step is taken at once', async () => (await lines('escalate', 'fire')).length === 1, 5_000)
  const second = Date.parse((await alarm('fire')).escalation.next_at)

  await killed(began + 2_500, 0) // back before the second step, if the machine is quick
  await until('the second step is taken', async () => (await lines('escalate', 'fire')).length >= 2, 20_000, 100)
  const two = await lines('escalate', 'fire')
  onTime('second step', two[1].at, second)
  const third = Date.parse((await alarm('fire')).escalation.next_at)
  assert.ok(Math.abs(third - second - 10_000) <= 20, 'the third keeps its distance from the beginning, not from the restart')

  await killed(began + 18_000, began + 22_000) // the third step and a re-alarm fall due while it is away
  await until('the third step is taken after the restart', async () => (await lines('escalate', 'fire')).length >= 3, 10_000, 100)
  const three = await lines('escalate', 'fire')
  onTime('third step', three[2].at, third)
  assert.match(three[2].text, /3\/4: supervisor: 王芳/)

  await hub.ok('POST', `/alarms/${id.fire}/ack`, {})
  await sleep(Math.max(0, began + 34_000 - Date.now()))
  const all = await lines('escalate', 'fire')
  assert.deepEqual(all.map((l) => l.text.slice(0, 8)), ['duty 1/4', 'duty 2/4', 'duty 3/4'], 'each once, and none after the acknowledgement')
  const told = await hub.all(`/notify/deliveries?alarm=${id.fire}`)
  t.diagnostic(`steps ${all.map((l) => ((l.at - began) / 1000).toFixed(2))} s after the alarm, the hub away around 3 and from 18 to ${((away.to - began) / 1000).toFixed(1)} s; ${told.length} deliveries`)
})

test('what stands calls again, and the calls that were missed are one', async (t) => {
  const calls = await lines('realarm', 'water')
  const raised = (await lines('raise', 'water'))[0].at
  assert.ok(calls.length >= 2, `called again ${calls.length} times`)
  for (const [i, c] of calls.entries()) {
    const before = i ? calls[i - 1].at : raised
    assert.ok(c.at - before >= 11_900, `again after ${c.at - before} ms`)
  }
  const next = Date.parse((await alarm('water')).realarm_at)
  assert.ok(next > calls.at(-1).at && next <= calls.at(-1).at + 12_100, 'and when the next one is due is known')
  t.diagnostic(`called again ${calls.map((c) => ((c.at - raised) / 1000).toFixed(2))} s after it was raised`)
})

test('maintenance is over at its time, and what stands then calls', async () => {
  const a = await until('it is back in service', async () => {
    const x = await alarm('mended')
    return x.state === 'unacked_active' && x
  }, 10_000)
  const [line, ...more] = await lines('in_service', 'mended')
  assert.equal(more.length, 0, 'once')
  const { items } = await hub.ok('GET', '/out-of-service')
  assert.deepEqual(items, [], 'nothing is out of service any more')
  onTime('end of the maintenance', line.at, mended)
  assert.equal(a.suppressed_by, '')
})

test('a shelved alarm comes back when its time is over, though the hub was killed', { timeout: 90_000 }, async (t) => {
  const due = Date.parse((await alarm('shelved')).shelved_until)
  await killed(due - 12_000, 0)
  assert.equal((await alarm('shelved')).state, 'shelved', 'the shelf survives')
  await until('it is off the shelf', async () => (await alarm('shelved')).state === 'unacked_active', due + 8_000 - Date.now(), 100)
  const [line, ...more] = await lines('unshelve', 'shelved')
  assert.equal(more.length, 0, 'once')
  onTime('end of the shelving', line.at, due)
  t.diagnostic(`off the shelf ${line.at - due} ms after its time`)
})
