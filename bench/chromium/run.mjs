// What a person sees in Chromium: how soon after the WHEP POST a picture of a warm
// camera has been decoded, and how the picture stands under loss. By hand, on a machine
// that does nothing else:
//
//   go build -o bin/dongyue ./cmd/dongyue && (cd e2e && npm ci) && node bench/chromium/run.mjs [JOINS [SECONDS]]
//
// Needs Chromium and ffmpeg. Exit code 1: the goal of the first picture is missed.
import { spawn, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { launch } from '../../e2e/lib/browser.mjs'
import { Hub, until } from '../../e2e/lib/hub.mjs'

const joins = Number(process.argv[2] ?? 40)
const seconds = Number(process.argv[3] ?? 30) // that are watched under each loss
const lossyJoins = 10
const goal = 400 // ms, 95th percentile, without loss
const root = resolve(import.meta.dirname, '../..')

const dir = mkdtempSync(join(tmpdir(), 'bench-chromium-'))
const hub = new Hub('serve', [], { config: 'log: {level: error}' })
let beside, browser
try {
  const clips = [2, 4].map((gop) => clip(gop))
  const helper = join(dir, 'beside')
  execFileSync('go', ['build', '-o', helper, './bench/chromium'], { cwd: root, stdio: 'inherit' })
  await hub.start()
  beside = spawn(helper, [`127.0.0.1:${hub.ports.webrtc}`, ...clips], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(beside.stdout), 'line')
  const { rtsp, paths } = JSON.parse(line)
  for (const gop of [2, 4]) {
    await hub.ok('POST', '/cameras', { id: `gop${gop}`, name: `gop ${gop} s`, url: `rtsp://${rtsp}/gop${gop}/main`, always_on: true })
    await until('the camera is warm', async () => (await hub.ok('GET', `/cameras/gop${gop}`)).state === 'live')
  }
  browser = await launch()
  const page = await (await browser.newContext({ viewport: { width: 800, height: 450 } })).newPage()
  const [name, value] = (await hub.session('admin')).split('=')
  await page.context().addCookies([{ name, value, url: hub.url }])
  await page.route(`${hub.url}/blank`, (r) => r.fulfill({ contentType: 'text/html', body: '<body>' })) // of the hub's origin, and nothing else goes on in it
  await page.goto(`${hub.url}/blank`)
  await page.evaluate(inPage)
  console.log(`load of the machine before: ${loadavg().map((x) => x.toFixed(1)).join(' ')}`)
  let missed = false
  for (const gop of [2, 4]) {
    const all = []
    for (let i = 0; i < joins; i++) {
      all.push(await page.evaluate((c) => window.play(c), `gop${gop}`))
      await page.waitForTimeout(200 + Math.random() * gop * 1000) // anywhere in the group of pictures
    }
    const decoded = all.map((x) => x.decoded)
    console.log(`group of ${gop} s, ${joins} joins: decoded p50 ${at(decoded, 0.5)} p95 ${at(decoded, 0.95)} max ${at(decoded, 1)} ms; on the screen p95 ${at(all.map((x) => x.shown), 0.95)} ms; answered p95 ${at(all.map((x) => x.answered), 0.95)} ms`)
    missed ||= at(decoded, 0.95) > goal
  }
  for (const [weather, to] of Object.entries(paths).sort()) {
    const first = []
    for (let i = 0; i < lossyJoins; i++) {
      first.push((await page.evaluate(([c, to]) => window.play(c, to), ['gop2', to])).decoded)
      await page.waitForTimeout(Math.random() * 2000)
    }
    const s = await page.evaluate(([c, to, seconds]) => window.play(c, to, seconds), ['gop2', to, seconds])
    console.log(`${weather}: first picture p50 ${at(first, 0.5)} max ${at(first, 1)} ms of ${lossyJoins}; ${seconds} s: ${s.decodedFrames} of ${seconds * 25} pictures, ${s.lost} of ${s.packets} packets lost for good, ${s.nacks} asked for again, ${s.plis} key frames; freezes ${s.freezes}, standing ${Math.round(s.standing * 1000)} ms, longest gap ${Math.round(s.gap)} ms`)
  }
  console.log(`load of the machine after: ${loadavg().map((x) => x.toFixed(1)).join(' ')}`)
  process.exitCode = missed ? 1 : 0
} finally {
  await browser?.close()
  beside?.stdin.end()
  await hub.close()
  rmSync(dir, { recursive: true, force: true })
}

/** A loop of 20 s as cameras send their small stream: no B-frames, one slice. */
function clip(gop) {
  const file = join(dir, `gop${gop}.h264`)
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=20', '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'veryfast',
    '-profile:v', 'main', '-bf', '0', '-slices', '1', '-threads', '1', '-g', `${gop * 25}`, '-keyint_min', `${gop * 25}`, '-sc_threshold', '0', '-b:v', '600k', '-maxrate', '800k', '-bufsize', '800k',
    '-x264-params', 'repeat-headers=1:open-gop=0:sliced-threads=0', '-bsf:v', 'filter_units=remove_types=6', '-f', 'h264', file])
  return file
}

