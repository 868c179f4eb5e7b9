// The dispatcher's wall in a real browser: sixteen cameras in one peer connection,
// tiles that change without a new one, and a stream that follows the tile's size.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, until } from './lib/hub.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const hub = new Hub('demo', ['--quiet'])
let browser, page, cameras

const tiles = (of = page) => of.evaluate(() => [...document.querySelectorAll('[data-testid=tile]')].map((t) => {
  const { video } = t.querySelector('dongyue-video')
  return { camera: t.dataset.camera, state: t.dataset.state, stream: t.dataset.stream, why: t.dataset.why, title: t.title, width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames }
}))
const peers = () => page.evaluate(() => window.peers.map((p) => p.connectionState).filter((s) => s !== 'closed'))
const live = (n) => until(`${n} tiles are live`, async () => {
  const all = await tiles()
  return all.length === n && all.every((t) => t.state === 'live') && all
}, 90_000) // two cores decode it, and may have other things to do
/** All tiles get new frames. */
async function advance() {
  const before = await tiles()
  await until('all frames advance', async () => (await tiles()).every((t, i) => t.frames > before[i].frames + 5), 15_000)
}

before(async () => {
  await Promise.all([hub.start(), launch().then((b) => (browser = b))])
  cameras = (await hub.ok('GET', '/cameras')).items.map((c) => c.id)
})
after(async () => {
  await browser?.close()
  await hub.close()
})

test('sixteen cameras are decoded in one peer connection', async () => {
  page = await open(browser, hub, 'dispatch', 'admin', { recordPeers: true })
  await page.getByTestId('layout-16').click()
  const all = await live(16)
  assert.equal(new Set(all.map((t) => t.camera)).size, 16)
  assert.ok(all.every((t) => t.stream === 'sub' && t.why === 'small' && t.width === 640 && t.title.includes('子码流')), JSON.stringify(all[0]))
  await advance()
  assert.deepEqual(await peers(), ['connected'])
  const inbound = await page.evaluate(async () => {
    let n = 0
    for (const s of (await window.peers.at(-1).getStats()).values()) if (s.type === 'inbound-rtp' && s.framesDecoded > 0) n++
    return n
  })
  assert.equal(inbound, 16)
  await shot(page, 'wall-16')
})

test('no tile that is called live is black, at any moment of a change of layout', async () => {
  await page.evaluate(watchLive)
  for (const n of [1, 4, 9, 16, 1, 16]) {
    await page.getByTestId(`layout-${n}`).click()
    await live(n)
  }
  const { looks, seen, dark } = await page.evaluate(() => window.endLook())
  console.log(`# ${seen} live tiles seen in ${looks} animation frames`)
  assert.ok(seen > 100, `${seen} live tiles in ${looks} frames are too few to tell`)
  assert.deepEqual(dark, [])
})

test('nor is it black on the screen itself', async () => {
  const eye = await (await browser.newContext()).newPage()
  let seen = 0
  const dark = []
  for (const n of [1, 4, 16, 9, 16]) {
    await page.getByTestId(`layout-${n}`).click()
    for (const end = Date.now() + 8_000; Date.now() < end;) {
      const before = await calledLive()
      if (before.length === 0) continue
      const picture = (await page.screenshot({ type: 'jpeg', quality: 80, timeout: 90_000 })).toString('base64')
      const after = await calledLive()
      const both = before.filter((a) => after.some((b) => JSON.stringify(a) === JSON.stringify(b)))
      const light = await eye.evaluate(lightOf, [picture, both])
      seen += both.length
      both.forEach((t, i) => light[i] < 14 && dark.push(`${t.camera} in the layout of ${n}: ${light[i]}`))
    }
  }
  await eye.close()
  console.log(`# ${seen} live tiles seen in screenshots`)
  assert.ok(seen > 20, `${seen} live tiles are too few to tell`)
  assert.deepEqual(dark, [])
  await page.getByTestId('layout-16').click()
  await live(16)
})

