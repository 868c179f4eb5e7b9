// What cameras notice and that they send no picture become alarms, as what devices say does.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, freePort, until } from './lib/hub.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const hub = new Hub('demo', ['--quiet'])
let browser

before(async () => {
  await Promise.all([hub.start(), launch().then((b) => (browser = b))])
})
after(async () => {
  await browser?.close()
  await hub.close()
})

const alarm = (rule, device) => hub.ok('GET', '/alarms?limit=500').then((all) => all.items.find((a) => a.rule === rule && (!device || a.device === device)))

test('a covered lens is an alarm of the camera, shown on the desk, and returns', async () => {
  await until('the camera can be covered', async () => (await hub.api('POST', '/demo/incidents/camera_covered', {})).status < 300)
  const a = await until('the alarm', () => alarm('camera.tamper'), 30_000)
  const camera = await hub.ok('GET', `/cameras/${a.device}`)
  assert.equal(a.device_name, camera.name)
  assert.equal(a.zone, camera.zone)
  assert.equal(a.priority, 'high')
  assert.equal(a.cameras[0], a.device, 'the camera itself is shown first')
  assert.ok(a.cameras.length > 1, 'and who sees its place')
  const { items } = await hub.ok('GET', `/events?device=${a.device}&type=tamper`)
  assert.ok(items.some((e) => e.kind === 'camera' && e.channel === 'event' && e.data.active), JSON.stringify(items[0]))
  const page = await open(browser, hub, 'dispatch', 'admin')
  await page.getByText(`${camera.name}被遮挡或移动`).first().waitFor()
  await until('its picture', () => page.evaluate((id) => !!document.querySelector(`[data-testid=tile][data-camera="${id}"]`), a.device))
  await shot(page, 'camera-covered')
  await until('it is over', async () => /rtn|returned|cleared|normal/.test((await alarm('camera.tamper', a.device)).state), 120_000)
  assert.deepEqual(page.errors.filter((e) => !/401/.test(e)), []) // before signing in
  const why = await hub.ok('GET', `/alarms/${a.id}/explain`)
  assert.ok(JSON.stringify(why).includes('camera.tamper'))
})

test('a line that is crossed is an alarm at once', async () => {
  await hub.ok('POST', '/demo/incidents/line_crossed', {})
  const a = await until('the alarm', () => alarm('camera.line_crossed'))
  assert.equal(a.kind ?? 'camera', 'camera')
})

test('a camera that sends nothing while somebody wants it is an alarm after 30 s, and none when it is gone', async () => {
  const port = await freePort() // nobody listens there
  await hub.ok('POST', '/cameras', { id: 'cam-dead', name: '坏球机', url: `rtsp://127.0.0.1:${port}/x`, zone: 'east' })
  const began = Date.now()
  await hub.api('GET', '/cameras/cam-dead/snapshot.jpg').catch(() => {}) // somebody looks, once
  await hub.ok('PATCH', '/cameras/cam-dead', { always_on: true })
  const a = await until('the alarm', () => alarm('camera.no_signal', 'cam-dead'), 60_000)
  assert.ok(Date.now() - began > 30_000, 'not for a short break')
  assert.equal(a.device_name, '坏球机')
  await hub.ok('PATCH', '/cameras/cam-dead', { always_on: false }) // nobody wants it any more: the alarm stays
  assert.match((await alarm('camera.no_signal', 'cam-dead')).state, /unack/)
  await hub.ok('DELETE', '/cameras/cam-dead')
  await until('it is over', async () => !/^unacked(_active)?$|^acked(_active)?$/.test((await alarm('camera.no_signal', 'cam-dead'))?.state ?? 'gone'), 15_000)
})

test('a drill of a camera rule needs no camera to be covered', async () => {
  const { items } = await hub.ok('GET', '/cameras')
  const r = await hub.api('POST', '/drills', { rule: 'camera.tamper', device: items[0].id, reason: '演练' })
  assert.ok(r.status < 300, JSON.stringify(r.body))
})
