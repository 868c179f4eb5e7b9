// Runs the end-to-end tests, one file after another: two cores can't play two walls at once.
//   node run.mjs [FILE...]
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { binary } from './lib/hub.mjs'

if (!existsSync(binary)) {
  console.error(`${binary} is missing: make build`)
  process.exit(1)
}
const files = process.argv.slice(2).length ? process.argv.slice(2) : readdirSync(import.meta.dirname).filter((f) => f.endsWith('.test.mjs')).sort()
const args = ['--test', '--test-concurrency=1', '--test-timeout=600000', '--test-reporter=spec', ...files]
const p = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' })
p.once('exit', (code) => process.exit(code ?? 1))
