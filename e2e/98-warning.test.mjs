// S7: an official warning, signed, from the post of the authorities to every loudspeaker
// and back. Forged ones are silent and raise an alarm.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Hub, binary, freePort, until } from './lib/hub.mjs'
import { busy } from './lib/busy.mjs'
import { Authority, PostBox, info } from './lib/official.mjs'

const dir = mkdtempSync(join(tmpdir(), 'dongyue-official-'))
const keys = join(dir, 'keys'), folder = join(dir, 'in')
const box = new PostBox()
const met = new Authority(keys, 'met@chengdu.example')
const stranger = new Authority(dir, 'met@chengdu.example', { believed: false })
// The plan's corner; a triangle over the inner edges of East and West Court, south of North Court.
const origin = [30.6598, 104.0633]
const at = (x, y) => `${(origin[0] - y / 111195).toFixed(6)},${(origin[1] + x / (111195 * Math.cos((origin[0] * Math.PI) / 180))).toFixed(6)}`
const area = `<polygon>${[at(150, 200), at(350, 200), at(250, 300), at(150, 200)].join(' ')}</polygon>`
const cries = { headline: '暴雨红色预警', text: '未来三小时有特大暴雨，请留在室内，关好门窗，远离地下空间', area }
let hub, token, port

before(async () => {
  port = await freePort()
  hub = new Hub('demo', ['--quiet'], {
    config: `official: {keys: ${keys}, folder: ${folder}, upstream: "http://127.0.0.1:${port}/inbox", sender: hub@dongyue.example, origin: "${origin.join(', ')}, 0"}\n`,
  })
  await hub.start()
  token = (await hub.ok('POST', '/tokens', { name: 'post', role: 'integrator' })).token
})
after(async () => {
  await hub?.close()
  box.close()
  rmSync(dir, { recursive: true, force: true })
})

