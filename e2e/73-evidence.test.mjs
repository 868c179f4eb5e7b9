// Evidence as an operator takes it: a camera that is recorded all the time, its time
// line in a real browser, playing from a moment, an export with a reason, and what
// `dongyue clips verify` says of it – also after one byte was changed.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { binary, Hub, until } from './lib/hub.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const config = 'clips:\n  continuous:\n    cameras: [cam-01, cam-02]\n'
const hub = new Hub('demo', ['--quiet'], { config })
let browser, page, zip

const has = (program) => spawnSync(program, ['-version']).status === 0
const line = async (id = 'cam-01') => {
  const now = Date.now()
  const q = new URLSearchParams({ from: new Date(now - 3600e3).toISOString(), to: new Date(now).toISOString() })
  return hub.ok('GET', `/cameras/${id}/recordings?${q}`)
}
const verify = (...args) => spawnSync(binary, ['clips', 'verify', ...args], { encoding: 'utf8' })
const video = () => page.evaluate(() => {
  const v = document.querySelector('[data-testid=evidence-video]')
  return v && { time: v.currentTime, width: v.videoWidth, rate: v.playbackRate, error: v.error?.message, src: v.currentSrc }
})

before(async () => {
  await Promise.all([hub.start(), launch().then((b) => (browser = b))])
  await hub.ok('POST', '/demo/incidents/forced-door', {}).catch(() => {}) // an alarm on the line, where the demonstration has it
  await until('something is recorded', async () => {
    const { spans } = await line()
    return spans.length && Date.parse(spans.at(-1).to) - Date.parse(spans[0].from) > 12_000
  }, 60_000, 500)
})
after(async () => {
  await browser?.close()
  await hub.close()
})

test('the time line tells what is recorded, and why the rest is not', async () => {
  const l = await line()
  assert.equal(l.recording.state, 'recording')
  assert.equal(l.spans.length, 1, JSON.stringify(l.spans))
  assert.equal(l.gaps[0].reason, 'recording.off')
  assert.equal((await line('cam-03')).recording.state, 'off')
})

test('the page shows the spans and plays from where one clicks', async () => {
  page = await open(browser, hub, 'dispatch', 'admin')
  await page.getByTestId('menu-open').waitFor()
  await page.evaluate(() => (location.hash = '#/evidence'))
  await page.getByTestId('evidence-camera').selectOption('cam-01')
  await page.getByTestId('span').first().waitFor()
  await page.getByTestId('zoom-ten').click()
  const gap = page.getByTestId('gap').first()
  assert.equal(await gap.getAttribute('data-reason'), 'recording.off')
  assert.match(await gap.getAttribute('title'), /没有开启连续录像/)
  const box = await page.getByTestId('span').last().boundingBox()
  await page.mouse.click(box.x + box.width * 0.2, box.y + box.height / 2)
  const first = await until('it plays', async () => {
    const v = await video()
    return v && v.width > 0 && v.time > 0.5 && v
  }, 20_000)
  assert.equal(first.error, undefined)
  await shot(page, 'evidence-playing')
})

test('by keyboard: the handle moves, Enter plays from there, the speed changes', async () => {
  const head = page.getByTestId('playhead')
  const { spans } = await line()
  await head.focus()
  await page.keyboard.press('Home')
  const home = await head.getAttribute('aria-valuenow')
  const { time } = await video()
  await until('it plays on', async () => (await video()).time > time + 0.6)
  assert.equal(await head.getAttribute('aria-valuenow'), home, 'the handle was moved by hand, and what plays took it away')
  await page.keyboard.press('Enter') // nothing is recorded there: it plays what comes next
  const v = await until('it plays from the beginning', async () => {
    const v = await video()
    return v?.src.includes('from=') && Math.abs(Date.parse(decodeURIComponent(/from=([^&]+)/.exec(v.src)[1])) - Date.parse(spans[0].from)) < 1500 && v.time > 0.2 && v
  }, 20_000)
  assert.ok(v)
  await page.getByTestId('speed-4').click()
  await until('the speed is 4', async () => (await video())?.rate === 4)
})

