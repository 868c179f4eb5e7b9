// A door asks, the hub decides; and nobody speaks for another.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, now, until } from './lib/hub.mjs'
import { publish } from './lib/mqtt.mjs'
import { Device } from './lib/device.mjs'

const hub = new Hub('serve', [])
let door, other, person

before(async () => {
  await hub.start()
  door = await hub.device('door', 'door-e2e', 'east/b01/u1')
  other = await hub.device('door', 'door-other', 'west/b05/u1')
  person = await hub.ok('POST', '/people', { name: '王芳', unit: 'east/b01/u1' })
  await hub.ok('POST', '/credentials', { person: person.id, type: 'card', value: '04A1B2C3D4' })
  await hub.ok('POST', '/rights', { person: person.id, door: 'door-e2e', schedule: 'always' })
})
after(() => hub.close())

const ask = (id, value) => ({ id, boot: 'b1', seq: 1, at: now(), type: 'badge', data: { credential: { type: 'card', value }, side: 'in', decision: 'ask' } })

test('a good card opens, an unknown one and one of another door do not', async () => {
  const d = await Device.connect(hub, door)
  const o = await Device.connect(hub, other)
  try {
    await d.publish('event', ask('ask-1', '04A1B2C3D4'))
    const yes = await d.next((c) => c.args?.ref === 'ask-1')
    assert.equal(yes.type, 'unlock')
    assert.ok(new Date(yes.expires_at) > new Date())
    await d.publish('event', ask('ask-2', 'FFFFFFFF'))
    const no = await d.next((c) => c.args?.ref === 'ask-2')
    assert.equal(no.type, 'deny')
    assert.ok(no.args.reason)
    await o.publish('event', ask('ask-3', '04A1B2C3D4'))
    assert.equal((await o.next((c) => c.args?.ref === 'ask-3')).type, 'deny')
    await d.publish('event', ask('ask-1', '04A1B2C3D4')) // a repeat has no second effect
    await d.publish('event', ask('ask-4', '04A1B2C3D4'))
    await d.next((c) => c.args?.ref === 'ask-4')
    assert.equal(d.commands.filter((c) => c.args?.ref === 'ask-1').length, 1)
  } finally {
    d.close()
    o.close()
  }
  const log = await until('the badge log is complete', async () => {
    const { items } = await hub.ok('GET', '/badges?door=door-e2e')
    return items.length >= 3 && items
  })
  assert.equal(log.filter((b) => b.decision === 'granted').length, 2)
})

test('a visitor with a link comes in once, and a picture of the code does not', async () => {
  const d = await Device.connect(hub, door)
  try {
    const pass = await hub.ok('POST', '/passes', { host: person.id, name: '张三', to: new Date(Date.now() + 3600e3).toISOString(), uses: 1, doors: ['door-e2e'] })
    const page = await hub.ok('GET', pass.link)
    assert.equal(page.state, 'good')
    const show = async (id, value, side = 'in') => {
      const e = ask(id, value)
      Object.assign(e.data, { credential: { type: 'qr', value }, side })
      await d.publish('event', e)
      return d.next((c) => c.args?.ref === id)
    }
    assert.equal((await show('qr-1', page.code.qr)).type, 'unlock')
    assert.equal((await show('qr-2', page.code.qr)).args.reason, 'credential_replay')
    assert.equal((await hub.ok('GET', pass.link)).state, 'used_up')
    await hub.ok('DELETE', `/passes/${pass.id}`)
    assert.equal((await hub.ok('GET', pass.link)).state, 'revoked')
  } finally {
    d.close()
  }
})

test('who moves out is refused by the next badge', async () => {
  const d = await Device.connect(hub, door)
  try {
    const p = await hub.ok('POST', '/people', { name: '李秀英' })
    await hub.ok('POST', '/credentials', { person: p.id, type: 'card', value: '0011223344' })
    await hub.ok('POST', '/rights', { person: p.id, door: 'door-e2e' })
    await d.publish('event', ask('move-1', '0011223344'))
    assert.equal((await d.next((c) => c.args?.ref === 'move-1')).type, 'unlock')
    const receipt = await hub.ok('POST', `/people/${p.id}/move-out`)
    assert.deepEqual([receipt.credentials, receipt.rights], [1, 1])
    await d.publish('event', ask('move-2', '0011223344'))
    assert.equal((await d.next((c) => c.args?.ref === 'move-2')).args.reason, 'inactive')
  } finally {
    d.close()
  }
})

test('a duress PIN opens like any, and the desk knows', async () => {
  const d = await Device.connect(hub, door)
  try {
    await hub.ok('POST', '/credentials', { person: person.id, type: 'pin', value: '135790' })
    await hub.ok('POST', '/credentials', { person: person.id, type: 'pin', value: '246802', duress: true })
    const answers = []
    for (const [id, value] of [['pin-1', '135790'], ['pin-2', '246802']]) {
      const e = ask(id, value)
      e.data.credential.type = 'pin'
      await d.publish('event', e)
      const { type, args } = await d.next((c) => c.args?.ref === id)
      answers.push({ type, ...args, ref: '' })
    }
    assert.deepEqual(answers[1], answers[0])
    const alarm = await until('the desk is told', async () => (await hub.ok('GET', '/alarms?limit=100')).items.find((a) => a.rule === 'door.duress'))
    assert.equal(alarm.device, 'door-e2e')
    const [row] = (await hub.ok('GET', '/badges?door=door-e2e')).items
    assert.ok(!JSON.stringify(row).includes('duress'))
  } finally {
    d.close()
  }
})

test('an operator opens a door with a reason, and not without', async () => {
  const d = await Device.connect(hub, door)
  try {
    assert.equal((await hub.api('POST', '/doors/door-e2e/unlock', {})).status, 422)
    await hub.ok('POST', '/doors/door-e2e/unlock', { reason: '快递' })
    assert.equal((await d.next((c) => c.type === 'unlock' && !c.args?.ref?.startsWith('ask'))).type, 'unlock')
  } finally {
    d.close()
  }
})

test('a device that speaks for another is refused', async () => {
  const r = await publish(hub, door, 'dy/v1/door/door-other/event', ask('forged', '04A1B2C3D4'), { v: 'mqttv5' })
  assert.notEqual(r.code === 0 && !/not authori[sz]ed|refused/i.test(r.err), true, r.err)
  assert.equal((await hub.ok('GET', '/events?device=door-other&limit=100')).items.filter((e) => e.id === 'forged').length, 0)
  const wrong = await publish(hub, { id: 'door-e2e', secret: 'wrong' }, 'dy/v1/door/door-e2e/event', ask('x', 'y'))
  assert.notEqual(wrong.code, 0)
})

test('what does not parse goes to quarantine with its reason', async () => {
  const bad = await publish(hub, door, 'dy/v1/door/door-e2e/event', '{"id":"q1","type":"badge"')
  assert.equal(bad.code, 0, bad.err)
  const q = await until('it is there', async () => (await hub.ok('GET', '/events?device=door-e2e&channel=quarantine')).items[0])
  assert.equal(q.channel, 'quarantine')
  assert.ok(q.type)
})
