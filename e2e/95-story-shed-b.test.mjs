// S1 as a newcomer sees it: the demonstration, one button, and a battery in shed B
// that nothing stops. Every step is looked for in the browser or in the hub's own
// books; a row of pictures of it stands in e2e/out. Some six minutes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hub, until } from './lib/hub.mjs'
import { launch, open, shot, videos } from './lib/browser.mjs'

const hub = new Hub() // demo --quiet: nothing happens but what is asked for
const shed = 'charger-w02'
const when = {} // ms of what was seen
const busy = process.env.EXACT ? 0 : 4_000 // ms that a machine which others use may be late; the figures themselves are those of bench/chargers
let browser, page, phone, incident, smoke

before(async () => {
  await hub.start()
  browser = await launch()
  await until('all devices are online', async () => (await hub.ok('GET', '/devices?limit=1000')).items.every((d) => d.online), 60_000, 500)
  page = await open(browser, hub, 'dispatch', 'operator')
  await page.getByTestId('wall').waitFor()
})
after(async () => {
  await browser?.close()
  await hub.close()
})

const ms = (t) => Date.parse(t)
const twin = async (id = shed) => hub.ok('GET', `/devices/${id}`)
const port = async (p) => (await twin()).values?.[p] ?? {}
const number = (v) => v?.v ?? v?.value ?? v
const alarms = async () => (await hub.all('/alarms?state=all')).filter((a) => a.device === shed)
const alarm = async (rule) => (await alarms()).find((a) => a.rule === rule)
const journal = async (a) => (await hub.ok('GET', `/alarms/${a.id}`)).journal
const commands = async () => (await hub.ok('GET', `/devices/${shed}/commands`)).items
const ladder = async (a, kind) => (await journal(a)).filter((j) => j.text.startsWith(`ladder ${kind}`))

test('the story is one button, in three languages', { timeout: 180_000 }, async () => {
  const button = page.locator('[data-testid=demo-incident][data-id=shed_b]')
  for (const [lang, words] of [['en', /battery runs away in shed B/], ['zh-Hant', /凌晨三點，B棚電池熱失控/], ['zh-Hans', /凌晨三点，B棚电池热失控/]]) {
    await page.getByTestId('lang').locator(`[data-lang="${lang}"]`).first().click()
    await page.getByTestId('demo-open').click()
    await button.waitFor()
    assert.match(await button.innerText(), words)
    assert.equal(await page.locator('[data-testid=demo-incident]').first().getAttribute('data-id'), 'shed_b', 'it stands first')
    if (lang !== 'zh-Hans') await page.keyboard.press('Escape')
  }
  await shot(page, 'story-01-button')
  const { ports } = (await twin()).state
  assert.equal(Object.keys(ports).length, 24)
  await button.click()
  when.pressed = Date.now()
  await until('ten bikes charge', async () => Object.values((await twin()).state.ports).filter((s) => s === 'charging').length >= 10, 10_000, 100)
})

test('the curve is told before anything is hot', { timeout: 240_000 }, async (t) => {
  const levels = []
  await until('the power swings', async () => {
    const w = number((await port('7')).power_w)
    levels.push(w)
    const last = levels.slice(-8)
    return Math.min(...last) > 0 && Math.max(...last) > 1.5 * Math.min(...last)
  }, 230_000, 500)
  when.swings = Date.now()
  const a = await until('the oscillation is an alarm', () => alarm('charger.curve'), 30_000)
  assert.equal(a.part, '7')
  t.diagnostic(`told ${((ms(a.raised_at) - when.swings) / 1000).toFixed(1)} s after the swing was in the twin`)
  await shot(page, 'story-02-curve')
})

test('60 °C and rising: cut, the relay sticks, the feeder goes, the neighbours are off', { timeout: 240_000 }, async (t) => {
  const hot = await until('it is hot', () => alarm('charger.over_temperature'), 200_000, 50)
  when.hot = ms(hot.raised_at)
  const cut = await until('port 7 is ordered off', async () => (await commands()).find((c) => c.type === 'cut' && c.args.part === '7'), 5_000)
  const feeder = await until('the feeder is ordered off', async () => (await commands()).find((c) => c.type === 'cut' && c.args.feeder), 5_000)
  assert.ok(ms(cut.at) - when.hot <= 200 + busy, `the cut was ordered ${ms(cut.at) - when.hot} ms after the alarm`)
  assert.ok(ms(feeder.at) - ms(cut.at) <= 2_000 + busy, `the feeder ${ms(feeder.at) - ms(cut.at)} ms after that`)
  for (const p of ['5', '6', '7', '8', '9']) {
    await until(`port ${p} has no power`, async () => number((await port(p)).power_w) === 0, 3_000 + busy, 50)
  }
  const off = Date.now() - ms(cut.at)
  for (const p of ['5', '6', '8', '9']) assert.ok((await commands()).some((c) => c.type === 'cut' && c.args.part === p), `port ${p} has an order of its own`)
  await until('the feeder is proved', async () => (await ladder(hot, 'feeder')).some((j) => j.what === 'action_done'), 10_000)
  assert.ok(hot.cameras.length > 0)
  const b2 = (await hub.ok('GET', '/cameras?limit=1000')).items.find((c) => c.name.includes('B-2'))
  assert.ok(hot.cameras.includes(b2.id), `B-2 is among ${hot.cameras}`)
  when.b2 = b2.id
  t.diagnostic(`cut ordered ${ms(cut.at) - when.hot} ms after the alarm, feeder ${ms(feeder.at) - ms(cut.at)} ms after that, all of 5–9 seen dead within ${off} ms`)
  await shot(page, 'story-03-cut')
})

