// Starts the hub as its user would: the binary, its flags, its ports.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const binary = resolve(process.env.DONGYUE_BINARY || resolve(import.meta.dirname, '../../bin/dongyue'))
export const password = 'e2e-Pass-2026'

/** A TCP port that is free now. */
export async function freePort() {
  const s = createServer()
  await new Promise((ok, no) => s.once('error', no).listen(0, '127.0.0.1', ok))
  const { port } = s.address()
  await new Promise((ok) => s.close(ok))
  return port
}

/** Waits until f returns something true, and returns it. */
export async function until(what, f, ms = 15_000, every = 50) {
  const end = Date.now() + ms
  let last
  while (Date.now() < end) {
    try {
      const v = await f()
      if (v) return v
    } catch (e) {
      last = e
    }
    await sleep(every)
  }
  throw new Error(`waited ${ms} ms in vain until ${what}${last ? `: ${last.message}` : ''}`)
}

export class Hub {
  /**
   * command: serve or demo; more flags after it. config is YAML text, tls a
   * {cert, key} of PEM files that opens the encrypted port, wrap a command that
   * the hub is started through.
   */
  constructor(command = 'demo', flags = ['--quiet'], { config = '', tls, wrap = [] } = {}) {
    this.command = command
    this.flags = flags
    this.config = config
    this.tls = tls
    this.wrap = wrap
    this.dir = mkdtempSync(join(tmpdir(), 'dongyue-e2e-'))
    this.log = ''
    this.out = ''
  }

  async start(ms = 60_000) {
    if (!this.ports) {
      const [http, mqtt, webrtc, rtsp, mqtts] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()])
      this.ports = { http, mqtt, webrtc, rtsp, mqtts }
    }
    const p = this.ports
    this.url = `http://127.0.0.1:${p.http}`
    const args = [this.command, '--data', join(this.dir, 'data'), '--http', `127.0.0.1:${p.http}`, '--mqtt', `127.0.0.1:${p.mqtt}`,
      '--mqtts', this.tls ? `127.0.0.1:${p.mqtts}` : 'off', '--webrtc', `127.0.0.1:${p.webrtc}`, '--rtsp', `127.0.0.1:${p.rtsp}`, ...this.flags]
    if (this.config || this.tls) {
      const file = join(this.dir, 'hub.yaml')
      writeFileSync(file, this.config + (this.tls ? `\nmqtt: {cert: ${this.tls.cert}, key: ${this.tls.key}${this.tls.clientCA ? `, client_ca: ${this.tls.clientCA}` : ''}}\n` : ''))
      args.push('--config', file)
    }
    const [program, ...rest] = [...this.wrap, binary, ...args]
    this.proc = spawn(program, rest, { env: { ...process.env, DONGYUE_ADMIN_PASSWORD: password }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.ended = new Promise((ok) => this.proc.once('exit', (code, signal) => ok({ code, signal })))
    this.proc.stdout.on('data', (b) => (this.out += b))
    this.proc.stderr.on('data', (b) => (this.log = (this.log + b).slice(-200_000)))
    let over = false
    this.ended.then(() => (over = true))
    await until('the hub is ready', async () => {
      if (over) throw new Error(`the hub has ended:\n${this.log.slice(-3000)}`)
      return (await fetch(`${this.url}/readyz`)).ok
    }, ms).catch((e) => {
      e.message += `\n${this.log.slice(-3000)}`
      throw e
    })
    return this
  }

  /** Ends it; SIGKILL shows what survives without a shutdown. */
  async stop(signal = 'SIGTERM') {
    if (!this.proc) return
    this.proc.kill(signal)
    const how = await this.ended
    this.proc = undefined
    return how
  }

  async close() {
    await this.stop('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** Calls the API as who ("admin" unless given); answers {status, body, headers}. */
  async api(method, path, body, { as = 'admin', headers = {} } = {}) {
    const cookie = as ? await this.session(as) : undefined
    const r = await fetch(this.url + (path.startsWith('//') ? path.slice(1) : `/api/v1${path}`), {
      method,
      headers: { ...(cookie && { cookie }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await r.text()
    let parsed = text
    try {
      parsed = JSON.parse(text)
    } catch {}
    return { status: r.status, body: parsed, headers: r.headers }
  }

  /** As api, and fails unless the answer is a success. */
  async ok(method, path, body, opts) {
    const r = await this.api(method, path, body, opts)
    if (r.status >= 300) throw new Error(`${method} ${path}: ${r.status} ${JSON.stringify(r.body)}`)
    return r.body
  }

  async session(login) {
    this.cookies ??= {}
    if (!this.cookies[login]) {
      const r = await fetch(`${this.url}/api/v1/session`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: login, password }),
      })
      if (!r.ok) throw new Error(`sign in as ${login}: ${r.status} ${await r.text()}`)
      this.cookies[login] = r.headers.getSetCookie()[0].split(';')[0]
    }
    return this.cookies[login]
  }

  /** Registers a device and returns {id, secret}. */
  device(kind, id, zone, name = id) {
    return this.ok('POST', '/devices', { id, kind, name, zone })
  }

  /** Makes a token for a program that listens: {id, token}. */
  program(name) {
    return this.ok('POST', '/tokens', { name, role: 'integrator' })
  }

  /** The sum of a metric's samples whose labels contain the text. */
  async metric(name, labels = '') {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    return text.split('\n').filter((l) => l.startsWith(name) && /[{ ]/.test(l[name.length]) && l.includes(labels))
      .reduce((sum, l) => sum + Number(l.slice(l.lastIndexOf(' ') + 1)), 0)
  }

  /** All rows of a list that pages with a cursor. */
  async all(path, cursor = 'cursor') {
    const rows = []
    for (let at = ''; ;) {
      const page = await this.ok('GET', `${path}${path.includes('?') ? '&' : '?'}limit=1000${at && `&${cursor}=${at}`}`)
      rows.push(...page.items)
      if (!page.next) return rows
      at = page.next
    }
  }
}

/** The time as the protocol wants it. */
export const now = () => new Date().toISOString()
