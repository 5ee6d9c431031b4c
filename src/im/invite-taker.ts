import type { Endpoint, Flow } from '../base/flow.ts'
import type { MsrpMedia } from '../sdp/msrp-media.ts'
import { acceptRefusal } from '../sip/accepted-session.ts'
import { inspect } from '../sip/inspect.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { type Answer, warning } from './answers.ts'
import type { OwnAddresses } from './own-addresses.ts'

export interface TakerParts {
  readonly own: OwnAddresses
  readonly hostname: string
  /** Of our MSRP over TLS, if there is one. */
  readonly localFingerprint?: () => string
  isOwnVia(host: string, port: number | undefined): boolean
}

const METHODS = new Set(['INVITE'])
const SUPPORTED = new Set(['timer'])

/** An INVITE that the box takes itself: what is looked at of it, whoever it is for. */
export class InviteTaker {
  readonly #parts: TakerParts

  constructor(parts: TakerParts) {
    this.#parts = parts
  }

  /** What the INVITE alone decides, but for its offer. */
  refusal(received: SipRequest): Answer | undefined {
    const isOwnVia = (host: string, port: number | undefined): boolean => this.#parts.isOwnVia(host, port)
    const rules = { methods: METHODS, supported: SUPPORTED, role: 'uas', isOwnVia } as const
    return inspect(received, rules) ?? acceptRefusal(received)
  }

  /** Where our MSRP of the offered kind is reached over that flow; undefined where it is switched off. */
  endpoint(flow: Flow, { isSecure }: MsrpMedia): Endpoint | undefined {
    const { own, localFingerprint } = this.#parts
    if (isSecure && !localFingerprint) return undefined
    return own.msrpEndpoint(flow, isSecure ? 'tls' : 'tcp')
  }

  /** RFC 3261 21.4.26: an offer that cannot be answered. */
  unusable(why: string): Answer {
    return { status: 488, headers: [warning(this.#parts.hostname, why)] }
  }
}
