// The East Court as a fleet of its own; see clients/estate.
import { execFileSync, spawn } from 'node:child_process'
import { until } from './hub.mjs'
import { build } from './pump.mjs'

export class Estate {
  constructor(devices) {
    this.program = build('estate')
    this.devices = devices
    this.answers = []
  }

  /** The hub's site file, as text. */
  site() {
    return execFileSync(this.program, ['-devices', this.devices, '-site'], { encoding: 'utf8', maxBuffer: 16 << 20 })
  }

  live(hub) {
    this.proc = spawn(this.program, ['-devices', this.devices, '-mqtt', `127.0.0.1:${hub.ports.mqtt}`], { stdio: ['pipe', 'pipe', 'inherit'] })
    let rest = ''
    this.proc.stdout.on('data', (b) => {
      rest += b
      const lines = rest.split('\n')
      rest = lines.pop()
      this.answers.push(...lines.map((l) => JSON.parse(l)))
    })
  }

  async ask(command) {
    this.proc.stdin.write(`${command}\n`)
    await until(`the estate answers ${command}`, () => this.answers.length, 10_000, 5)
    return this.answers.shift()
  }

  /** Waits until all devices are connected and nothing is played. */
  calm(ms = 60_000) {
    return until('the estate is calm and all of it is online', async () => {
      const s = await this.ask('status')
      return !s.playing && s.online === s.total
    }, ms, 250)
  }

  close() {
    this.proc?.kill()
  }
}
