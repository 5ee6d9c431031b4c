import type { Now } from '../../base/time.ts'
import type { Publications } from '../../sip/publications.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { ensureAccount } from '../accounts.ts'
import type { Admission } from '../admission.ts'
import type { Refuse } from '../answers.ts'
import type { Domain } from '../domain.ts'
import { servedUser } from '../served-user.ts'

/** PUBLISH (RFC 3903): whose state it is, and who speaks. What may be published of it, and by whom, the package of its event says. */
export class Publishing {
  readonly #publications: Publications
  readonly #domain: Domain
  readonly #store: StoreClient
  readonly #hasCore: boolean

  constructor(options: { publications: Publications; domain: Domain; store: StoreClient; hasCore: boolean }) {
    this.#publications = options.publications
    this.#domain = options.domain
    this.#store = options.store
    this.#hasCore = options.hasCore
  }

  /** `refuse` is called for what never comes to the publications; they answer the rest themselves. */
  handle(now: Now, transaction: ServerTransaction, request: SipRequest, admission: Admission, refuse: Refuse): void {
    const resource = this.#domain.userOf(request.uri, transaction.flow)
    if (resource === undefined) return refuse(now, { status: 403, reason: 'Relaying Denied' })
    const publisher = servedUser(admission, request, this.#domain, transaction.flow)
    if (publisher === undefined) return refuse(now, { status: 403 })
    const publish = (then: Now): void =>
      this.#publications.onPublish(then, transaction, request, { publisher, resource })
    if (admission.kind !== 'peer' || !this.#hasCore || publisher !== resource) return publish(now)
    ensureAccount(this.#store, resource, (then, refusal) => (refusal ? refuse(then, refusal) : publish(then)))
  }
}
