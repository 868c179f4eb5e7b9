// The administration of doors and people in a browser: a household moves in, a card
// opens a simulated door, a right is narrowed and the refusal explained, a plan is
// drilled, the household moves out and its doors refuse, and nobody's trail is shown
// without a reason.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { existsSync, readFileSync } from 'node:fs'
import { launch, open, shot } from './lib/browser.mjs'
import { Device } from './lib/device.mjs'
import { Hub, now, until } from './lib/hub.mjs'

const hub = new Hub('demo', ['--quiet'])
const zone = 'east/b01/u1'
const card = '04E2E0AA55CC'
let browser, door, page

before(async () => {
  await hub.start(120_000)
  browser = await launch()
  door = await Device.connect(hub, await hub.device('door', 'door-e2e', zone, '测试单元门'))
  page = await open(browser, hub, 'dispatch', 'admin', { viewport: { width: 1600, height: 900 } })
  page.setDefaultTimeout(40_000)
  await page.getByTestId('menu-open').waitFor({ timeout: 60_000 })
})
after(async () => {
  door?.close()
  await browser?.close()
  await hub.close()
})

const go = async (name) => {
  await page.evaluate((n) => (location.hash = `#/${n}`), name)
  await page.getByTestId(`${name}-page`).waitFor()
}

let n = 0
/** Shows a card at the door and gives the answer with how long it took. */
async function swipe(value = card) {
  const id = `badge-${++n}`
  const began = Date.now()
  await door.publish('event', { id, boot: 'b1', seq: n, at: now(), type: 'badge', data: { credential: { type: 'card', value }, side: 'in', decision: 'ask' } })
  const c = await door.next((x) => x.args?.ref === id)
  return { type: c.type, reason: c.args.reason, ms: Date.now() - began }
}

