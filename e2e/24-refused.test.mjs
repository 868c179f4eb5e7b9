// What must not work, and what the desk is told of it: docs/security-cases.md lists the
// cases. Each is refused, changes nothing and leaves a trace; those that nobody does by
// mistake raise a security alarm besides.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { busy } from './lib/busy.mjs'
import { Device } from './lib/device.mjs'
import { Hub, now, password, until } from './lib/hub.mjs'

const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
const card = '04A1B2C3D4'
let door, west, resident, captured
let n = 0

const event = (type, data = {}, more = {}) => ({ id: `r-${++n}`, boot: 'b1', seq: n, at: now(), type, data, ...more })
const badge = (typ, value, more) => event('badge', { credential: { type: typ, value }, side: 'in', decision: 'ask' }, more)
const alarms = async (rule) => (await hub.all('/alarms?state=all')).filter((a) => a.rule === rule)
const raised = (rule, f = () => true, ms = 15_000) => until(`the alarm ${rule}`, async () => (await alarms(rule)).find(f), ms)
const audit = async (action) => (await hub.ok('GET', '/audit?limit=1000')).items.filter((e) => e.action === action)
const account = (login, role, more = {}) => hub.ok('POST', '/users', { login, name: login, role, password, ...more })

/** Signs in apart from hub's own cookies; gives a function that asks with that session. */
async function signIn(login) {
  const r = await fetch(`${hub.url}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: login, password }) })
  assert.equal(r.status, 200, `${login}: ${r.status}`)
  const cookie = r.headers.getSetCookie()[0].split(';')[0]
  return async (method, path) => (await fetch(`${hub.url}/api/v1${path}`, { method, headers: { cookie } })).status
}

before(async () => {
  await hub.start()
  door = await Device.connect(hub, await hub.device('door', 'door-east', 'east/b01/u1', '东苑一单元门'))
  west = await Device.connect(hub, await hub.device('door', 'door-west', 'west/b05/u1', '西苑五栋门'))
  resident = await hub.ok('POST', '/people', { name: '王芳', unit: 'east/b01/u1', household: '0302' })
  await hub.ok('POST', '/credentials', { person: resident.id, type: 'card', value: card })
  await hub.ok('POST', '/rights', { person: resident.id, door: 'door-east', schedule: 'always' })
  await account('wangfang', 'resident', { person: resident.id })
  captured = badge('card', card)
  await door.publish('event', captured)
  assert.equal((await door.next((c) => c.args?.ref === captured.id)).type, 'unlock')
})
after(async () => {
  door?.close()
  west?.close()
  await hub.close()
})

test('an operator opens, commands and shuts only within the own zone; the third try is an alarm', async () => {
  await account('east-desk', 'operator', { zones: ['east'] })
  const as = { as: 'east-desk' }
  assert.equal((await hub.api('POST', '/doors/door-east/unlock', { reason: '快递' }, as)).status, 202)
  const first = await hub.api('POST', '/doors/door-west/unlock', { reason: '快递' }, as)
  assert.deepEqual([first.status, first.body.code], [403, 'access.not_your_zone'])
  const second = await hub.api('POST', '/devices/door-west/commands', { type: 'unlock' }, as)
  assert.deepEqual([second.status, second.body.code], [403, 'device.not_your_zone'])
  await sleep(1000)
  assert.equal((await alarms('security.zone')).length, 0, 'two may be a mistake')
  for (const areas of [['west'], ['']]) {
    const r = await hub.api('POST', '/rungs', { areas, rung: 'manual_override', reason: 'x' }, as)
    assert.deepEqual([r.status, r.body.code], [403, 'doors.not_your_zone'], areas[0])
  }
  const a = await raised('security.zone')
  assert.equal(a.priority, 'high')
  assert.match(a.title.zh, /east-desk/)
  assert.equal(west.commands.filter((c) => c.type === 'unlock').length, 0)
  assert.equal((await audit('doors.unlock_refused'))[0].target, 'door-west')
  assert.ok((await hub.ok('GET', '/rungs')).items.length === 0)
  assert.match(JSON.stringify(await hub.ok('GET', `/alarms/${a.id}/procedure`)), /账号被滥用/)
})

test('a resident who asks for another door is refused as for one that is not there, and it is an alarm', async () => {
  const as = { as: 'wangfang' }
  assert.equal((await hub.api('POST', '/home/doors/door-east/open', undefined, as)).status, 202)
  const bodies = []
  for (const d of ['door-west', 'door-nowhere']) {
    const r = await hub.api('POST', `/home/doors/${d}/open`, undefined, as)
    assert.equal(r.status, 403, d)
    bodies.push(r.body)
  }
  assert.deepEqual(bodies[0], bodies[1])
  assert.equal((await hub.api('POST', '/home/doors/door-west/lift', undefined, as)).status, 403)
  assert.equal((await raised('security.not_own_door')).priority, 'medium')
  assert.equal(west.commands.filter((c) => c.type === 'unlock' || c.type === 'call').length, 0)
  assert.ok((await audit('home.open_refused')).some((e) => e.target === 'door-west'))
})

test('objects of others are not there: passes, phones, commands, copies', async () => {
  const other = await hub.ok('POST', '/people', { name: '赵四', unit: 'west/b05/u1' })
  await hub.ok('POST', '/rights', { person: other.id, door: 'door-west' })
  const pass = await hub.ok('POST', '/passes', { host: other.id, name: '客人', to: new Date(Date.now() + 3600e3).toISOString() })
  const command = await hub.ok('POST', '/doors/door-west/unlock', { reason: '快递' })
  for (const [method, path] of [['DELETE', `/home/passes/${pass.id}`], ['DELETE', '/home/phones/ph-none'], ['GET', `/home/commands/${command.id}`]]) {
    const r = await hub.api(method, path, undefined, { as: 'wangfang' })
    assert.equal(r.status, 404, `${method} ${path}: ${JSON.stringify(r.body)}`)
  }
  assert.equal((await hub.ok('GET', pass.link)).state, 'good')
  for (const path of ['/people', `/people/${other.id}`, '/badges', '/door-lists', '/badge-trails', '/doors']) {
    assert.equal((await hub.api('GET', path, undefined, { as: 'wangfang' })).status, 403, path)
  }
})

test('a copy of somebody’s badges needs a reason and a second person', async () => {
  for (const [login, role] of [['desk', 'operator'], ['chief', 'supervisor']]) await account(login, role)
  const from = new Date(Date.now() - 3600e3).toISOString(), to = new Date(Date.now() + 3600e3).toISOString()
  const none = await hub.api('POST', '/badge-trails', { person: resident.id, from, to, reason: ' ' }, { as: 'desk' })
  assert.deepEqual([none.status, none.body.code], [422, 'access.reason_needed'])
  const t = await hub.ok('POST', '/badge-trails', { person: resident.id, from, to, reason: '派出所调取 案件 1107' }, { as: 'desk' })
  assert.equal(t.state, 'waiting')
  const early = await hub.api('GET', `/badge-trails/${t.id}/file`, undefined, { as: 'desk' })
  assert.deepEqual([early.status, early.body.code], [403, 'access.not_allowed'])
  assert.equal((await hub.api('POST', `/badge-trails/${t.id}/allow`, undefined, { as: 'desk' })).status, 403, 'an operator allows nothing')
  const own = await hub.ok('POST', '/badge-trails', { person: resident.id, from, to, reason: '自查' }, { as: 'chief' })
  const self = await hub.api('POST', `/badge-trails/${own.id}/allow`, undefined, { as: 'chief' })
  assert.deepEqual([self.status, self.body.code], [403, 'access.own_request'])
  assert.equal((await hub.ok('POST', `/badge-trails/${t.id}/allow`, { answer: '同意' }, { as: 'chief' })).state, 'allowed')
  assert.equal((await hub.api('GET', `/badge-trails/${t.id}/file`, undefined, { as: 'chief' })).status, 404, 'only who asked takes it')
  const file = await hub.api('GET', `/badge-trails/${t.id}/file`, undefined, { as: 'desk' })
  assert.equal(file.status, 200)
  assert.match(file.headers.get('content-type'), /text\/csv/)
  assert.match(file.body, /door-east,东苑一单元门,east\/b01\/u1,in,granted/)
  assert.equal((await hub.api('POST', `/badge-trails/${t.id}/refuse`, undefined, { as: 'admin' })).status, 409)
  for (const action of ['trail.asked', 'trail.allowed', 'trail.taken']) assert.ok((await audit(action)).some((e) => e.target === resident.id && e.detail.trail === t.id), action)
})

test('an order to open that waited is never carried out', async () => {
  const d = await hub.device('door', 'door-away', 'east/b02/u1')
  const long = await hub.api('POST', '/devices/door-away/commands', { type: 'unlock', ttl_s: 600 })
  assert.deepEqual([long.status, long.body.code], [422, 'command.ttl'])
  const c = await hub.ok('POST', '/devices/door-away/commands', { type: 'unlock', ttl_s: 2 })
  assert.equal((await hub.api('POST', '/doors/door-away/unlock', { reason: '快递' })).status, 409)
  await until('its time is over', async () => (await hub.ok('GET', `/devices/door-away/commands/${c.id}`)).status === 'expired')
  const late = await Device.connect(hub, d)
  try {
    await late.publish('event', event('closed'))
    await sleep(2000)
    assert.deepEqual(late.commands.filter((x) => x.type === 'unlock'), [])
    assert.equal((await hub.ok('GET', `/devices/door-away/commands/${c.id}`)).status, 'expired')
  } finally {
    late.close()
  }
})

test('what is done to the door itself: contact cut and shorted, reader pulled, spoken in the clear, opened; lock and button that do not follow', async () => {
  const d = await Device.connect(hub, await hub.device('door', 'door-abused', 'east/b03/u1'))
  const on = (a) => a.device === 'door-abused'
  const state = (position, lock = 'secured') => d.publish('state', { at: now(), state: { lock, position, mode: 'controlled' } })
  try {
    await state('closed')
    await sleep(2500) // what a door kept for the hub comes first
    const faults = async (active) => (await hub.ok('GET', '/events?device=door-abused&type=contact_fault&limit=100')).items.filter((e) => e.data.active === active).length
    for (const [i, how] of ['cut', 'shorted'].entries()) {
      await state(how)
      await until(`${how} is told`, async () => (await faults(true)) === i + 1)
      assert.equal((await raised('door.contact_fault', (a) => on(a) && !a.returned_at)).priority, 'high')
      const v = (await hub.ok('GET', '/doors?zone=east/b03')).items[0]
      assert.deepEqual([v.position, v.secure, v.alarm], ['fault', 'unknown', 'door_fault'], how)
      await state('closed')
      await until(`${how} is over`, async () => (await faults(false)) === i + 1)
      await raised('door.contact_fault', (a) => on(a) && a.returned_at)
    }
    for (const [link, rule] of [['lost', 'door.reader_lost'], ['default_key', 'door.reader_insecure'], ['clear_text', 'door.reader_insecure']]) {
      await d.publish('event', event('reader_link', { link }))
      assert.equal((await raised(rule, on)).priority, 'high', link)
    }
    await d.publish('event', event('reader_link', { link: 'secure' }))
    await d.publish('event', event('tamper', { active: true }))
    assert.equal((await raised('door.tamper', on)).priority, 'high')
    await state('closed', 'unlocked') // nobody was let in
    assert.ok(await raised('door.lock_fault', on))
    await state('closed')
    await d.publish('event', event('rex', { active: true }))
    const pressed = Date.now()
    assert.equal((await alarms('door.rex_stuck')).length, 0)
    await sleep(1000)
    const a = await raised('door.rex_stuck', on, 75_000)
    assert.ok(Date.now() - pressed >= 59_000, 'not before a minute')
    assert.equal(a.priority, 'medium')
  } finally {
    d.close()
  }
})

test('wrong PINs at ten doors are one who tries them all', async () => {
  for (let i = 0; i < 10; i++) {
    const d = await Device.connect(hub, await hub.device('door', `door-pin-${i}`, `east/b0${i}/u1`))
    const e = badge('pin', '000000')
    await d.publish('event', e)
    assert.equal((await d.next((c) => c.args?.ref === e.id)).args.reason, 'pin_wrong')
    d.close()
    if (i === 8) assert.equal((await alarms('door.pin_spread')).length, 0)
  }
  assert.equal((await raised('door.pin_spread')).priority, 'high')
})

test('a badge that was recorded on the line and played back opens nothing, and is an alarm', async () => {
  const answers = () => door.commands.filter((c) => c.args?.ref === captured.id).length
  await sleep(Math.max(0, Date.parse(captured.at) + 61_000 - Date.now()))
  assert.equal((await alarms('door.badge_replayed')).length, 0)
  await door.publish('event', captured)
  assert.equal((await raised('door.badge_replayed')).device, 'door-east')
  assert.equal(answers(), 1, 'it is not answered again')
  const forged = { ...captured, id: 'forged-1' } // the same number of the same boot under another name
  await door.publish('event', forged)
  await until('it is journaled as late', async () => (await hub.ok('GET', '/events?device=door-east&type=badge&limit=1000')).items.find((e) => e.id === 'forged-1')?.late)
  await until('it is told', async () => (await hub.ok('GET', '/events?device=door-east&type=badge_replayed&limit=100')).items.some((e) => e.data.event === 'forged-1'))
  assert.equal(door.commands.filter((c) => c.args?.ref === 'forged-1').length, 0)
})

test('a signed-out session that is used again ends the whole family', async () => {
  await account('night', 'operator')
  const [thief, owner] = [await signIn('night'), await signIn('night')]
  assert.equal(await thief('DELETE', '/session'), 204)
  assert.equal(await thief('GET', '/alarms'), 401)
  assert.equal(await owner('GET', '/alarms'), 200, 'a request that was under way is no theft')
  await sleep(10_500)
  assert.equal(await thief('GET', '/alarms'), 401)
  assert.equal(await owner('GET', '/alarms'), 401)
  assert.equal((await raised('security.session_reused')).priority, 'high')
  assert.equal((await audit('session.reused'))[0].detail.sessions_ended, 1)
  await signIn('night') // the owner comes in again
})

test('who moves out is out at once, and a token of before is told of', async () => {
  const me = await signIn('wangfang')
  assert.equal(await me('GET', '/home'), 200)
  const began = Date.now()
  await hub.ok('POST', `/people/${resident.id}/move-out`)
  assert.equal(await me('GET', '/home'), 401)
  assert.ok(Date.now() - began < 2000 * busy())
  assert.equal((await raised('security.session_of_gone')).priority, 'low')
  const e = badge('card', card)
  await door.publish('event', e)
  assert.equal((await door.next((c) => c.args?.ref === e.id)).args.reason, 'inactive')
})

test('who can write the database can’t rewrite what was done', async () => {
  assert.equal((await hub.ok('GET', '/audit/check')).ok, true)
  const edit = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], timeout=20)
c.execute("DROP TRIGGER audit_no_update")
c.execute("UPDATE audit SET actor = 'somebody-else' WHERE action = 'doors.unlock_refused'")
c.commit()
print(c.execute("SELECT min(seq) FROM audit WHERE actor = 'somebody-else'").fetchone()[0])`
  const at = Number(execFileSync('python3', ['-c', edit, join(hub.dir, 'data', 'hub.db')], { encoding: 'utf8' }))
  const check = await hub.ok('GET', '/audit/check')
  assert.deepEqual([check.ok, check.broken_at], [false, at])
  const a = await raised('security.audit')
  assert.equal(a.priority, 'critical')
  assert.match(a.title.en, new RegExp(`from entry ${at} on`))
})

test('passwords by the dozen: held back, told of, and the right one waits as well', async () => {
  await account('target', 'operator')
  const sign = (p) => hub.api('POST', '/session', { username: 'target', password: p }, { as: '' })
  const codes = []
  for (let i = 0; i < 12; i++) codes.push((await sign(`guess-${i}`)).status)
  assert.deepEqual(codes, [...Array(10).fill(401), 429, 429])
  const r = await sign(password)
  assert.equal(r.status, 429)
  assert.ok(Number(r.headers.get('retry-after')) > 0)
  assert.equal((await raised('security.sign_in')).priority, 'medium')
})
