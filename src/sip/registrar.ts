import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { type Binding, currentBindings } from './binding.ts'
import { isRefusal, type Refusal, respondWith } from './refusal.ts'
import { type Applied, applyRegister, type BindingChange, contactValue } from './register.ts'
import { REGISTER_LIMITS, type RegisterAsk, type RegisterLimits, readRegister } from './register-ask.ts'
import { readThirdParty } from './third-party.ts'

/** Where bindings are kept; each change is one compare-and-set on the version read. */
export interface Bindings {
  load(now: Now, aor: string, done: (now: Now, loaded: LoadedBindings | BindingsFailure) => void): void
  /** `unknown`: there is no such account. */
  save(
    now: Now,
    aor: string,
    version: number,
    bindings: readonly Binding[],
    done: (now: Now, result: 'saved' | 'conflict' | 'unknown' | BindingsFailure) => void,
  ): void
}

interface LoadedBindings {
  readonly version: number
  readonly bindings: readonly Binding[]
}

export interface BindingsFailure {
  readonly failure: string
}

/** What the registrar needs of a server transaction. */
interface RegisterTransaction {
  readonly request: SipRequest
  readonly flow: Flow
  respond(now: Now, response: SipResponse): void
}

export interface Registration extends BindingChange {
  readonly aor: string
}

/** Devices of one person that register in the same instant: each try lets at least one of them through. */
const TRIES_MAX = 8

/** Seconds: long enough to get past a flash that stalls, short enough for a person to wait. */
const RETRY_AFTER_S = 5

interface Job {
  readonly transaction: RegisterTransaction
  readonly aor: string
  readonly ask: RegisterAsk
  readonly isThirdParty: boolean
}

/** RFC 3261 10.3 from step 6 on: the caller has checked domain, extensions, and who asks for whom. */
export class Registrar {
  readonly #bindings: Bindings
  readonly #entropy: Entropy
  readonly #counters: Counters
  readonly #log: Log
  readonly #limits: RegisterLimits
  readonly #onRegistered: (now: Now, registration: Registration) => void

  constructor(options: {
    bindings: Bindings
    entropy: Entropy
    counters: Counters
    log: Log
    limits?: RegisterLimits
    /** Once per change, after the 200 was handed to the transaction (DM-DLV-01). */
    onRegistered: (now: Now, registration: Registration) => void
  }) {
    this.#bindings = options.bindings
    this.#entropy = options.entropy
    this.#counters = options.counters
    this.#log = options.log
    this.#limits = options.limits ?? REGISTER_LIMITS
    this.#onRegistered = options.onRegistered
  }

  register(now: Now, transaction: RegisterTransaction, aor: string): void {
    const ask = readRegister(transaction.request, this.#limits)
    this.#begin(now, transaction, aor, ask, false)
  }

  /**
   * A core's REGISTER on behalf of a user (3GPP TS 24.229 5.4.1.7). Only for requests of a trusted peer; see
   * `isThirdParty`.
   */
  registerThirdParty(now: Now, transaction: RegisterTransaction, aor: string): void {
    const ask = readThirdParty(transaction.request, this.#limits)
    this.#begin(now, transaction, aor, ask, true)
  }

  #begin(
    now: Now,
    transaction: RegisterTransaction,
    aor: string,
    ask: RegisterAsk | Refusal,
    isThirdParty: boolean,
  ): void {
    if (isRefusal(ask)) this.#answer(now, transaction, ask)
    else this.#try(now, { transaction, aor, ask, isThirdParty }, 1)
  }

  #try(now: Now, job: Job, attempt: number): void {
    this.#bindings.load(now, job.aor, (then, loaded) => {
      if ('failure' in loaded) this.#failed(then, job, loaded, 503)
      else this.#apply(then, job, loaded, attempt)
    })
  }

  #apply(now: Now, job: Job, loaded: LoadedBindings, attempt: number): void {
    const { transaction, ask } = job
    const applied = applyRegister(loaded.bindings, ask, now, transaction.flow, this.#limits)
    if (isRefusal(applied)) this.#answer(now, transaction, applied)
    else if (applied.changes.length === 0) this.#accept(now, job, applied)
    else this.#save(now, job, loaded.version, applied, attempt)
  }

  #save(now: Now, job: Job, version: number, applied: Applied, attempt: number): void {
    this.#bindings.save(now, job.aor, version, applied.bindings, (then, result) => {
      if (result === 'saved') this.#accept(then, job, applied)
      else if (result === 'unknown') this.#answer(then, job.transaction, { status: 404 })
      else if (result === 'conflict') this.#again(then, job, attempt)
      // RFC 3261 10.3 step 7: what could not be committed is 500.
      else this.#failed(then, job, result, 500)
    })
  }

  #again(now: Now, job: Job, attempt: number): void {
    this.#counters.count('registrar_conflicts')
    if (attempt < TRIES_MAX) this.#try(now, job, attempt + 1)
    else this.#failed(now, job, { failure: 'conflict' }, 503)
  }

  #accept(now: Now, job: Job, applied: Applied): void {
    const headers = job.isThirdParty ? thirdPartyHeaders(job.ask) : this.#headers(now, job, applied)
    this.#answer(now, job.transaction, { status: 200, headers })
    for (const change of applied.changes) {
      this.#counters.count('bindings_changed', change.event)
      this.#onRegistered(now, { aor: job.aor, ...change })
    }
  }

  /** RFC 3261 10.3 step 8, RFC 3327 5.3, RFC 5626 6. */
  #headers(now: Now, { ask }: Job, applied: Applied): [string, string][] {
    const headers: [string, string][] = []
    for (const binding of currentBindings(applied.bindings, now))
      headers.push(['Contact', contactValue(binding, now, this.#limits)])
    if (ask.returnsPath) for (const hop of ask.path) headers.push(['Path', hop])
    if (ask.isOutbound) headers.push(['Require', 'outbound'])
    headers.push(['Supported', 'path, outbound'])
    return headers
  }

  #failed(now: Now, job: Job, { failure }: BindingsFailure, status: 500 | 503): void {
    this.#log.error('bindings not stored', { aor: job.aor, failure })
    this.#answer(now, job.transaction, { status, headers: [['Retry-After', String(RETRY_AFTER_S)]] })
  }

  #answer(now: Now, transaction: RegisterTransaction, answer: Refusal): void {
    this.#counters.count('registers', String(answer.status))
    transaction.respond(now, respondWith(now, transaction.request, answer, token(this.#entropy, 60)))
  }
}

/** docs/protocol.md: the interval and no list of contacts, which are the core's affair. */
const thirdPartyHeaders = (ask: RegisterAsk): [string, string][] => [
  ['Expires', String(ask.contacts[0]?.expiresS ?? 0)],
]
