import type { Entropy } from '../base/entropy.ts'
import type { Instant, Now } from '../base/time.ts'
import type { Hop } from '../sip/transport.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { ClientPlace } from './client-stack.ts'

export interface PhoneOptions extends ClientPlace {
  /** User part of the address-of-record. */
  readonly user: string
  readonly domain: string
  /** Absent: challenges are not answered. */
  readonly password?: string
  /** Of its digest, in place of `user`. */
  readonly username?: string
  /** Where requests go: the box. */
  readonly server: Hop
  readonly entropy: Entropy
}

export interface RegisterOptions {
  /** Seconds; 0 takes the contact away. 3600 when absent. */
  readonly expiresS?: number
  /** `+g.oma.sip-im` among the Contact's parameters. */
  readonly isInstantMessaging?: boolean
  readonly contactParams?: string
}

export type HeaderPair = readonly [name: string, value: string]

export interface MessageOptions {
  /** Recipient's URI. */
  readonly to: string
  readonly body: string | Buffer
  readonly contentType?: string
  readonly headers?: readonly HeaderPair[]
  /** For a repetition of one sent before. */
  readonly callId?: string
  readonly cseq?: number
  readonly fromTag?: string
  /** In place of the phone's own From value without a tag. */
  readonly from?: string
  /** Whether a challenge is answered; by default only under the phone's own From. */
  readonly hasCredentials?: boolean
}

/** A MESSAGE on its way or answered. What identifies it is that of the last try: an answered challenge takes a new CSeq. */
export interface Sent {
  readonly to: string
  readonly body: Buffer
  callId: string
  cseq: number
  fromTag: string
  /** Requests it took: each answered challenge is one more, under a CSeq of its own. */
  tries: number
  /** Final answer; 408 when there was none, 503 when it could not be sent. */
  status: number | undefined
  warning: string | undefined
  answeredAt: Instant | undefined
}

/** A message that reached the phone, with the answer it got. */
export interface Arrived {
  readonly form: 'msrp' | 'message'
  readonly at: Instant
  readonly callId: string
  readonly cseq: number
  readonly fromTag: string
  /** The MESSAGE itself, or the one inside the MSRP message; undefined when that is no SIP, as with message/cpim. */
  readonly request: SipRequest | undefined
  /** What the user sees. */
  readonly body: Buffer
  /** Of the MSRP message, or of the MESSAGE. */
  readonly contentType: string
  /** Whole MSRP body, or the body of the MESSAGE. */
  readonly wire: Buffer
  status: number | 'silence'
}

/** `silence`: no answer at all; over MSRP the phone then stays mute for the rest of the call. */
export type Verdict = number | 'silence' | { readonly status: number; readonly afterMs: number }

export interface InviteVerdict {
  readonly status: number | 'silence'
  /** 180 at once. */
  readonly isRinging?: boolean
  /** Final answer so much later. */
  readonly afterMs?: number
  /** `a=setup` of the answer; `none` leaves it out, and the offerer connects. */
  readonly setup?: 'active' | 'passive' | 'none'
  readonly acceptTypes?: string
  readonly acceptWrappedTypes?: string
  /** Session-Expires of the 2xx, e.g. `90;refresher=uac`. */
  readonly sessionExpires?: string
  /** In place of the phone's own, over TLS. */
  readonly fingerprint?: string
  /** RFC 5621: the answer is one part of the body. */
  readonly isMultipart?: boolean
  /** In place of the answer made of the above. */
  readonly sdp?: Buffer
}

/** How the person holding the phone behaves; replaced by tests. */
export interface Behaviour {
  invite(now: Now, request: SipRequest, number: number): InviteVerdict
  message(now: Now, arrived: Arrived, number: number): Verdict
}

export const OBLIGING: Behaviour = {
  invite: () => ({ status: 200, setup: 'passive' }),
  message: () => 200,
}
