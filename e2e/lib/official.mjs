// The authorities, by hand: messages of CAP 1.2 that are written in their canonical form
// and signed with node's own crypto, and the post box that results come back to.
import { execFileSync } from 'node:child_process'
import { createHash, createSign } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const CAP = 'urn:oasis:names:tc:emergency:cap:1.2'
const DS = 'http://www.w3.org/2000/09/xmldsig#'

/** A sender with a key; its certificate lies in dir. */
export class Authority {
  constructor(dir, name, { believed = true } = {}) {
    mkdirSync(dir, { recursive: true })
    this.name = name
    const key = join(dir, `${believed ? '' : 'un'}known.key`)
    const cert = join(dir, believed ? 'authority.pem' : 'unknown.crt')
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    this.key = readFileSync(key)
    this.cert = readFileSync(cert, 'utf8').replace(/-----[A-Z ]+-----|\s/g, '')
    this.n = 0
  }

  /** The message, unsigned, in canonical form. */
  message({ identifier = `w-${Date.now()}-${++this.n}`, status = 'Actual', type = 'Alert', sender = this.name, refs = '', info } = {}) {
    this.sent = stamp(new Date())
    this.ref = `${sender},${identifier},${this.sent}`
    return `<alert xmlns="${CAP}"><identifier>${identifier}</identifier><sender>${sender}</sender><sent>${this.sent}</sent><status>${status}</status>` +
      `<msgType>${type}</msgType><scope>Public</scope>${refs && `<references>${refs}</references>`}${info ?? ''}</alert>`
  }

  /** Signs it: enveloped, RSA with SHA-256. */
  sign(xml) {
    const digest = createHash('sha256').update(xml).digest('base64')
    const inner = `<ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>` +
      `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI=""><ds:Transforms>` +
      `<ds:Transform Algorithm="${DS}enveloped-signature"></ds:Transform><ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms>` +
      `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>`
    const value = createSign('sha256').update(`<ds:SignedInfo xmlns:ds="${DS}">${inner}</ds:SignedInfo>`).sign(this.key, 'base64')
    return xml.replace('</alert>', `<ds:Signature xmlns:ds="${DS}"><ds:SignedInfo>${inner}</ds:SignedInfo><ds:SignatureValue>${value}</ds:SignatureValue>` +
      `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${this.cert}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature></alert>`)
  }
}

/** What is said, and where. */
export function info({ headline, text = '', severity = 'Extreme', urgency = 'Immediate', area }) {
  return `<info><language>zh-CN</language><category>Met</category><event>暴雨</event><responseType>Shelter</responseType><urgency>${urgency}</urgency>` +
    `<severity>${severity}</severity><certainty>Observed</certainty><expires>${stamp(new Date(Date.now() + 3600_000))}</expires>` +
    `<headline>${headline}</headline>${text && `<description>${text}</description>`}<area><areaDesc>东苑、西苑</areaDesc>${area}</area></info>`
}

/** A time as CAP has it. */
export const stamp = (t) => `${new Date(t.getTime() + 8 * 3600_000).toISOString().slice(0, 19)}+08:00`

/** The other end of the line; closed until it is opened. */
export class PostBox {
  letters = []
  answer = 200

  async open(port) {
    this.server = createServer((req, res) => {
      let body = ''
      req.on('data', (b) => (body += b))
      req.on('end', () => {
        this.letters.push({ key: req.headers['idempotency-key'], xml: body })
        res.writeHead(this.answer).end()
      })
    })
    await new Promise((ok, no) => this.server.once('error', no).listen(port, '127.0.0.1', ok))
  }

  close() {
    this.server?.closeAllConnections()
    this.server?.close()
  }
}
