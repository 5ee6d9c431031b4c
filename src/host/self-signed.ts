import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

/**
 * A box without a battery-backed clock does not know what day it is when it first starts, so both ends are fixed: before any
 * Restante was built, and the last year that every client's UTCTime can say (RFC 5280 4.1.2.5).
 */
const NOT_BEFORE = new Date('2020-01-01T00:00:00Z')
const NOT_AFTER = new Date('2049-12-31T23:59:59Z')

const SERIAL_BYTES = 16

/** Whom the certificate names. */
export interface SelfSignedNames {
  readonly hostname: string
  readonly domain: string
  readonly addresses: readonly string[]
}

/** ECDSA on P-256, which every client knows, signed by itself. PEM. */
export async function makeSelfSigned(names: SelfSignedNames): Promise<{ certificate: string; key: string }> {
  // Needed once in the life of a box, and slow to load.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [names.hostname] }],
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(names)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const secret = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { certificate: certificate.toString('pem'), key: x509.PemConverter.encode(secret, 'PRIVATE KEY') }
}

/** RFC 5280 4.1.2.2: positive. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES))
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

/** RFC 5922 7.1: the domain as SIP URI too, which some peers look for first. */
export function alternativeNames({ hostname, domain, addresses }: SelfSignedNames) {
  const all = new Set([hostname, domain, ...addresses])
  return [
    ...[...all].map(name => ({ type: isIP(name) ? ('ip' as const) : ('dns' as const), value: name })),
    { type: 'url' as const, value: `sip:${isIP(domain) === 6 ? `[${domain}]` : domain}` },
  ]
}

/** The key first, each file whole or not at all and flushed: a power cut leaves a pair, or no certificate. */
export function keepPair(folder: string, pair: { certificate: string; key: string }): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeWhole(folder, KEY_FILE, pair.key)
  writeWhole(folder, CERTIFICATE_FILE, pair.certificate)
}

export const CERTIFICATE_FILE = 'certificate.pem'
export const KEY_FILE = 'key.pem'

function writeWhole(folder: string, name: string, text: string): void {
  const temporary = join(folder, `${name}.new`)
  const file = openSync(temporary, 'w', 0o600)
  writeSync(file, text.endsWith('\n') ? text : `${text}\n`)
  fsyncSync(file)
  closeSync(file)
  renameSync(temporary, join(folder, name))
  const directory = openSync(folder, 'r')
  fsyncSync(directory)
  closeSync(directory)
}