const axeFile = new URL('../dashboards/web/node_modules/axe-core/axe.min.js', import.meta.url)
/** axe finds nothing against WCAG 2.2 AA, and nothing is too wide. */
async function clean(where) {
  if (existsSync(axeFile)) {
    await page.evaluate(readFileSync(axeFile, 'utf8'))
    const bad = await page.evaluate(async () => (await window.axe.run(document.querySelector('.manage'), { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
      .violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((x) => `${x.target} ${x.any[0]?.message ?? ''}`).join(' | ')}`))
    assert.deepEqual(bad, [], where)
  }
  const wide = await page.evaluate(() => document.querySelector('.manage main').scrollWidth - document.querySelector('.manage main').clientWidth)
  assert.ok(wide <= 0, `${where}: ${wide} px too wide`)
}

/** Adds somebody to a home by the form, and leaves their page open. */
async function add(name, flat) {
  await page.getByTestId('people-add').click()
  await page.getByTestId('person-name').fill(name)
  await page.locator(`[data-testid=person-unit] option[value="${zone}"]`).waitFor({ state: 'attached' })
  await page.getByTestId('person-unit').selectOption(zone)
  await page.getByTestId('person-flat').fill(flat)
  await page.getByTestId('person-save').click()
  await page.getByTestId('person-title').filter({ hasText: name }).waitFor()
  return page.getByTestId('person-page').getAttribute('data-person')
}

let first, second

test('a household of two moves in, and the card issued opens the door', async () => {
  await go('people')
  second = await add('测试乙', '0999')
  first = await add('测试甲', '0999')
  await page.getByTestId('person-page').getByText('测试乙').waitFor() // the one household
  await page.getByTestId('card-add').click()
  await page.getByTestId('credential-value').fill(card)
  await page.getByTestId('class-uid').check()
  await page.getByTestId('credential-save').click()
  await page.locator('[data-testid=credential][data-type=card]').waitFor()
  assert.equal((await swipe()).reason, 'wrong_door')
  await page.getByTestId('right-add').click()
  await page.getByTestId('right-door').fill('door-e2e')
  await page.getByTestId('right-save').click()
  await page.locator('[data-testid=person-door][data-door=door-e2e][data-open=true]').waitFor()
  assert.equal((await swipe()).type, 'unlock')
  await page.getByTestId('spread').waitFor()
  await clean('a person')
  await shot(page, '97-person')
})

test('the tree leads to the household, by keyboard too', async () => {
  for (const z of await page.evaluate(() => [...document.querySelectorAll('[data-testid=zone]')].map((e) => e.dataset.zone))) {
    const b = page.locator(`[data-testid=zone][data-zone="${z}"]`)
    if ((await b.getAttribute('aria-expanded')) === 'false') {
      await b.focus()
      await page.keyboard.press('Enter')
    }
  }
  for (const z of ['east', 'east/b01', zone]) {
    const b = page.locator(`[data-testid=zone][data-zone="${z}"]`)
    await b.waitFor()
    if ((await b.getAttribute('aria-expanded')) === 'false') {
      await b.focus()
      await page.keyboard.press('Enter')
    }
  }
  await page.locator('[data-testid=home][data-home="0999"]').getByText('测试乙').waitFor()
})

test('a right by group and hours replaces it: the door refuses, and the screen says why in words', async () => {
  await page.getByTestId('right-end').click()
  await page.getByTestId('right-end').click()
  await page.getByText('没有任何门的权限').waitFor()
  await go('rights')
  await page.getByTestId('rights-groups').click()
  await page.getByTestId('group-add').click()
  await page.getByTestId('group-name').fill('e2e-doors')
  await page.getByTestId('doors-search').fill('door-e2e')
  await page.locator('[data-testid=door-tick][data-door=door-e2e]').check()
  await page.getByTestId('group-save').click()
  await page.locator('[data-testid=group][data-group=e2e-doors]').waitFor()
  await clean('groups')
  await hub.ok('PATCH', `/people/${first}`, { groups: ['e2e-people'] })
  await page.getByTestId('group-right-add').click()
  await page.getByTestId('right-group').fill('e2e-people')
  await page.getByTestId('right-at-door_group').click()
  await page.locator('[data-testid=right-door-group] option[value=e2e-doors]').waitFor({ state: 'attached' })
  await page.getByTestId('right-door-group').selectOption('e2e-doors')
  await page.getByTestId('schedule-work').click()
  const hour = (new Date().getUTCHours() + 8) % 24 // the community's clock
  const [from, to] = hour < 12 ? ['13:00', '13:01'] : ['01:00', '01:01']
  await page.getByTestId('schedule-from').fill(from)
  await page.getByTestId('schedule-to').fill(to)
  await shot(page, '97-right')
  await page.getByTestId('right-save').click()
  await page.getByTestId('group-right').filter({ hasText: 'e2e-doors' }).waitFor()
  assert.equal((await swipe()).reason, 'outside_schedule')

  await page.getByTestId('rights-explain').click()
  await page.getByTestId('explain-person').fill('测试甲')
  await page.locator(`[data-testid=explain-person-found][data-person=${first}]`).click()
  await page.getByTestId('explain-door').fill('door-e2e')
  await page.getByTestId('explain-go').click()
  const said = page.locator('[data-testid=explained][data-reason=outside_schedule]')
  await said.waitFor()
  assert.match(await said.innerText(), /有权限，但现在不在允许的时段/)
  await page.getByTestId('explain-who').click()
  await page.locator(`[data-testid=who-row][data-person=${first}][data-open=false]`).waitFor()
  await clean('explain')
  await shot(page, '97-explain')
})

test('a plan is made and drilled: no door is told anything', async () => {
  await go('doors')
  await page.locator('[data-testid=ladder-door]').first().waitFor()
  await clean('ladder')
  await page.getByTestId('doors-plans').click()
  await page.getByTestId('plan-add').click()
  await page.getByTestId('plan-zh').fill('测试预案')
  await page.getByTestId('plan-en').fill('Test plan')
  await page.getByTestId('plan-id').fill('e2e-plan')
  await page.getByTestId('area-door').fill('door-e2e')
  await page.getByTestId('area-door-add').click()
  await page.getByTestId('plan-save').click()
  const plan = page.locator('[data-testid=plan][data-plan=e2e-plan]')
  await plan.waitFor()
  const told = door.commands.length
  await plan.getByTestId('plan-drill').click()
  await page.locator('[data-testid=lock-past][data-drill=true]').filter({ hasText: '预案演练' }).first().waitFor()
  assert.equal(door.commands.filter((c) => c.type === 'set_mode').length, 0)
  assert.equal(door.commands.length, told)
  await clean('plans')
  await shot(page, '97-plans')
  await page.getByTestId('doors-lists').click()
  await page.getByTestId('lists').waitFor()
})

test('a rung by hand needs an end, stands with its reason, and is ended', async () => {
  await page.getByTestId('doors-ladder').click()
  await page.getByTestId('ladder-search').fill('door-e2e')
  await page.locator('[data-testid=ladder-door][data-door=door-e2e]').getByTestId('door-rung').click()
  await page.getByTestId('rung-reason').fill('搬家')
  await page.getByTestId('rung-until').fill('')
  assert.ok(await page.getByTestId('rung-save').isDisabled())
  await page.getByTestId('rung-until').fill('2099-01-01T08:00')
  await page.getByTestId('rung-save').click()
  await page.locator('[data-testid=standing][data-rung=manual_override]').filter({ hasText: '搬家' }).waitFor()
  await page.locator('[data-testid=ladder-door][data-door=door-e2e][data-rung=manual_override]').waitFor()
  const end = page.locator('[data-testid=standing][data-rung=manual_override]').getByTestId('standing-end')
  await end.click()
  await end.click()
  await page.locator('[data-testid=ladder-door][data-door=door-e2e][data-rung=controlled]').waitFor()
})

test('an account is kept to its zones, and a lift has its floors', async () => {
  await go('rights')
  await page.getByTestId('rights-accounts').click()
  const row = page.locator('[data-testid=account][data-login=operator]')
  await row.getByTestId('account-edit').click()
  await page.getByTestId('account-zone').selectOption('east')
  await page.getByTestId('account-zone-add').click()
  await shot(page, 'account-zones')
  await page.getByTestId('account-save').click()
  await until('the account is kept to it', async () => (await hub.ok('GET', '/users')).items.find((u) => u.login === 'operator').zones?.join() === 'east')
  await until('the list says so', async () => /东/.test(await row.getByTestId('account-zones').textContent()))
  await clean('accounts')
  await row.getByTestId('account-edit').click()
  await page.getByTestId('account-chosen').getByRole('button').click()
  await page.getByTestId('account-save').click()
  await until('it may act everywhere again', async () => !(await hub.ok('GET', '/users')).items.find((u) => u.login === 'operator').zones?.length)

  await go('doors')
  await page.getByTestId('ladder-search').fill('door-e2e')
  await page.locator('[data-door=door-e2e]').getByTestId('lift-edit').click()
  const floors = page.getByTestId('lift-floors')
  await floors.fill('1-')
  assert.ok(await page.getByTestId('lift-save').isDisabled(), 'floors that are none can be saved')
  await floors.fill('1-18')
  await shot(page, 'lift-floors')
  await page.getByTestId('lift-save').click()
  await until('the device has them', async () => (await hub.ok('GET', '/devices/door-e2e')).labels?.lift === '1-18')
})

test('nobody sees a trail without a reason, and who looked is told', async () => {
  await go('badges')
  await page.getByTestId('trail-person').fill('测试甲')
  await page.locator(`[data-testid=trail-person-found][data-person=${first}]`).click()
  assert.ok(await page.getByTestId('trail-look').isDisabled())
  await page.getByTestId('trail-reason').fill('   ')
  assert.ok(await page.getByTestId('trail-look').isDisabled())
  assert.equal((await hub.api('GET', `/badges?person=${first}`)).status, 422)
  await page.getByTestId('trail-reason').fill('住户报失窃，核对进出')
  await page.getByTestId('trail-look').click()
  await page.getByTestId('trail').locator('[data-testid=badge][data-reason=outside_schedule]').waitFor()
  await page.locator(`[data-testid=lookup][data-person=${first}]`).filter({ hasText: '住户报失窃' }).waitFor()
  await clean('badges')
  await shot(page, '97-badges')
})

test('moved out: the door refuses within two seconds, and the screen shows it with the receipt', async () => {
  await hub.ok('POST', '/rights', { person: first, door: 'door-e2e', schedule: 'always' })
  assert.equal((await swipe()).type, 'unlock')
  await go('people')
  await page.getByTestId('people-search').fill('测试甲')
  await page.locator(`[data-testid=person-row][data-person=${first}]`).click()
  await page.locator('[data-testid=person-door][data-door=door-e2e][data-open=true]').waitFor()
  await page.getByTestId('person-out').click()
  const began = Date.now()
  await page.getByTestId('person-out').click()
  await page.getByTestId('person-left').waitFor()
  const shown = Date.now() - began
  const said = await swipe()
  assert.deepEqual([said.type, said.reason], ['deny', 'inactive'])
  console.log(`moved out: on the screen after ${shown} ms, the door refused in ${said.ms} ms`)
  await page.locator('[data-testid=person-door][data-door=door-e2e][data-open=false]').waitFor()
  assert.match(await page.getByTestId('receipt').first().innerText(), /凭证 1、权限 1/)
  await clean('moved out')
  await shot(page, '97-left')
  assert.ok(second)
})

test('a file with mistakes is listed by line and changes nothing', async () => {
  await page.getByTestId('people-import').click()
  const bad = 'name,kind,unit,household\n测试丙,resident,east/b01/u1,0999\n,resident,East//,1\n测试丁,robot,east/b01/u1,0999\n'
  await page.getByTestId('csv-file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(bad) })
  await page.getByTestId('csv-error').first().waitFor()
  assert.ok((await page.getByTestId('csv-error').count()) >= 2)
  assert.equal((await hub.ok('GET', '/people?q=%E6%B5%8B%E8%AF%95%E4%B8%99')).items.length, 0)
  await shot(page, '97-import')
  const good = 'name,kind,unit,household\n测试丙,resident,east/b01/u1,0999\n=HYPERLINK(1),staff,,\n'
  await page.getByTestId('csv-file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(good) })
  await page.getByTestId('csv-go').click()
  await until('they are there', async () => (await hub.ok('GET', '/people?q=%E6%B5%8B%E8%AF%95%E4%B8%99')).items.length === 1)
  assert.equal((await page.request.get(`${hub.url}/api/v1/people/export`)).status(), 422)
  assert.equal(await page.getByTestId('csv-export').count(), 0)
  await page.getByTestId('csv-reason').fill('年度核对')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('csv-export').click()])
  const text = readFileSync(await file.path(), 'utf8')
  assert.match(text, /'=HYPERLINK\(1\)/)
  assert.deepEqual(page.errors.filter((e) => !/401|422/.test(e)), [])
})