test('a picture that stands still is not called live for 3 s', async () => {
  await page.getByTestId('layout-1').click()
  await until('the large stream', async () => {
    const [t] = await tiles()
    return t.state === 'live' && t.stream === 'main' && t.width === 1280
  }, 60_000)
  await advance()
  // the newest frame is held on the screen, as it is when a decoder hangs; the connection goes on
  const { ms, late } = await page.evaluate(async () => {
    const tile = document.querySelector('[data-testid=tile]')
    const { video } = tile.querySelector('dongyue-video')
    video.pause()
    const began = performance.now()
    let at = began
    let late = 0 // how long the page itself was kept from running at most: on a busy machine its clocks are, too
    while (tile.dataset.state === 'live' && at - began < 20_000) {
      await new Promise((done) => setTimeout(done, 10))
      late = Math.max(late, performance.now() - at - 10)
      at = performance.now()
    }
    await video.play()
    return { ms: at - began, late }
  })
  console.log(`# said after ${Math.round(ms)} ms, the page was late by ${Math.round(late)} ms at most`)
  await live(1)
  await page.getByTestId('layout-16').click()
  await live(16)
  assert.ok(ms > 1000 && ms < 3000 + 2 * late, `${ms} ms`)
})

test('other cameras in all tiles come without a new connection', async () => {
  const other = cameras.slice(8, 24)
  const t0 = Date.now()
  for (const [i, camera] of other.entries()) await drop(i, camera)
  await until('the tiles have the new cameras', async () => (await tiles()).every((t, i) => t.camera === other[i] && t.state === 'live'), 90_000)
  console.log(`# sixteen tiles dragged and live in ${Date.now() - t0} ms`)
  await advance()
  assert.deepEqual(await peers(), ['connected'])
  const { tiles: told } = await session()
  assert.deepEqual(told.map((t) => t.camera), other)
  assert.ok(told.every((t) => t.state === 'live' && t.stream === 'sub' && t.problem === ''), JSON.stringify(told[0]))
})

test('the stream follows the size of the tile, and the picture goes on meanwhile', async () => {
  const first = page.getByTestId('tile').first()
  const camera = (await tiles())[0].camera
  const at = await location() // the hub is asked, since a busy machine may leave out pictures
  await page.evaluate((at) => {
    window.seen = []
    const ask = () => fetch(`${at}/tiles`).then((r) => r.json()).then((b) => window.seen.push(b.tiles[0].state)).catch(() => {})
    window.watching = setInterval(ask, 50)
  }, at)
  await first.dblclick()
  await until('the large stream', async () => {
    const t = (await tiles())[0]
    return t.camera === camera && t.stream === 'main' && t.why === 'large' && t.width === 1280 && t.state === 'live'
  }, 60_000)
  await page.getByTestId('tile-why').first().getByText('主码流').waitFor()
  await shot(page, 'wall-solo')
  await page.keyboard.press('Escape')
  await until('the small stream', async () => (await tiles())[0].width === 640, 60_000)
  const seen = await page.evaluate(() => (clearInterval(window.watching), window.seen))
  assert.deepEqual(seen.filter((s) => s !== 'live' && s !== 'replay'), [], 'the picture did not go on')
  await live(16)
  assert.deepEqual(await peers(), ['connected'])
})

test('a camera that is deleted says so; the other tiles go on', async () => {
  const gone = (await tiles())[3].camera
  await hub.ok('DELETE', `/cameras/${gone}`)
  await until('it is told', async () => (await session()).tiles.every((t) => t.camera !== gone || t.problem === 'camera.unknown'), 10_000)
  await until('no tile shows it as live', async () => (await tiles()).every((t) => t.camera !== gone || t.state === 'nosignal'), 10_000)
  const before = await tiles()
  await until('the others advance', async () => (await tiles()).every((t, i) => t.camera === gone || !t.camera || t.frames > before[i].frames), 10_000)
})

test('a wall that loses its session opens another by itself', async () => {
  await page.evaluate(() => window.peers.at(-1).close())
  const at = await location()
  await hub.api('DELETE', `/${at}`)
  await until('a new one', async () => (await location()) !== at && (await peers()).join() === 'connected', 20_000)
  await until('pictures again', async () => (await tiles()).filter((t) => t.state === 'live').length >= 15, 90_000)
  assert.deepEqual(page.errors.filter((e) => !/40[14]/.test(e)), [])
})

