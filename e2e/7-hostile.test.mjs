// A stolen key, a stranger and a broken device: refused, counted, told of, and
// nobody else notices. What they send is in the tables below.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:net'
import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { certificate } from './lib/cert.mjs'
import { Hub, now, until } from './lib/hub.mjs'
import { Bystander } from './lib/bystander.mjs'
import { Wire, bin, connectPacket, packet, publishPacket, subscribePacket, u16, varint } from './lib/wire.mjs'

const pem = certificate()
const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'], { tls: { ...pem, clientCA: pem.ca } })
const refused = (reason) => hub.metric('dongyue_broker_refused_total', reason && `reason="${reason}"`)
let victim, bystander, program, n = 0

before(async () => {
  await hub.start()
  victim = await hub.device('door', 'victim', 'east/b01/u1')
  await hub.ok('POST', '/devices/victim/secret').then((s) => (victim.secret = s.secret))
  program = { id: 'ears', secret: (await hub.program('ears')).token }
  bystander = await Bystander.start(hub, await hub.device('lamp', 'bystander', 'east'))
})
after(async () => {
  await bystander?.stop()
  await hub.close()
  rmSync(pem.dir, { recursive: true, force: true })
})

// A key that has been stolen; each test has its own, since it will be kept out.
const stolen = (what) => hub.device('charger', `thief-${what}-${++n}`, 'east')
const event = (id = 'e1') => JSON.stringify({ id, boot: 'b', seq: 1, at: now(), type: 'session_started', data: { part: '1' } })
const alarms = async (device, rule) => (await hub.all('/alarms?state=all')).filter((a) => a.device === device && a.rule === `security.${rule}`)

/** f is refused for the reason: the counter moves and a log line names the cause. */
async function counted(reason, f) {
  const was = await refused(reason)
  await f()
  await until(`refusals for ${reason} are counted`, async () => (await refused(reason)) > was, 3_000)
}

