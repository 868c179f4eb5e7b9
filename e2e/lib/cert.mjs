// A certificate for 127.0.0.1, made on the spot by a small authority of its own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Paths of PEM files: {ca, cert, key, dir}. */
export function certificate() {
  const dir = mkdtempSync(join(tmpdir(), 'dongyue-cert-'))
  const at = (f) => join(dir, f)
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=e2e authority', '-keyout', at('ca.key'), '-out', at('ca.pem'))
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', at('hub.key'), '-out', at('hub.csr'))
  writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  openssl('x509', '-req', '-in', at('hub.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('ext'), '-out', at('hub.pem'))
  return { dir, ca: at('ca.pem'), cert: at('hub.pem'), key: at('hub.key') }
}
