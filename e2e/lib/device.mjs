// A device for the tests: MQTT 3.1.1 by hand, forty lines, so that one connection
// both publishes and receives commands.
import { connect } from 'node:net'
import { until } from './hub.mjs'

const str = (s) => {
  const b = Buffer.from(s)
  return Buffer.concat([Buffer.from([b.length >> 8, b.length & 255]), b])
}

function packet(head, ...parts) {
  const body = Buffer.concat(parts)
  const len = []
  let n = body.length
  do {
    len.push((n & 127) | (n > 127 ? 128 : 0))
    n >>= 7
  } while (n)
  return Buffer.concat([Buffer.from([head, ...len]), body])
}

export class Device {
  static async connect(hub, device) {
    const d = new Device()
    const { id, kind, secret } = device
    d.base = `dy/v1/${kind}/${id}`
    d.commands = []
    d.acked = new Set()
    d.granted = false
    d.pid = 0
    d.buf = Buffer.alloc(0)
    d.sock = connect(hub.ports.mqtt, '127.0.0.1')
    d.sock.on('error', (e) => (d.error = e))
    d.sock.on('close', () => (d.closed = true))
    d.sock.on('data', (b) => d.take(b))
    d.sock.write(packet(0x10, str('MQTT'), Buffer.from([4, 0xc2, 0, 60]), str(id), str(id), str(secret)))
    d.sock.write(packet(0x82, Buffer.from([0, 1]), str(`${d.base}/command`), Buffer.from([1])))
    d.pid = 1
    await until(`${id} is connected and subscribed`, () => d.granted || d.closed)
    if (!d.granted) throw new Error('the hub closed the connection')
    await d.publish('presence', { online: true, fw: '1.0', boot: 'b1' })
    return d
  }

  take(b) {
    this.buf = Buffer.concat([this.buf, b])
    for (;;) {
      let len = 0, i = 1, shift = 0
      for (; i < this.buf.length; i++) {
        len |= (this.buf[i] & 127) << shift
        shift += 7
        if (this.buf[i] < 128) break
      }
      if (i >= this.buf.length || this.buf.length < i + 1 + len) return
      const head = this.buf[0], body = this.buf.subarray(i + 1, i + 1 + len)
      this.buf = this.buf.subarray(i + 1 + len)
      if (head >> 4 === 9) this.granted = body[2] < 128
      if (head >> 4 === 4) this.acked.add(body.readUInt16BE(0))
      if (head >> 4 === 3) {
        const n = body.readUInt16BE(0)
        const qos = (head >> 1) & 3
        if (qos) this.sock.write(Buffer.from([0x40, 2, body[2 + n], body[3 + n]]))
        this.commands.push(JSON.parse(body.subarray(2 + n + (qos ? 2 : 0))))
      }
    }
  }

  /** Publishes with QoS 1 and waits for the acknowledgement. */
  async publish(channel, payload) {
    const pid = ++this.pid
    this.sock.write(packet(0x32, str(`${this.base}/${channel}`), Buffer.from([pid >> 8, pid & 255]), Buffer.from(JSON.stringify(payload))))
    await until('the hub acknowledges', () => this.acked.has(pid) || this.closed, 10_000, 2)
    if (!this.acked.has(pid) && !this.over) throw new Error('the connection was lost before the hub acknowledged')
  }

  /** The first command that satisfies f. */
  next(f, ms = 5_000) {
    return until('the command comes', () => this.commands.find(f), ms, 2)
  }

  /** What is under way then nobody waits for. */
  close() {
    this.over = true
    this.sock.destroy()
  }
}
