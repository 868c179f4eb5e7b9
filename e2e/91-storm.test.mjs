// Everybody loses the connection at once and comes back at once.
//   DEVICES=6000 node run.mjs 91-storm.test.mjs
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Hub, password } from './lib/hub.mjs'
import { build } from './lib/pump.mjs'

const devices = Number(process.env.DEVICES || 500)
const hub = new Hub('serve', ['--webrtc', 'off', '--rtsp', 'off'])
before(() => hub.start())
after(() => hub.close())

test(`${devices} devices are cut off and all come back`, { timeout: 600_000 }, async (t) => {
  const { stdout } = await promisify(execFile)(build('storm'), ['-n', devices, '-mqtt', `127.0.0.1:${hub.ports.mqtt}`, '-http', hub.url, '-password', password].map(String))
  const r = JSON.parse(stdout)
  assert.equal(r.devices, devices)
  assert.ok(r.commands > 0)
  assert.ok(r.command_p99_ms < 10_000, 'every command reached its door')
  assert.equal(await hub.metric('dongyue_broker_panics_total'), 0)
  t.diagnostic(stdout.trim())
})
