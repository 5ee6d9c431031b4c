import type { Counters } from '../base/counters.ts'
import type { Now } from '../base/time.ts'
import type { Bindings, Registrar } from '../sip/registrar.ts'
import { isThirdParty } from '../sip/third-party.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import type { StoreClient } from '../store/verbs.ts'
import { ensureAccount } from './accounts.ts'
import type { Admission } from './admission.ts'
import type { Refuse } from './answers.ts'
import type { Domain } from './domain.ts'

/** Who may register whom: a user themselves; the core anybody of the domain (docs/protocol.md). */
export class Registrations {
  readonly #registrar: Registrar
  readonly #domain: Domain
  readonly #store: StoreClient
  readonly #hasCore: boolean
  readonly #counters: Counters

  constructor(options: {
    registrar: Registrar
    domain: Domain
    store: StoreClient
    hasCore: boolean
    counters: Counters
  }) {
    this.#registrar = options.registrar
    this.#domain = options.domain
    this.#store = options.store
    this.#hasCore = options.hasCore
    this.#counters = options.counters
  }

  handle(now: Now, transaction: ServerTransaction, request: SipRequest, admission: Admission, refuse: Refuse): void {
    const to = parseNameAddr(value(request, 'to') ?? '').uri
    // RFC 4475 3.3.4: the address-of-record has to be a SIP or SIPS URI.
    if (!/^sips?:/i.test(to)) return refuse(now, { status: 400, reason: 'To Is Not a SIP URI' })
    const isForUs = this.#domain.isOwnHost(parseUri(request.uri).host, transaction.flow)
    const aor = isForUs ? this.#domain.userOf(to, transaction.flow) : undefined
    if (aor === undefined) return refuse(now, { status: 404, reason: 'Not a User of This Domain' })
    if (admission.kind === 'user') return this.#registrar.register(now, transaction, aor)
    if (admission.kind !== 'peer') return refuse(now, { status: 403 })
    if (!this.#hasCore || !isThirdParty(request)) return this.#registrar.register(now, transaction, aor)
    ensureAccount(this.#store, aor, (then, refusal) => {
      if (refusal) return refuse(then, refusal)
      this.#counters.count('third_party_registers')
      this.#registrar.registerThirdParty(then, transaction, aor)
    })
  }
}

/** What the registrar needs, said in verbs of the store. */
export const storedBindings = (store: StoreClient): Bindings => ({
  load: (_now, aor, done) =>
    store.ask('bindings.get', { aor }, (then, result) =>
      done(then, 'failure' in result ? { failure: result.detail } : result.value),
    ),
  save: (_now, aor, version, bindings, done) =>
    store.ask('bindings.put', { aor, version, bindings }, (then, result) =>
      done(then, 'failure' in result ? { failure: result.detail } : result.value),
    ),
})
