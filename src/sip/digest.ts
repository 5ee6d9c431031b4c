import { hash, timingSafeEqual } from 'node:crypto'
import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import { sourceOf } from '../base/source.ts'
import type { Now } from '../base/time.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { type Params, parseAuth } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { Guesses } from './digest-guesses.ts'
import { type Issued, Nonces } from './nonces.ts'

export type Algorithm = 'MD5' | 'SHA-256'

interface DigestOptions {
  /** The served domain. */
  readonly realm: string
  readonly entropy: Entropy
  /** 1 and up; 300 when absent. */
  readonly nonceLifeS?: number
  readonly counters: Counters
}

/**
 * Hex, of user, realm and password (`ha1`). An account without either, as for an unknown user, can only be answered
 * `wrong`.
 */
export interface Secrets {
  readonly ha1Md5?: string | undefined
  readonly ha1Sha256?: string | undefined
  /** Of the name with its domain; looked at as well where the client's has an `@`. */
  readonly ha1Md5Address?: string | undefined
  readonly ha1Sha256Address?: string | undefined
}

interface Attempt {
  readonly method: string
  /** Request-URI as received. */
  readonly uri: string
  /** Values of Authorization or of Proxy-Authorization. */
  readonly authorization: readonly string[]
  readonly account: Secrets
  /** What this account was offered; an answer by another algorithm is a downgrade and wrong. Absent: either. */
  readonly algorithms?: readonly Algorithm[] | undefined
  /** Whose password it would be: wrong ones are counted for each name. */
  readonly name?: string
  /** Where the request came from. */
  readonly address?: string
}

export type Verdict =
  | { readonly result: 'ok'; readonly username: string }
  /** No credentials for this realm. */
  | { readonly result: 'absent' }
  /** `slowedS`: with it a wait of so many seconds began. */
  | { readonly result: 'wrong'; readonly slowedS?: number }
  /** The nonce is not good any more: challenge again with `isStale`, which says nothing of the password. That is told here alone. */
  | { readonly result: 'stale'; readonly isRight: boolean }
  /** Too many were wrong; whether this one is right was not looked at. */
  | { readonly result: 'slowed'; readonly retryAfterS: number }

interface Credentials {
  readonly username: string
  readonly params: Params
}

/** Credentials looked at in one request; a client has one for us, and proxies on the way a few. */
const CREDENTIALS_MAX = 8

/** Compared against when the account has no such secret, so that unknown users take as long as known ones. */
const NO_SECRET = '0'.repeat(64)

/** Tallies of wrong passwords under nonces that are not ours. Their sources may be forged, so nobody is kept out by them. */
const STRAY_TALLIES_MAX = 1024

const hashName = { MD5: 'md5', 'SHA-256': 'sha256' } as const

/** Header values are latin1: one character is one byte as received. */
const digestOf = (algorithm: Algorithm, text: string): string =>
  hash(hashName[algorithm], Buffer.from(text, 'latin1'), 'hex')

const toWire = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** The stored secret of an account: hex, RFC 7616 3.4.2. Text is taken as UTF-8. */
export const ha1 = (user: string, realm: string, password: string, algorithm: Algorithm): string =>
  digestOf(algorithm, toWire(`${user}:${realm}:${password}`))

/** The server's side of RFC 7616 with the algorithms of RFC 8760, qop `auth` only, no `-sess`. */
export class Digest {
  readonly #realm: string
  readonly #counters: Counters
  readonly #nonces: Nonces
  readonly #guesses = new Guesses()
  readonly #strayGuesses = new Guesses(STRAY_TALLIES_MAX)

  constructor({ realm, entropy, nonceLifeS = 300, counters }: DigestOptions) {
    this.#realm = realm
    this.#counters = counters
    this.#nonces = new Nonces(entropy, nonceLifeS)
  }

