// The outside contract, clause by clause, on the binary as it is started: flags and
// variables, the start block, exit codes, the shapes that independent clients read.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, open } from './lib/browser.mjs'
import { Device } from './lib/device.mjs'
import { Hub, binary, freePort, now, password, until } from './lib/hub.mjs'

const hub = new Hub('serve', [])
const dirs = []
const folder = () => (dirs.push(mkdtempSync(join(tmpdir(), 'dongyue-contract-'))), dirs.at(-1))
before(() => hub.start())
after(async () => {
  await hub.close()
  dirs.forEach((d) => rmSync(d, { recursive: true, force: true }))
})

const listening = (port) => new Promise((ok) => {
  const s = connect(port, '127.0.0.1', () => (s.destroy(), ok(true)))
  s.on('error', () => ok(false))
})
const has = (o, ...keys) => keys.forEach((k) => assert.ok(k in o, `no ${k} in ${JSON.stringify(o)}`))
const problem = (r, status, code) => {
  assert.equal(r.status, status, JSON.stringify(r.body))
  assert.equal(r.headers.get('content-type'), 'application/problem+json')
  assert.equal(r.body.status, status)
  assert.match(r.body.code, code ?? /^[a-z_]+(\.[a-z_0-9]+)*$/)
}

/** Runs the binary with an environment of its own until it is ready. */
async function run(args, env, port) {
  const p = spawn(binary, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const x = { out: '', err: '' }
  p.stdout.on('data', (b) => (x.out += b))
  p.stderr.on('data', (b) => (x.err += b))
  const ended = new Promise((ok) => p.once('exit', (code, signal) => ((x.over = true), ok({ code, signal }))))
  x.stop = (signal = 'SIGTERM') => (p.kill(signal), ended)
  await until('the start block is there', () => {
    if (x.over) throw new Error(x.err)
    return x.out.includes('devices ') && (!port || listening(port))
  }, 30_000)
  return x
}

test('variables stand for flags, flags win, off closes; two hubs side by side; one start block; SIGTERM', async () => {
  const [a, b, c, d, m] = await Promise.all([1, 2, 3, 4, 5].map(freePort))
  const [one, two] = await Promise.all([
    run(['serve', '--http', `127.0.0.1:${a}`], { DONGYUE_HTTP: `127.0.0.1:${d}`, DONGYUE_DATA: folder(), DONGYUE_MQTT: `127.0.0.1:${m}`, DONGYUE_MQTTS: 'off', DONGYUE_WEBRTC: 'off', DONGYUE_ADMIN_PASSWORD: password }, a),
    run(['serve', '--data', folder(), '--http', `127.0.0.1:${b}`, '--mqtt', 'off', '--mqtts', 'off', '--webrtc', `127.0.0.1:${c}`], {}, b),
  ])
  try {
    assert.equal(await listening(d), false, 'a flag lies over a variable')
    assert.equal(await listening(m), true, 'DONGYUE_MQTT')
    assert.equal(await listening(c), true, '--webrtc is also TCP')
    assert.doesNotMatch(one.out, /webrtc/)
    assert.doesNotMatch(two.out, /mqtt/)
    const signIn = (port, pass) => fetch(`http://127.0.0.1:${port}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password: pass }) })
    assert.equal((await signIn(a, password)).status, 200, 'DONGYUE_ADMIN_PASSWORD')
    assert.doesNotMatch(one.out, /account/, 'a password that was given is not printed')
    const printed = two.out.match(/^ {2}admin +(\S+)/m)?.[1]
    assert.ok(printed, two.out)
    assert.equal((await signIn(b, printed)).status, 200, 'the one-time password')
    assert.equal((await signIn(b, password)).status, 401)
    const block = [one.out, two.out]
    await fetch(`http://127.0.0.1:${a}/api/v1/nothing`)
    const t = Date.now()
    assert.deepEqual(await Promise.all([one.stop(), two.stop()]), [{ code: 0, signal: null }, { code: 0, signal: null }])
    assert.ok(Date.now() - t < 10_000)
    assert.deepEqual([one.out, two.out], block, 'nothing after the start block')
  } finally {
    await Promise.all([one.stop('SIGKILL'), two.stop('SIGKILL')])
  }
})

test('the password that the demonstration prints is good for every account', async () => {
  const [a, m, r] = await Promise.all([1, 2, 3].map(freePort))
  const x = await run(['demo', '--quiet', '--data', folder(), '--http', `127.0.0.1:${a}`, '--mqtt', `127.0.0.1:${m}`, '--mqtts', 'off', '--webrtc', 'off', '--rtsp', `127.0.0.1:${r}`], {}, a)
  try {
    assert.equal(await listening(r), true, '--rtsp')
    const accounts = [...x.out.matchAll(/^ {2}(\w+) +(\S+) +http/gm)]
    assert.deepEqual(accounts.map(([, login]) => login), ['operator', 'supervisor', 'crew', 'resident', 'admin'])
    for (const [, username, pass] of accounts) {
      const s = await fetch(`http://127.0.0.1:${a}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username, password: pass }) })
      assert.equal(s.status, 200, username)
    }
  } finally {
    await x.stop('SIGKILL')
  }
})

test('a wrong command line ends with 2, a wrong configuration with 3, an ill hub with 4', async () => {
  const exec = (...args) => spawnSync(binary, args, { encoding: 'utf8', timeout: 20_000, env: { PATH: process.env.PATH } })
  assert.equal(exec('serve', '--nonsense').status, 2)
  assert.equal(exec('serve', '--data', folder(), '--http', 'nowhere').status, 3)
  assert.equal(exec('health', '--url', `http://127.0.0.1:${await freePort()}`).status, 4)
  const taken = exec('serve', '--data', folder(), '--http', `127.0.0.1:${hub.ports.http}`, '--mqtt', 'off', '--mqtts', 'off', '--webrtc', 'off')
  assert.equal(taken.status, 1)
  assert.equal(taken.stdout, '')
  assert.match(taken.stderr, /in use/)
})

test('devices, events, alarms', async () => {
  const lamp = await hub.ok('POST', '/devices', { id: 'lamp-c1', kind: 'lamp', name: '灯', zone: 'east/p01' })
  has(lamp, 'id', 'kind', 'secret')
  assert.equal('secret' in (await hub.ok('GET', '/devices/lamp-c1')), false, 'a secret is shown once')
  has(await hub.ok('POST', '/devices/lamp-c1/secret'), 'secret')
  const fresh = 'preset-0123456789abcdef'
  const r = await hub.api('POST', '/devices/import', `id,kind,name,zone,secret\nlamp-c2,lamp,二,east/p01,${fresh}\n`, { headers: { 'content-type': 'text/csv' } })
  assert.ok(r.status < 300, JSON.stringify(r.body))
  const d = await Device.connect(hub, { id: 'lamp-c2', kind: 'lamp', secret: fresh })
  assert.doesNotMatch(JSON.stringify([r.body, await hub.ok('GET', '/devices/lamp-c2')]), new RegExp(fresh))
  await d.publish('event', { id: 'c-1', boot: 'b1', seq: 1, at: now(), type: 'sos', data: { pressed: true } })
  const list = await until('the alarm is listed', async () => {
    const l = await hub.ok('GET', '/alarms?device=lamp-c2')
    return l.items.length && l
  })
  assert.equal(typeof list.next, 'string')
  const alarm = list.items[0]
  has(alarm, 'id', 'seq', 'rule', 'device', 'part', 'priority', 'state', 'title', 'raised_at', 'acked_at', 'acked_by', 'returned_at', 'closed_at', 'cameras', 'incident')
  has(alarm.title, 'zh', 'en')
  assert.ok(['critical', 'high', 'medium', 'low'].includes(alarm.priority))
  assert.equal(alarm.state, 'unacked_active')
  assert.ok(Array.isArray(alarm.cameras))
  const acked = await hub.ok('POST', `/alarms/${alarm.id}/ack`, {})
  assert.equal(acked.state, 'acked_active')
  await hub.ok('POST', `/alarms/${alarm.id}/comment`, { text: '看过了' })
  has(await hub.ok('GET', `/alarms/${alarm.id}`), 'journal')
  const events = await hub.ok('GET', '/events?after=0&device=lamp-c2&type=sos&limit=10')
  assert.equal(typeof events.next, 'string')
  has(events.items[0], 'seq', 'id', 'device', 'kind', 'type', 'part', 'at', 'received_at', 'late', 'data')
  const sent = await hub.ok('POST', '/devices/lamp-c2/commands', { type: 'dim', args: { pct: 40 } }, { headers: { 'idempotency-key': 'c-dim' } })
  const again = await hub.ok('POST', '/devices/lamp-c2/commands', { type: 'dim', args: { pct: 40 } }, { headers: { 'idempotency-key': 'c-dim' } })
  assert.equal(again.id, sent.id)
  has(await d.next((c) => c.type === 'dim'), 'id', 'type', 'at', 'expires_at', 'args')
  d.close()
})

test('cameras keep their passwords, broadcasts, people, rights, orders', async () => {
  const cam = await hub.ok('POST', '/cameras', { id: 'cam-c1', name: '门', url: 'rtsp://viewer:hunter2@127.0.0.1:9/main', sub_url: 'rtsp://viewer:hunter2@127.0.0.1:9/sub', zone: 'east' })
  const said = [cam, await hub.ok('GET', '/cameras'), await hub.ok('GET', '/cameras/cam-c1'), await hub.ok('GET', '/cameras/cam-c1/why'),
    (await hub.api('POST', '/cameras', { nme: 'x', url: 'rtsp://viewer:hunter2@127.0.0.1:9/main' })).body,
    (await hub.api('POST', '/cameras', { id: 'cam-c1', url: 'rtsp://viewer:hunter2@127.0.0.1:9/main' })).body,
    (await hub.api('GET', '/cameras/cam-c1/snapshot.mp4')).body, await (await fetch(`${hub.url}/metrics`)).text()]
  assert.doesNotMatch(JSON.stringify(said) + hub.log + hub.out, /hunter2/)
  await hub.device('speaker', 'speaker-c1', 'east/p01')
  const b = await hub.ok('POST', '/broadcasts', { zones: ['east'], text: '演习', priority: 4, mode: 'exercise' })
  has(b, 'id', 'targets', 'playing', 'failed')
  has(await hub.ok('GET', `/broadcasts/${b.id}`), 'id', 'targets', 'playing', 'failed')
  await hub.ok('POST', '/devices', { id: 'door-c1', kind: 'door', name: '门', zone: 'east/b01/u1' })
  const p = await hub.ok('POST', '/people', { name: '郭', unit: 'east/b01/u1' })
  has(p, 'id')
  await hub.ok('POST', '/credentials', { person: p.id, type: 'card', value: '04A1B2C3D4E5F6' })
  await hub.ok('POST', '/rights', { person: p.id, door: 'door-c1', schedule: 'always' })
  await hub.ok('POST', '/rights', { person: p.id, zone: 'east/b01', schedule: 'always' })
  await hub.ok('POST', '/rights', { group: 'staff', door: 'door-c1', schedule: 'always' })
  for (const path of ['/people', '/credentials', '/rights', '/zones', '/work-orders', '/rules', '/cameras', '/devices', '/broadcasts', '/alarms']) {
    const l = await hub.ok('GET', path)
    assert.ok(Array.isArray(l.items) && typeof l.next === 'string', `${path}: ${Object.keys(l)}`)
  }
  has(await hub.ok('POST', '/rules/check', { text: 'rules: []' }), 'problems')
})

test('what is not there yet, and what never will be, is a problem and no page', async () => {
  const id = 'cam-c1'
  for (const [method, path, body = {}] of [
    ['POST', '/alarms/x/shelve', { kind: 'one_shot', minutes: 10, reason: 'a test' }], ['POST', '/alarms/x/unshelve'], ['GET', '/incidents'], ['GET', '/lockdowns'], ['GET', '/musters'], ['GET', '/passes'],
    ['GET', '/households'], ['GET', `/cameras/${id}/clips`], ['GET', '//open311/v2/services.json'], ['GET', '//api'], ['GET', '/nothing'],
  ]) {
    const r = await hub.api(method, path, method === 'POST' ? body : undefined)
    if (r.status >= 400) problem(r, 404)
  }
  problem(await hub.api('POST', '/lockdowns', {}), 422, /^request\.invalid$/)
  const ptz = await hub.api('POST', `/cameras/${id}/ptz`, { stop: true })
  problem(ptz, ptz.status, /^camera\./) // it can't be turned
  assert.ok(ptz.status >= 400 && ptz.status < 500, `${ptz.status}`)
  problem(await hub.api('DELETE', '/devices'), 405, /^request\.method$/)
})

test('other sites, caches and frames are kept out; a session is new at each sign-in and ends with it', async () => {
  const body = { name: 'x', unit: '' }
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }, { origin: 'null' }]) {
    problem(await hub.api('POST', '/people', body, { headers }), 403, /^request\.cross_site$/)
  }
  problem(await hub.api('POST', '/people', 'name=x', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }), 415)
  const { headers } = await hub.api('GET', '/people')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/)
  const r = await fetch(`${hub.url}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json', cookie: 'dongyue_session=chosen-by-another' }, body: JSON.stringify({ username: 'admin', password }) })
  const set = r.headers.getSetCookie()[0]
  assert.match(set, /HttpOnly/)
  assert.match(set, /SameSite=Lax/)
  assert.doesNotMatch(set, /chosen/)
  const cookie = set.split(';')[0]
  const me = (method) => fetch(`${hub.url}/api/v1/session`, { method, headers: { cookie } }).then((x) => x.status)
  assert.deepEqual([await me('GET'), await me('DELETE'), await me('GET')], [200, 204, 401])
})

test('streams: garbage is refused, the end and beyond are told apart, roles see their topics', async () => {
  const ask = async (headers, method = 'GET') => {
    const stop = new AbortController()
    const r = await fetch(`${hub.url}/api/v1/stream`, { method, signal: stop.signal, headers })
    let text = ''
    if (r.body) {
      const pump = (async () => { for await (const c of r.body) text += Buffer.from(c) })().catch(() => {})
      await Promise.race([pump, new Promise((ok) => setTimeout(ok, 400))])
      stop.abort()
    }
    return { status: r.status, text }
  }
  const cookie = await hub.session('admin')
  for (const id of ['garbage', '-1', '1e3', '99999999999999999999999']) assert.equal((await ask({ cookie, 'last-event-id': id })).status, 400, id)
  assert.match((await ask({ cookie, 'last-event-id': '9999999' })).text, /event: reset/)
  assert.equal((await ask({ cookie }, 'HEAD')).status, 200)
  const all = (await ask({ cookie, 'last-event-id': '0' })).text
  for (const topic of ['alarm', 'device', 'command', 'camera']) assert.match(all, new RegExp(`event: ${topic}\n`), topic)
  assert.doesNotMatch(all, /hunter2/)
  const { token } = await hub.ok('POST', '/tokens', { name: 'crew', role: 'crew' })
  const crew = (await ask({ authorization: `Bearer ${token}`, 'last-event-id': '0' })).text
  assert.match(crew, /event: alarm\n/)
  assert.doesNotMatch(crew, /event: (command|badge|camera|broadcast)\n/)
})

test('WHEP: strangers, junk and the sessions of others', async () => {
  const sdp = (body, more = {}) => hub.api('POST', '//whep/cam-c1', body, { headers: { 'content-type': 'application/sdp' }, ...more })
  problem(await sdp('v=0', { as: null }), 401)
  for (const junk of ['', 'hello', 'v=0\r\n\0', 'a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n'.repeat(4_000)]) problem(await sdp(junk), 400)
  problem(await sdp('a=x\r\n'.repeat(100_000)), 413)
  problem(await hub.api('POST', '//whep/wall', 'v=0', { headers: { 'content-type': 'application/sdp' } }), 400)
  problem(await hub.api('DELETE', '//whep/cam-c1/of-somebody'), 404)
  problem(await hub.api('PUT', '//whep/wall/of-somebody/tiles', { tiles: [] }), 404)
  problem(await hub.api('PATCH', '//whep/cam-c1/of-somebody', 'a=end-of-candidates', { headers: { 'content-type': 'application/trickle-ice-sdpfrag' } }), 404)
})

test('a name is text on the desk, whatever it contains', { skip: !['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].some(existsSync) && 'no Chromium here' }, async () => {
  const name = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
  const lamp = await hub.device('lamp', 'lamp-x1', 'east/p01', name)
  await hub.ok('POST', '/people', { name, unit: 'east/b01/u1' })
  await hub.ok('POST', '/cameras', { id: 'cam-x1', name, url: 'rtsp://127.0.0.1:9/x', zone: 'east/p01' })
  const d = await Device.connect(hub, lamp)
  await d.publish('event', { id: 'x-1', boot: 'b1', seq: 1, at: now(), type: 'sos', data: { pressed: true } })
  const browser = await launch()
  try {
    const page = await open(browser, hub, 'dispatch', 'admin')
    await until('the alarm of that lamp is on the desk', () => page.evaluate(() => {
      const text = (root) => [...root.childNodes].map((n) => n.nodeType === 3 ? n.data : n.shadowRoot ? text(n.shadowRoot) + text(n) : text(n)).join('')
      return text(document.body).includes('onerror=')
    }), 15_000)
    assert.equal(await page.evaluate(() => window.hurt), undefined)
    assert.equal(page.errors.filter((e) => /Content Security/i.test(e)).length, 0, page.errors.join('\n'))
  } finally {
    await browser.close()
    d.close()
  }
})
