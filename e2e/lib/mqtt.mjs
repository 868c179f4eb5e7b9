// MQTT through mosquitto's clients, which the project did not write.
import { spawn } from 'node:child_process'
import { until } from './hub.mjs'

/** Publishes and waits for the acknowledgement; returns {code, err}. */
export function publish(hub, device, topic, payload, { qos = 1, retain = false, timeout = 10_000, v = '311' } = {}) {
  return new Promise((ok) => {
    const args = ['-h', '127.0.0.1', '-p', hub.ports.mqtt, '-i', device.id, '-u', device.id, '-P', device.secret, '-V', v,
      '-q', qos, '-t', topic, '-m', typeof payload === 'string' ? payload : JSON.stringify(payload), ...(retain ? ['-r'] : [])]
    const p = spawn('mosquitto_pub', args.map(String))
    let err = ''
    p.stderr.on('data', (b) => (err += b))
    const t = setTimeout(() => p.kill(), timeout)
    p.once('exit', (code) => (clearTimeout(t), ok({ code: code ?? -1, err })))
  })
}

/** Subscribes; messages gather in .got as {topic, payload}. */
export class Subscriber {
  constructor(hub, device, topics) {
    const args = ['-h', '127.0.0.1', '-p', hub.ports.mqtt, '-i', device.id, '-u', device.id, '-P', device.secret, '-q', 1, '-d', '-v',
      ...topics.flatMap((t) => ['-t', t])]
    this.got = []
    this.err = ''
    this.text = ''
    this.proc = spawn('stdbuf', ['-oL', '-eL', 'mosquitto_sub', ...args.map(String)])
    let rest = ''
    this.proc.stdout.on('data', (b) => {
      rest += b
      const lines = rest.split('\n')
      rest = lines.pop()
      for (const line of lines) {
        this.text += line + '\n'
        const i = line.indexOf(' ')
        if (line.startsWith('dy/')) this.got.push({ topic: line.slice(0, i), payload: JSON.parse(line.slice(i + 1)) })
      }
    })
    this.proc.stderr.on('data', (b) => (this.err += b))
    this.ended = new Promise((ok) => this.proc.once('exit', ok))
  }

  ready() {
    return until('the subscription is granted', () => /Subscribed \(mid|received SUBACK/.test(this.text))
  }

  /** The first message that satisfies f. */
  next(what, f = () => true, ms = 10_000) {
    return until(what, () => this.got.find(f), ms, 5)
  }

  close() {
    this.proc.kill()
    return this.ended
  }
}
