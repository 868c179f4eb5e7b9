// Rules are changed while the hub runs: from the disk, by a signal, over the API, with
// a mistake; replayed over what has been; and asked why.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Device } from './lib/device.mjs'
import { Hub, binary, now, until } from './lib/hub.mjs'

const dir = mkdtempSync(join(tmpdir(), 'dongyue-rules-'))
const put = (name, text) => writeFileSync(join(dir, name), text)
const hot = (limit) => `rules:
  - id: shed.hot
    title: {zh: "{name}过热", en: "{name} overheats"}
    on: {kind: charger, channel: telemetry}
    when: data.temp_c >= ${limit}
    clear: {when: data.temp_c < 40}
    priority: high
    actions:
      - command: cut
        args: {part: "{part}"}
`
const cases = `tests:
  - name: seventy is hot
    given: {device: c1, kind: charger}
    events: [{at: 0s, telemetry: {temp_c: 70}}]
    expect: ["@0s raised shed.hot high"]
`

const hub = new Hub('serve', ['--webrtc', 'off'], { config: `rules: {dir: ${dir}}\n` })
let charger, token
before(async () => {
  put('shed.yaml', hot(70))
  put('shed.test.yaml', cases)
  await hub.start()
  charger = await Device.connect(hub, { kind: 'charger', ...(await hub.device('charger', 'charger-e2e', 'east/b01/s1')) })
  token = (await hub.ok('POST', '/tokens', { name: 'rules', role: 'supervisor' })).token
})
after(async () => {
  charger?.close()
  await hub.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Runs `dongyue rules …` and returns {code, out}. */
const rules = (...args) => new Promise((done) => {
  execFile(binary, ['rules', ...args], { env: { ...process.env, DONGYUE_URL: hub.url, DONGYUE_TOKEN: token, LC_ALL: 'C' } }, (err, out, log) => done({ code: err ? err.code : 0, out: out + log }))
})
const reading = (temp_c) => charger.publish('telemetry', { at: now(), part: '7', values: { temp_c } })
const open = async () => (await hub.ok('GET', '/alarms?state=open')).items
const raised = () => until('the alarm is raised', async () => (await open()).find((a) => a.rule === 'shed.hot' && a.active))
const inForce = () => hub.ok('GET', '/rules')

test('an alarm is explained from the reading to the device’s answer', async () => {
  await reading(82)
  const alarm = await raised()
  const cut = await charger.next((c) => c.type === 'cut')
  await charger.publish('reply', { id: cut.id, status: 'done', at: now() })
  const why = await until('the answer is known', async () => {
    const x = await hub.ok('GET', `/alarms/${alarm.id}/explain`)
    return x.actions[0]?.replies?.length && x
  })
  assert.equal(why.rule_version, why.current_version)
  assert.equal(why.event.data.temp_c, 82)
  assert.ok(why.event.seq > 0)
  assert.deepEqual(why.why.filter((r) => r.expr).map((r) => [r.expr, r.value, r.ok]), [['data.temp_c >= 70', 'data.temp_c = 82', true]])
  assert.equal(why.actions[0].command.id, cut.id)
  assert.equal(why.actions[0].replies[0].status, 'done')
  for (const r of why.why) assert.ok(r.text.zh && r.text.en)
  const cli = await rules('explain', alarm.id)
  assert.equal(cli.code, 0, cli.out)
  assert.match(cli.out, /shed\.hot for charger-e2e\/7: raised[^]*data\.temp_c >= 70 → data\.temp_c = 82: yes[^]*command cut → charger-e2e[^]*: done/)
})

test('and a rule that is not raised says what is in the way', async () => {
  await reading(20)
  await until('it has returned', async () => !(await open()).some((a) => a.rule === 'shed.hot' && a.active))
  const x = await hub.ok('GET', '/rules/shed.hot/explain?device=charger-e2e&part=7')
  assert.equal(x.raised, false)
  assert.match(x.conclusion.en, /data\.temp_c = 20/)
  assert.match((await rules('explain', '--rule', 'shed.hot', '--device', 'charger-e2e')).out, /not raised/)
})

test('a changed file is in force by itself; a bad one leaves the rules alone', async () => {
  const was = await inForce()
  put('shed.yaml', hot(60))
  const now = await until('the change is in force', async () => {
    const r = await inForce()
    return r.set_version !== was.set_version && r.disk === 'same' && r
  })
  assert.equal(now.items[0].when, 'data.temp_c >= 60')
  put('more.yaml', 'rules:\n  - id: bad\n    wenn: 1\n')
  const bad = await until('the bad file is seen', async () => {
    const r = await inForce()
    return r.disk === 'bad' && r
  })
  assert.equal(bad.set_version, now.set_version)
  assert.match(JSON.stringify(bad.problems), /more\.yaml.*wenn/)
  assert.match((await hub.api('GET', '//readyz?verbose')).body, /\[!\] rules/)
  assert.equal(await hub.metric('dongyue_rules_last_reload_successful'), 0)
  const cli = await rules('reload')
  assert.equal(cli.code, 3)
  assert.match(cli.out, /more\.yaml:2:/)
  rmSync(join(dir, 'more.yaml'))
  hub.proc.kill('SIGHUP')
  await until('it is mended', async () => (await inForce()).disk === 'same')
  assert.equal(await hub.metric('dongyue_rules_last_reload_successful'), 1)
})

test('the judgement goes on by the new rules, and what was raised before stays explained by the old', async () => {
  await reading(65)
  const alarm = await raised()
  put('shed.yaml', hot(75))
  await until('the change is in force', async () => (await inForce()).items[0].when === 'data.temp_c >= 75')
  assert.ok((await open()).some((a) => a.id === alarm.id && a.active), 'the alarm outlives the swap')
  const x = await hub.ok('GET', `/alarms/${alarm.id}/explain`)
  assert.notEqual(x.rule_version, x.current_version)
  assert.match(x.conclusion.en, /data\.temp_c >= 60/)
  put('shed.yaml', hot(70))
  await until('the change is in force', async () => (await inForce()).items[0].when === 'data.temp_c >= 70')
})

test('files are saved over the API only when all is well', async () => {
  const files = await hub.ok('GET', '/rules/files')
  const shed = files.items.find((f) => f.name === 'shed.yaml')
  assert.deepEqual(shed.rules, ['shed.hot'])
  const save = (text, { query = '', headers } = {}) => hub.api('PUT', `/rules/files/shed.yaml${query}`, { text }, { headers })
  assert.equal((await save(hot(80))).body.code, 'rules.tests_failed')
  assert.equal((await save(hot('oops('))).body.code, 'rules.bad_files')
  assert.equal((await save(hot(71), { query: '?force=true', headers: { 'if-match': '"000000000000"' } })).body.code, 'rules.file_changed')
  assert.equal(readFileSync(join(dir, 'shed.yaml'), 'utf8'), hot(70))
  const forced = await save(hot(71), { query: '?force=true', headers: { 'if-match': `"${shed.hash}"` } })
  assert.equal(forced.status, 200, JSON.stringify(forced.body))
  assert.ok(forced.body.changed && forced.body.still_ms < 1000)
  assert.equal(readFileSync(join(dir, 'shed.yaml'), 'utf8'), hot(71))
  assert.equal((await hub.api('PUT', '/rules/files/..%2Fhub.yaml', { text: hot(1) })).status >= 400, true)
  const audit = await hub.ok('GET', '/audit')
  assert.ok(audit.items.some((e) => e.action === 'rules.file' && e.target === 'shed.yaml'))
})

test('a replay tells what other rules would have raised, over the API and beside the hub', async () => {
  const trial = mkdtempSync(join(tmpdir(), 'dongyue-trial-'))
  try {
    writeFileSync(join(trial, 'shed.yaml'), hot(30))
    const cli = await rules('replay', trial, '--since', '1h')
    assert.equal(cli.code, 0, cli.out)
    assert.match(cli.out, /alarms raised +2, by the rules in force 1 \(\+1\)/)
    const report = JSON.parse((await rules('replay', trial, '--since', '1h', '--json')).out)
    assert.equal(report.raised, 2)
    assert.equal(report.rules[0].noisiest[0].device, 'charger-e2e')
    assert.ok(report.verdicts.every((v) => v.text.zh && v.text.en))
    const local = JSON.parse((await rules('replay', trial, '--against', dir, '--data', join(hub.dir, 'data'), '--since', '1h', '--json')).out)
    for (const k of ['raised', 'live_raised', 'diff', 'rules', 'mix']) assert.deepEqual(local[k], report[k], k)
    assert.equal((await hub.ok('GET', '/rules')).items[0].raised > 0, true, 'the live judgement is untouched')
  } finally {
    rmSync(trial, { recursive: true, force: true })
  }
})

test('all of it is there after a crash', async () => {
  const was = await inForce()
  const [alarm] = (await open()).filter((a) => a.rule === 'shed.hot')
  await hub.stop('SIGKILL')
  await hub.start()
  const is = await inForce()
  assert.equal(is.set_version, was.set_version)
  assert.equal(is.disk, 'same')
  const x = await hub.ok('GET', `/alarms/${alarm.id}/explain`)
  assert.match(x.conclusion.en, /data\.temp_c >= 60/)
})
