// Runs the end-to-end tests, one file after another: two cores can't play two walls at once.
// What mostly waits – for seconds and minutes that are part of a story – runs side by side at the end.
//   node run.mjs [FILE...]
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { once } from 'node:events'
import { binary } from './lib/hub.mjs'

if (!existsSync(binary)) {
  console.error(`${binary} is missing: make build`)
  process.exit(1)
}
// The longest first, so that none is left over alone.
const waits = ['991-lamps', '95-story-shed-b', '23-forced-held', '992-sos', '24-visitor', '994-library', '24-refused', '22-alone', '993-panels', '93-duty', '96-charging-money', '96-charging-home', '95-charger-fire', '25-lift-copies']
  .map((f) => `${f}.test.mjs`)

/** Whether all of some files pass, so many at a time. */
async function pass(files, atOnce) {
  if (files.length === 0) return true
  const args = ['--test', `--test-concurrency=${atOnce}`, '--test-timeout=600000', '--test-reporter=spec', ...files]
  const [code] = await once(spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' }), 'exit')
  return code === 0
}

const named = process.argv.slice(2)
const files = named.length ? named : readdirSync(import.meta.dirname).filter((f) => f.endsWith('.test.mjs')).sort()
const first = await pass(files.filter((f) => !waits.includes(f)), 1)
const then = await pass(waits.filter((f) => files.includes(f)), 2)
process.exit(first && then ? 0 : 1)
