import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { messageOf } from './plain-error.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** A certificate (with its chain behind it) and its private key, as PEM, found to belong together. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
  readonly leaf: X509Certificate
}

/** Which of the two files is wrong, and how. */
export interface PairFault {
  readonly part: 'certificate' | 'key'
  readonly wrong: string
  readonly allowed: string
}

const CERTIFICATE = 'a PEM file that begins with the certificate of this box, its chain behind it'
const KEY = 'a PEM file with the private key of the certificate, not encrypted'

export const isFault = (read: KeyPair | PairFault): read is PairFault => 'wrong' in read

export function readPair(certificate: string, key: string): KeyPair | PairFault {
  const leaf = leafOf(certificate)
  if ('wrong' in leaf) return leaf
  const secret = secretOf(key)
  if ('wrong' in secret) return secret
  if (!leaf.checkPrivateKey(secret))
    return { part: 'key', wrong: 'is not the key of the certificate', allowed: 'the two files of one pair' }
  try {
    createSecureContext({ ...TLS_SETTINGS, cert: certificate, key })
  } catch (error) {
    return { part: 'certificate', wrong: `cannot be used for TLS: ${messageOf(error)}`, allowed: CERTIFICATE }
  }
  return { certificate, key, leaf }
}

function leafOf(pem: string): X509Certificate | PairFault {
  try {
    if (pem.includes('-----BEGIN')) return new X509Certificate(pem)
  } catch {
    // The library's text speaks of its own parts.
  }
  return { part: 'certificate', wrong: 'is not a certificate in PEM', allowed: CERTIFICATE }
}

function secretOf(pem: string): KeyObject | PairFault {
  try {
    return createPrivateKey(pem)
  } catch {
    const isEncrypted = /-----BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(pem)
    const wrong = isEncrypted
      ? 'is encrypted, and nobody is there to give the passphrase'
      : 'is not a private key in PEM'
    return { part: 'key', wrong, allowed: KEY }
  }
}

/** What works and may still not be meant. `wall`: milliseconds since 1970; undefined where the clock cannot be trusted. */
export function warningsOf({ leaf }: KeyPair, names: readonly string[], wall: number | undefined): string[] {
  const warnings: string[] = []
  if (wall !== undefined && Date.parse(leaf.validTo) < wall) warnings.push(`has expired (${leaf.validTo})`)
  if (wall !== undefined && Date.parse(leaf.validFrom) > wall) warnings.push(`is not valid before ${leaf.validFrom}`)
  const isNamed = (name: string): boolean => (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined
  for (const name of new Set(names)) if (!isNamed(name)) warnings.push(`does not name ${name}`)
  return warnings
}

/** RFC 8122 5: hash functions that peers use, strongest last. */
const HASHES = ['sha-1', 'sha-256', 'sha-384', 'sha-512'] as const

const fingerprint = (raw: Buffer, hash: (typeof HASHES)[number]): string => {
  const hex = createHash(hash.replace('-', '')).update(raw).digest('hex').toUpperCase()
  return `${hash} ${hex.match(/../g)!.join(':')}`
}

/** One for each hash function that a peer may have chosen for its a=fingerprint. */
export const fingerprintsOf = (certificate: X509Certificate): readonly string[] =>
  HASHES.map(hash => fingerprint(certificate.raw, hash))

/** `sha-256 AA:BB:...`: what goes into SDP and what people compare. */
export const mainFingerprint = (certificate: X509Certificate): string => fingerprint(certificate.raw, 'sha-256')
