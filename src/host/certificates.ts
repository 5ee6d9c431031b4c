import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import { isFault, type KeyPair, mainFingerprint, type PairFault, readPair, warningsOf } from './certificate.ts'
import { codeOf, PlainError, reasonOf } from './plain-error.ts'
import { CERTIFICATE_FILE, KEY_FILE, keepPair, makeSelfSigned, type SelfSignedNames } from './self-signed.ts'

export interface CertificateOptions {
  /** Paths of PEM files; both empty: the box makes its own pair at the first start. */
  readonly certificate: string
  readonly key: string
  readonly dataDir: string
  readonly names: SelfSignedNames
  readonly log: Log
  /** Milliseconds since 1970; undefined while the clock cannot be trusted. */
  readonly wall: () => number | undefined
}

/** New files are seen after this time at the latest. Looking costs two `stat`. */
const LOOK_MS = 10_000

/** The certificate of the box: read at the start, and again when its files change or somebody says so. */
export class Certificates {
  readonly isSelfSigned: boolean
  /** Path of the certificate, for people. */
  readonly file: string
  readonly #key: string
  readonly #options: CertificateOptions
  readonly #onChange: (() => void)[] = []
  #pair: KeyPair
  /** State of the files when they were last taken or refused. */
  #seen: string
  /** State of files that were not a pair: one may have been replaced just before the other. */
  #doubtful: string | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(options: CertificateOptions, file: string, key: string, pair: KeyPair, seen: string) {
    this.isSelfSigned = options.certificate === ''
    this.file = file
    this.#key = key
    this.#options = options
    this.#pair = pair
    this.#seen = seen
    this.#warn()
  }

  /** Throws a PlainError for files that are no pair. */
  static async open(options: CertificateOptions): Promise<Certificates> {
    const isOwn = options.certificate === ''
    const folder = join(options.dataDir, 'tls')
    const file = isOwn ? join(folder, CERTIFICATE_FILE) : options.certificate
    const key = isOwn ? join(folder, KEY_FILE) : options.key
    if (isOwn) await makeOnce(folder, file, key, options)
    const seen = stateOf(file, key)
    const pair = readFiles(file, key)
    if (isFault(pair)) throw faultError(pair)
    return new Certificates(options, file, key, pair, seen)
  }

  get pair(): KeyPair {
    return this.#pair
  }

  /** `sha-256 AA:BB:...` */
  get fingerprint(): string {
    return mainFingerprint(this.#pair.leaf)
  }

  /** `run` is called after each change; connections that stand are not touched. */
  onChange(run: () => void): void {
    this.#onChange.push(run)
  }

  /** Looks at the files from time to time until `close`. */
  watch(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Takes files that changed and are a pair. Those that are none are refused when they are the same at the next look. */
  look(): void {
    const state = stateOf(this.file, this.#key)
    if (state === this.#seen) return
    const read = readFiles(this.file, this.#key)
    if (isFault(read) && state !== this.#doubtful) {
      this.#doubtful = state
      return
    }
    this.#seen = state
    this.#settle(read)
  }

  /** Reads the files now, whether they changed or not. */
  reload(): void {
    this.#seen = stateOf(this.file, this.#key)
    this.#settle(readFiles(this.file, this.#key))
  }

  #settle(read: KeyPair | FileFault): void {
    const { log } = this.#options
    this.#doubtful = undefined
    if (isFault(read)) {
      const { part, path, wrong, allowed } = read
      const now = { 'still in use': this.fingerprint }
      log.error('new certificate refused, the old one stays', {
        key: `tls.${part}`,
        file: path,
        wrong,
        allowed,
        ...now,
      })
      return
    }
    const isSame = read.certificate === this.#pair.certificate && read.key === this.#pair.key
    if (isSame) return log.info('certificate read again: unchanged', { fingerprint: this.fingerprint })
    this.#pair = read
    log.info('new certificate in use', { fingerprint: this.fingerprint, until: read.leaf.validTo })
    this.#warn()
    for (const run of this.#onChange) run()
  }

  #warn(): void {
    const { log, names, wall } = this.#options
    for (const warning of warningsOf(this.#pair, [names.hostname, names.domain], wall()))
      log.warn(`the certificate ${warning}`, { file: this.file })
  }
}

async function makeOnce(folder: string, file: string, key: string, { names, log }: CertificateOptions): Promise<void> {
  const isThere = statSync(file, { throwIfNoEntry: false }) !== undefined
  const kept = isThere ? readFiles(file, key) : undefined
  if (kept && !isFault(kept)) return
  if (kept) log.warn('the self-signed certificate is damaged and is made anew', { file: kept.path, wrong: kept.wrong })
  try {
    keepPair(folder, await makeSelfSigned(names))
  } catch (error) {
    throw new PlainError(`data_dir: cannot keep a certificate in ${folder}: ${reasonOf(error)}.`)
  }
}

type FileFault = PairFault & { readonly path: string }

const faultError = ({ part, path, wrong, allowed }: FileFault): PlainError =>
  new PlainError(`tls.${part}: ${path} ${wrong}, allowed: ${allowed}.`)

/** Reads both files and checks them against each other. */
export function readFiles(file: string, key: string): KeyPair | FileFault {
  const texts = { certificate: '', key: '' }
  const paths = { certificate: file, key }
  for (const part of ['certificate', 'key'] as const) {
    try {
      texts[part] = readFileSync(paths[part], 'utf8')
    } catch (error) {
      const allowed = 'a PEM file that this user may read'
      return { part, path: paths[part], wrong: `cannot be read: ${reasonOf(error)}`, allowed }
    }
  }
  const pair = readPair(texts.certificate, texts.key)
  return isFault(pair) ? { ...pair, path: paths[pair.part] } : pair
}

const AUTHORITIES = 'a PEM file of certificates of authorities'

/** The text of the file; what is wrong with it where it is none of certificates. */
export function readAuthorities(path: string): string | { readonly wrong: string; readonly allowed: string } {
  try {
    const text = readFileSync(path, 'utf8')
    const certificates = text.match(/-----BEGIN [A-Z ]*CERTIFICATE-----[^-]+-----END [A-Z ]*CERTIFICATE-----/g) ?? []
    for (const certificate of certificates) new X509Certificate(certificate)
    if (certificates.length > 0) return text
    return { wrong: 'holds no certificate', allowed: AUTHORITIES }
  } catch (error) {
    const wrong =
      codeOf(error).startsWith('E') && !codeOf(error).startsWith('ERR_')
        ? `cannot be read: ${reasonOf(error)}`
        : 'is not a certificate in PEM'
    return { wrong, allowed: AUTHORITIES }
  }
}

/** Differs whenever a file was written, replaced or linked elsewhere. */
const stateOf = (...paths: readonly string[]): string =>
  paths
    .map(path => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
      return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : 'none'
    })
    .join(' / ')
