// A device that does its work while others misbehave: publishes with QoS 1 every
// few milliseconds and notes how long each acknowledgement takes.
import { Wire, publishPacket } from './wire.mjs'
import { now, until } from './hub.mjs'

export class Bystander {
  static async start(hub, device, every = 5) {
    const b = new Bystander()
    const wire = await Wire.login(hub, device, { v: 4 })
    b.wire = wire
    b.times = []
    b.waiting = new Map()
    b.n = 0
    wire.on = (p) => {
      const id = p.type === 4 && p.body.readUInt16BE(0)
      if (!b.waiting.has(id)) return
      b.times.push(performance.now() - b.waiting.get(id))
      b.waiting.delete(id)
    }
    b.timer = setInterval(() => {
      const id = (++b.n % 60_000) + 1
      b.waiting.set(id, performance.now())
      wire.send(publishPacket(`dy/v1/lamp/${device.id}/telemetry`, JSON.stringify({ at: now(), values: { power_w: 40 } }), { v: 4, id }))
    }, every)
    return b
  }

  /** Milliseconds that 50 and 99 of 100 acknowledgements have taken since the last call. */
  lap() {
    const t = this.times.splice(0).sort((a, b) => a - b)
    const at = (q) => Number((t[Math.min(t.length - 1, Math.floor(t.length * q))] ?? NaN).toFixed(1))
    return { n: t.length, p50: at(0.5), p99: at(0.99), most: at(1) }
  }

  /** Ends it; everything must have been acknowledged. */
  async stop() {
    clearInterval(this.timer)
    await until('the bystander has every acknowledgement', () => this.waiting.size === 0, 5_000)
    if (this.wire.closed) throw new Error('the bystander was cut off')
    this.wire.close()
  }
}
