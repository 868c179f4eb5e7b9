// MQTT clients that the project did not write, behind one pair of calls:
//   send(hub, who, topic, payload, {qos, retain, ca})  connects, publishes, waits for the acknowledgement
//   listen(hub, who, topics, {clean, will, qos, ca})   → {got, codes, next(), drop(), close()}
// who is {id, secret, user}; ca is the authority's file and means TLS.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { until } from './hub.mjs'

const port = (hub, ca) => (ca ? hub.ports.mqtts : hub.ports.mqtt)

class Listener {
  got = []
  next(what, f = () => true, ms = 10_000) {
    return until(what, () => this.got.find(f), ms, 5)
  }
}

// --- MQTT.js

function mqttjs(v) {
  const open = (hub, who, { clean = true, will, ca } = {}) => mqtt.connectAsync(`${ca ? 'mqtts' : 'mqtt'}://127.0.0.1:${port(hub, ca)}`, {
    protocolVersion: v, clientId: who.id, username: who.user ?? who.id, password: who.secret, clean, reconnectPeriod: 0, connectTimeout: 10_000,
    ...(ca && { ca: readFileSync(ca) }), ...(will && { will: { ...will, payload: Buffer.from(will.payload) } }),
    ...(v === 5 && !clean && { properties: { sessionExpiryInterval: 3600 } }),
  }, false)
  return {
    name: `MQTT.js, MQTT ${v === 5 ? '5' : '3.1.1'}`,
    async send(hub, who, topic, payload, { qos = 1, retain = false, ca } = {}) {
      const c = await open(hub, who, { ca })
      try {
        await c.publishAsync(topic, payload, { qos, retain })
      } finally {
        await c.endAsync()
      }
    },
    async listen(hub, who, topics, { qos = 1, ...opts } = {}) {
      const l = new Listener()
      // Messages of a resumed session come right behind CONNACK, so the handler
      // has to be there before the promise of the connection is kept.
      const emitter = mqtt.connect(`${opts.ca ? 'mqtts' : 'mqtt'}://127.0.0.1:${port(hub, opts.ca)}`, {
        protocolVersion: v, clientId: who.id, username: who.user ?? who.id, password: who.secret, clean: opts.clean ?? true, reconnectPeriod: 0,
        ...(opts.ca && { ca: readFileSync(opts.ca) }), ...(opts.will && { will: { ...opts.will, payload: Buffer.from(opts.will.payload) } }),
        ...(v === 5 && opts.clean === false && { properties: { sessionExpiryInterval: 3600 } }),
      })
      emitter.on('message', (topic, payload, p) => l.got.push({ topic, payload: String(payload), qos: p.qos, retain: p.retain }))
      emitter.on('error', (e) => (l.error = e))
      try {
        await once(emitter, 'connect')
        l.codes = (await emitter.subscribeAsync(topics, { qos })).map((g) => g.qos)
      } catch (e) {
        emitter.end(true)
        throw e
      }
      l.drop = async () => emitter.stream.destroy()
      l.close = () => emitter.endAsync()
      return l
    },
  }
}

// --- programs that print what they hear

function program(l, command, args, line) {
  const p = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'pipe'] })
  l.err = ''
  let rest = ''
  p.stdout.on('data', (b) => {
    rest += b
    const lines = rest.split('\n')
    rest = lines.pop()
    lines.forEach(line)
  })
  p.stderr.on('data', (b) => (l.err += b))
  p.stdin.on('error', () => {})
  l.ended = new Promise((ok) => p.once('close', (code) => ((l.over = true), ok(code ?? -1))))
  l.drop = () => (p.kill('SIGKILL'), l.ended)
  return p
}

async function ready(l, what) {
  await until(what, () => l.ready || l.over, 15_000, 5)
  if (!l.ready) throw new Error(`${what}: it has ended: ${l.err}`)
  return l
}

// --- Eclipse Paho for Python

function paho(v) {
  const script = join(import.meta.dirname, '../clients/python.py')
  const arg = (hub, who, more) => JSON.stringify({ v, host: '127.0.0.1', port: port(hub, more.ca), id: who.id, user: who.user ?? who.id, secret: who.secret, clean: true, ...more })
  return {
    name: `Paho for Python, MQTT ${v === 5 ? '5' : '3.1.1'}`,
    async send(hub, who, topic, payload, { qos = 1, retain = false, ca } = {}) {
      const l = new Listener()
      program(l, '/usr/bin/python3', [script, arg(hub, who, { do: 'send', topic, payload, qos, retain, ca })], (s) => l.got.push(JSON.parse(s)))
      if ((await l.ended) !== 0 || !l.got.some((x) => x.sent)) throw new Error(JSON.stringify(l.got) + l.err)
    },
    async listen(hub, who, topics, { qos = 1, clean = true, will, ca } = {}) {
      const l = new Listener()
      const p = program(l, '/usr/bin/python3', [script, arg(hub, who, { do: 'listen', topics, qos, clean, will, ca })], (s) => {
        const m = JSON.parse(s)
        if (m.topic) l.got.push(m)
        if (m.error) l.err += m.error
        if (m.ready) (l.ready = true), (l.codes = m.codes)
      })
      l.close = () => (p.stdin.end(), l.ended)
      return ready(l, 'Paho subscribes')
    },
  }
}

// --- mosquitto_pub and mosquitto_sub

function mosquitto(v) {
  const base = (hub, who, ca) => ['-h', '127.0.0.1', '-p', port(hub, ca), '-i', who.id, '-u', who.user ?? who.id, '-P', who.secret, '-V', v === 5 ? '5' : '311', ...(ca ? ['--cafile', ca] : [])]
  return {
    name: `mosquitto clients, MQTT ${v === 5 ? '5' : '3.1.1'}`,
    goodbyeWithWill: v === 5, // it says "disconnect with will" (0x04) when it is ended by a signal
    async send(hub, who, topic, payload, { qos = 1, retain = false, ca } = {}) {
      const l = new Listener()
      program(l, 'mosquitto_pub', [...base(hub, who, ca), '-q', qos, '-t', topic, '-m', payload, ...(retain ? ['-r'] : [])], () => {})
      if ((await l.ended) !== 0 || /refused|failed|not authori/i.test(l.err)) throw new Error(l.err)
    },
    async listen(hub, who, topics, { qos = 1, clean = true, will, ca } = {}) {
      const l = new Listener()
      const p = program(l, 'stdbuf', ['-oL', 'mosquitto_sub', ...base(hub, who, ca), '-q', qos, '-d', '-F', '%j', ...topics.flatMap((t) => ['-t', t]),
        ...(clean ? [] : ['-c', ...(v === 5 ? ['-x', 3600] : [])]),
        ...(will ? ['--will-topic', will.topic, '--will-payload', will.payload, '--will-qos', will.qos, ...(will.retain ? ['--will-retain'] : [])] : [])], (s) => {
        if (s.startsWith('{')) {
          const m = JSON.parse(s)
          l.got.push({ ...m, payload: typeof m.payload === 'string' ? m.payload : JSON.stringify(m.payload), retain: !!m.retain })
        }
        const granted = /^Subscribed \(mid: \d+\): (.*)$/.exec(s)
        if (granted) (l.ready = true), (l.codes = granted[1].split(', ').map(Number))
      })
      l.close = () => (p.kill('SIGTERM'), l.ended)
      return ready(l, 'mosquitto_sub subscribes')
    },
  }
}

export const clients = [mqttjs(5), mqttjs(4), paho(5), paho(4), mosquitto(5), mosquitto(4)]
