// Always a picture: H.265 where the browser has no WebRTC for it, a browser without
// WebRTC at all, sound, and the reason on the screen for each. The cameras are
// GStreamer's, with x265, A-law and AAC.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, Hub, until } from './lib/hub.mjs'
import { launch, open, shot, videos } from './lib/browser.mjs'

const script = join(import.meta.dirname, '../streams/whep/testdata/gst_rtsp.py')
const secret = 'Ge%h@im/7'
const hub = new Hub('serve', ['--log-level', 'info'])
let browser, page, port, camera, caps

const url = (name) => `rtsp://admin:${encodeURIComponent(secret)}@127.0.0.1:${port}/${name}`
const add = (id, main, sub) => hub.ok('POST', '/cameras', { id, name: id, zone: 'east', url: url(main), ...(sub && { sub_url: url(sub) }) })
const tile = (p, id) => p.locator(`[data-testid=tile][data-camera=${id}]`)
const picture = async (p, id) => (await videos(p)).find((v) => v.camera === id && v.width > 0 && v.frames > 0)

/** The picture moves. */
async function moves(p, id) {
  const a = await until(`${id} is decoded`, () => picture(p, id), 20_000)
  await until(`${id} moves`, async () => (await picture(p, id)).frames > a.frames + 10, 10_000)
}

before(async () => {
  port = await freePort()
  camera = spawn('/usr/bin/python3', [script, 'admin', secret, port], { stdio: ['pipe', 'pipe', 'inherit'] })
  await Promise.all([hub.start(), once(camera.stdout, 'data'), launch().then((b) => (browser = b))])
  await add('hevc-sub', 'h265', 'sub')
  await add('hevc-only', 'h265')
  await add('alaw', 'alaw')
  await add('aac', 'aac')
  page = await open(browser, hub, 'dispatch', 'admin', { recordPeers: true })
  caps = await page.evaluate(() => ({
    webrtc: RTCRtpReceiver.getCapabilities('video').codecs.some((c) => /h265/i.test(c.mimeType)),
    mse: MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L123.B0"'),
  }))
  console.log(`# this browser's H.265: WebRTC ${caps.webrtc}, MSE ${caps.mse}`)
})
after(async () => {
  if (camera && camera.exitCode === null && camera.signalCode === null) {
    const gone = once(camera, 'exit')
    camera.kill('SIGKILL')
    await gone
  }
  await browser?.close()
  await hub.close()
})

test('a camera with H.265 and a sub stream is seen, and the screen says which stream and why', async () => {
  await moves(page, 'hevc-sub')
  // Its main stream is asked for by a viewer who takes no H.265.
  await hub.api('GET', '/cameras/hevc-sub/snapshot.mp4')
  const main = await until('the coding is known', async () => {
    const c = await hub.ok('GET', '/cameras/hevc-sub')
    return c.main.codec === 'h265' && c.main
  })
  assert.equal(main.width, 640)
  if (!caps.webrtc) {
    await tile(page, 'hevc-sub').dblclick()
    await until('the reason is told', async () => (await tile(page, 'hevc-sub').getAttribute('data-why')) === 'h265', 10_000)
    assert.match(await tile(page, 'hevc-sub').getAttribute('title'), /不支持 H\.265.*子码流/)
    await moves(page, 'hevc-sub')
    await shot(page, 'codecs-sub')
    await tile(page, 'hevc-sub').dblclick()
  }
})

test('a camera with H.265 only is seen over the WebSocket, or the screen says that nothing shows it', async () => {
  const t = tile(page, 'hevc-only')
  if (caps.webrtc || caps.mse) {
    await moves(page, 'hevc-only')
    if (!caps.webrtc) assert.equal(await t.getAttribute('data-why'), 'mse_h265')
  } else {
    await until('it is said', () => page.evaluate(() => {
      const v = document.querySelector('[data-camera=hevc-only] dongyue-video')
      return /无法播放 H\.265/.test(v?.shadowRoot.querySelector('.say').textContent)
    }), 15_000)
  }
  await shot(page, 'codecs-only')
})

