// A disk that is full, under the whole hub: nothing more is acknowledged, the
// hub says so, and when there is room again everything acknowledged is there.
// The disk is a small tmpfs in a mount namespace of its own, which takes root.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hub, now, until } from './lib/hub.mjs'
import { Wire, publishPacket } from './lib/wire.mjs'

const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
let disk

after(async () => {
  await hub.close()
  disk?.kill('SIGKILL')
})

function why() {
  const r = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /mnt'], { encoding: 'utf8' })
  return r.status === 0 ? '' : `a private tmpfs can't be mounted here: ${r.error?.message ?? r.stderr.trim()}`
}

test('a full disk acknowledges nothing', async (t) => {
  const reason = why()
  if (reason) {
    t.diagnostic(reason)
    t.skip(reason)
    return
  }
  const dir = join(hub.dir, 'data')
  mkdirSync(dir)
  disk = spawn('unshare', ['-m', 'sh', '-c', `mount -t tmpfs -o size=48m tmpfs ${dir} && echo mounted && exec sleep 600`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((ok) => disk.stdout.once('data', ok))
  const inside = `/proc/${disk.pid}/root${dir}`
  hub.wrap = ['nsenter', '-t', String(disk.pid), '-m', '--']
  writeFileSync(join(inside, 'ballast'), Buffer.alloc(16 << 20))
  await hub.start()
  const d = await hub.device('lamp', 'writer', 'east')

  // Fill it with what devices send.
  const w = await Wire.login(hub, d, { v: 5 })
  const acked = new Set()
  let no = 0
  w.on = (p) => {
    if (p.type !== 4) return
    if (p.body.length > 2 && p.body[2] >= 0x80) no++
    else acked.add(p.body.readUInt16BE(0))
  }
  const message = (id) => publishPacket('dy/v1/lamp/writer/event', JSON.stringify({ id: `w${id}`, boot: 'b', seq: id, at: now(), type: 'tilt', data: { x: 'x'.repeat(50_000) } }), { id })
  let id = 0
  const end = Date.now() + 30_000
  while (!no && !w.closed && Date.now() < end) {
    for (let i = 0; i < 10; i++) w.send(message(++id))
    await sleep(5)
    while (id - acked.size > 60 && !no && !w.closed && Date.now() < end) await sleep(5)
  }
  await until('the hub says so', async () => {
    const r = await hub.api('GET', '//readyz?verbose', undefined, { as: null })
    return r.status === 503 && /journal/.test(JSON.stringify(r.body)) && r
  }, 5_000)
  assert.equal((await fetch(`${hub.url}/livez`)).status, 200, 'it stays up to say so')
  assert.ok(no > 0 || w.closed, 'refused, not forgotten')
  assert.match(hub.log, /journal stopped: nothing more is acknowledged/)
  w.close()

  // From now on nothing at all is acknowledged.
  const was = acked.size
  for (const v of [5, 4]) {
    const late = await Wire.login(hub, d, { v }).catch(() => undefined)
    if (!late) continue
    late.send(publishPacket('dy/v1/lamp/writer/event', JSON.stringify({ id: `late${v}`, boot: 'b', seq: 1, at: now(), type: 'tilt', data: {} }), { v, id: 1 }))
    const code = await late.puback(1)
    assert.ok(code === -1 || code >= 0x80, `PUBACK ${code} on a full disk`)
    late.close()
  }

  // Room again, and a restart.
  await hub.stop('SIGKILL')
  rmSync(join(inside, 'ballast'))
  await hub.start()
  const seen = new Set((await hub.all('/events?device=writer', 'after')).map((e) => e.id))
  assert.deepEqual([...acked].map((n) => `w${n}`).filter((x) => !seen.has(x)), [], 'everything acknowledged is there')
  assert.ok(![...seen].some((x) => x.startsWith('late')), 'nothing that was refused')
  const again = await Wire.login(hub, d)
  again.send(publishPacket('dy/v1/lamp/writer/event', JSON.stringify({ id: 'again', boot: 'c', seq: 1, at: now(), type: 'tilt', data: {} }), { id: 1 }))
  assert.equal(await again.puback(1), 0, 'and it goes on')
  again.close()
  t.diagnostic(`${was} events acknowledged before the disk was full, all there after it`)
})
