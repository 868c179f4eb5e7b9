// Go programs under clients/, built once and driven over their standard input.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { until } from './hub.mjs'

/** Builds clients/NAME and returns the program's path. */
export function build(name) {
  const root = resolve(import.meta.dirname, '../..')
  const out = join(root, 'bin', 'e2e')
  mkdirSync(out, { recursive: true })
  execFileSync('go', ['build', '-o', join(out, name), `./e2e/clients/${name}`], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  return join(out, name)
}

export class Pump {
  constructor(hub, devices, secret, rate) {
    this.answers = []
    this.over = new Set()
    this.proc = spawn(build('pump'), ['-addr', `127.0.0.1:${hub.ports.mqtt}`, '-devices', devices.join(','), '-secret', secret, '-rate', String(rate)], { stdio: ['pipe', 'pipe', 'inherit'] })
    let rest = ''
    this.proc.stdout.on('data', (b) => {
      rest += b
      const lines = rest.split('\n')
      rest = lines.pop()
      for (const a of lines.map((l) => JSON.parse(l))) {
        if (a.once) this.over.add(a.once)
        else this.answers.push(a)
      }
    })
  }

  /** What is acknowledged: {acked: {device: number}, sent, connections}. */
  async status(word = 'status', ms) {
    this.answers.length = 0
    this.proc.stdin.write(`${word}\n`)
    await until('the pump answers', () => this.answers.length, ms, 5)
    return this.answers.shift()
  }

  /** Publishes one event of another device until it is acknowledged; see done. */
  once(id, type, event) {
    this.proc.stdin.write(`once ${id} ${type} ${event}\n`)
  }

  done(id) {
    return until(`${id} is acknowledged`, () => this.over.has(id), 15_000, 5)
  }

  stop() {
    return this.status('stop', 30_000)
  }

  kill() {
    this.proc.kill('SIGKILL')
  }
}