test('a browser without WebRTC sees all H.264 over WebSockets, live and with the reason', async () => {
  const ctx = await browser.newContext({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  await ctx.addInitScript(() => {
    delete window.RTCPeerConnection
    delete window.webkitRTCPeerConnection
  })
  await ctx.addCookies([{ name: (await hub.session('admin')).split('=')[0], value: (await hub.session('admin')).split('=').slice(1).join('='), url: hub.url }])
  const p = await ctx.newPage()
  p.errors = []
  p.on('pageerror', (e) => p.errors.push(String(e)))
  await p.goto(`${hub.url}/dispatch`)
  for (const id of ['hevc-sub', 'alaw', 'aac']) await moves(p, id)
  assert.equal(await tile(p, 'alaw').getAttribute('data-why'), 'mse_no_webrtc')
  assert.match(await tile(p, 'alaw').getAttribute('title'), /没有 WebRTC/)
  // Live: the picture is never far behind the end of what has come.
  const lag = await p.evaluate(async () => {
    const v = document.querySelector('[data-camera=alaw] dongyue-video').shadowRoot.querySelector('video')
    const lags = []
    for (let i = 0; i < 41; i++) {
      await new Promise((ok) => setTimeout(ok, 100))
      lags.push(v.buffered.end(v.buffered.length - 1) - v.currentTime)
    }
    return lags.sort((a, b) => a - b)[20]
  })
  console.log(`# median: ${Math.round(lag * 1000)} ms behind the end of the file`)
  assert.ok(lag < 1.6, `${lag} s behind`)
  await shot(p, 'codecs-mse')
  assert.deepEqual(p.errors, [])
  await ctx.close()
})

/** Loudness of what a tile plays, 0 for silence: peak of the samples over some time. */
const loudness = (p, id, ms) => p.evaluate(async ([id, ms]) => {
  const v = document.querySelector(`[data-camera=${id}] dongyue-video`).shadowRoot.querySelector('video')
  const ac = new AudioContext()
  await ac.resume()
  const from = v.srcObject ? ac.createMediaStreamSource(v.srcObject) : ac.createMediaStreamSource(v.captureStream())
  const a = ac.createAnalyser()
  a.fftSize = 4096
  from.connect(a)
  const b = new Float32Array(a.fftSize)
  let peak = 0
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((ok) => setTimeout(ok, 40))) {
    a.getFloatTimeDomainData(b)
    for (const x of b) peak = Math.max(peak, Math.abs(x))
  }
  await ac.close()
  return peak
}, [id, ms])

test('sound: mute at first, A-law over WebRTC, AAC over the WebSocket', async () => {
  for (const [id, via] of [['alaw', undefined], ['aac', 'mse_aac']]) {
    await moves(page, id)
    const t = tile(page, id)
    const button = t.locator('button.sound')
    await until('the button is there', () => button.count(), 15_000)
    const muted = () => page.evaluate((id) => document.querySelector(`[data-camera=${id}] dongyue-video`).shadowRoot.querySelector('video').muted, id)
    assert.equal(await muted(), true)
    await t.hover()
    await button.click()
    await until('it is not mute', async () => (await muted()) === false)
    await moves(page, id)
    if (via) await until('it goes over the WebSocket', async () => (await t.getAttribute('data-why')) === via, 10_000)
    const peak = await until(`${id} is heard`, () => loudness(page, id, 2500), 20_000)
    console.log(`# ${id}: peak ${peak.toFixed(2)}`)
    assert.ok(peak > 0.05, `${id} is silent: ${peak}`)
    await shot(page, `codecs-${id}`)
    await t.hover()
    await button.click()
    await until('it is mute again', async () => (await muted()) === true)
    await moves(page, id)
  }
})

test('lips fit: WebRTC says picture and sound are together', async () => {
  const t = tile(page, 'alaw')
  await t.hover()
  await t.locator('button.sound').click()
  const measure = () => page.evaluate(async () => {
    for (const p of window.peers.filter((p) => p.connectionState === 'connected')) {
      const s = [...(await p.getStats()).values()].filter((x) => x.type === 'inbound-rtp')
      const [a, v] = ['audio', 'video'].map((k) => s.find((x) => x.kind === k && x.estimatedPlayoutTimestamp))
      if (a && v) return a.estimatedPlayoutTimestamp - v.estimatedPlayoutTimestamp
    }
  })
  // The browser comes near in small steps, and a machine with other work draws late: the
  // median of three seconds counts. Nobody notices sound 45 ms before or 125 ms after its
  // picture (ITU-R BT.1359-1, detectability).
  const seen = []
  const median = () => [...seen.slice(-15)].sort((a, b) => a - b)[7]
  await until('they are together', async () => {
    const ms = await measure()
    if (ms !== undefined) seen.push(ms)
    return seen.length >= 15 && median() <= 45 && median() >= -125
  }, 40_000, 200).catch((e) => assert.fail(`${e.message}: ${seen.map(Math.round)} ms apart`))
  console.log(`# sound is ${Math.round(median())} ms ahead of the picture as the browser plays it`)
})
