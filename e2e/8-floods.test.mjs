// Too much of everything: sockets, logins, messages, bytes. The hub stays
// reachable and small, and a device that does its work gets its acknowledgements.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:net'
import { Bystander } from './lib/bystander.mjs'
import { Hub, now, until } from './lib/hub.mjs'
import { Wire, connectPacket, packet, publishPacket, subscribePacket, u16 } from './lib/wire.mjs'

const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
let bystander, calm, memory

before(async () => {
  await hub.start()
  bystander = await Bystander.start(hub, await hub.device('lamp', 'bystander', 'east'))
  await sleep(1_500)
  calm = bystander.lap()
  memory = await hub.metric('process_resident_memory_bytes')
})
after(async () => {
  await bystander?.stop()
  await hub.close()
})

const alarms = async (device, rule) => (await hub.all('/alarms?state=all')).filter((a) => a.device === device && a.rule === `security.${rule}`)

/** What the bystander met meanwhile, for the report; the machine decides how long things take, so nothing is asserted of it but that all is acknowledged. */
function told(t) {
  const l = bystander.lap()
  assert.ok(l.n > 0, 'the other device is acknowledged meanwhile')
  t.diagnostic(`another device's PUBACK: p99 ${l.p99} ms, longest ${l.most} ms of ${l.n} (before: p99 ${calm.p99} ms)`)
}

test('a flood of 10,000 messages a second with QoS 0: kept out, told of', async (t) => {
  const d = await hub.device('charger', 'flooder', 'east')
  const w = await Wire.login(hub, d)
  const lost = await hub.metric('dongyue_broker_messages_lost_total', 'where="rate"')
  const m = publishPacket(`dy/v1/charger/${d.id}/telemetry`, JSON.stringify({ at: now(), values: { power_w: 1 } }), { qos: 0 })
  const hundred = Buffer.concat(Array(100).fill(m))
  const end = Date.now() + 8_000
  while (!w.closed && Date.now() < end) {
    w.send(hundred)
    await sleep(8)
  }
  await w.ended()
  assert.ok((await hub.metric('dongyue_broker_messages_lost_total', 'where="rate"')) > lost, 'counted')
  assert.equal(w.farewell, 0x96)
  const again = new Wire(hub).send(connectPacket({ id: d.id, user: d.id, pass: d.secret }))
  assert.equal(await again.connack(), 0x8a)
  await until('an alarm tells of it', async () => (await alarms(d.id, 'quarantine')).length === 1)
  assert.match(hub.log, /quarantined.*flooder/)
  told(t)
})

test('a flood with QoS 1 is slowed down to what is allowed', async (t) => {
  const d = await hub.device('charger', 'eager', 'east')
  const w = await Wire.login(hub, d, { v: 4 })
  const begin = Date.now()
  const total = 12_000
  for (let i = 1; i <= total; i++) w.send(publishPacket(`dy/v1/charger/${d.id}/telemetry`, JSON.stringify({ at: now(), values: { power_w: 1 } }), { v: 4, id: i }))
  await sleep(2_500)
  const s = (Date.now() - begin) / 1000
  const acked = w.got.filter((p) => p.type === 4).length
  assert.ok(!w.closed, 'QoS 1 is held back, not cut off')
  assert.ok(acked > 0 && acked <= 4_000 + 2_000 * (s + 1), `${acked} acknowledged in ${s} s`)
  w.close()
  told(t)
})

