// A resident's phone and a visitor's: opening the own door, letting somebody in, the
// doorbell, and what is kept for times without a network. Played over real MQTT; the
// code is read off the visitor's screen as a reader at the door would.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createRequire } from 'node:module'
import { existsSync, readFileSync } from 'node:fs'
import { launch, open, shot } from './lib/browser.mjs'
import { Device } from './lib/device.mjs'
import { Hub, now, password, until } from './lib/hub.mjs'
import { picture } from './lib/png.mjs'

const jsqr = createRequire(import.meta.url)('jsqr')
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2, locale: 'zh-CN' }
const hub = new Hub('demo', ['--quiet'])
const zone = 'east/b01/u1'
let browser, door, other, me, page

before(async () => {
  await hub.start(120_000)
  hub.site = `http://localhost:${hub.ports.http}` // phones prove themselves to a name
  browser = await launch()
  const d = await hub.device('door', 'door-e2e', zone, '一单元门')
  other = await Device.connect(hub, await hub.device('door', 'door-side', zone, '侧门'))
  door = await Device.connect(hub, d)
  me = (await hub.ok('GET', '/home', undefined, { as: 'resident' })).person
  for (const x of ['door-e2e', 'door-side']) await hub.ok('POST', '/rights', { person: me, door: x, schedule: 'always' })
  const { items } = await hub.ok('GET', `/rights?person=${me}`)
  for (const r of items.filter((r) => !['door-e2e', 'door-side'].includes(r.door))) await hub.ok('DELETE', `/rights/${r.id}`)
  page = await open(browser, { url: hub.site }, 'home', 'resident', phone)
  await page.getByTestId('home-open').first().waitFor({ timeout: 30_000 })
})
after(async () => {
  door?.close()
  other?.close()
  await browser?.close()
  await hub.close()
})

/** Answers the door's commands as a controller does, until it is told to stop. */
function working(d, status = 'done', error = '') {
  const seen = new Set(d.commands.map((c) => c.id))
  const timer = setInterval(() => {
    for (const c of d.commands.filter((c) => !seen.has(c.id))) {
      seen.add(c.id)
      d.publish('reply', { id: c.id, status, at: now(), error }).catch(() => {})
    }
  }, 20)
  return () => clearInterval(timer)
}

async function hold(p, id) {
  const b = await p.locator(`[data-testid=home-open][data-door=${id}]`).boundingBox()
  await p.mouse.move(b.x + 40, b.y + 40)
  await p.mouse.down()
  await p.waitForTimeout(1200)
  await p.mouse.up()
}

/** What a reader sees on a screen. */
async function scan(p) {
  await p.getByTestId('qr').evaluate((e) => e.scrollIntoView({ block: 'center' }))
  const { data, width, height } = picture(await p.getByTestId('qr').screenshot())
  const found = jsqr(data, width, height)
  assert.ok(found, 'no QR code can be read off the screen')
  return found.data
}

let n = 0
/** Shows a code at a door and gives the answer. */
async function show(d, value, side = 'in') {
  const id = `badge-${++n}`
  await d.publish('event', { id, boot: 'b1', seq: n, at: now(), type: 'badge', data: { credential: { type: 'qr', value }, side, decision: 'ask' } })
  return d.next((c) => c.args?.ref === id)
}

