// MQTT as bytes, for what no decent client would send: packets are put together
// by hand, answers are kept as they come.
import { connect } from 'node:net'
import { connect as secure } from 'node:tls'
import { until } from './hub.mjs'

export const u16 = (n) => Buffer.from([n >> 8, n & 255])
export const bin = (b) => Buffer.concat([u16(Buffer.byteLength(b)), Buffer.from(b)])

/** A number in MQTT's variable length. */
export function varint(n) {
  const out = []
  do {
    out.push((n & 127) | (n > 127 ? 128 : 0))
    n >>>= 7
  } while (n)
  return Buffer.from(out)
}

export function packet(head, ...parts) {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([head]), varint(body.length), body])
}

const props = (v, ...p) => (v === 5 ? [varint(p.reduce((n, b) => n + b.length, 0)), ...p] : [])

/** will: {topic, payload, qos, retain}; props: of MQTT 5, as bytes. */
export function connectPacket({ id = '', user, pass, v = 5, clean = true, keepalive = 60, will, properties = [] }) {
  const flags = (clean ? 2 : 0) | (user !== undefined ? 0x80 : 0) | (pass !== undefined ? 0x40 : 0) |
    (will ? 4 | ((will.qos ?? 1) << 3) | (will.retain ? 0x20 : 0) : 0)
  return packet(0x10, bin('MQTT'), Buffer.from([v, flags]), u16(keepalive), ...props(v, ...properties), bin(id),
    ...(will ? [...props(v), bin(will.topic), bin(will.payload)] : []),
    ...(user !== undefined ? [bin(user)] : []), ...(pass !== undefined ? [bin(pass)] : []))
}

export function publishPacket(topic, payload, { qos = 1, id = 1, retain = false, dup = false, v = 5, properties = [] } = {}) {
  return packet(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), bin(topic), ...(qos ? [u16(id)] : []), ...props(v, ...properties), Buffer.from(payload))
}

export function subscribePacket(topics, { id = 1, qos = 1, v = 5 } = {}) {
  return packet(0x82, u16(id), ...props(v), ...topics.flatMap((t) => [bin(t), Buffer.from([qos])]))
}

/** One socket. Packets from the hub gather in .got as {type, head, body}. */
export class Wire {
  constructor(hub, { tls } = {}) {
    this.got = []
    this.buf = Buffer.alloc(0)
    this.sock = tls ? secure({ port: hub.ports.mqtts, host: '127.0.0.1', ...tls }) : connect(hub.ports.mqtt, '127.0.0.1')
    this.sock.setNoDelay()
    this.sock.on('error', (e) => (this.error = e))
    this.sock.on('close', () => (this.closed = Date.now()))
    this.sock.on('data', (b) => this.take(b))
  }

  /** Logs in as a device (or anything with id and secret) and waits for CONNACK. */
  static async login(hub, device, opts = {}) {
    const w = new Wire(hub, opts)
    w.v = opts.v ?? 5
    w.send(connectPacket({ id: device.id, user: device.user ?? device.id, pass: device.secret, ...opts }))
    const code = await w.connack()
    if (code !== 0) throw new Error(`CONNACK ${code} for ${device.id}`)
    return w
  }

  take(b) {
    this.buf = this.buf.length ? Buffer.concat([this.buf, b]) : b
    for (;;) {
      let len = 0, i = 1, shift = 0
      for (; i < this.buf.length; i++, shift += 7) {
        len |= (this.buf[i] & 127) << shift
        if (this.buf[i] < 128) break
      }
      if (i >= this.buf.length || this.buf.length < i + 1 + len) return
      const p = { head: this.buf[0], type: this.buf[0] >> 4, body: Buffer.from(this.buf.subarray(i + 1, i + 1 + len)), at: Date.now() }
      this.buf = this.buf.subarray(i + 1 + len)
      this.got.push(p)
      this.on?.(p)
    }
  }

  send(...b) {
    for (const x of b) this.sock.write(x)
    return this
  }

  /** The next packet of a type; null once the hub has closed without one. */
  async packet(type, f = () => true, ms = 8_000) {
    const found = () => this.got.find((p) => p.type === type && f(p))
    return until(`packet ${type} comes`, () => found() ?? (this.closed ? (found() ?? { closed: true }) : undefined), ms, 2)
  }

  /** The code of CONNACK, or -1 for a socket that is closed without one. */
  async connack() {
    const p = await this.packet(2)
    return p.closed ? -1 : p.body[1]
  }

  /** The codes of the SUBACK to packet id, or null for a socket that is closed instead. */
  async suback(id = 1) {
    const p = await this.packet(9, (x) => x.body.readUInt16BE(0) === id)
    if (p.closed) return null
    return [...p.body.subarray(this.v === 5 ? 3 + p.body[2] : 2)]
  }

  /** The reason of the PUBACK to packet id (0: taken), or -1 for a socket that is closed instead. */
  async puback(id = 1) {
    const p = await this.packet(4, (x) => x.body.readUInt16BE(0) === id)
    return p.closed ? -1 : (p.body[2] ?? 0)
  }

  /** The messages that came: [{topic, payload, retain, qos}]. */
  messages() {
    return this.got.filter((p) => p.type === 3).map((p) => {
      const n = p.body.readUInt16BE(0)
      const qos = (p.head >> 1) & 3
      let at = 2 + n + (qos ? 2 : 0)
      if (this.v === 5) at += 1 + p.body[at]
      return { topic: String(p.body.subarray(2, 2 + n)), payload: String(p.body.subarray(at)), retain: !!(p.head & 1), qos }
    })
  }

  ended(ms = 8_000) {
    return until('the hub closes the connection', () => this.closed, ms, 5)
  }

  /** Why the hub ended it: the reason of its DISCONNECT, 0 without one. */
  get farewell() {
    const p = this.got.find((x) => x.type === 14)
    return p ? (p.body[0] ?? 0) : 0
  }

  close() {
    this.sock.destroy()
  }
}
