// What devices say that can't be so: acknowledged, set aside with its reason, no
// effect. And keys that are taken away in the middle of a session.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hub, until } from './lib/hub.mjs'
import { Device } from './lib/device.mjs'
import { Wire, publishPacket, subscribePacket } from './lib/wire.mjs'

const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
let charger, wire, n = 0

before(async () => {
  await hub.start()
  charger = await hub.device('charger', 'liar', 'east')
  wire = await Wire.login(hub, charger, { v: 4 })
})
after(async () => {
  wire?.close()
  await hub.close()
})

const publish = async (channel, payload) => {
  wire.send(publishPacket(`dy/v1/charger/liar/${channel}`, payload, { v: 4, id: ++n }))
  assert.equal(await wire.puback(n), 0, 'it is acknowledged: a device that is not would send it for ever')
}
const at = (ms = 0) => new Date(Date.now() + ms).toISOString()
const quarantined = async (device = 'liar') => (await hub.all(`/events?device=${device}&channel=quarantine`, 'after'))
const year = 365 * 24 * 3600_000
const telemetry = (values) => `{"at":"${at()}","part":"7","values":{${values}}}`

describe('what can not be so goes to quarantine', () => {
  const cases = {
    'not JSON': ['telemetry', () => '{"at":', 'payload.json'],
    'nothing at all': ['telemetry', () => '', 'payload.json'],
    'a list': ['telemetry', () => '[]', 'payload.json'],
    'two objects': ['telemetry', () => telemetry('"power_w":1') + '{}', 'payload.json'],
    'NUL bytes': ['telemetry', () => Buffer.alloc(100), 'payload.json'],
    'not UTF-8': ['telemetry', () => Buffer.concat([Buffer.from('{"at":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), 'payload.json'],
    NaN: ['telemetry', () => telemetry('"temp_c":NaN'), 'payload.'],
    Infinity: ['telemetry', () => telemetry('"temp_c":Infinity'), 'payload.'],
    '-Infinity': ['telemetry', () => telemetry('"temp_c":-Infinity'), 'payload.'],
    '1e309': ['telemetry', () => telemetry('"temp_c":1e309'), 'payload.number'],
    '-1e309': ['telemetry', () => telemetry('"power_w":-1e309'), 'payload.number'],
    'a number of 10,000 digits': ['telemetry', () => telemetry(`"power_w":${'9'.repeat(10_000)}`), 'payload.number'],
    'a number as text': ['telemetry', () => telemetry('"temp_c":"41"'), 'field.'],
    'negative energy': ['telemetry', () => telemetry('"energy_wh":-5'), 'field.range'],
    'a temperature that no sensor survives': ['telemetry', () => telemetry('"temp_c":5000'), 'field.range'],
    'the same member twice': ['telemetry', () => telemetry('"temp_c":20,"temp_c":90'), 'payload.duplicate'],
    'the same member twice, one of them escaped': ['telemetry', () => telemetry('"temp_c":20,"temp\\u005fc":90'), 'payload.duplicate'],
    'a bomb of brackets': ['telemetry', () => telemetry(`"x":${'['.repeat(20_000)}${']'.repeat(20_000)}`), 'payload.complex'],
    'a bomb of members': ['telemetry', () => telemetry(Array.from({ length: 6_000 }, (_, i) => `"m${i}":1`).join()), 'payload.complex'],
    'ten years ahead': ['telemetry', () => `{"at":"${at(10 * year)}","part":"7","values":{"temp_c":20}}`, 'time.future'],
    'the year 275760': ['telemetry', () => '{"at":"+275760-09-13T00:00:00.000Z","values":{"temp_c":20}}', 'time.form'],
    'no time': ['telemetry', () => '{"values":{"temp_c":20}}', 'time.form'],
    'an event of another kind': ['event', () => `{"id":"x1","at":"${at()}","type":"badge","data":{}}`, 'event.unknown'],
    'an event without id': ['event', () => `{"at":"${at()}","type":"smoke","data":{}}`, 'event.id'],
    'an id of 10,000 characters': ['event', () => `{"id":"${'x'.repeat(10_000)}","at":"${at()}","type":"smoke","data":{}}`, 'event.id'],
    'a negative number of the boot': ['event', () => `{"id":"x2","at":"${at()}","seq":-1,"type":"smoke","data":{}}`, 'field.'],
    'a reply to nothing': ['reply', () => `{"at":"${at()}","status":"done"}`, 'event.id'],
    'presence that is a word': ['presence', () => '{"online":"yes"}', 'field.type'],
  }
  for (const [what, [channel, make, code]] of Object.entries(cases)) {
    test(what, async () => {
      const was = (await quarantined()).length
      const alarms = (await hub.all('/alarms?state=all')).filter((a) => !a.rule.startsWith('security.')).length
      await publish(channel, make())
      const all = await until('it is in quarantine', async () => {
        const q = await quarantined()
        return q.length > was && q
      }, 3_000)
      assert.equal(all.length, was + 1)
      assert.ok(all.at(-1).type.startsWith(code), `${all.at(-1).type}: ${all.at(-1).data.detail}`)
      const d = await hub.ok('GET', '/devices/liar')
      assert.deepEqual(d.values, {}, 'the twin has not changed')
      assert.deepEqual(await hub.all('/events?device=liar', 'after'), [])
      const real = (await hub.all('/alarms?state=all')).filter((a) => !a.rule.startsWith('security.') && a.rule.startsWith('charger.')).length
      assert.equal(real, 0, `no rule has acted (${alarms})`)
    })
  }

  for (const qos of [0, 1]) {
    test(`a temperature that can't be read is a fault, not a normal one (QoS ${qos})`, async () => {
      const d = await hub.device('charger', `hot-${qos}`, 'east')
      const w = await Wire.login(hub, d, { v: 4 })
      w.send(publishPacket(`dy/v1/charger/${d.id}/telemetry`, telemetry('"temp_c":NaN'), { v: 4, qos, id: 1 }))
      await until('an alarm tells of it', async () => (await hub.all('/alarms?state=open')).some((a) => a.device === d.id && a.rule === 'device.temperature_unreadable'), 5_000)
      w.close()
    })
  }

  test('the device says how many there were', async () => {
    const d = await until('they are counted', async () => {
      const x = await hub.ok('GET', '/devices/liar')
      return x.quarantined >= Object.keys(cases).length && x
    })
    assert.equal(d.quarantined, Object.keys(cases).length)
  })
})

describe('odd, but not wrong', () => {
  test('-0 is zero', async () => {
    await publish('telemetry', telemetry('"power_w":-0'))
    await until('the twin has it', async () => Object.is((await hub.ok('GET', '/devices/liar')).values['7']?.power_w?.v, 0), 5_000)
  })

  test('the same event a hundred times is one event and one alarm', async () => {
    const d = await hub.device('charger', 'echo', 'east')
    const w = await Wire.login(hub, d, { v: 4 })
    for (let i = 1; i <= 100; i++) w.send(publishPacket('dy/v1/charger/echo/event', JSON.stringify({ id: 's1', boot: 'b', seq: 1, at: at(), type: 'smoke', part: '1', data: {} }), { v: 4, id: i, dup: i % 2 === 0 }))
    await until('each is acknowledged', () => w.got.filter((p) => p.type === 4).length === 100)
    assert.equal((await hub.all('/events?device=echo', 'after')).length, 1)
    const a = await until('its alarm is there', async () => (await hub.all('/alarms?state=all')).filter((x) => x.device === 'echo' && x.rule === 'charger.smoke'))
    assert.deepEqual(a.map((x) => x.count ?? 1), [1])
    w.close()
  })

  test('values that come out of order: the newest stays', async () => {
    const d = await hub.device('charger', 'order', 'east')
    const w = await Wire.login(hub, d, { v: 4 })
    for (const [i, [t, v]] of [[-3_000, 10], [-1_000, 30], [-2_000, 20]].entries()) {
      w.send(publishPacket('dy/v1/charger/order/telemetry', `{"at":"${at(t)}","part":"1","values":{"power_w":${v}}}`, { v: 4, id: i + 1 }))
      await w.puback(i + 1)
    }
    await until('the twin has them', async () => (await hub.ok('GET', '/devices/order')).values['1']?.power_w)
    await sleep(100)
    assert.equal((await hub.ok('GET', '/devices/order')).values['1'].power_w.v, 30)
    w.close()
  })

  test('an event an hour old is kept, marked late, and moves nothing', async () => {
    const d = await hub.device('charger', 'late', 'east')
    const w = await Wire.login(hub, d, { v: 4 })
    w.send(publishPacket('dy/v1/charger/late/event', JSON.stringify({ id: 'l1', boot: 'b', seq: 1, at: at(-3600_000), type: 'smoke', part: '1', data: {} }), { v: 4, id: 1 }))
    assert.equal(await w.puback(1), 0)
    const [e] = await hub.all('/events?device=late', 'after')
    assert.equal(e.late, true)
    await sleep(500)
    assert.deepEqual((await hub.ok('GET', '/devices/late/commands')).items, [])
    w.close()
  })
})

describe('keys that are taken away', () => {
  test('a new secret ends the session of the old one within five seconds', async () => {
    const d = await hub.device('door', 'rotated', 'east/b01/u1')
    const w = await Device.connect(hub, d)
    const begin = Date.now()
    const { secret } = await hub.ok('POST', '/devices/rotated/secret')
    await until('the socket is closed', () => w.closed, 5_000, 5)
    assert.ok(Date.now() - begin < 5_000)
    await assert.rejects(Wire.login(hub, d), /CONNACK/)
    await assert.rejects(Wire.login(hub, { ...d, id: 'rotated', secret: d.secret }, { v: 4 }), /CONNACK/)
    const fresh = await Device.connect(hub, { ...d, secret })
    fresh.close()
  })

  test('a command that was on its way to the old session is not given to it', async () => {
    const d = await hub.device('door', 'void', 'east/b01/u1')
    const w = await Device.connect(hub, d)
    await hub.ok('POST', '/devices/void/secret')
    await until('the socket is closed', () => w.closed, 5_000, 5)
    const sent = await hub.api('POST', '/devices/void/commands', { type: 'unlock', args: { for_s: 3 } })
    await sleep(300)
    assert.deepEqual(w.commands, [], `${sent.status}`)
  })

  test('a token that is revoked ends the sessions of its programs within five seconds', async () => {
    const p = await hub.program('leaves')
    const other = await hub.program('stays')
    const all = []
    for (const [id, secret, user] of [['listener-1', p.token, 'a'], ['listener-2', p.token, 'b'], ['listener-3', other.token, 'c']]) {
      const w = await Wire.login(hub, { id, secret, user })
      w.send(subscribePacket(['dy/v1/#']))
      assert.deepEqual(await w.suback(), [1])
      all.push(w)
    }
    await hub.ok('DELETE', `/tokens/${p.id}`)
    const begin = Date.now()
    await Promise.all(all.slice(0, 2).map((w) => w.ended(5_000)))
    assert.ok(Date.now() - begin < 5_000)
    await assert.rejects(Wire.login(hub, { id: 'listener-1', secret: p.token }), /CONNACK/)
    assert.ok(!all[2].closed, 'another token is not touched')
    all[2].close()
  })
})