describe('logins', () => {
  const cases = {
    'no credentials': (d) => ({ id: d.id, v: 5 }),
    'no password': (d) => ({ id: d.id, user: d.id, v: 5 }),
    'an empty password': (d) => ({ id: d.id, user: d.id, pass: '', v: 5 }),
    'a wrong password': (d) => ({ id: d.id, user: d.id, pass: 'wrong', v: 5 }),
    'a wrong password, MQTT 3.1.1': (d) => ({ id: d.id, user: d.id, pass: 'wrong', v: 4 }),
    'a secret of another device': (d) => ({ id: 'victim', user: 'victim', pass: d.secret, v: 5 }),
    'the client id of another': (d) => ({ id: 'victim', user: d.id, pass: d.secret, v: 5 }),
    'the user name of another': (d) => ({ id: d.id, user: 'victim', pass: d.secret, v: 5 }),
    'an empty client id': (d) => ({ id: '', user: d.id, pass: d.secret, v: 5 }),
    'an empty client id, MQTT 3.1.1': (d) => ({ id: '', user: d.id, pass: d.secret, v: 4 }),
    'another way to sign in': (d) => ({ id: d.id, user: d.id, pass: d.secret, v: 5, properties: [Buffer.from([0x15]), bin('SCRAM-SHA-1')] }),
    'a look-alike of the id': (d) => ({ id: d.id.replace('e', 'е'), user: d.id, pass: d.secret, v: 5 }),
    'a token that never was': () => ({ id: 'ears', user: 'x', pass: `dyt_${'0'.repeat(40)}`, v: 5 }),
  }
  for (const [what, make] of Object.entries(cases)) {
    test(`${what}: not let in`, async () => {
      const d = await (cases.device ??= stolen('login'))
      await counted('bad_credentials', async () => {
        const w = new Wire(hub).send(connectPacket(make(d)))
        const code = await w.connack()
        assert.ok([2, 4, 5, 0x85, 0x86, 0x87, 0x8c].includes(code), `CONNACK 0x${code.toString(16)}`)
        await w.ended()
      })
      assert.match(hub.log, /refused/)
    })
  }

  test('a will for another is not taken', async () => {
    const d = await stolen('will')
    await counted('will', async () => {
      const w = new Wire(hub).send(connectPacket({ id: d.id, user: d.id, pass: d.secret, will: { topic: 'dy/v1/door/victim/event', payload: '{}' } }))
      assert.equal(await w.connack(), 0x87)
    })
    await until('an alarm tells of it', async () => (await alarms(d.id, 'will')).length === 1)
  })

  test('a certificate that nobody signed opens nothing', async () => {
    const d = await stolen('cert')
    const at = (f) => join(pem.dir, f)
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${d.id}`, '-addext', `subjectAltName=DNS:${d.id}`, '-keyout', at('self.key'), '-out', at('self.pem')], { stdio: 'pipe' })
    const w = new Wire(hub, { tls: { ca: readFileSync(pem.ca), cert: readFileSync(at('self.pem')), key: readFileSync(at('self.key')) } })
    w.send(connectPacket({ id: d.id, user: d.id, v: 5 }))
    assert.notEqual(await w.connack(), 0)
    await w.ended()
  })

  test('old TLS is not spoken', async () => {
    const w = new Wire(hub, { tls: { ca: readFileSync(pem.ca), maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } })
    w.send(connectPacket({ id: 'x', v: 5 }))
    assert.equal(await w.connack(), -1)
  })
})

describe("others' topics", () => {
  const topics = (d) => [
    'dy/v1/door/victim/event', 'dy/v1/door/victim/command', 'dy/v1/door/victim/presence', `dy/v1/door/${d.id}/event`, `dy/v1/charger/${d.id}/command`,
    `dy/v1/charger/${d.id}/config`, `dy/v1/charger/${d.id}/event/`, `dy/v1/charger/${d.id}/event/x`, `/dy/v1/charger/${d.id}/event`, `dy/v1/charger/${d.id}/../victim/event`,
    `dy/v1/charger/../door/victim/event`, 'dy/v1/hub/alarm', '$SYS/broker/clients', '$share/g/dy/v1/door/victim/event', 'dy/v2/door/victim/event',
    `dy/v1/сharger/${d.id}/event`, `dy/v1/charger/${d.id}\u200b/event`, `dy／v1／charger／${d.id}／event`, `DY/v1/charger/${d.id}/event`,
  ]

  for (const v of [5, 4]) {
    test(`MQTT ${v === 5 ? '5' : '3.1.1'}: no message to them gets anywhere`, async () => {
      const ear = await Wire.login(hub, program)
      ear.send(subscribePacket(['dy/v1/#']))
      await ear.suback()
      const d = await stolen('topics')
      await counted('topic', async () => {
        const all = topics(d)
        let w = await Wire.login(hub, d, { v })
        for (const [i, topic] of all.entries()) {
          w.send(publishPacket(topic, event('forged'), { qos: 1, id: i + 1, v, retain: i % 2 === 1 }))
          if (v === 5) assert.equal(await w.puback(i + 1), 0x87, topic)
          else {
            await w.ended()
            w = await Wire.login(hub, d, { v })
          }
        }
        w.close()
      })
      assert.equal(ear.messages().filter((m) => m.payload.includes('forged')).length, 0)
      ear.close()
      assert.ok(!(await hub.all('/events?channel=all', 'after')).some((e) => e.id === 'forged'))
      const a = await until('an alarm tells of it', async () => (await alarms(d.id, 'topic'))[0])
      assert.equal(a.priority, 'high')
      assert.equal((await alarms(d.id, 'topic')).length, 1, 'one alarm, not one for each message')
      assert.match(hub.log, new RegExp(`client_id=${d.id}.*reason=topic`))
      if (v === 5) assert.equal((await hub.ok('GET', '/devices/victim')).online, false)
    })
  }

  test('who goes on is kept out within two seconds, and another may still come', async () => {
    const d = await stolen('strikes')
    const w = await Wire.login(hub, d)
    const begin = Date.now()
    for (let i = 1; i <= 40 && !w.closed; i++) w.send(publishPacket('dy/v1/door/victim/event', event(), { qos: 0 }))
    await w.ended()
    assert.ok(w.closed - begin < 2_000, `${w.closed - begin} ms`)
    const again = new Wire(hub).send(connectPacket({ id: d.id, user: d.id, pass: d.secret }))
    assert.equal(await again.connack(), 0x8a)
    await until('an alarm tells of it', async () => (await alarms(d.id, 'quarantine')).length === 1)
    const other = await Wire.login(hub, await stolen('other'))
    other.close()
  })
})

describe('subscriptions', () => {
  const filters = (d) => [
    '#', '+', '/#', '+/#', '+/+/command', '+/+/+/+/command', 'dy/v1/#', 'dy/v1/+/+/command', 'dy/v1/door/victim/command', 'dy/v1/door/victim/+', `dy/v1/charger/${d.id}/#`, `dy/v1/charger/${d.id}/+`,
    '$SYS/#', '$SYS/broker/clients', '$share/x/#', `$share/x/dy/v1/door/victim/command`, '$share/x/$SYS/#', '../#', `dy/v1/charger/../door/victim/command`,
    `dy/v1/сharger/${d.id}/command`, `dy／v1／charger／${d.id}／command`, `dy/v1/charger/${d.id}/event`, `$share/x/dy/v1/charger/${d.id}/command`, '$queue/#', '$share/#', '$share/x',
  ]

  for (const v of [5, 4]) {
    test(`MQTT ${v === 5 ? '5' : '3.1.1'}: every one is refused and nothing leaks`, async () => {
      const v1 = await Wire.login(hub, victim, { v: 4 })
      v1.send(publishPacket('dy/v1/door/victim/presence', '{"online":true,"boot":"b1"}', { v: 4, retain: true }))
      assert.equal(await v1.puback(), 0)
      v1.send(subscribePacket(['dy/v1/door/victim/command'], { id: 9, v: 4 }))
      await v1.packet(9)
      const spies = []
      let d
      await counted('subscription', async () => {
        let i = 0, all
        do {
          // A client is kept out after twenty, so several ask.
          d = await stolen('subs')
          all = filters(d)
          const w = await Wire.login(hub, d, { v })
          spies.push(w)
          for (const end = i + 10; i < Math.min(end, all.length); i++) {
            w.send(subscribePacket([all[i]], { id: i + 1, v }))
            const codes = await w.suback(i + 1)
            if (v === 5) assert.ok([0x87, 0x8f, 0x9e].includes(codes?.[0]), `${all[i]}: ${codes}`)
            else assert.ok(codes === null || codes[0] === 0x80, `${all[i]}: ${codes}`)
          }
        } while (i < all.length)
      })
      await hub.ok('POST', '/devices/victim/commands', { type: 'unlock', args: { for_s: 3 } })
      await until('the command is with its door', () => v1.messages().length)
      await sleep(200)
      for (const s of spies) {
        assert.deepEqual(s.messages(), [], 'nothing leaks, retained or new')
        s.close()
      }
      v1.close()
      assert.equal((await until('an alarm tells of it', async () => (await alarms(d.id, 'subscription'))[0])).priority, 'high')
    })
  }

  test('a planted command is not kept', async () => {
    const d = await stolen('plant')
    const w = await Wire.login(hub, d)
    const own = `dy/v1/charger/${d.id}/command`
    w.send(publishPacket(own, '{"id":"x","type":"start"}', { retain: true, id: 1 }))
    assert.equal(await w.puback(1), 0x87)
    const ear = await Wire.login(hub, { ...program, id: 'planter' })
    ear.send(publishPacket('dy/v1/door/victim/command', '{"id":"x","type":"unlock"}', { retain: true, id: 1 }))
    assert.equal(await ear.puback(1), 0x87, 'not by a program either')
    w.send(subscribePacket([own], { id: 2 }))
    assert.deepEqual(await w.suback(2), [1])
    ear.send(subscribePacket(['dy/v1/+/+/command'], { id: 3 }))
    await ear.suback(3)
    await sleep(150)
    assert.deepEqual([...w.messages(), ...ear.messages()].filter((m) => m.topic.endsWith('/command')), [])
    w.close()
    ear.close()
  })
})

describe('broken packets', () => {
  const topic = (d) => bin(`dy/v1/charger/${d.id}/event`)
  const alias = (x) => [Buffer.from([0x23]), u16(x)]
  const user = Buffer.concat([Buffer.from([0x26]), bin('k'), bin('v')])
  // What is sent after the login, and the reasons that may be given for the end.
  const cases = {
    'a header that promises 256 MB': [() => Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]), [0x95]],
    'a length of five bytes': [() => Buffer.from([0x32, 0xff, 0xff, 0xff, 0xff, 0x01]), [0x81]],
    'a topic of 65,535 bytes': [() => packet(0x32, u16(65535), Buffer.alloc(65535, 'a'), u16(1), Buffer.from([0]), Buffer.from('{}')), [0x90, 0x87, 0x95]],
    'a payload of 64 KiB and one byte': [(d) => packet(0x32, topic(d), u16(1), Buffer.from([0]), Buffer.alloc(65537, ' ')), [0x95]],
    'NUL in a topic': [() => publishPacket('dy/v1/charger/\0/event', '{}'), [0x81, 0x90]],
    'a topic that is not UTF-8': [() => packet(0x32, u16(3), Buffer.from([0xc3, 0x28, 0x61]), u16(1), Buffer.from([0])), [0x81, 0x90]],
    'half a surrogate pair': [() => packet(0x32, u16(3), Buffer.from([0xed, 0xa0, 0x80]), u16(1), Buffer.from([0])), [0x81, 0x90]],
    'a wildcard in a topic': [() => publishPacket('dy/v1/charger/+/event', '{}'), [0x90, 0x82, 0x87]],
    'an empty topic': [() => publishPacket('', '{}'), [0x82, 0x90, 0x81]],
    'topic alias 0': [(d) => publishPacket(`dy/v1/charger/${d.id}/event`, '{}', { properties: alias(0) }), [0x94]],
    'a topic alias over the maximum': [(d) => publishPacket(`dy/v1/charger/${d.id}/event`, '{}', { properties: alias(1000) }), [0x94]],
    'an alias that was never set': [() => publishPacket('', '{}', { properties: alias(3) }), [0x94, 0x82]],
    'QoS 3': [(d) => packet(0x36, topic(d), u16(1), Buffer.from([0])), [0x81]],
    'DUP with QoS 0': [(d) => packet(0x38, topic(d), Buffer.from([0])), [0x81]],
    'packet identifier 0': [(d) => packet(0x32, topic(d), u16(0), Buffer.from([0])), [0x81, 0x82]],
    'a second CONNECT': [(d) => connectPacket({ id: d.id, user: d.id, pass: d.secret }), [0x82]],
    'a SUBSCRIBE that is cut off': [() => Buffer.from([0x82, 6, 0, 1, 0, 0, 1, 0x61]), [0x81]],
    'a SUBSCRIBE of nothing': [() => Buffer.from([0x82, 3, 0, 1, 0]), [0x81, 0x82]],
    'a SUBSCRIBE with QoS 3': [(d) => packet(0x82, u16(1), Buffer.from([0]), bin(`dy/v1/charger/${d.id}/command`), Buffer.from([3])), [0x81, 0x82]],
    'a SUBSCRIBE with reserved bits': [(d) => packet(0x80, u16(1), Buffer.from([0]), bin(`dy/v1/charger/${d.id}/command`), Buffer.from([1])), [0x81]],
    'an unknown property': [(d) => packet(0x32, topic(d), u16(1), Buffer.from([2, 0x7e, 1])), [0x81]],
    'a property twice': [(d) => publishPacket(`dy/v1/charger/${d.id}/event`, '{}', { properties: [Buffer.from([0x01, 1, 0x01, 1])] }), [0x81, 0x82]],
    'properties longer than the packet': [(d) => packet(0x32, topic(d), u16(1), Buffer.from([0xff, 0x7f])), [0x81]],
    'a CONNACK from a client': [() => Buffer.from([0x20, 3, 0, 0, 0]), [0x81, 0x82]],
    'packet type 0': [() => Buffer.from([0, 0]), [0x81, 0x82]],
    'an AUTH nobody asked for': [() => Buffer.from([0xf0, 2, 0x18, 0]), [0x82, 0x8c, 0x81]],
  }
  for (const [what, [make, reasons]] of Object.entries(cases)) {
    test(`${what}: ends that connection with its reason`, async () => {
      const d = await stolen('bytes')
      const w = await Wire.login(hub, d)
      const was = await refused()
      w.send(make(d))
      await until('it is refused', () => w.closed || w.got.some((p) => p.type === 4 && p.body[2] >= 0x80), 5_000, 5)
      const why = w.farewell || w.got.find((p) => p.type === 4)?.body[2]
      assert.ok(reasons.includes(why), `reason 0x${(why ?? 0).toString(16)}`)
      await until('it is counted', async () => (await refused()) > was, 3_000)
      w.close()
    })
  }

  test('10,000 user properties are read or refused, and cost nothing that stays', async () => {
    const d = await stolen('props')
    const w = await Wire.login(hub, d)
    w.send(publishPacket(`dy/v1/charger/${d.id}/event`, event(), { properties: Array(10_000).fill(user) }))
    await until('it is answered', () => w.closed || w.got.some((p) => p.type === 4))
    w.close()
    const c = new Wire(hub).send(connectPacket({ id: d.id, user: d.id, pass: d.secret, properties: Array(10_000).fill(user) }))
    await until('CONNECT is answered or closed', () => c.closed || c.got.length, 8_000)
    c.close()
  })

  test('before the login: nothing but one CONNECT is read', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0xc0, 0]), publishPacket('dy/v1/door/victim/event', '{}'), Buffer.from([0x16, 3, 1, 2, 0]), Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
      packet(0x10, bin('MQTT'), Buffer.from([6, 2, 0, 60, 0]), bin('x')), packet(0x10, bin('MQTT'), Buffer.from([5, 3, 0, 60, 0]), bin('x'))]) {
      const w = new Wire(hub).send(bytes)
      await w.ended()
      assert.ok(w.got.every((p) => p.type === 2 && p.body[1] !== 0), 'closed, or a CONNACK that says no')
    }
  })

  test('more than Receive Maximum, QoS 2 never released', async () => {
    const d = await stolen('qos2')
    const w = await Wire.login(hub, d)
    for (let i = 1; i <= 3_000 && !w.closed; i++) w.send(publishPacket(`dy/v1/charger/${d.id}/event`, event(`q${i}`), { qos: 2, id: i }))
    await until('it is told so, or held back', () => w.closed || w.got.filter((p) => p.type === 5).length >= 256)
    if (w.closed) assert.equal(w.farewell, 0x93)
    w.close()
  })

  test('a client that is silent beyond its keep alive is taken for dead', async () => {
    const d = await stolen('alive')
    const w = await Wire.login(hub, d, { keepalive: 1 })
    await w.ended(4_000)
  })
})