test('smoke: top of the list, B-2 live, voice 6/6, doors, lamps, the card', { timeout: 240_000 }, async (t) => {
  const ev = await until('it smokes', async () => (await hub.ok('GET', `/events?device=${shed}&type=smoke&limit=10`)).items[0], 230_000, 50)
  when.smoke = ms(ev.received_at)
  smoke = await until('it is an alarm', () => alarm('charger.smoke'), 3_000 + busy, 20)
  assert.equal(smoke.priority, 'critical')
  const listed = ms(smoke.raised_at) - when.smoke
  assert.ok(listed <= 1_000 + busy, `${listed} ms`)
  incident = smoke.incident
  const [first] = (await hub.ok('GET', '/incidents?state=open')).items
  assert.equal(first.id, incident, 'the first of the list')
  await until('it is the first row on the screen', async () => (await page.locator('[data-testid=alarm-row]').first().getAttribute('data-device')) === shed, 3_000 + busy, 50)
  const frame = async () => (await videos(page)).find((v) => v.camera === when.b2 && v.width > 0 && v.frames > 0)
  const one = await until('B-2 shows a picture', frame, 10_000, 50)
  await until('and it moves', async () => ((await frame())?.frames ?? 0) > one.frames + 5, 10_000, 50)
  await shot(page, 'story-04-smoke')

  const lines = async (kind) => (await ladder(smoke, kind)).filter((j) => j.what === 'action_done')
  const say = await until('the voice is proved', async () => (await lines('say'))[0], 15_000)
  assert.match(say.text, /6\/6/)
  const doors = await until('the doors are proved', async () => (await lines('release'))[0], 15_000)
  assert.match(doors.text, /2\/2/)
  const card = await until('the card is filled', async () => (await lines('card'))[0], 15_000)
  assert.match(card.text, /119 报警卡.*B棚.*7 号口/)
  await until('the lamps are proved', async () => (await lines('light')).length > 0, 15_000)
  assert.deepEqual((await journal(smoke)).filter((j) => j.what === 'action_failed').map((j) => j.text), [])

  const [b] = (await hub.ok('GET', '/broadcasts?limit=50')).items.filter((x) => x.ref === smoke.id)
  const nodes = (await hub.ok('GET', `/broadcasts/${b.id}`)).nodes
  assert.equal(nodes.length, 6)
  const voice = Math.max(...nodes.map((n) => ms(n.began_at))) - when.smoke
  assert.ok(voice <= 3_000 + busy, `voice ${voice} ms after the smoke`)
  assert.ok(nodes.every((n) => n.level_db > 75 || n.level_db === 0), JSON.stringify(nodes))
  for (const u of [5, 6]) {
    const d = await twin(`door-w05-${u}`)
    assert.equal(d.state.mode, 'fire_release')
    assert.equal(d.state.lock, 'unlocked')
    assert.equal(d.state.position, 'closed', 'unlocked for rescuers, not held open')
  }
  const took = (j) => ms(j.at) - when.smoke
  assert.ok(took(doors) <= 3_500 + busy, `doors ${took(doors)} ms`)
  const lit = await lines('light')
  t.diagnostic(`listed ${listed} ms, voice 6/6 ${voice} ms, doors ${took(doors)} ms, ${lit.length} lamps ${Math.max(...lit.map(took))} ms, card ${took(card)} ms after the smoke`)
})

test('a second smoke is the same incident', { timeout: 60_000 }, async () => {
  await until('it smokes again', async () => (await hub.ok('GET', `/events?device=${shed}&type=smoke&limit=10`)).items.length >= 2, 40_000, 200)
  await sleep(1_000)
  const all = await alarms()
  assert.equal(all.filter((a) => a.rule === 'charger.smoke').length, 1)
  assert.equal(new Set(all.map((a) => a.incident)).size, 1, JSON.stringify(all.map((a) => [a.rule, a.incident])))
  const open = (await hub.ok('GET', '/incidents?state=open')).items
  assert.equal(open.filter((i) => i.device === shed).length, 1)
})

