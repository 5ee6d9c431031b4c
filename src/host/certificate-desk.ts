import type { KeyObject, X509Certificate } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import type {
  CertificateOffer,
  CertificateRefusal,
  CertificateService,
  CertificateView,
  CertificateWarning,
} from '../services/certificates.ts'
import { isFault, type KeyPair, mainFingerprint, readPair } from './certificate.ts'
import { makeRequest } from './certificate-request.ts'
import { type Certificates, readFiles } from './certificates.ts'
import { PlainError, troubleOf } from './plain-error.ts'
import { CERTIFICATE_FILE, KEY_FILE, makeSelfSigned, type SelfSignedNames } from './self-signed.ts'
import { writeWhole } from './write-whole.ts'

interface DeskOptions {
  readonly config: Config
  readonly dataDir: string
  /** In use; undefined where nothing speaks TLS. */
  readonly certificates: Certificates | undefined
  readonly names: SelfSignedNames
  /** Milliseconds since 1970; undefined while the clock cannot be trusted. */
  readonly wall: () => number | undefined
  readonly log: Log
}

const DAY_MS = 86_400_000
/** Long enough to get another one, also over a holiday; the alarm on Status begins on the same day. */
const SOON_DAYS = 20
/** Certificates that were given and are not used any more; the oldest go. */
const OFFERS_MAX = 8
/** RFC 5280 has no bound; real chains have two or three. */
const CHAIN_MAX = 10

const REQUEST_FILE = 'request.pem'
const REQUEST_KEY_FILE = 'request.key.pem'
const OFFER = /^[0-9a-f]{16}\.pem$/

/** Certificates for the page and the API: what there is, and new ones, which lie in `data_dir/tls` from then on. */
export class CertificateDesk implements CertificateService {
  readonly #options: DeskOptions
  readonly #folder: string

  constructor(options: DeskOptions) {
    this.#options = options
    this.#folder = join(options.dataDir, 'tls')
  }

  view(): CertificateView | undefined {
    const pair = this.#inUse()
    return pair && this.#viewOf(pair, this.#paths().certificate)
  }

  certificate(): string | undefined {
    const pair = this.#inUse()
    return pair && certificatesIn(pair.certificate).join('\n').concat('\n')
  }

  offer({ certificate, key }: { certificate: string; key: string }): CertificateOffer | CertificateRefusal {
    const blocks = certificatesIn(certificate)
    if (blocks.length === 0) return { errors: { certificate: 'is not a certificate in PEM' } }
    if (blocks.length > CHAIN_MAX) return { errors: { certificate: `has more than ${CHAIN_MAX} certificates` } }
    const chain = `${blocks.join('\n')}\n`
    const pair = this.#pairOf(chain, key, certificate)
    if ('errors' in pair) return pair
    const wall = this.#options.wall()
    if (wall !== undefined && Date.parse(pair.leaf.validTo) < wall)
      return { errors: { certificate: `has expired (${pair.leaf.validTo})` } }
    return this.#keep(pair)
  }

