// Doors with simulated controllers of their own; see clients/stairs.
import { spawn } from 'node:child_process'
import { until } from './hub.mjs'
import { build } from './pump.mjs'

export class Stairs {
  /** doors: [{id, zone, secret}]; they connect at once. */
  static async live(hub, doors) {
    const s = new Stairs()
    s.answers = []
    s.turn = Promise.resolve()
    const { public_key: key } = await hub.ok('GET', '/door-lists/key')
    s.proc = spawn(build('stairs'), ['-mqtt', `127.0.0.1:${hub.ports.mqtt}`, '-key', key], { stdio: ['pipe', 'pipe', 'inherit'] })
    let rest = ''
    s.proc.stdout.on('data', (b) => {
      rest += b
      const lines = rest.split('\n')
      rest = lines.pop()
      s.answers.push(...lines.map((l) => JSON.parse(l)))
    })
    s.proc.stdin.write(`${JSON.stringify(doors.map(({ id, zone, secret }) => ({ id, zone, secret })))}\n`)
    await until('all doors are connected', async () => (await s.do('status')).online === doors.length, 30_000, 100)
    return s
  }

  /** Gives a command and returns its answer; one after another. */
  do(...words) {
    const mine = this.turn.then(async () => {
      this.proc.stdin.write(`${words.join(' ')}\n`)
      await until(`the stairs answer ${words[0]}`, () => this.answers.length, 10_000, 2)
      return this.answers.shift()
    })
    this.turn = mine.catch(() => {})
    return mine
  }

  close() {
    this.proc?.kill()
  }
}