test('layouts and clearing tiles leave nothing behind when the operator goes', async () => {
  await page.getByTestId('layout-4').click()
  await drop(3, cameras[0]) // instead of the one that was deleted
  await live(4)
  const { tiles: told } = await session()
  assert.equal(told.filter((t) => t.camera).length, 4)
  await page.getByTestId('sign-out').click()
  await page.getByTestId('login-user').waitFor()
  await until('the connection is gone', async () => (await peers()).length === 0)
  await until('the hub has no viewer', async () => (await hub.ok('GET', '/cameras')).items.every((c) => c.viewers === 0), 15_000)
})

/**
 * Looks at what every tile shows and says until window.endLook(): each animation frame in the first second after it is
 * called live, and now and then later, since each look is a copy of a picture. Runs in the page.
 */
function watchLive() {
  const eye = document.createElement('canvas')
  eye.width = 16
  eye.height = 9
  const pen = eye.getContext('2d', { willReadFrequently: true })
  const luma = (from) => {
    pen.clearRect(0, 0, 16, 9)
    pen.drawImage(from, 0, 0, 16, 9)
    const { data } = pen.getImageData(0, 0, 16, 9)
    let sum = 0
    for (let i = 0; i < data.length; i += 4) sum += 0.3 * data[i] + 0.59 * data[i + 1] + 0.11 * data[i + 2]
    return sum / 144
  }
  let over = false
  const found = { looks: 0, seen: 0, dark: [] }
  const since = new Map() // tile: when it was called live, and looked at last
  const look = () => {
    if (over) return
    found.looks++
    for (const tile of document.querySelectorAll('[data-testid=tile]')) {
      const element = tile.querySelector('dongyue-video')
      const said = tile.querySelector('.status')?.textContent ?? ''
      if (!said && tile.dataset.state !== 'live' && element.dataset.state !== 'live') {
        since.delete(tile)
        continue
      }
      const now = performance.now()
      const at = since.get(tile) ?? { live: now, last: 0 }
      since.set(tile, at)
      if (now - at.live > 1000 && now - at.last < 500) continue
      at.last = now
      found.seen++
      const cover = element.shadowRoot.querySelector('canvas')
      const { video } = element
      const covered = !cover.hidden && getComputedStyle(cover).display !== 'none'
      const light = covered ? luma(cover) : video.videoWidth ? luma(video) : 0
      if (light < 20) found.dark.push({ camera: tile.dataset.camera, said, light, covered })
    }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
  window.endLook = () => {
    over = true
    return found
  }
}

/** The tiles that are called live, and where they lie. */
const calledLive = () => page.evaluate(() => [...document.querySelectorAll('[data-testid=tile]')].filter((t) => t.querySelector('.status')).map((t) => {
  const { x, y, width, height } = t.getBoundingClientRect()
  return { camera: t.dataset.camera, x, y, width, height }
}))

/** The mean luma of the middle of each tile in a screenshot. Runs in a page. */
async function lightOf([picture, tiles]) {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/jpeg;base64,${picture}`)).blob())
  const pen = new OffscreenCanvas(16, 9).getContext('2d', { willReadFrequently: true })
  return tiles.map((t) => {
    pen.drawImage(bitmap, t.x + 0.1 * t.width, t.y + 0.2 * t.height, 0.8 * t.width, 0.5 * t.height, 0, 0, 16, 9)
    const { data } = pen.getImageData(0, 0, 16, 9)
    let sum = 0
    for (let i = 0; i < data.length; i += 4) sum += 0.3 * data[i] + 0.59 * data[i + 1] + 0.11 * data[i + 2]
    return sum / 144
  })
}

/** Drags a camera into a tile. */
async function drop(i, camera) {
  await page.evaluate(([i, camera]) => {
    const data = new DataTransfer()
    data.setData('text/dongyue-camera', camera)
    document.querySelectorAll('[data-testid=tile]')[i].dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
  }, [i, camera])
}

/** The address of the wall's session, as the page asked for it last. */
const location = () => page.evaluate(() => performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname).filter((p) => /^\/whep\/wall\/.*\/tiles$/.test(p)).at(-1)?.replace(/\/tiles$/, ''))
const session = async () => page.evaluate(async (at) => (await fetch(`${at}/tiles`)).json(), await location())