  /**
   * RFC 8760 2.3: one WWW-Authenticate or Proxy-Authenticate value per algorithm, the preferred one first. `address` is where they are
   * sent to.
   */
  challenge(now: Now, offer: { algorithms: readonly Algorithm[]; isStale?: boolean; address?: string }): string[] {
    const source = sourceOf(offer.address ?? '')
    const stale = offer.isStale ? ', stale=true' : ''
    const realm = quote(this.#realm)
    const challenge = (algorithm: Algorithm): string => {
      const nonce = this.#nonces.issue(now, source)
      return `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${stale}`
    }
    return offer.algorithms.map(challenge)
  }

  /** Whose credentials these are, or undefined without any for this realm. The account is looked up by this name. */
  usernameOf(authorization: readonly string[]): string | undefined {
    return this.#credentials(authorization)[0]?.username
  }

  /**
   * A wrong password is charged to whom its nonce was sent, not to where the request seems to come from: a forged source has no
   * nonces of its own to spend. Under any other nonce the answer is `stale`, be the password right or wrong.
   */
  check(now: Now, attempt: Attempt): Verdict {
    const mine = this.#credentials(attempt.authorization)
    const first = mine[0]
    if (!first) return this.#verdict('absent', { result: 'absent' })
    let fault = 'password'
    let slowedMs = 0
    let stale: { result: 'stale'; isRight: boolean } | undefined
    for (const { username, params } of mine) {
      if (username !== first.username) continue
      const unfit = whyUnfit(params, attempt)
      if (unfit) {
        fault = unfit
        continue
      }
      const issued = this.#nonces.read(params.get('nonce') ?? '')
      const waitMs = issued ? this.#guesses.waitMs(now, issued.source, nameOf(attempt)) : 0
      if (waitMs > 0) return this.#verdict('slowed', { result: 'slowed', retryAfterS: seconds(waitMs) })
      const isRight = hasSecret(params, attempt)
      if (issued && !isRight) slowedMs = Math.max(slowedMs, this.#guesses.wrong(now, issued.source, nameOf(attempt)))
      if (issued && this.#nonces.isCurrent(now, issued)) {
        if (isRight) return this.#proven(now, attempt, issued, { username, params })
      } else {
        const isBelieved = issued ? isRight : this.#believesStray(now, attempt, isRight)
        stale = { result: 'stale', isRight: isBelieved || stale?.isRight === true }
      }
    }
    if (slowedMs > 0) this.#counters.count('guessing_slowed')
    if (stale) return this.#verdict('stale', stale)
    return this.#verdict(fault, { result: 'wrong', ...(slowedMs > 0 && { slowedS: seconds(slowedMs) }) })
  }

  describe(): { noncesInUse: number; wrongTallies: number } {
    return { noncesInUse: this.#nonces.size, wrongTallies: this.#guesses.size }
  }

  #proven(now: Now, attempt: Attempt, issued: Issued, { username, params }: Credentials): Verdict {
    const { nonce, nc } = proofOf(params, attempt.method)
    if (!this.#nonces.use(now, nonce, Number.parseInt(nc, 16), issued))
      return this.#verdict('stale', { result: 'stale', isRight: true })
    this.#guesses.right(issued.source, nameOf(attempt))
    return this.#verdict('ok', { result: 'ok', username })
  }

  /** Of a nonce of the run before only we are told that the password is right, and after too many wrong ones not even we. */
  #believesStray(now: Now, attempt: Attempt, isRight: boolean): boolean {
    const source = sourceOf(attempt.address ?? '')
    if (this.#strayGuesses.waitMs(now, source, nameOf(attempt)) > 0) return false
    if (!isRight) this.#strayGuesses.wrong(now, source, nameOf(attempt))
    return isRight
  }

  #verdict(label: string, verdict: Verdict): Verdict {
    this.#counters.count('digest', label)
    return verdict
  }

  /** RFC 3261 22.4: credentials of another realm, another scheme or no sense are somebody else's. */
  #credentials(authorization: readonly string[]): Credentials[] {
    const mine: Credentials[] = []
    for (const value of authorization.slice(0, CREDENTIALS_MAX)) {
      const params = digestParams(value)
      const username = params?.get('username')
      if (params && username !== undefined && params.get('realm') === this.#realm) mine.push({ username, params })
    }
    return mine
  }
}

function digestParams(value: string): Params | undefined {
  try {
    const { scheme, params } = parseAuth(value)
    return scheme === 'digest' ? params : undefined
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}

/** The label under which the failure is counted; undefined when it is the password that decides. */
function whyUnfit(params: Params, attempt: Attempt): string | undefined {
  const algorithm = algorithmOf(params)
  if (!algorithm || !(attempt.algorithms ?? ['MD5', 'SHA-256']).includes(algorithm)) return 'algorithm'
  // RFC 7616 3.4: without qop there is no nonce count, hence no protection from replay. Every client seen answers
  // qop="auth" with it.
  if (params.get('qop')?.toLowerCase() !== 'auth') return 'qop'
  const count = params.get('nc') ?? ''
  if (!/^[0-9a-f]{8}$/i.test(count) || count === '00000000' || !params.get('cnonce')) return 'nonce count'
  const uri = params.get('uri')
  return uri && isSameTarget(uri, attempt.uri) ? undefined : 'uri'
}

function hasSecret(params: Params, attempt: Attempt): boolean {
  const algorithm = algorithmOf(params) ?? 'MD5'
  const { ha1Md5, ha1Sha256, ha1Md5Address, ha1Sha256Address } = attempt.account
  const [plain, address] = algorithm === 'MD5' ? [ha1Md5, ha1Md5Address] : [ha1Sha256, ha1Sha256Address]
  const secrets = params.get('username')?.includes('@') ? [plain, address] : [plain]
  const proof = proofOf(params, attempt.method)
  const given = (params.get('response') ?? '').toLowerCase()
  // All of them, so that it takes as long for whoever has less.
  return secrets.filter(secret => isSecret(algorithm, secret, proof, given)).length > 0
}

function isSecret(algorithm: Algorithm, secret: string | undefined, proof: Proof, given: string): boolean {
  const isEqual = equals(responseOf(algorithm, (secret || NO_SECRET).toLowerCase(), proof), given)
  return isEqual && Boolean(secret)
}

const nameOf = (attempt: Attempt): string => attempt.name ?? ''
const seconds = (ms: number): number => Math.ceil(ms / 1000)

function proofOf(params: Params, method: string): Proof {
  const text = (name: string): string => params.get(name) ?? ''
  return { method, uri: text('uri'), nonce: text('nonce'), nc: text('nc'), cnonce: text('cnonce'), qop: text('qop') }
}

function algorithmOf(params: Params): Algorithm | undefined {
  const name = (params.get('algorithm') ?? 'MD5').toUpperCase()
  return name === 'MD5' || name === 'SHA-256' ? name : undefined
}

interface Proof {
  readonly method: string
  readonly uri: string
  readonly nonce: string
  readonly nc: string
  readonly cnonce: string
  readonly qop: string
}

/** RFC 7616 3.4.1, qop present. */
function responseOf(algorithm: Algorithm, secret: string, proof: Proof): string {
  const { method, uri, nonce, nc, cnonce, qop } = proof
  const ha2 = digestOf(algorithm, `${method}:${uri}`)
  return digestOf(algorithm, `${secret}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`)
}

function equals(wanted: string, given: string): boolean {
  if (wanted.length !== given.length) return false
  return timingSafeEqual(Buffer.from(wanted, 'latin1'), Buffer.from(given, 'latin1'))
}

/**
 * RFC 7616 3.4.6, loosened for proxies that rewrite host, port and parameters of a Request-URI: what stays is that
 * credentials made for one user do not serve for a request to another.
 */
function isSameTarget(claimed: string, requestUri: string): boolean {
  if (claimed === requestUri) return true
  const user = userOf(claimed)
  return user !== undefined && user === userOf(requestUri)
}

/** The user part unescaped, empty when there is none; undefined when the text is no URI. */
function userOf(uri: string): string | undefined {
  try {
    return unescaped(parseUri(uri).user ?? '')
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}

/** The octets that escapes in a URI stand for, as latin1. */
export const unescaped = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

const quote = (text: string): string => text.replace(/[\\"]/g, '\\$&')

export interface ClientAnswer {
  readonly method: string
  readonly uri: string
  readonly username: string
  readonly password: string
  readonly entropy: Entropy
  /** How often this nonce has been used, this time included; 1 when absent. */
  readonly count?: number
}

/**
 * The client's side: the Authorization value that answers one challenge of ours, or undefined if it cannot be answered.
 */
export function answerChallenge(challenge: string, answer: ClientAnswer): string | undefined {
  const params = digestParams(challenge)
  const algorithm = params && algorithmOf(params)
  const realm = params?.get('realm')
  const nonce = params?.get('nonce')
  if (!algorithm || realm === undefined || nonce === undefined) return undefined
  const offered = (params.get('qop') ?? '').split(',').map(qop => qop.trim().toLowerCase())
  if (!offered.includes('auth')) return undefined
  const { method, uri, username, password, entropy } = answer
  const nc = (answer.count ?? 1).toString(16).padStart(8, '0')
  const cnonce = token(entropy, 80)
  // The realm is as received, the other two are ours to encode.
  const secret = digestOf(algorithm, `${toWire(username)}:${realm}:${toWire(password)}`)
  const response = responseOf(algorithm, secret, { method, uri, nonce, nc, cnonce, qop: 'auth' })
  const opaque = params.get('opaque')
  return (
    `Digest username="${quote(toWire(username))}", realm="${quote(realm)}", nonce="${quote(nonce)}", uri="${uri}", ` +
    `response="${response}", algorithm=${algorithm}, qop=auth, nc=${nc}, cnonce="${cnonce}"` +
    (opaque === undefined ? '' : `, opaque="${quote(opaque)}"`)
  )
}