const axeFile = ['../dashboards/web/node_modules/axe-core/axe.min.js'].map((f) => new URL(f, import.meta.url)).find(existsSync)
/** axe finds nothing against WCAG 2.2 AA, nothing is too wide or too small to press. */
async function clean(p, where) {
  await p.evaluate(() => scrollTo(0, document.documentElement.scrollHeight)) // nothing of the page lies under the tabs then
  if (axeFile) {
    await p.evaluate(readFileSync(axeFile, 'utf8'))
    const bad = await p.evaluate(async () => (await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
      .violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((x) => `${x.target} ${x.any[0]?.message ?? ''}`).join(' | ')}`))
    assert.deepEqual(bad, [], where)
  }
  const r = await p.evaluate(() => ({
    wide: document.documentElement.scrollWidth - screen.width,
    small: [...document.querySelectorAll('button, a, input:not([type=checkbox]), select')].filter((e) => {
      const b = e.getBoundingClientRect()
      return b.width > 0 && (b.width < 40 || b.height < 40)
    }).map((e) => e.outerHTML.slice(0, 90)),
  }))
  assert.ok(r.wide <= 0, `${where}: ${r.wide} px too wide`)
  assert.deepEqual(r.small, [], where)
}

test('a resident holds a second to open the own door, and sees why it stays shut', async () => {
  await clean(page, 'first page')
  await shot(page, '94-home')
  let stop = working(door)
  try {
    await hold(page, 'door-e2e')
    await page.getByTestId('home-opened').waitFor()
    assert.equal((await door.next((c) => c.type === 'unlock')).args.for_s, 5)
  } finally {
    stop()
  }
  const lockdown = await hub.ok('POST', '/lockdowns', { areas: [zone], reason: 'e2e' })
  await page.reload()
  await page.getByTestId('home-open').first().waitFor()
  await page.getByText('此门已封控，现在不能开').first().waitFor()
  const before = door.commands.filter((c) => c.type === 'unlock').length
  await hold(page, 'door-e2e')
  await page.locator('[data-door=door-e2e][data-phase=failed]').waitFor()
  await page.getByText('此门已封控').first().waitFor()
  await shot(page, '94-home-refused')
  assert.equal(door.commands.filter((c) => c.type === 'unlock').length, before)
  await hub.ok('POST', `/lockdowns/${lockdown.id}/end`, { reason: 'e2e over' })
  await until('the doors are free again', async () => (await hub.ok('GET', '/home', undefined, { as: 'resident' })).doors.every((d) => !d.closed))
})

test('my code opens once, read off the screen; a PIN opens, a wrong one does not', async () => {
  await page.reload()
  await page.getByTestId('home-code').click()
  await page.getByTestId('qr').waitFor()
  const code = await scan(page)
  assert.match(code, /^DY1\./)
  assert.equal((await show(door, code)).type, 'unlock')
  assert.equal((await show(door, code)).args.reason, 'credential_replay')
  await page.getByTestId('code-renew').click()
  await until('another code is shown', async () => (await scan(page)) !== code)
  await page.context().setOffline(true)
  await page.getByTestId('offline').waitFor()
  assert.match(await page.getByTestId('code-left').textContent(), /还有 \d+ 秒有效/)
  assert.equal((await show(door, await scan(page))).type, 'unlock') // shown from the last one
  await page.context().setOffline(false)
  await hub.ok('POST', '/credentials', { person: me, type: 'pin', value: '842617' })
  for (const [value, want] of [['842617', 'unlock'], ['000111', 'deny']]) {
    const id = `pin-${value}`
    await door.publish('event', { id, boot: 'b1', seq: ++n, at: now(), type: 'badge', data: { credential: { type: 'pin', value }, side: 'in', decision: 'ask' } })
    assert.equal((await door.next((c) => c.args?.ref === id)).type, want)
  }
  await clean(page, 'my code')
  await shot(page, '94-home-code')
})

/** Makes a pass in the browser; gives its link. */
async function pass({ name, uses, leave, doors = ['door-e2e'] }) {
  await page.getByTestId('tab-visitors').click()
  await page.getByTestId('pass-new').click()
  await page.getByTestId('pass-name').fill(name)
  for (const d of doors) await page.locator(`[data-testid=pass-door][value=${d}]`).check()
  await page.locator(`[data-uses="${uses}"]`).click()
  if (leave) await page.getByTestId('pass-leave').check()
  await clean(page, 'pass form')
  await page.getByTestId('pass-make').click()
  await page.getByTestId('pass-made').waitFor()
  const link = await page.getByTestId('pass-link').inputValue()
  assert.equal(await scan(page), link)
  await clean(page, 'pass made')
  await shot(page, '94-pass-made')
  await page.getByTestId('pass-done').click()
  return link
}

const visitor = async (link, locale = 'zh-CN') => {
  const ctx = await browser.newContext({ ...phone, locale })
  const v = await ctx.newPage()
  v.seen = []
  v.on('response', (r) => v.seen.push(r))
  v.on('pageerror', (e) => assert.fail(String(e)))
  await v.goto(link)
  return v
}

test('S13: a pass made on the phone opens for the visitor, is counted, and is dead when revoked', async () => {
  const link = await pass({ name: '张师傅', uses: 2 })
  assert.match(link, new RegExp(`^http://localhost:${hub.ports.http}/visit/[a-z0-9]{26}$`))
  const v = await visitor(link)
  await v.getByTestId('qr').waitFor()
  await v.getByText('张师傅，你好').waitFor()
  await v.getByText('还可进 2 次').waitFor()
  await v.getByTestId('visit-way').getByText('一单元门').waitFor()
  await clean(v, 'visitor')
  await shot(v, '94-visit')
  const text = await v.locator('body').textContent()
  const host = (await hub.ok('GET', '/home', undefined, { as: 'resident' })).name
  assert.ok(!text.includes(host), 'the host’s name is told to the visitor')
  const head = v.seen.find((r) => r.url() === link)
  assert.equal(head.headers()['cache-control'], 'no-store')
  assert.equal(head.headers()['referrer-policy'], 'no-referrer')
  assert.equal(v.seen.find((r) => r.url().includes('/api/v1/visit/')).headers()['cache-control'], 'no-store')
  const token = link.split('/').at(-1)
  assert.ok(!hub.log.includes(token), 'the token is in the log')

  const code = await scan(v)
  assert.equal((await show(other, code)).args.reason, 'wrong_door') // and that code is used up
  await v.getByTestId('code-renew').click()
  await until('a fresh code', async () => (await scan(v)) !== code)
  const fresh = await scan(v)
  assert.equal((await show(door, fresh)).type, 'unlock')
  assert.equal((await show(door, fresh)).args.reason, 'credential_replay')
  await v.getByTestId('code-renew').click()
  await v.getByText('还可进 1 次').waitFor()
  const row = page.getByTestId('pass').first()
  await row.getByText('已进 1 次，还剩 1 次').waitFor({ timeout: 20_000 })
  await clean(page, 'passes')
  await shot(page, '94-passes')

  await row.getByTestId('pass-revoke').click()
  await row.getByTestId('pass-revoke').click()
  await page.locator('[data-testid=pass][data-state=revoked]').first().waitFor()
  const dead = await scan(v) // the visitor's screen does not know yet
  assert.equal((await show(door, dead)).args.reason, 'inactive')
  await v.getByTestId('code-renew').click()
  await v.getByText('已被住户停用').waitFor()
  assert.equal(await v.getByTestId('qr').count(), 0)
  await clean(v, 'visitor, revoked')
  await shot(v, '94-visit-revoked')
  await v.context().close()
})

test('a pass for many uses ends when the visitor leaves, if so given', async () => {
  const link = await pass({ name: '李阿姨', uses: 0, leave: true })
  const v = await visitor(link, 'en-GB')
  await v.getByTestId('qr').waitFor()
  await v.getByText('Hello 李阿姨').waitFor()
  await shot(v, '94-visit-en')
  assert.equal((await show(door, await scan(v))).type, 'unlock')
  await v.getByTestId('code-renew').click()
  await v.waitForTimeout(300)
  assert.equal((await show(door, await scan(v), 'out')).type, 'unlock')
  await until('the pass has ended', async () => (await hub.ok('GET', '/home/passes', undefined, { as: 'resident' })).items[0].state === 'left')
  await v.reload()
  await v.getByText('You have left').waitFor()
  await v.locator('[data-lang=zh-Hant]').click()
  await v.getByText('你已離開').waitFor()
  await v.goto(`${hub.site}/visit/${'x'.repeat(26)}`)
  await v.getByText('連結無效').or(v.getByText('鏈接無效')).first().waitFor()
  await clean(v, 'unknown link')
  await shot(v, '94-visit-unknown')
  await v.context().close()
})

test('the doorbell rings at the home that was meant; the first answers, sees the camera, opens', async () => {
  const { items } = await hub.ok('GET', `/people?unit=${zone}&limit=100`)
  const flat = items.find((p) => p.id === me).household
  assert.ok(flat, 'the resident has a flat')
  await hub.ok('POST', '/people', { name: '同住人', unit: zone, household: flat }).then(async (p) => {
    await hub.ok('POST', '/users', { login: 'family', name: '同住人', role: 'resident', person: p.id, password })
    await hub.ok('POST', '/rights', { person: p.id, door: 'door-e2e', schedule: 'always' })
  })
  const family = await open(browser, { url: hub.site }, 'home', 'family', phone)
  await family.getByTestId('home-open').waitFor()
  await page.getByTestId('tab-first').click()
  await page.waitForTimeout(500)
  const ring = (id) => door.publish('event', { id, boot: 'b1', seq: ++n, at: now(), type: 'ring', data: { flat } })
  const t0 = Date.now()
  await ring('ring-1')
  await Promise.all([page.getByTestId('call').waitFor(), family.getByTestId('call').waitFor()])
  console.log(`      both phones ring after ${Date.now() - t0} ms`)
  await until('the camera is seen', () => page.getByTestId('call-video').evaluate((v) => v.videoWidth > 0 && v.currentTime > 0), 20_000)
  await page.waitForTimeout(800)
  await clean(page, 'call')
  await shot(page, '94-call')
  const call = (await hub.ok('GET', '/home/calls', undefined, { as: 'resident' })).items[0]
  const offer = 'v=0\r\n'
  const look = (as) => hub.api('POST', `//whep/call/${call.id}`, offer, { as, headers: { 'content-type': 'application/sdp' } })
  assert.notEqual((await look('resident')).body.code, 'whep.no_guest')
  assert.equal((await hub.api('POST', '//whep/cam-1', offer, { as: 'resident', headers: { 'content-type': 'application/sdp' } })).status, 403)

  const stop = working(door)
  await family.getByTestId('call-open').click()
  await family.getByTestId('call').waitFor({ state: 'detached' })
  await page.getByTestId('call').waitFor({ state: 'detached' })
  stop()
  assert.equal((await look('resident')).body.code, 'whep.no_guest')
  assert.equal((await look('admin')).status, 404)

  await ring('ring-2')
  await page.getByTestId('call').waitFor()
  await page.getByTestId('call-refuse').click()
  await family.getByTestId('call').waitFor({ state: 'detached' })
  await page.getByTestId('tab-me').click()
  await page.getByTestId('calls').locator('[data-state=opened]').waitFor()
  await page.getByTestId('calls').locator('[data-state=refused]').waitFor()
  await family.context().close()
})

test('a phone is registered and proves itself for a door that asks for it', async () => {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
  await hub.ok('PUT', '/door-policies/door-e2e', { phone_proof: true })
  await page.reload()
  const stop = working(door)
  try {
    await page.getByTestId('home-open').first().waitFor()
    await hold(page, 'door-e2e')
    await page.locator('[data-door=door-e2e][data-phase=failed]').waitFor()
    await page.getByTestId('tab-me').click()
    await page.getByTestId('phone-name').fill('测试手机')
    await page.getByTestId('phone-add').click()
    await page.getByTestId('phone').getByText('测试手机').waitFor()
    await page.getByTestId('tab-first').click()
    await hold(page, 'door-e2e')
    await page.getByTestId('home-opened').waitFor()
  } finally {
    stop()
    await hub.ok('PUT', '/door-policies/door-e2e', {})
  }
})

test('my log with reasons, my data with its terms, a copy, and a wish to be deleted', async () => {
  await page.reload()
  await page.getByTestId('tab-me').click()
  await page.getByTestId('badges').getByText('这个二维码已经用过').first().waitFor()
  await page.getByTestId('my-data').getByText('保存 180 天').waitFor()
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('data-save').click()])
  const copy = JSON.parse(readFileSync(await file.path(), 'utf8'))
  assert.equal(copy.person.id, me)
  assert.ok(copy.badges.length > 2)
  assert.ok(!JSON.stringify(copy).includes('842617'))
  await page.getByTestId('erase').click()
  await page.getByTestId('erase-sure').click()
  await page.getByTestId('erasure').getByText('等待物业答复').waitFor()
  assert.equal((await hub.ok('GET', '/erasures')).items.filter((e) => e.person === me).length, 1)
  await clean(page, 'me')
  for (const l of ['zh-Hans', 'zh-Hant', 'en']) {
    await page.locator(`[data-lang=${l}]`).click()
    await page.waitForTimeout(300)
    await page.evaluate(() => scrollTo(0, 0))
    await shot(page, `94-me-${l}`)
    for (const tab of ['first', 'visitors', 'report']) {
      await page.getByTestId(`tab-${tab}`).click()
      await page.waitForTimeout(300)
      await shot(page, `94-${tab}-${l}`)
    }
    await page.getByTestId('tab-me').click()
  }
  await page.locator('[data-lang=zh-Hans]').click()
})

test('without a network the page opens and says so; nothing of the hub’s answers is kept', async () => {
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.reload()
  await page.getByTestId('home-open').first().waitFor()
  const kept = await page.evaluate(async () => {
    const all = []
    for (const name of await caches.keys()) for (const r of await (await caches.open(name)).keys()) all.push(new URL(r.url).pathname)
    return all
  })
  assert.ok(kept.includes('/home') && kept.some((k) => k.endsWith('.js')), kept.join())
  assert.deepEqual(kept.filter((k) => /\/api\/|\/visit|\/whep|\/dispatch/.test(k)), [])
  await page.context().setOffline(true)
  await page.reload()
  await page.getByText('连不上服务器').first().waitFor()
  await shot(page, '94-home-offline')
  await page.context().setOffline(false)
  await page.getByTestId('home-open').first().waitFor({ timeout: 30_000 })
  assert.deepEqual(page.errors.filter((e) => !/ERR_INTERNET_DISCONNECTED|Failed to load resource|vibrate/.test(e)), [])
})
