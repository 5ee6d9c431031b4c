import type { Endpoint, Flow } from '../../base/flow.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { Admission } from '../admission.ts'
import type { Answer } from '../answers.ts'
import type { Domain } from '../domain.ts'
import { type MessageOffer, messageOffer } from '../invite-kind.ts'
import { InviteTaker, type TakerParts } from '../invite-taker.ts'
import { servedUser } from '../served-user.ts'

/** Who asks for what is theirs, and over what it can be sent. */
export interface FetchOffer {
  readonly aor: string
  readonly offer: MessageOffer
  readonly endpoint: Endpoint
}

/** INVITEs by which users fetch something of their own (docs/protocol.md): what is looked at of each, whatever they fetch. */
export class FetchOffers {
  readonly #domain: Domain
  readonly #taker: InviteTaker

  constructor(parts: TakerParts & { readonly domain: Domain }) {
    this.#domain = parts.domain
    this.#taker = new InviteTaker(parts)
  }

  /** `obstacle`: why nothing can be sent on that stream, in plain words. */
  read(
    flow: Flow,
    received: SipRequest,
    admission: Admission,
    obstacle: (media: MsrpMedia) => string | undefined,
  ): FetchOffer | Answer {
    const aor = servedUser(admission, received, this.#domain, flow)
    if (aor === undefined) return { status: 403 }
    const refusal = this.#taker.refusal(received)
    if (refusal) return refusal
    const offer = messageOffer(received)
    if (typeof offer === 'string') return this.unusable(offer)
    const why = obstacle(offer.media)
    if (why !== undefined) return this.unusable(why)
    const endpoint = this.#taker.endpoint(flow, offer.media)
    return endpoint ? { aor, offer, endpoint } : this.unusable('MSRP of the offered kind is switched off here')
  }

  unusable(why: string): Answer {
    return this.#taker.unusable(why)
  }
}
