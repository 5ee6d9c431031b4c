import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { IM_FEATURE_TAG } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import { hasFeature } from '../sip/contact-params.ts'
import type { ReferralTaker } from '../sip/referral-types.ts'
import { Referrals } from '../sip/referrals.ts'
import type { Subscriptions } from '../sip/subscriptions.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams } from '../sip-parser-lite/typed.ts'
import type { Admission } from './admission.ts'
import type { Answer, Refuse } from './answers.ts'
import type { Domain } from './domain.ts'
import { METHODS } from './methods.ts'
import type { OwnAddresses } from './own-addresses.ts'
import { servedUser } from './served-user.ts'

interface ReferringParts {
  readonly subscriptions: Subscriptions
  readonly domain: Domain
  readonly own: OwnAddresses
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
  /** Who does what a REFER asks for. Absent: nobody here, and every REFER is refused. */
  readonly taker?: ReferralTaker
}

/** REFER (HIS-REF-01..05): who speaks, and whether to us. What is done about it whoever takes it decides. */
export class Referring {
  readonly #domain: Domain
  readonly #taker: ReferralTaker | undefined
  readonly #referrals: Referrals | undefined

  constructor(parts: ReferringParts) {
    this.#domain = parts.domain
    this.#taker = parts.taker
    const contactUri = (flow: Flow): string => parts.own.contactUri(flow)
    this.#referrals = parts.taker && new Referrals({ ...parts, contactUri, allow: METHODS.join(', ') })
  }

  handle(now: Now, transaction: ServerTransaction, request: SipRequest, admission: Admission, refuse: Refuse): void {
    const { flow } = transaction
    if (this.#domain.userOf(request.uri, flow) === undefined)
      return refuse(now, this.#domain.isBox(request.uri, flow) ? { status: 404 } : RELAYING_DENIED)
    if (!this.#referrals || !this.#taker) return refuse(now, { status: 403, reason: 'Nobody Here Takes REFER' })
    const initiator = servedUser(admission, request, this.#domain, flow)
    if (initiator === undefined) return refuse(now, { status: 403, reason: 'No Identity' })
    if (!wantsMessaging(request)) return refuse(now, { status: 403, reason: 'Accept-Contact Without +g.oma.sip-im' })
    this.#referrals.onRefer(now, transaction, request, initiator, { take: this.#taker, refuse })
  }
}

const RELAYING_DENIED: Answer = { status: 403, reason: 'Relaying Denied' }

/** HIS-REF-02. */
const wantsMessaging = (request: SipRequest): boolean =>
  values(request, 'accept-contact').some(text => hasFeature(parseParams(text, 'Accept-Contact').params, IM_FEATURE_TAG))
