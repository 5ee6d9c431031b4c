import type { Endpoint, Flow } from '../base/flow.ts'
import type { MsrpMedia } from '../sdp/msrp-media.ts'
import { acceptRefusal } from '../sip/accepted-session.ts'
import { type InspectRules, inspect } from '../sip/inspect.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { Admission } from './admission.ts'
import { type Answer, warning } from './answers.ts'
import type { Domain } from './domain.ts'
import { type MessageOffer, messageOffer } from './invite-kind.ts'
import type { OwnAddresses } from './own-addresses.ts'
import { servedUser } from './served-user.ts'

interface FetchOfferParts {
  readonly own: OwnAddresses
  readonly domain: Domain
  readonly hostname: string
  readonly localFingerprint?: () => string
  isOwnVia(host: string, port: number | undefined): boolean
}

/** Who asks for what is theirs, and over what it can be sent. */
export interface FetchOffer {
  readonly aor: string
  readonly offer: MessageOffer
  readonly endpoint: Endpoint
}

/** INVITEs by which users fetch something of their own (docs/protocol.md): what is looked at of each, whatever they fetch. */
export class FetchOffers {
  readonly #parts: FetchOfferParts
  readonly #rules: InspectRules

  constructor(parts: FetchOfferParts) {
    this.#parts = parts
    this.#rules = {
      methods: new Set(['INVITE']),
      supported: new Set(['timer']),
      role: 'uas',
      isOwnVia: (host, port) => parts.isOwnVia(host, port),
    }
  }

  /** `obstacle`: why nothing can be sent on that stream, in plain words. */
  read(
    flow: Flow,
    received: SipRequest,
    admission: Admission,
    obstacle: (media: MsrpMedia) => string | undefined,
  ): FetchOffer | Answer {
    const aor = servedUser(admission, received, this.#parts.domain, flow)
    if (aor === undefined) return { status: 403 }
    const refusal = inspect(received, this.#rules) ?? acceptRefusal(received)
    if (refusal) return refusal
    const offer = messageOffer(received)
    if (typeof offer === 'string') return this.unusable(offer)
    const why = obstacle(offer.media)
    if (why !== undefined) return this.unusable(why)
    const endpoint = this.#endpoint(flow, offer)
    return endpoint ? { aor, offer, endpoint } : this.unusable('MSRP of the offered kind is switched off here')
  }

  unusable(why: string): Answer {
    return { status: 488, headers: [warning(this.#parts.hostname, why)] }
  }

  #endpoint(flow: Flow, { media }: MessageOffer): Endpoint | undefined {
    const { own, localFingerprint } = this.#parts
    if (media.isSecure && !localFingerprint) return undefined
    return own.msrpEndpoint(flow, media.isSecure ? 'tls' : 'tcp')
  }
}