  async make(): Promise<CertificateOffer | CertificateRefusal> {
    const { certificate, key } = await makeSelfSigned(this.#options.names)
    return this.offer({ certificate, key })
  }

  async request(): Promise<string> {
    const { request, key } = await makeRequest(this.#options.names)
    try {
      this.#write(REQUEST_KEY_FILE, key)
      this.#write(REQUEST_FILE, request)
    } catch (error) {
      const path = join(this.#folder, REQUEST_FILE)
      throw new PlainError(`${path} cannot be written: ${troubleOf(error)}`, { cause: error })
    }
    return request
  }

  lastRequest(): string | undefined {
    return textOf(join(this.#folder, REQUEST_FILE))
  }

  /** With the key that was given, stands behind the certificate, was made for the last request, or is in use. */
  #pairOf(chain: string, key: string, certificate: string): KeyPair | CertificateRefusal {
    const given = keyIn(key) ?? (key.trim() === '' ? keyIn(certificate) : key)
    if (given !== undefined) return orRefusal(readPair(chain, given))
    const known = [textOf(join(this.#folder, REQUEST_KEY_FILE)), this.#inUse()?.key]
    let refusal: CertificateRefusal = { errors: { key: 'missing: the box has none that belongs to the certificate' } }
    for (const kept of known) {
      if (kept === undefined) continue
      const pair = readPair(chain, kept)
      if (!isFault(pair)) return pair
      if (pair.part === 'certificate') refusal = orRefusal(pair) as CertificateRefusal
    }
    return refusal
  }

  #keep(pair: KeyPair): CertificateOffer | CertificateRefusal {
    const name = mainFingerprint(pair.leaf).replaceAll(':', '').slice('sha-256 '.length).slice(0, 16).toLowerCase()
    const paths = { certificate: join(this.#folder, `${name}.pem`), key: join(this.#folder, `${name}.key.pem`) }
    try {
      this.#write(`${name}.key.pem`, pair.key)
      this.#write(`${name}.pem`, pair.certificate)
      this.#forget()
    } catch (error) {
      return { errors: { certificate: `${paths.certificate} cannot be written: ${troubleOf(error)}` } }
    }
    this.#options.log.info('a certificate was given', { fingerprint: mainFingerprint(pair.leaf) })
    const changes = new Map([
      ['tls.certificate', paths.certificate],
      ['tls.key', paths.key],
    ])
    return { view: this.#viewOf(pair, paths.certificate), changes }
  }

  #write(name: string, text: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    writeWhole(join(this.#folder, name), text)
  }

  #forget(): void {
    const { certificate } = this.#options.config.tls
    const ages = readdirSync(this.#folder)
      .filter(name => OFFER.test(name) && join(this.#folder, name) !== certificate)
      .map(name => ({ name, at: statSync(join(this.#folder, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at)
    for (const { name } of ages.slice(OFFERS_MAX))
      for (const each of [name, name.replace('.pem', '.key.pem')]) rmSync(join(this.#folder, each), { force: true })
  }

  #paths(): { certificate: string; key: string } {
    const { certificate, key } = this.#options.config.tls
    if (certificate !== '') return { certificate, key }
    return { certificate: join(this.#folder, CERTIFICATE_FILE), key: join(this.#folder, KEY_FILE) }
  }

  #inUse(): KeyPair | undefined {
    const { certificates } = this.#options
    if (certificates) return certificates.pair
    const { certificate, key } = this.#paths()
    const pair = readFiles(certificate, key)
    return isFault(pair) ? undefined : pair
  }

  #viewOf({ leaf, certificate }: KeyPair, file: string): CertificateView {
    const leftMs = Date.parse(leaf.validTo) - (this.#options.wall() ?? Number.POSITIVE_INFINITY)
    return {
      file,
      isOwn: file === join(this.#folder, CERTIFICATE_FILE),
      isSelfSigned: leaf.subject === leaf.issuer && leaf.verify(leaf.publicKey),
      subject: nameOf(leaf.subject),
      issuer: nameOf(leaf.issuer),
      names: namesOf(leaf),
      from: Date.parse(leaf.validFrom),
      until: Date.parse(leaf.validTo),
      ...(leftMs > 0 && { leftMs }),
      fingerprint: mainFingerprint(leaf).slice('sha-256 '.length),
      key: keyName(leaf.publicKey),
      chain: certificatesIn(certificate).length - 1,
      warnings: this.#warningsOf(leaf),
    }
  }

  #warningsOf(leaf: X509Certificate): CertificateWarning[] {
    const { names, wall } = this.#options
    const now = wall()
    const warnings: CertificateWarning[] = []
    if (now !== undefined) {
      const [from, until] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
      const left = Math.floor((until - now) / DAY_MS)
      if (until < now) warnings.push({ kind: 'expired', days: -left })
      else if (left <= SOON_DAYS) warnings.push({ kind: 'ends soon', days: left })
      if (from > now) warnings.push({ kind: 'not yet valid', days: Math.ceil((from - now) / DAY_MS) })
    }
    const isNamed = (name: string): boolean => (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined
    for (const name of new Set([names.hostname, names.domain]))
      if (!isNamed(name)) warnings.push({ kind: 'does not name', name })
    return warnings
  }
}

/** A file may hold the key as well: that goes nowhere. */
const certificatesIn = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []

const keyIn = (pem: string): string | undefined =>
  /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----[^-]+-----END ([A-Z]+ )?PRIVATE KEY-----/.exec(pem)?.[0].concat('\n')

const orRefusal = (pair: ReturnType<typeof readPair>): KeyPair | CertificateRefusal =>
  isFault(pair) ? { errors: { [pair.part]: `${pair.wrong}, allowed: ${pair.allowed}` } } : pair

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const nameOf = (subject: string | undefined): string => (subject ?? '').replaceAll('\n', ', ')

const namesOf = (leaf: X509Certificate): string[] =>
  [...(leaf.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):("[^"]*"|[^,]*)/g)].map(([, name]) =>
    shortest(name!.replaceAll('"', '')),
  )

/** RFC 5952: an IPv6 address as people write it. */
const shortest = (name: string): string => (isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name)

const keyName = ({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): string =>
  `${asymmetricKeyType?.toUpperCase()} ${details?.namedCurve ?? details?.modulusLength ?? ''}`.trim()
