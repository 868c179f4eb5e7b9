// S8, the operator's half: a voice from a real browser on the loudspeakers while a notice
// plays there. It is paused, and goes on.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { after, before, test } from 'node:test'
import { Hub, until } from './lib/hub.mjs'
import { busy } from './lib/busy.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const hub = new Hub('demo', ['--quiet'])
let browser, page, notice

before(async () => {
  await Promise.all([hub.start(), launch(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']).then((b) => (browser = b))])
})
after(async () => {
  await browser?.close()
  await hub.close()
})

const broadcast = (id) => hub.ok('GET', `/broadcasts/${id}`)
const ms = (t) => new Date(t).getTime()
const hold = () => page.getByTestId('talk-hold')

test('push to talk: heard within half a second, the notice is paused meanwhile and goes on', async () => {
  page = await open(browser, hub, 'dispatch', 'operator', { permissions: ['microphone'] })
  await page.locator('[data-link=live]').waitFor()
  notice = await hub.ok('POST', '/broadcasts', { zones: ['east'], text: '通知：今晚八点至十点停水，请提前储水。', priority: 5, repeat: 30 })
  await until('the notice plays', async () => (await broadcast(notice.id)).playing === 12)
  await page.getByTestId('broadcast-open').click()
  await page.getByTestId('broadcast-side-talk').click()
  await page.locator('[data-testid=broadcast-zone][data-zone=east]').click()
  await page.locator('[data-testid=talk-hold][data-state=ready]').waitFor()
  const box = await hold().boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  const pressed = Date.now()
  await page.mouse.down()
  const live = await until('the voice is heard everywhere', async () => {
    const x = (await hub.ok('GET', '/broadcasts?open=true')).items.find((b) => b.live)
    return x?.playing === 12 && x
  })
  const took = Math.max(...live.nodes.map((n) => ms(n.began_at))) - pressed
  console.log(`# from the press of the button to the voice at 12 loudspeakers ${took} ms`)
  assert.ok(took <= 500 * busy(), `${took} ms`)
  assert.equal(live.actor, 'operator')
  assert.equal((await broadcast(notice.id)).paused, 12)
  await page.getByTestId('talk-proof').waitFor()
  await shot(page, 'talk')
  await new Promise((ok) => setTimeout(ok, 1500)) // Chromium's device beeps once a second
  await page.mouse.up()
  await until('the voice has ended', async () => (await broadcast(live.id)).done === 12)
  const after = await broadcast(live.id)
  assert.ok(after.nodes.every((n) => n.level_db > 70), JSON.stringify(after.nodes.map((n) => n.level_db)))
  await until('the notice goes on where it was', async () => {
    const x = await broadcast(notice.id)
    return x.playing === 12 && x.nodes.every((n) => n.position_ms > 0)
  })
})

test('the keyboard does the same, and the screen shows who is heard by rank', async () => {
  await hold().focus()
  await page.keyboard.down('Space')
  await until('the voice is heard', async () => (await hub.ok('GET', '/broadcasts?open=true')).items.some((b) => b.live && b.playing === 12))
  await page.keyboard.up('Space')
  await until('and no more', async () => !(await hub.ok('GET', '/broadcasts?open=true')).items.some((b) => b.live))
  const fire = await hub.ok('POST', '/broadcasts', { zones: ['east'], text: '请注意，楼内发生火情，请走楼梯离开，不要乘电梯。', priority: 1, repeat: 3 })
  await page.getByTestId('broadcast-side-air').click()
  await page.locator('[data-testid=on-air-row][data-rank="1"][data-playing="12"]').waitFor()
  await page.locator('[data-testid=on-air-row][data-rank="5"][data-paused="12"]').waitFor()
  const rows = await page.getByTestId('on-air-row').evaluateAll((all) => all.map((r) => r.dataset.rank))
  assert.deepEqual(rows, ['1', '5'])
  await page.getByTestId('on-air-proof').first().click()
  await until('each loudspeaker is shown', async () => (await page.locator('[data-testid=broadcast-nodes] li.playing').count()) === 12)
  await shot(page, 'on-air')
  await page.getByTestId('on-air-stop').first().click()
  await until('it is stopped', async () => (await broadcast(fire.id)).done === 12)
  await page.locator('[data-testid=on-air-row][data-rank="5"][data-playing="12"]').waitFor()
  assert.deepEqual(page.errors.filter((e) => !/40[14]/.test(e)), [])
})

test('sound that a stranger sends to a loudspeaker is not played', async () => {
  const speaker = await hub.ok('GET', '/devices/speaker-e01')
  const [host, port] = speaker.state.rtp.split(':')
  const rogue = createSocket('udp4')
  const packet = Buffer.alloc(12 + 640, 0x41)
  packet.writeUInt16BE(0x8060, 0)
  for (let i = 0; i < 50; i++) {
    packet.writeUInt16BE(i, 2)
    await new Promise((ok) => rogue.send(packet, Number(port), host, ok))
  }
  rogue.close()
  await hub.ok('POST', `/broadcasts/${notice.id}/stop`)
  const state = await until('the loudspeaker tells of it', async () => {
    const { state } = await hub.ok('GET', '/devices/speaker-e01')
    return state.message === '' && state.rtp_refused >= 40 && state
  })
  assert.equal(state.message, '')
})
