// The contract for programs: closed by default, described, resumable, honest about its health.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Hub, binary, now, until } from './lib/hub.mjs'
import { Device } from './lib/device.mjs'

const hub = new Hub('serve', [])
before(() => hub.start())
after(() => hub.close())

test('every described route is closed to strangers', async () => {
  const doc = await hub.ok('GET', '/openapi.json', undefined, { as: null })
  assert.equal(doc.openapi, '3.1.0')
  let closed = 0
  for (const [path, methods] of Object.entries(doc.paths)) {
    for (const method of Object.keys(methods)) {
      if (!['get', 'post', 'put', 'patch', 'delete'].includes(method)) continue
      const r = await hub.api(method.toUpperCase(), '/' + path.replace(/\{[^}]+\}/g, 'x'), method === 'get' ? undefined : {}, { as: null })
      if (['/livez', '/readyz', '/api/v1/session'].includes(path)) continue
      if (path === '/api/v1/visit/{token}') {
        assert.equal(r.status, 404, 'the link is the secret; without one nothing is there')
        continue
      }
      if (methods[method].parameters?.some((p) => p.in === 'query' && p.name === 'signature')) {
        assert.equal(r.status, 403, 'a loudspeaker’s address is signed; without that nothing is there')
        continue
      }
      assert.equal(r.status, 401, `${method} ${path}`)
      assert.equal(r.body.code, 'auth.required', `${method} ${path}`)
      closed++
    }
  }
  assert.ok(closed >= 30, `only ${closed} routes are described`)
})

test('metrics, health and the stream are where they should be', async () => {
  assert.equal((await hub.api('GET', '//livez', undefined, { as: null })).status, 200)
  const ready = await hub.api('GET', '//readyz?verbose', undefined, { as: null })
  assert.equal(ready.status, 200)
  assert.match(JSON.stringify(ready.body), /journal/)
  assert.match((await hub.api('GET', '//metrics')).body, /go_goroutines/)
  assert.equal((await hub.api('GET', '/stream', undefined, { as: null })).status, 401)
})

test('the stream goes on where a reader left', async () => {
  const lamp = await hub.device('lamp', 'lamp-sse', 'east/p01')
  const read = async (lastId, f) => {
    const stop = new AbortController()
    const r = await fetch(`${hub.url}/api/v1/stream`, { signal: stop.signal, headers: { cookie: await hub.session('admin'), ...(lastId && { 'last-event-id': lastId }) } })
    const events = []
    let text = ''
    const pump = (async () => {
      for await (const chunk of r.body) {
        text += Buffer.from(chunk)
        const parts = text.split('\n\n')
        text = parts.pop()
        for (const p of parts) {
          const e = Object.fromEntries(p.split('\n').filter((l) => !l.startsWith(':')).map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]))
          if (e.event) events.push(e)
        }
      }
    })().catch(() => {})
    const v = await until('the event comes', () => f(events))
    stop.abort()
    await pump
    return v
  }
  const hello = await read(null, (es) => es.find((e) => e.event === 'hello'))
  const d = await Device.connect(hub, lamp)
  await d.publish('event', { id: 'sos-1', boot: 'b1', seq: 1, at: now(), type: 'sos', data: { pressed: true } })
  const alarm = await read(hello.id, (es) => es.find((e) => e.event === 'alarm' && e.data.includes('lamp-sse')))
  assert.ok(Number(alarm.id) > Number(hello.id))
  const again = await read(String(Number(alarm.id) - 1), (es) => es.find((e) => e.event === 'alarm'))
  assert.equal(again.id, alarm.id)
  assert.equal(JSON.parse(again.data).id, JSON.parse(alarm.data).id)
  d.close()
})

test('a bad configuration stops the start with every error at once', () => {
  const file = join(hub.dir, 'bad.yaml')
  writeFileSync(file, 'http:\n  addr: "nowhere"\n  adress: x\njournal:\n  retention: 5 min\n')
  const r = spawnSync(binary, ['serve', '--config', file, '--data', join(hub.dir, 'bad')], { encoding: 'utf8', timeout: 20_000 })
  assert.equal(r.status, 3, r.stderr)
  for (const line of ['2:', '3:', '5:']) assert.match(r.stderr, new RegExp(`bad\\.yaml:${line}\\d+: `), r.stderr)
})

test('SIGTERM ends it within ten seconds with exit code 0', async () => {
  const t = Date.now()
  assert.deepEqual(await hub.stop('SIGTERM'), { code: 0, signal: null })
  assert.ok(Date.now() - t < 10_000)
})
