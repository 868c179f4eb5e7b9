// The first real camera, as README adds it: an RTSP server that is not ours
// (GStreamer's, digest login), watched in a real browser on the operator's wall.
// What cameras do in real life: B-frames, no sub stream, 10 s from key frame to
// key frame, and they die and come back.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, Hub, until } from './lib/hub.mjs'
import { launch, open, shot, videos } from './lib/browser.mjs'

const script = join(import.meta.dirname, '../streams/whep/testdata/gst_rtsp.py')
const secret = 'Ge%h@im/7' // with what has to be encoded in an address
const hub = new Hub('serve', ['--log-level', 'info'])
let browser, page, port, camera

async function film() {
  camera = spawn('/usr/bin/python3', [script, 'admin', secret, port], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(camera.stdout, 'data')
}

async function kill() {
  const gone = once(camera, 'exit')
  camera.kill('SIGKILL')
  await gone
}

const url = (name) => `rtsp://admin:${encodeURIComponent(secret)}@127.0.0.1:${port}/${name}`
const add = (id, more) => hub.ok('POST', '/cameras', { id, name: id, zone: 'east', ...more })
const picture = async (id) => (await videos(page)).find((v) => v.camera === id && v.width > 0 && v.frames > 0)
const why = (id) => hub.ok('GET', `/cameras/${id}/why`)

/** Pictures a second that the page shows of a camera, over some seconds. */
async function rate(id, seconds) {
  const [a, t] = [await picture(id), Date.now()]
  await new Promise((ok) => setTimeout(ok, seconds * 1000))
  return ((await picture(id)).frames - a.frames) / ((Date.now() - t) / 1000)
}

before(async () => {
  port = await freePort()
  await Promise.all([hub.start(), film(), launch().then((b) => (browser = b))])
})
after(async () => {
  if (camera && camera.exitCode === null && camera.signalCode === null) await kill()
  await browser?.close()
  await hub.close()
})

test('cameras are added and are on the wall at once', async () => {
  await add('gate', { url: url('test'), sub_url: url('sub') })
  await add('long-gop', { url: url('long') }) // this and the others have no sub stream
  await add('b-frames', { url: url('b') })
  await add('pyramid', { url: url('pyramid') })
  const { items } = await hub.ok('GET', '/cameras')
  assert.equal(items.length, 4)
  assert.ok(!JSON.stringify(items).includes('rtsp:'), 'an address left the hub')
  page = await open(browser, hub, 'dispatch', 'admin', { recordPeers: true })
  for (const c of items) await until(`${c.id} is decoded`, () => picture(c.id), 20_000)
  const before = await videos(page)
  await until('all frames advance', async () => (await videos(page)).every((v) => before.some((b) => b.camera === v.camera && v.frames > b.frames + 10)), 10_000)
  assert.equal((await picture('gate')).width > 0, true)
  await shot(page, 'camera')
})

test('B-frames: the session stays open, the decoder is content, /why says so', async () => {
  for (const id of ['b-frames', 'pyramid']) {
    const w = await until('B-frames are noticed', async () => {
      const w = await why(id)
      return w.streams[0].code === 'camera.b_frames' && w.streams[0].left_out > 0 && w
    })
    assert.ok(w.streams[0].answer.zh && w.streams[0].answer.en)
  }
  const [b, pyramid] = await Promise.all([rate('b-frames', 3), rate('pyramid', 3)])
  assert.ok(b > 1 && pyramid > 1, `the picture stands: ${b} and ${pyramid} a second`)
  // A decoder that is given pictures to hold back asks for key frame upon key frame.
  const asked = await page.evaluate(async () => {
    let n = 0
    for (const p of window.peers.filter((p) => p.connectionState === 'connected')) {
      for (const s of (await p.getStats()).values()) if (s.type === 'inbound-rtp') n = Math.max(n, s.pliCount)
    }
    return n
  })
  assert.ok(asked < 5, `a viewer asked ${asked} times for a key frame`)
})

test('10 s between key frames: who comes later sees a picture at once', async () => {
  const late = await open(browser, hub, 'dispatch', 'admin')
  await until('it is decoded', async () => (await videos(late)).find((v) => v.camera === 'long-gop' && v.frames > 0), 10_000)
  await late.context().close()
})

test('a camera dies and comes back, in the same peer connection', async () => {
  const peers = () => page.evaluate(() => window.peers.map((p) => p.connectionState))
  const count = (await peers()).length
  await kill()
  const t0 = Date.now()
  await until('the hub says so', async () => (await why('gate')).state === 'no_signal', 10_000)
  console.log(`# no_signal ${Date.now() - t0} ms after the end`)
  assert.equal((await why('gate')).code, 'camera.unreachable')
  const before = await videos(page)
  await film()
  const t1 = Date.now()
  await until('it is live again', async () => (await why('gate')).state === 'live', 10_000)
  console.log(`# live ${Date.now() - t1} ms after it listened again`)
  await until('the page shows new frames', async () => (await videos(page)).every((v) => before.some((b) => b.camera === v.camera && v.frames > b.frames)), 10_000)
  console.log(`# all in the browser ${Date.now() - t1} ms after it listened again`)
  const now = await peers()
  assert.equal(now.length, count, 'a new peer connection was made')
  assert.deepEqual(now.filter((s) => s !== 'closed'), ['connected'])
})

test('a wrong password is told, and the log keeps the secret', async () => {
  await add('locked', { url: `rtsp://admin:wrong@127.0.0.1:${port}/test` })
  await until('it is told', async () => {
    await hub.api('GET', '/cameras/locked/snapshot.mp4') // somebody wants it
    return (await why('locked')).code === 'camera.auth'
  }, 10_000)
  for (const s of [secret, encodeURIComponent(secret), `:${port}/`]) assert.ok(!hub.log.includes(s) && !hub.out.includes(s), 'the address is in the log')
  assert.ok(!JSON.stringify(await why('locked')).includes(String(port)))
})
