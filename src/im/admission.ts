import type { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import { type Digest, unescaped } from '../sip/digest.ts'
import { value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import type { Account, DigestAlgorithm, StoreClient } from '../store/verbs.ts'
import { type Answer, unavailable } from './answers.ts'
import type { Domain } from './domain.ts'

/** Who speaks. */
export type Admission =
  /** A user of this domain: proven by digest, or merely claimed where digest is switched off. */
  | { readonly kind: 'user'; readonly aor: string; readonly isProven: boolean }
  /** The SIP/IP core or another peer whose assertions are believed. */
  | { readonly kind: 'peer' }
  /** Somebody from elsewhere, who may write to our users and nothing else. */
  | { readonly kind: 'stranger' }
  /** `isStale`: the password is right and only the nonce is too old, as every nonce is after a restart. */
  | { readonly kind: 'answer'; readonly answer: Answer; readonly isStale?: boolean }

/** What ends here; the rest may go on to somebody else. */
const ANSWERED_HERE = new Set(['REGISTER', 'PUBLISH', 'SUBSCRIBE', 'REFER'])

/** Decides who a request is from before anything is done for it (RFC 3261 22; the contract's `[auth]`). */
export class Admissions {
  readonly #store: StoreClient
  readonly #domain: Domain
  readonly #digest: Digest
  readonly #counters: Counters
  readonly #log: Log
  readonly #isOn: boolean
  readonly #algorithms: readonly DigestAlgorithm[]
  readonly #isTrusted: (flow: Flow) => boolean

  constructor(options: {
    store: StoreClient
    domain: Domain
    digest: Digest
    counters: Counters
    log: Log
    isOn: boolean
    algorithms: readonly DigestAlgorithm[]
    isTrusted: (flow: Flow) => boolean
  }) {
    this.#store = options.store
    this.#domain = options.domain
    this.#digest = options.digest
    this.#counters = options.counters
    this.#log = options.log
    this.#isOn = options.isOn
    this.#algorithms = options.algorithms
    this.#isTrusted = options.isTrusted
  }

  admit(now: Now, request: SipRequest, flow: Flow, done: (now: Now, admission: Admission) => void): void {
    if (this.#isTrusted(flow)) return done(now, { kind: 'peer' })
    const isRegister = request.method === 'REGISTER'
    const claimed = parseNameAddr(value(request, isRegister ? 'to' : 'from') ?? '').uri
    // RFC 3859, RFC 3860: an im: or pres: address of our domain is one of our users all the same.
    const asSip = claimed.replace(/^(?:im|pres):/i, 'sip:')
    const aor = isSip(asSip) ? this.#domain.userOf(asSip, flow) : undefined
    if (aor === undefined) return done(now, { kind: 'stranger' })
    if (!this.#isOn) return done(now, { kind: 'user', aor, isProven: false })
    this.#store.ask('account.get', { aor }, (then, result) => {
      if ('failure' in result) return done(then, { kind: 'answer', answer: unavailable(5) })
      done(then, this.#prove(then, request, flow, aor, result.value))
    })
  }

  /** A registrar and UAS challenges with 401, a proxy with 407 (RFC 3261 22.2, 22.3). Unknown users are challenged like known ones. */
  #prove(now: Now, request: SipRequest, flow: Flow, aor: string, account: Account | undefined): Admission {
    const [status, challengeName, credentialsKey] = ANSWERED_HERE.has(request.method)
      ? ([401, 'WWW-Authenticate', 'authorization'] as const)
      : ([407, 'Proxy-Authenticate', 'proxy-authorization'] as const)
    const { address } = flow.remote
    const algorithms = this.#offered(account)
    const check = this.#digest.check(now, {
      method: request.method,
      uri: request.uri,
      authorization: values(request, credentialsKey),
      account: account ?? {},
      algorithms,
      name: aor,
      address,
    })
    if (check.result === 'ok') {
      const user = check.username
      if (account && isNameOf(user, aor)) return { kind: 'user', aor, isProven: true }
      this.#counters.count('auth_refused', 'another identity')
      return { kind: 'answer', answer: { status: 403, reason: 'Credentials of another user' } }
    }
    if (check.result === 'slowed') {
      this.#counters.count('auth_refused', 'slowed')
      return { kind: 'answer', answer: tooManyWrong(check.retryAfterS) }
    }
    if (check.result === 'wrong') this.#wrong(aor, address, check.slowedS)
    const isStale = check.result === 'stale'
    const headers = this.#digest
      .challenge(now, { algorithms, isStale, address })
      .map(text => [challengeName, text] as const)
    return { kind: 'answer', answer: { status, headers }, isStale: isStale && check.isRight }
  }

  #wrong(aor: string, address: string, slowedS: number | undefined): void {
    this.#counters.count('auth_refused', 'wrong credentials')
    if (slowedS === undefined) return
    this.#log.warn('too many wrong passwords: no more are looked at for a while', { aor, address, seconds: slowedS })
  }

  #offered(account: Account | undefined): readonly DigestAlgorithm[] {
    const wanted = account?.algorithms ?? this.#algorithms
    if (!account) return wanted
    const usable = wanted.filter(algorithm => (algorithm === 'MD5' ? account.ha1Md5 : account.ha1Sha256) !== undefined)
    return usable.length > 0 ? usable : wanted
  }
}

/** Not 503, which a proxy on the way would take for the end of the whole box (RFC 3261 21.5.4). */
const tooManyWrong = (seconds: number): Answer => ({
  status: 403,
  reason: 'Too Many Wrong Passwords',
  headers: [['Retry-After', String(seconds)]],
})

const isSip = (uri: string): boolean => /^sips?:/i.test(uri)

/** Clients send the user part, or the whole address without its scheme; a URI is escaped where a name is not. */
function isNameOf(username: string, aor: string): boolean {
  const at = aor.lastIndexOf('@')
  const [user, host] = [aor.slice(aor.indexOf(':') + 1, at), aor.slice(at)]
  return [user, unescaped(user)].some(name => username === name || username === name + host)
}