test('nobody acknowledges: step 1 after 5 s, another at 60 s', { timeout: 120_000 }, async (t) => {
  // The incident calls once, from its first alarm of life safety on: what comes to it later does not begin anew.
  const hot = await alarm('charger.over_temperature')
  assert.equal(hot.incident, incident)
  const steps = async () => (await journal(hot)).filter((j) => j.what === 'escalate').map((j) => ({ after: (ms(j.at) - ms(hot.raised_at)) / 1000, text: j.text }))
  const all = await until('the supervisor is called', async () => {
    const s = await steps()
    return s.some((x) => /supervisor/.test(x.text)) && s
  }, 90_000, 200)
  assert.match(all[0].text, /on_duty/)
  assert.ok(Math.abs(all[0].after - 5) <= 1 + busy / 1000, `first step after ${all[0].after} s`)
  const sixty = all.find((x) => /supervisor/.test(x.text))
  assert.ok(Math.abs(sixty.after - 60) <= 1 + busy / 1000, `supervisor after ${sixty.after} s`)
  t.diagnostic(all.map((x) => `${x.after.toFixed(1)} s ${x.text}`).join(' | '))
  await page.locator('[data-testid=alarm-row]').first().click()
  await page.getByTestId('incident-card').waitFor()
  await sleep(800)
  await shot(page, 'story-05-escalated')
})

test('the owner is told and pays up to the cut; somebody is sent', { timeout: 60_000 }, async (t) => {
  const [cut] = (await commands()).filter((c) => c.type === 'cut' && c.args.part === '7').sort((a, b) => ms(a.at) - ms(b.at)) // smoke orders it once more
  const s = await until('the session is settled', async () =>
    (await hub.ok('GET', `/charging/sessions?device=${shed}&limit=100`)).items.find((x) => x.part === '7' && x.reason === 'safety_cut' && x.state === 'settled'), 30_000)
  assert.equal(s.ended_at, s.cut_at)
  assert.ok(s.energy_mwh > 1_000, `${s.energy_mwh} mWh: it has charged for minutes`)
  assert.ok(Math.abs(ms(s.cut_at) - ms(cut.at)) <= 200 + busy, `billed to ${s.cut_at}, cut at ${cut.at}`)
  const cost = (rate) => Math.floor((s.energy_mwh * rate + 50_000_000) / 100_000_000)
  assert.equal(s.electricity_fen, cost(s.tariff.electricity))
  assert.equal(s.service_fen, cost(s.tariff.service))
  const orders = (await hub.all('/work-orders')).filter((o) => o.device === shed)
  assert.ok(orders.some((o) => o.priority === 'critical' && /检查/.test(o.title.zh)), JSON.stringify(orders.map((o) => o.title)))

  phone = await open(browser, hub, 'home', 'resident', { viewport: { width: 390, height: 844 } })
  await phone.getByTestId('tab-charge').click()
  await phone.locator('[data-testid=charge-notice]').first().waitFor({ timeout: 20_000 }).catch(async (e) => {
    await shot(phone, 'story-06-owner')
    throw e
  })
  assert.match(await phone.locator('[data-testid=charge-notice]').first().innerText(), /为了安全/)
  assert.match(await phone.locator('[data-testid=charge-bill]').first().innerText(), /为安全切断/)
  await shot(phone, 'story-06-owner')
  t.diagnostic(`${(s.energy_mwh / 1e6).toFixed(3)} kWh, ${s.electricity_fen} + ${s.service_fen} fen, billed to ${ms(s.cut_at) - ms(cut.at)} ms around the cut`)
})

test('one incident of fifteen and more raw events, handed over as a table', { timeout: 60_000 }, async (t) => {
  const r = await hub.api('GET', `/incidents/${incident}/timeline.csv`)
  assert.equal(r.status, 200)
  assert.match(r.headers.get('content-type'), /text\/csv/)
  const lines = String(r.body).trim().split('\r\n')
  const raw = lines.filter((l) => l.split(',')[1] === 'device' && l.includes(shed))
  assert.ok(raw.length >= 15, `${raw.length} raw events`)
  for (const word of ['escalate', 'smoke', '119', 'session_ended', 'ladder say']) assert.ok(lines.some((l) => l.includes(word)), `${word} stands in it`)
  const at = lines.slice(1).map((l) => ms(l.split(',')[0]))
  assert.ok(at.every((x, i) => !Number.isNaN(x) && (i === 0 || x >= at[i - 1])), 'in the order of time')
  await page.bringToFront()
  const link = page.getByTestId('timeline-csv')
  await link.waitFor()
  const [file] = await Promise.all([page.waitForEvent('download'), link.click()])
  assert.equal(file.suggestedFilename(), `incident-${incident}.csv`)
  t.diagnostic(`${lines.length - 1} lines, ${raw.length} of them said by the shed; the whole story took ${((Date.now() - when.pressed) / 1000).toFixed(0)} s`)
  assert.deepEqual(page.errors.filter((e) => !/ERR_|Failed to load resource|net::/.test(e)), [])
})
