// Clients that the project did not write, each through the same list, without
// and with TLS: what a buyer's programmer tries on the first day.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { certificate } from './lib/cert.mjs'
import { clients } from './lib/foreign.mjs'
import { Hub, now, until } from './lib/hub.mjs'

const pem = certificate()
const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'], { tls: pem })

before(() => hub.start())
after(async () => {
  await hub.close()
  rmSync(pem.dir, { recursive: true, force: true })
})

const happened = (id) => JSON.stringify({ id, boot: 'b1', seq: Number(id.split('-').pop()) || 0, at: now(), type: 'session_started', data: { part: '1', user: 'u1' } })
const of = async (device, channel = 'event') => (await hub.ok('GET', `/events?device=${device}&channel=${channel}&limit=1000`)).items

let n = 0
for (const c of clients) {
  for (const ca of [undefined, pem.ca]) {
    const tag = `c${++n}`
    describe(`${c.name} over ${ca ? 'TLS' : 'TCP'}`, { concurrency: 4 }, () => {
      const made = {}
      const device = async (what) => (made[what] ??= await hub.device('charger', `${tag}-${what}`, 'east'))
      const program = async (what) => ({ id: `${tag}-${what}`, user: 'program', secret: (await hub.program(`${tag}-${what}`)).token })
      // Nothing stays open behind a test that fails.
      const listening = async (t, ...args) => {
        const l = await c.listen(hub, ...args)
        t.after(() => l.drop())
        return l
      }
      const topic = (d, channel) => `dy/v1/charger/${d.id}/${channel}`

      test('publishes with QoS 0, 1 and 2, each of which is there once', async () => {
        const d = await device('pub')
        for (const qos of [0, 1, 2]) await c.send(hub, d, topic(d, 'event'), happened(`q-${qos}`), { qos, ca })
        const got = await until('all three are in the journal', async () => {
          const es = await of(d.id)
          return es.length >= 3 && es
        })
        assert.deepEqual(got.map((e) => e.id).sort(), ['q-0', 'q-1', 'q-2'])
      })

      test('receives a command', async (t) => {
        const d = await device('cmd')
        const l = await listening(t, d, [topic(d, 'command'), topic(d, 'config')], { ca })
        assert.ok(l.codes.every((x) => x < 128), `granted ${l.codes}`)
        const sent = await hub.ok('POST', `/devices/${d.id}/commands`, { type: 'stop', args: { part: '3' } })
        const m = await l.next('the command comes', (x) => x.topic.endsWith('/command'))
        const got = JSON.parse(m.payload)
        assert.equal(got.id, sent.id)
        assert.equal(got.type, 'stop')
        assert.equal(got.args.part, '3')
        assert.equal(m.retain, false)
        await l.close()
      })

      test('a program finds the retained presence', async (t) => {
        const d = await device('ret')
        await c.send(hub, d, topic(d, 'presence'), JSON.stringify({ online: true, fw: '2.0', boot: 'b1' }), { retain: true, ca })
        const l = await listening(t, await program('ret'), [`dy/v1/+/${d.id}/presence`], { ca })
        const m = await l.next('the presence comes')
        assert.equal(m.retain, true)
        assert.equal(JSON.parse(m.payload).fw, '2.0')
        await l.close()
      })

      test('leaves its will when it is cut off, and none when it says goodbye', async (t) => {
        const d = await device('will')
        const ear = await listening(t, await program('will'), [topic(d, 'presence')], { ca })
        const will = { topic: topic(d, 'presence'), payload: JSON.stringify({ online: false, boot: 'bw' }), qos: 1, retain: true }
        const polite = await listening(t, d, [topic(d, 'command')], { ca, will })
        await polite.close()
        await c.send(hub, d, topic(d, 'presence'), JSON.stringify({ online: true, boot: 'after' }), { ca }) // behind any will
        await ear.next('the next presence comes', (m) => m.payload.includes('after'))
        const boots = () => ear.got.map((m) => JSON.parse(m.payload).boot)
        assert.deepEqual(boots(), c.goodbyeWithWill ? ['bw', 'after'] : ['after'], 'what a DISCONNECT leaves')
        ear.got.length = 0
        const l = await listening(t, d, [topic(d, 'command')], { ca, will })
        await l.drop()
        const m = await ear.next('the will comes')
        assert.equal(JSON.parse(m.payload).online, false)
        assert.ok((await of(d.id, 'presence')).some((e) => e.boot === 'bw'), 'the will is in the journal')
        await ear.close()
      })

      test('goes on with its session', async (t) => {
        const d = await device('res')
        const p = await program('res')
        const first = await listening(t, p, [topic(d, 'event')], { ca, clean: false })
        await c.send(hub, d, topic(d, 'event'), happened('r-1'), { ca })
        await first.next('the first event comes')
        await first.close()
        for (const i of [2, 3, 4]) await c.send(hub, d, topic(d, 'event'), happened(`r-${i}`), { ca })
        const again = await listening(t, p, [topic(d, 'event')], { ca, clean: false })
        await again.next('the last event comes', (m) => JSON.parse(m.payload).id === 'r-4')
        assert.deepEqual(again.got.map((m) => JSON.parse(m.payload).id), ['r-2', 'r-3', 'r-4'])
        await again.close()
      })

      test('two programs share a subscription', async (t) => {
        const d = await device('share')
        const filter = `$share/${tag}/${topic(d, 'event')}`
        const both = []
        for (const x of ['s1', 's2']) both.push(await listening(t, await program(x), [filter], { ca }))
        assert.deepEqual(both.flatMap((l) => l.codes), [1, 1])
        const ids = []
        const all = () => both.flatMap((l) => l.got.map((m) => JSON.parse(m.payload).id))
        // Who gets which is the broker's choice: eight may all fall to one, sixty-four do not.
        while (ids.length < 8 || (both.some((l) => l.got.length === 0) && ids.length < 64)) {
          ids.push(`s-${ids.length}`)
          await c.send(hub, d, topic(d, 'event'), happened(ids.at(-1)), { ca })
          await until('all have come', () => all().length >= ids.length)
        }
        assert.deepEqual(all().sort(), ids.sort())
        assert.ok(both.every((l) => l.got.length > 0), 'each has its part')
        for (const l of both) await l.close()
      })

      test('is not let in with a wrong password', async () => {
        const d = await device('pub')
        await assert.rejects(c.send(hub, { id: d.id, secret: 'not-the-secret' }, topic(d, 'event'), happened('w-1'), { ca }))
        assert.ok(!(await of(d.id)).some((e) => e.id === 'w-1'))
      })
    })
  }
}
