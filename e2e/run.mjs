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
const waits = [
  ['991-lamps', '23-forced-held', '24-visitor', '994-library', '96-charging-money', '96-charging-home'],
  ['95-story-shed-b', '992-sos', '24-refused', '25-lift-copies', '93-duty', '95-charger-fire', '993-panels'],
].map((row) => row.map((f) => `${f}.test.mjs`))

/** Whether all of some files pass, one after another. */
async function pass(files) {
  if (files.length === 0) return true
  const args = ['--test', '--test-concurrency=1', '--test-timeout=600000', '--test-reporter=spec', ...files]
  const [code] = await once(spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' }), 'exit')
  return code === 0
}

const named = process.argv.slice(2)
const files = named.length ? named : readdirSync(import.meta.dirname).filter((f) => f.endsWith('.test.mjs')).sort()
const first = await pass(files.filter((f) => !waits.flat().includes(f)))
const rows = await Promise.all(waits.map((row) => pass(row.filter((f) => files.includes(f)))))
process.exit(first && rows.every(Boolean) ? 0 : 1)