const submit = async (xml) => {
  const r = await fetch(`${hub.url}/api/v1/official/messages`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cap+xml' }, body: xml })
  return { status: r.status, body: await r.json() }
}
const broadcast = (id) => hub.ok('GET', `/broadcasts/${id}`)
const all = async (id, state) => (await broadcast(id)).nodes.every((n) => n.state === state)
const alarms = async () => (await hub.ok('GET', '/alarms?state=open')).items.filter((a) => a.rule.startsWith('security.official'))
const heardLoud = (b) => b.nodes.every((n) => n.level_db > 75)
const ms = (t) => new Date(t).getTime()

test('a signed warning for two courts displaces the music there within 300 ms, and is heard in 10 s', async () => {
  const music = await hub.ok('POST', '/broadcasts', { zones: [''], text: '背景音乐，持续播放，用来等待被打断。', priority: 6, repeat: 60 })
  await until('music plays everywhere', async () => (await broadcast(music.id)).playing === music.targets)
  const t0 = Date.now()
  const { status, body } = await submit(met.sign(met.message({ info: info(cries) })))
  assert.equal(status, 202, JSON.stringify(body))
  assert.equal(body.verified, true)
  assert.ok(body.zones.includes('east') && body.zones.includes('west') && !body.zones.includes('north'), JSON.stringify(body.zones))
  assert.equal(body.gb.severity, 'RED')
  const b = await until('it is heard everywhere', async () => {
    const x = await broadcast(body.broadcast)
    return x.playing === x.targets && x
  })
  const took = Math.max(...b.nodes.map((n) => ms(n.began_at))) - t0
  assert.ok(took <= 10_000, `${took} ms`)
  assert.equal(b.priority, 2)
  assert.equal(b.targets, 30)
  assert.ok(heardLoud(b), JSON.stringify(b.nodes[0]))
  const m = await broadcast(music.id)
  const devices = new Set(b.nodes.map((n) => n.device))
  for (const n of m.nodes) assert.equal(n.state, devices.has(n.device) ? 'paused' : 'playing')
  const preempted = Math.max(...m.nodes.filter((n) => n.state === 'paused').map((n) => ms(b.nodes.find((x) => x.device === n.device).began_at) - ms(n.at)))
  console.log(`# official message → sound everywhere in ${took} ms; from the decision over the music to the voice ${preempted} ms`)
  assert.ok(preempted <= 300 * busy(), `${preempted} ms`)

  // An update changes the text in the middle, a cancel ends it; then the music goes on.
  const first = met.ref
  const u = await submit(met.sign(met.message({ type: 'Update', refs: first, info: info({ ...cries, headline: '暴雨红色预警升级' }) })))
  assert.equal(u.status, 202, JSON.stringify(u.body))
  const second = met.ref
  const now = await until('the new text is heard', async () => {
    const x = await broadcast(u.body.broadcast)
    return x.playing === x.targets && x
  })
  assert.match(now.text, /升级/)
  assert.ok((await broadcast(b.id)).nodes.every((n) => n.state === 'overridden' && n.error === 'replaced'))
  const t1 = Date.now()
  const c = await submit(met.sign(met.message({ type: 'Cancel', refs: `${first} ${second}`, info: info(cries) })))
  assert.equal(c.status, 202)
  await until('it is silent', () => all(u.body.broadcast, 'done'))
  const ends = Math.max(...(await broadcast(u.body.broadcast)).nodes.map((n) => ms(n.at))) - t1
  console.log(`# cancel → silence everywhere in ${ends} ms`)
  assert.ok(ends <= 2000 * busy(), `${ends} ms`)
  await until('the music goes on where it was', async () => (await broadcast(music.id)).nodes.every((n) => n.state === 'playing'))
  assert.ok((await broadcast(music.id)).nodes.filter((n) => devices.has(n.device)).every((n) => n.position_ms > 0))
  await hub.ok('POST', `/broadcasts/${music.id}/stop`)
})

test('what is forged is silent and raises a critical alarm', async () => {
  const before = (await hub.ok('GET', '/broadcasts')).items.length
  const good = met.sign(met.message({ info: info(cries) }))
  for (const [what, xml, status, code, rule] of [
    ['changed', good.replace('暴雨红色预警', '全体立即撤离'), 403, 'official.signature', 'security.official_signature'],
    ['unsigned', met.message({ info: info(cries) }), 403, 'official.unsigned', 'security.official_unsigned'],
    ['with a key of a stranger', stranger.sign(stranger.message({ info: info(cries) })), 403, 'official.unknown_key', 'security.official_unknown_key'],
    ['in another’s name', met.sign(met.message({ sender: 'fire@chengdu.example', info: info(cries) })), 403, 'official.sender', 'security.official_sender'],
  ]) {
    const r = await submit(xml)
    assert.deepEqual([r.status, r.body.code], [status, code], what)
    const alarm = await until(`an alarm: ${what}`, async () => (await alarms()).find((a) => a.rule === rule))
    assert.equal(alarm.priority, 'critical')
  }
  for (const [what, xml, status] of [
    ['a DTD', good.replace('<alert', '<!DOCTYPE alert SYSTEM "http://127.0.0.1/x"><alert'), 422],
    ['10 MB', 'x'.repeat(10 << 20), 413],
    ['CAP 1.1', good.replaceAll('cap:1.2', 'cap:1.1'), 422],
    ['a polygon that crosses itself', met.sign(met.message({ info: info({ ...cries, area: '<polygon>30,104 31,105 30,105 31,104 30,104</polygon>' }) })), 422],
  ]) {
    const r = await submit(xml)
    assert.equal(r.status, status, `${what}: ${JSON.stringify(r.body)}`)
  }
  assert.equal((await hub.ok('GET', '/broadcasts')).items.length, before, 'something was heard')
})

test('the same message again is not heard again', async () => {
  const xml = met.sign(met.message({ info: info({ ...cries, headline: '大风黄色预警', severity: 'Severe' }) }))
  assert.equal((await submit(xml)).status, 202)
  const r = await submit(xml)
  assert.deepEqual([r.status, r.body.code], [409, 'official.replayed'])
  await until('an alarm', async () => (await alarms()).some((a) => a.rule === 'security.official_replay'))
})

test('an exercise says so, a test is silent, both are answered', async () => {
  const x = await submit(met.sign(met.message({ status: 'Exercise', info: info(cries) })))
  assert.equal(x.status, 202)
  const b = await broadcast(x.body.broadcast)
  assert.equal(b.mode, 'exercise')
  const real = await broadcast((await submit(met.sign(met.message({ info: info(cries) })))).body.broadcast)
  assert.ok(b.length_ms > real.length_ms + 3000, 'the words of the exercise come first, each time')
  const silent = await submit(met.sign(met.message({ status: 'Test', info: info(cries) })))
  assert.deepEqual([silent.status, silent.body.state, silent.body.broadcast], [202, 'silent', ''])
  // An exercise can't end what is actual.
  const actual = met.sign(met.message({ status: 'Exercise', type: 'Cancel', refs: met.ref, info: info(cries) }))
  assert.equal((await submit(actual)).status, 202)
  assert.equal((await broadcast(real.id)).stopped_at, '')
})

test('a file in the folder is a message too', async () => {
  const xml = met.sign(met.message({ info: info({ ...cries, headline: '雷电橙色预警', severity: 'Severe' }) }))
  writeFileSync(join(folder, 'in.tmp'), xml)
  renameSync(join(folder, 'in.tmp'), join(folder, 'thunder.xml'))
  await until('it is taken', async () => (await hub.ok('GET', '/official/messages')).items.some((e) => e.came === 'folder' && e.state === 'speaking'))
  await until('it is put away', () => readdirSync(join(folder, 'done')).some((f) => f.endsWith('thunder.xml')))
})

test('results wait for the line, survive a crash and come once', async () => {
  const entries = (await hub.ok('GET', '/official/messages?limit=200')).items.filter((e) => e.verified)
  await until('all are answered', async () => (await hub.ok('GET', '/official/outbox?limit=200')).items.length === entries.length, 30_000)
  await hub.stop('SIGKILL')
  await hub.start()
  await box.open(port)
  const wanted = new Set(entries.map((e) => `ack-${e.id}`))
  await until('all have come', () => box.letters.length >= wanted.size, 90_000)
  await until('and the hub knows it', async () => (await hub.ok('GET', '/official/outbox?limit=200')).items.every((l) => l.sent_at))
  assert.deepEqual(box.letters.map((l) => l.key).sort(), [...wanted].sort())
  const spoken = box.letters.find((l) => l.xml.includes('loudspeakers 30 of 30 playing'))
  assert.ok(spoken, box.letters[0].xml)
  assert.match(spoken.xml, /<msgType>Ack<\/msgType>[^]*speaker-e01=/)
  // The hub's own signature is checked by its own command, with the hub's certificate.
  const file = join(dir, 'ack.xml')
  writeFileSync(file, spoken.xml)
  const out = execFileSync(binary, ['cap', 'verify', file, '--keys', join(hub.dir, 'data', 'official')], { encoding: 'utf8' })
  assert.match(out, /ok .*hub@dongyue\.example/)
  writeFileSync(file, spoken.xml.replace('30 of 30', '31 of 30'))
  assert.throws(() => execFileSync(binary, ['cap', 'verify', file, '--keys', join(hub.dir, 'data', 'official')], { stdio: 'pipe' }))
})