test('mutated packets: thousands of them, and no connection panics', async () => {
  const d = await hub.device('charger', 'fuzzer', 'east')
  const seeds = (v) => [
    connectPacket({ id: d.id, user: d.id, pass: d.secret, v }), publishPacket(`dy/v1/charger/${d.id}/event`, event(), { v }), publishPacket(`dy/v1/charger/${d.id}/telemetry`, '{}', { qos: 0, v }),
    publishPacket(`dy/v1/charger/${d.id}/event`, event(), { v, qos: 2 }), subscribePacket([`dy/v1/charger/${d.id}/command`], { v }), packet(0xa2, u16(3), ...(v === 5 ? [varint(0)] : []), bin('a/b')),
    Buffer.from([0x62, 2, 0, 1]), Buffer.from([0x40, 2, 0, 1]), Buffer.from([0xc0, 0]), Buffer.from([0xe0, 0]), packet(0xe0, Buffer.from([0, 5, 0x11, 0, 0, 0, 1])),
  ]
  let seed = 20261123
  const random = (k) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0), (seed >>> 8) % k)
  const mutated = (b) => {
    const x = Buffer.from(b)
    for (let k = 1 + random(3); k > 0; k--) x[random(x.length)] = random(256)
    return random(4) ? x : x.subarray(0, 1 + random(x.length))
  }
  const end = Date.now() + 6_000
  let sent = 0
  const one = async () => {
    while (Date.now() < end) {
      const v = random(2) ? 5 : 4
      const all = seeds(v)
      const w = new Wire(hub)
      if (random(4)) w.send(all[0])
      const burst = []
      for (let k = 0; k < 40; k++) burst.push(mutated(all[random(all.length)]))
      w.send(Buffer.concat(burst))
      sent += burst.length
      await until('', () => w.closed || w.got.length > 1, 100, 2).catch(() => {})
      w.close()
    }
  }
  await Promise.all(Array.from({ length: 8 }, one))
  assert.equal(await hub.metric('dongyue_broker_panics_total'), 0)
  assert.equal((await fetch(`${hub.url}/readyz`)).status, 200)
  assert.ok(sent > 2_000, `${sent} packets`)
})
