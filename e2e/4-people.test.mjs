// The phones: a crew member takes and finishes an order, a resident opens the own
// door, sees the log and reports a problem.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, until } from './lib/hub.mjs'
import { launch, open, shot, videos } from './lib/browser.mjs'

const hub = new Hub()
let browser
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }

before(async () => {
  await hub.start()
  browser = await launch()
  await until('the doors are online', async () => (await hub.ok('GET', '/devices?kind=door&limit=1000')).items.every((d) => d.online), 60_000, 500)
})
after(async () => {
  await browser?.close()
  await hub.close()
})

test('a resident opens the own door and finds it in the log', async () => {
  const page = await open(browser, hub, 'home', 'resident', phone)
  const button = page.getByTestId('home-open').first()
  await button.waitFor()
  const box = await button.boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.waitForTimeout(1300)
  await page.mouse.up()
  await page.getByTestId('home-opened').waitFor({ timeout: 10_000 })
  assert.match(await page.getByTestId('home-opened').innerText(), /已打开/)
  await shot(page, 'home')
  const mine = await hub.ok('GET', '/home', undefined, { as: 'resident' })
  assert.ok(mine.doors.length >= 1)
  const log = await until('the log has it', async () => {
    const { items } = await hub.ok('GET', '/home/badges', undefined, { as: 'resident' })
    return items.length && items
  })
  assert.ok(log[0].door)
})

test('a resident can open no other door', async () => {
  const mine = new Set((await hub.ok('GET', '/home', undefined, { as: 'resident' })).doors.map((d) => d.id))
  const other = (await hub.ok('GET', '/devices?kind=door&limit=1000')).items.find((d) => !mine.has(d.id))
  assert.equal((await hub.api('POST', `/home/doors/${other.id}/open`, {}, { as: 'resident' })).status, 403)
  assert.equal((await hub.api('POST', '/home/doors/no-such-door/open', {}, { as: 'resident' })).status, 403)
  for (const path of ['/devices', '/alarms', '/people', '/cameras', '/stream', '/badges']) {
    assert.equal((await hub.api('GET', path, undefined, { as: 'resident' })).status, 403, path)
  }
})

test('a report becomes an order, and the crew finishes it', async () => {
  const home = await open(browser, hub, 'home', 'resident', phone)
  await home.getByTestId('home-report').click()
  await home.getByTestId('report-text').fill('三楼楼道灯不亮')
  await home.getByTestId('report-send').click()
  const order = await until('an order is there', async () => (await hub.ok('GET', '/work-orders')).items.find((o) => o.source === 'request'))
  const crew = await open(browser, hub, 'crew', 'crew', phone)
  const card = crew.locator(`[data-testid="order"][data-order-id="${order.id}"]`)
  await card.waitFor()
  await shot(crew, 'crew')
  await card.getByTestId('order-take').click()
  await until('it is taken', async () => (await hub.ok('GET', `/work-orders/${order.id}`)).state === 'taken')
  await card.getByTestId('order-done').click()
  const note = crew.getByTestId('order-note')
  if (await note.isVisible().catch(() => false)) {
    await note.fill('换了灯泡')
    await crew.getByTestId('order-confirm').click()
  }
  await until('it is done', async () => (await hub.ok('GET', `/work-orders/${order.id}`)).state === 'done')
})

test('sixteen tiles play at once, and a camera that is off says so and comes back', async () => {
  const page = await open(browser, hub, 'dispatch', 'operator')
  await page.getByTestId('layout-16').click()
  await until('sixteen pictures', async () => (await videos(page)).filter((v) => v.width > 0 && v.frames > 0).length >= 16, 60_000, 500)
  await shot(page, 'wall-16')
  const outage = (await hub.ok('GET', '/demo/incidents')).items.find((i) => i.id.includes('camera'))
  await hub.ok('POST', `/demo/incidents/${outage.id}`, {})
  const off = await until('a camera has no signal', async () => (await hub.ok('GET', '/cameras?limit=100')).items.find((c) => c.state === 'no_signal'), 20_000, 200)
  await until('it is live again by itself', async () =>
    (await hub.ok('GET', `/cameras/${off.id}`)).state === 'live', 60_000, 500)
})

test('speaking to a zone: the speakers play', async () => {
  const b = await hub.ok('POST', '/broadcasts', { zones: ['east'], text: '请注意，东苑今晚八点停水', priority: 4, mode: 'actual' }, { as: 'operator' })
  assert.ok(b.targets >= 5)
  await until('all play or have played', async () => {
    const x = await hub.ok('GET', `/broadcasts/${b.id}`)
    return x.playing + x.done === x.targets
  }, 20_000)
})