/** The value below which the share p of the list lies. */
function at(list, p) {
  const sorted = [...list].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)])
}

/** Makes window.play: one session, from the POST to the first picture, or for some seconds. Runs in the page. */
function inPage() {
  window.play = async (camera, to, seconds) => {
    const pc = new RTCPeerConnection()
    const track = pc.addTransceiver('video', { direction: 'recvonly' }).receiver.track
    const video = document.createElement('video')
    video.muted = true
    video.srcObject = new MediaStream([track])
    document.body.append(video)
    void video.play().catch(() => {})
    await pc.setLocalDescription(await pc.createOffer())
    const began = performance.now()
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader() // what comes out of the decoder, drawn or not
    let decoded, gap = 0, last, first
    const hasFirst = new Promise((done) => (first = done))
    const reading = (async () => {
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return
        value.close()
        const now = performance.now()
        decoded ??= now - began
        first()
        if (last) gap = Math.max(gap, now - last)
        last = now
      }
    })()
    const shown = new Promise((done) => video.requestVideoFrameCallback(() => done(performance.now() - began)))
    const res = await fetch(`/whep/${camera}?stream=main`, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp })
    const answered = performance.now() - began
    let sdp = await res.text()
    if (res.status !== 201) throw new Error(`${res.status} ${sdp}`)
    if (to) { // the one candidate is that of the stretch of network
      const [host, port] = to.split(':')
      let led = false
      sdp = sdp.split('\r\n').filter((l) => !l.startsWith('a=candidate:') || (/ udp /i.test(l) && !led && (led = true)))
        .map((l) => (l.startsWith('a=candidate:') ? l.replace(/^(\S+ \S+ \S+ \S+) \S+ \S+/, `$1 ${host} ${port}`) : l)).join('\r\n')
    }
    await pc.setRemoteDescription({ type: 'answer', sdp })
    const [onScreen] = await Promise.all([shown, hasFirst])
    const out = { decoded, shown: onScreen, answered }
    if (seconds) {
      const look = async () => [...(await pc.getStats()).values()].find((s) => s.type === 'inbound-rtp')
      const a = await look()
      gap = 0
      last = undefined
      await new Promise((done) => setTimeout(done, seconds * 1000))
      const b = await look()
      Object.assign(out, {
        decodedFrames: b.framesDecoded - a.framesDecoded, lost: b.packetsLost - a.packetsLost, packets: b.packetsReceived - a.packetsReceived, nacks: b.nackCount - a.nackCount, plis: b.pliCount - a.pliCount,
        freezes: b.freezeCount - a.freezeCount, standing: b.totalFreezesDuration - a.totalFreezesDuration, gap,
      })
    }
    await reader.cancel()
    await reading
    await fetch(res.headers.get('Location'), { method: 'DELETE' })
    pc.close()
    video.remove()
    return out
  }
}