test('1,500 sockets that say nothing or a byte now and then', async (t) => {
  const waiting = await hub.metric('dongyue_broker_refused_total', 'reason="waiting"')
  const slow = []
  const hello = connectPacket({ id: 'slow', user: 'slow', pass: 'slow' })
  for (let i = 0; i < 1_500; i++) {
    const s = connect(hub.ports.mqtt, '127.0.0.1')
    s.on('error', () => {})
    s.on('close', () => (s.gone = true))
    slow.push(s)
    if (i % 100 === 99) await sleep(10)
  }
  let k = 0
  const drip = setInterval(() => {
    for (const [i, s] of slow.entries()) if (i % 2 && !s.gone) s.write(hello.subarray(k % hello.length, (k % hello.length) + 1))
    k++
  }, 400)
  const d = await hub.device('charger', 'honest', 'east')
  const begin = Date.now()
  const honest = await until('an honest device comes in', async () => Wire.login(hub, d), 10_000)
  t.diagnostic(`an honest device came in after ${Date.now() - begin} ms`)
  honest.close()
  await until('the slow ones are gone', () => slow.every((s) => s.gone), 12_000)
  clearInterval(drip)
  assert.ok((await hub.metric('dongyue_broker_refused_total', 'reason="waiting"')) > waiting, 'counted')
  told(t)
})

test('a flood of 3,000 logins with wrong passwords', async (t) => {
  const before = await hub.metric('dongyue_broker_refused_total')
  let at = 0
  const one = async () => {
    while (at < 3_000) {
      const i = at++
      const w = new Wire(hub).send(connectPacket({ id: `guess-${i % 50}`, user: `guess-${i % 50}`, pass: `p${i}` }))
      await until('it is refused', () => w.closed || w.got.length, 10_000, 2)
      assert.ok(w.got.every((p) => p.type === 2 && p.body[1] !== 0))
      w.close()
    }
  }
  await Promise.all(Array.from({ length: 50 }, one))
  await until('they are counted', async () => (await hub.metric('dongyue_broker_refused_total')) - before >= 1_000, 3_000)
  const lines = hub.log.split('\n').filter((l) => /guess-/.test(l)).length
  assert.ok(lines < 1_000, `${lines} log lines: the log is not flooded with them`)
  told(t)
})

test('headers that promise 256 MB cost no memory', async (t) => {
  const d = await hub.device('charger', 'huge', 'east')
  for (let i = 0; i < 200; i++) {
    const w = new Wire(hub).send(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), Buffer.alloc(1024))
    await w.ended()
  }
  const w = await Wire.login(hub, d)
  w.send(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]))
  await w.ended()
  told(t)
})

test('a program that stops reading is cut off, and nobody waits for it', async (t) => {
  const deaf = await Wire.login(hub, { id: 'deaf', secret: (await hub.program('deaf')).token }, { v: 4 })
  deaf.send(subscribePacket(['dy/v1/#'], { v: 4 }))
  await deaf.packet(9)
  deaf.sock.pause()
  const d = await hub.device('charger', 'chatty', 'east')
  const w = await Wire.login(hub, d, { v: 4 })
  const body = JSON.stringify({ at: now(), state: { text: 'x'.repeat(8_000) } })
  let n = 0
  for (let i = 0; i < 3_000; i++) {
    w.send(publishPacket(`dy/v1/charger/${d.id}/state`, body, { v: 4, id: i + 1 }))
    if (i % 100 === 99) {
      n = i + 1
      await until('they are acknowledged', () => w.got.filter((p) => p.type === 4).length >= n, 20_000, 5)
    }
  }
  assert.ok(!w.closed)
  w.close()
  deaf.close()
  told(t)
})

test('after all that the hub is as small as before', async (t) => {
  const grown = ((await hub.metric('process_resident_memory_bytes')) - memory) / 2 ** 20
  t.diagnostic(`resident memory grew by ${grown.toFixed(1)} MB from ${(memory / 2 ** 20).toFixed(0)} MB`)
  assert.ok(grown < 150, `${grown} MB`)
  assert.equal(await hub.metric('dongyue_broker_panics_total'), 0)
  await until('only the bystander is left', async () => (await hub.metric('dongyue_broker_connections')) <= 1, 10_000)
  assert.equal((await fetch(`${hub.url}/readyz`)).status, 200)
})
