// A resident charges from the phone: the deposit is taken by the demonstration's till,
// a simulated cabinet goes on, its meter counts, and what is left comes back.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Hub, until } from './lib/hub.mjs'
import { launch, open, shot } from './lib/browser.mjs'

const hub = new Hub()
let browser, phone

before(async () => {
  await hub.start()
  browser = await launch()
  await until('all devices are online', async () => (await hub.ok('GET', '/devices?limit=1000')).items.every((d) => d.online), 90_000, 500)
  phone = await open(browser, hub, 'home', 'resident', { viewport: { width: 390, height: 844 } })
})
after(async () => {
  await browser?.close()
  await hub.close()
})

const mine = async () => (await hub.ok('GET', '/home/charging', undefined, { as: 'resident' })).sessions

test('paid, started, metered, stopped, the rest comes back', { timeout: 240_000 }, async (t) => {
  await phone.getByTestId('tab-charge').click()
  await phone.getByTestId('charge-shed').waitFor()
  const free = phone.locator('[data-testid=charge-port]:not([disabled])').first()
  await free.waitFor()
  const before = new Set((await mine()).map((s) => s.id))
  await shot(phone, 'charge-01-choose')
  await free.click()
  const id = await until('a session is taken up', async () => (await mine()).find((s) => !before.has(s.id))?.id)
  const one = () => hub.ok('GET', `/home/charging/${id}`, undefined, { as: 'resident' })
  await until('the cabinet charges', async () => (await one()).state === 'charging', 30_000)
  await until('its meter has counted', async () => (await one()).energy_mwh >= 1_000, 60_000, 500)
  const card = phone.getByTestId('charge-now').filter({ hasText: `${(await one()).part}` }).first()
  await until('the phone shows it', async () => /0\.00[1-9] kWh/.test(await card.innerText()), 20_000, 300)
  await shot(phone, 'charge-02-charging')
  await card.getByTestId('charge-stop').click()
  const s = await until('it is settled', async () => {
    const x = await one()
    return x.state === 'settled' && x
  }, 30_000)
  assert.equal(s.reason, 'stopped')
  const cost = (rate) => Math.floor((s.energy_mwh * rate + 50_000_000) / 100_000_000)
  assert.equal(s.electricity_fen, cost(s.tariff.electricity))
  assert.equal(s.service_fen, cost(s.tariff.service))
  assert.equal(s.refund_fen, s.deposit_fen - s.electricity_fen - s.service_fen)
  const bill = phone.getByTestId('charge-bill').first()
  await bill.waitFor()
  const yuan = (fen) => `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`
  await until('the bill shows what came back', async () => (await bill.innerText()).includes(yuan(s.refund_fen)), 20_000, 300)
  assert.match(await bill.innerText(), /已停止/)
  await shot(phone, 'charge-03-bill')
  assert.deepEqual(phone.errors.filter((e) => !/ERR_|Failed to load resource|net::/.test(e)), [])
  t.diagnostic(`${s.energy_mwh} mWh: ${s.electricity_fen} + ${s.service_fen} fen of ${s.deposit_fen}, ${s.refund_fen} back`)
})
