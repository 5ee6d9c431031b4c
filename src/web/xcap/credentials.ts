import { timingSafeEqual } from 'node:crypto'
import { uriHost } from '../../base/config-uri.ts'
import type { Counters } from '../../base/counters.ts'
import type { Entropy } from '../../base/entropy.ts'
import type { Log } from '../../base/log.ts'
import { sourceOf } from '../../base/source.ts'
import type { Now } from '../../base/time.ts'
import { Digest, ha1 } from '../../sip/digest.ts'
import { Guesses } from '../../sip/digest-guesses.ts'
import { SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { addressOfRecord } from '../../sip-parser-lite/uri.ts'
import type { Account, DigestAlgorithm } from '../../store/verbs.ts'
import { type Answer, plain } from './answer.ts'
import { ask, type XcapStore } from './usage.ts'

export interface CredentialsOptions {
  readonly store: XcapStore
  readonly domain: string
  readonly algorithms: readonly DigestAlgorithm[]
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
}

interface Presented {
  readonly method: string
  /** Path and query, as received. */
  readonly url: string
  readonly authorization: string | undefined
  readonly address: string
  readonly isSecure: boolean
}

/** Who asks: the passwords are those of SIP, and so is the realm. Digest always, basic where nobody can listen. */
export class Credentials {
  readonly #options: CredentialsOptions
  readonly #digest: Digest
  readonly #guesses = new Guesses()

  constructor(options: CredentialsOptions) {
    const { domain, entropy, counters } = options
    this.#options = options
    this.#digest = new Digest({ realm: domain, entropy, counters })
  }

  async admit(now: Now, presented: Presented): Promise<{ readonly aor: string } | Answer> {
    const basic = basicOf(presented.authorization)
    if (basic && presented.isSecure) return this.#byPassword(now, presented, basic)
    const authorization = presented.authorization === undefined || basic ? [] : [presented.authorization]
    const username = this.#digest.usernameOf(authorization)
    const aor = username === undefined ? undefined : this.#addressOf(Buffer.from(username, 'latin1').toString('utf8'))
    const account = aor === undefined ? undefined : await ask(this.#options.store, 'account.get', { aor })
    const { method, url, address } = presented
    const algorithms = this.#offered(account)
    const attempt = { method, uri: url, authorization, account: account ?? {}, algorithms }
    const check = this.#digest.check(now, { ...attempt, name: aor ?? '', address })
    if (check.result === 'ok' && account) return { aor: account.aor }
    if (check.result === 'slowed') return this.#slowed(check.retryAfterS)
    if (check.result === 'wrong') this.#wrong(aor, address, check.slowedS)
    return this.#challenge(now, presented, algorithms, check.result === 'stale')
  }

  describe(): object {
    return this.#digest.describe()
  }

  async #byPassword(
    now: Now,
    presented: Presented,
    { name, password }: Basic,
  ): Promise<{ readonly aor: string } | Answer> {
    const aor = this.#addressOf(name)
    const source = sourceOf(presented.address)
    const waitMs = this.#guesses.waitMs(now, source, aor ?? '')
    if (waitMs > 0) return this.#slowed(Math.ceil(waitMs / 1000))
    const account = aor === undefined ? undefined : await ask(this.#options.store, 'account.get', { aor })
    if (account && this.#hasPassword(account, password)) {
      this.#guesses.right(source, account.aor)
      return { aor: account.aor }
    }
    const slowedMs = this.#guesses.wrong(now, source, aor ?? '')
    this.#wrong(aor, presented.address, slowedMs > 0 ? Math.ceil(slowedMs / 1000) : undefined)
    return this.#challenge(now, presented, this.#offered(undefined), false)
  }

  #hasPassword({ aor, ha1Md5, ha1Sha256 }: Account, password: string): boolean {
    const [secret, algorithm] = ha1Sha256 === undefined ? ([ha1Md5, 'MD5'] as const) : ([ha1Sha256, 'SHA-256'] as const)
    const given = Buffer.from(ha1(userOf(aor), this.#options.domain, password, algorithm))
    const wanted = Buffer.from((secret ?? '').toLowerCase())
    return given.length === wanted.length && timingSafeEqual(given, wanted)
  }

  #wrong(aor: string | undefined, address: string, seconds: number | undefined): void {
    const { counters, log } = this.#options
    counters.count('xcap_refused', 'wrong credentials')
    if (seconds !== undefined)
      log.warn('too many wrong passwords: no more are looked at for a while', { aor, address, seconds })
  }

  #slowed(seconds: number): Answer {
    this.#options.counters.count('xcap_refused', 'slowed')
    return plain(429, 'Too many wrong passwords.', { 'retry-after': String(seconds) })
  }

  #challenge(
    now: Now,
    { address, isSecure }: Presented,
    algorithms: readonly DigestAlgorithm[],
    isStale: boolean,
  ): Answer {
    const challenges = this.#digest.challenge(now, { algorithms, isStale, address })
    if (isSecure) challenges.push(`Basic realm="${this.#options.domain}", charset="UTF-8"`)
    return plain(401, 'Log in with your SIP user name and password.', { 'www-authenticate': challenges })
  }

  /** Only what the account has a hash for; of nobody what the site offers. */
  #offered(account: Account | undefined): readonly DigestAlgorithm[] {
    const wanted = account?.algorithms ?? this.#options.algorithms
    if (!account) return wanted
    const usable = wanted.filter(algorithm => (algorithm === 'MD5' ? account.ha1Md5 : account.ha1Sha256) !== undefined)
    return usable.length > 0 ? usable : wanted
  }

  /** `alice`, `alice@example.org`, `sip:alice@example.org`. Undefined for somebody of elsewhere. */
  #addressOf(name: string): string | undefined {
    const here = uriHost(this.#options.domain)
    const bare = name.replace(/^sips?:/i, '')
    const at = bare.lastIndexOf('@')
    if (at >= 0 && bare.slice(at + 1).toLowerCase() !== here.toLowerCase()) return undefined
    const user = at < 0 ? bare : bare.slice(0, at)
    return user === '' ? undefined : (keyOf(`sip:${user}@${here}`) ?? keyOf(`sip:${encodeURIComponent(user)}@${here}`))
  }
}

/** As a person types it. */
function userOf(aor: string): string {
  const user = aor.slice(aor.indexOf(':') + 1, aor.lastIndexOf('@'))
  try {
    return decodeURIComponent(user)
  } catch {
    return user
  }
}

function keyOf(uri: string): string | undefined {
  try {
    return addressOfRecord(uri)
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}

interface Basic {
  readonly name: string
  readonly password: string
}

/** RFC 7617. */
function basicOf(authorization: string | undefined): Basic | undefined {
  const match = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '')
  if (!match) return undefined
  const text = Buffer.from(match[1]!, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
