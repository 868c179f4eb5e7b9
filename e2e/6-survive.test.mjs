// kill -9 under load: what was acknowledged is there, once, and has had its
// effect, once.
//   CYCLES=200 node --test 6-survive.test.mjs
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hub, until } from './lib/hub.mjs'
import { Pump } from './lib/pump.mjs'

const cycles = Number(process.env.CYCLES || 20)
const rate = Number(process.env.RATE || 3000)
const secret = 'survive-secret-0123456789'
const talkers = Array.from({ length: 6 }, (_, i) => `pump-${i}`)
const smoky = Array.from({ length: cycles }, (_, i) => `smoke-${i}`)
const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
let pump

before(async () => {
  await hub.start()
  await hub.ok('POST', '/devices/import', 'id,kind,name,zone,secret\n' + [...talkers, ...smoky].map((id) => `${id},charger,${id},east,${secret}\n`).join(''), { headers: { 'content-type': 'text/csv' } })
  pump = new Pump(hub, talkers, secret, rate)
})
after(async () => {
  pump?.kill()
  await hub.close()
})

// What the journal holds, read on from where the last look ended.
const seen = new Map(talkers.map((t) => [t, new Map()]))
let cursor = ''
async function look() {
  for (;;) {
    const page = await hub.ok('GET', `/events?limit=1000&type=session_started${cursor && `&after=${cursor}`}`)
    for (const e of page.items) {
      const of = seen.get(e.device)
      if (of) of.set(e.boot_seq, (of.get(e.boot_seq) ?? 0) + 1)
      cursor = String(e.seq)
    }
    if (!page.next) return
  }
}

function check(acked) {
  for (const [device, to] of Object.entries(acked)) {
    const of = seen.get(device)
    for (let n = 1; n <= to; n++) {
      if (of.get(n) !== 1) assert.fail(`${device} ${n} of ${to} was acknowledged and is in the journal ${of.get(n) ?? 0} times`)
    }
  }
}

test(`${cycles} kills at ${rate} messages a second`, { timeout: (60 + cycles * 15) * 1000 }, async (t) => {
  const begin = Date.now()
  let down = 0
  for (let i = 0; i < cycles; i++) {
    // An alarm and its command are made just before the cut, or just after it.
    await sleep(400 + Math.random() * 900)
    pump.once(smoky[i], 'smoke', `fire-${i}`)
    await sleep(Math.random() * 60)
    await hub.stop('SIGKILL')
    const { acked } = await pump.status() // nobody can acknowledge any more
    const off = Date.now()
    await hub.start()
    down += Date.now() - off
    await look()
    check(acked)
    await pump.done(smoky[i])
  }
  const last = await pump.stop()
  await look()
  check(last.acked)
  const total = Object.values(last.acked).reduce((a, b) => a + b, 0)
  assert.equal([...seen.values()].reduce((n, m) => n + m.size, 0), total, 'nothing that was never sent')

  await until('every fire has its alarm', async () => (await hub.all('/alarms?state=all')).filter((a) => a.device?.startsWith('smoke-')).length >= cycles)
  const alarms = (await hub.all('/alarms?state=all')).filter((a) => a.rule === 'charger.smoke')
  assert.deepEqual(alarms.map((a) => a.device).sort(), [...smoky].sort(), 'one alarm for each fire')
  assert.deepEqual(alarms.filter((a) => (a.count ?? 1) !== 1).map((a) => `${a.device} ${a.count}`), [], 'raised once')
  for (const id of smoky) {
    const cuts = await until(`${id} is cut`, async () => {
      const { items } = await hub.ok('GET', `/devices/${id}/commands`)
      return items.length && items
    })
    assert.ok(cuts.every((c) => c.type === 'cut'), `${id}: nothing but cuts`)
    const what = cuts.map((c) => JSON.stringify(c.args)).sort()
    assert.deepEqual(what, [...new Set(what)], `${id}: each step of the ladder once`)
  }
  const s = (Date.now() - begin) / 1000
  t.diagnostic(`${cycles} kills in ${s.toFixed(1)} s: ${total} events acknowledged (${Math.round(total / s)}/s with the outages), 0 lost, 0 doubled, ${alarms.length} alarms, ${cycles} commands, back after ${Math.round(down / cycles)} ms on average`)
})