test('an export needs a reason and is what the hub recorded', async () => {
  const box = await page.getByTestId('span').last().boundingBox()
  const y = box.y + box.height / 2
  await page.mouse.move(box.x + box.width * 0.1, y)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.6, y, { steps: 8 })
  await page.mouse.up()
  await page.getByTestId('chosen').waitFor()
  await page.getByTestId('evidence-export').click()
  assert.ok(await page.getByTestId('cut-save').isDisabled(), 'it can be exported without a reason')
  await page.getByTestId('cut-reason').fill('派出所调取 案件1107')
  await shot(page, 'evidence-export')
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 60_000 }), page.getByTestId('cut-save').click()])
  zip = join(hub.dir, 'evidence.zip')
  await download.saveAs(zip)
  const key = (await hub.ok('GET', '/clips/key')).public_key
  const good = verify(zip, '--key', key)
  assert.equal(good.status, 0, good.stdout + good.stderr)
  assert.match(good.stdout, /signed with the expected key/)
  const b = readFileSync(zip)
  b[Math.floor(b.length / 2)] ^= 1
  const altered = join(hub.dir, 'altered.zip')
  writeFileSync(altered, b)
  const bad = verify(altered, '--key', key)
  assert.equal(bad.status, 1, bad.stdout + bad.stderr)
  assert.match(bad.stdout, /ALTERED/)
  const audit = await hub.ok('GET', '/audit?limit=50')
  const said = JSON.stringify(audit)
  for (const action of ['recording.viewed', 'clip.recorded', 'clip.exported']) assert.ok(said.includes(action), `${action} is not in the audit`)
  assert.ok(said.includes('派出所调取 案件1107'), 'the reason is not in the audit')
})

test('the page of the export plays under a watermark, without a network', { skip: !has('ffprobe') }, async () => {
  const dir = join(hub.dir, 'out')
  execFileSync('python3', ['-m', 'zipfile', '-e', zip, dir])
  const probed = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', join(dir, 'clip.mp4')], { encoding: 'utf8' }))
  assert.equal(probed.streams[0].codec_name, 'h264')
  const ctx = await browser.newContext({ offline: true })
  const viewer = await ctx.newPage()
  const errors = []
  viewer.on('pageerror', (e) => errors.push(String(e)))
  await viewer.goto(`file://${join(dir, 'viewer.html')}`)
  await until('the viewer has the picture', () => viewer.evaluate(() => document.querySelector('video').videoWidth > 0), 15_000)
  assert.match(await viewer.locator('.marks').textContent(), /派出所调取 案件1107/)
  await viewer.locator('#file').setInputFiles(join(dir, 'clip.mp4'))
  await until('the hash is the same', async () => (await viewer.locator('#verdict.ok').count()) === 1)
  await viewer.locator('#file').setInputFiles(join(dir, 'manifest.json'))
  await until('another file is told apart', async () => (await viewer.locator('#verdict.bad').count()) === 1)
  assert.deepEqual(errors, [])
  await shot(viewer, 'evidence-viewer')
  await ctx.close()
})

test('a clip is green only when the hub has checked it', async () => {
  const row = page.locator('[data-testid=clip-row]', { hasText: '案件1107' }).first()
  await row.waitFor()
  assert.equal(await row.locator('[data-verdict]').count(), 0)
  await row.getByTestId('clip-check').click()
  await row.locator('[data-verdict=ok]').waitFor()
  await row.getByTestId('clip-keep').click()
  await page.getByTestId('reason-text').fill('立案')
  await page.getByTestId('reason-save').click()
  await until('it is kept', async () => (await hub.ok('GET', '/clips?state=kept')).items.length === 1)
  const id = await row.getAttribute('data-clip')
  assert.equal((await hub.api('DELETE', `/clips/${id}?reason=x`)).status, 409)
  assert.equal((await hub.api('DELETE', `/clips/${id}?reason=x`, undefined, { as: 'operator' })).status, 403)
  await page.getByTestId('clip-list').scrollIntoViewIfNeeded()
  await shot(page, 'evidence-clips')
})

test('what is set over the page is in force at once', async () => {
  await page.getByTestId('recording-edit').click()
  await page.getByTestId('recording-mode').selectOption('off')
  await page.getByTestId('recording-save').click()
  await until('it is off', async () => (await hub.ok('GET', '/cameras/cam-01/recording')).state === 'off')
  await page.locator('[data-testid=recording-state][data-state=off]').waitFor()
  assert.deepEqual(page.errors.filter((e) => !/401|501/.test(e)), [])
})

test('kill -9 costs less than a second of a recording, and the gap says why', async () => {
  const killed = Date.now()
  await hub.stop('SIGKILL')
  await hub.start()
  const l = await until('it goes on', async () => {
    const l = await line('cam-02')
    return l.spans.length === 2 && l
  }, 60_000, 500)
  const lost = killed - Date.parse(l.spans[0].to)
  console.log(`# ${lost} ms were lost`)
  assert.ok(lost < 1000, `${lost} ms were lost`)
  assert.equal(l.gaps.at(-1).reason, 'clip.hub_stopped')
})
