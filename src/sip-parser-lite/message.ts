/**
 * A SIP message as a value. Header values are latin1 strings: one character is one byte as received, so what is not
 * understood goes out as it came in. Bodies are bytes and are never decoded.
 */
export interface HeaderField {
  /** As received or as it shall be sent, e.g. "Call-ID" or "i". */
  readonly name: string
  /** Lower-case long form of `name` ("i" gives "call-id"): what code compares. */
  readonly key: string
  /** Without surrounding white space; folding inside is kept until a typed reader unfolds it. */
  readonly value: string
}

interface SipMessageBase {
  headers: HeaderField[]
  body: Buffer
}

export interface SipRequest extends SipMessageBase {
  readonly kind: 'request'
  method: string
  /** Request-URI as received. */
  uri: string
}

export interface SipResponse extends SipMessageBase {
  readonly kind: 'response'
  status: number
  reason: string
}

export type SipMessage = SipRequest | SipResponse

/**
 * What a peer sent is not SIP as RFC 3261 25 has it. `status` is the answer it deserves, 0 if none; `partial` is what
 * the answer can be built from, if anything.
 */
export class SipSyntaxError extends Error {
  readonly status: number
  readonly partial: SipRequest | undefined
  constructor(status: number, reason: string, partial?: SipRequest) {
    // A refusal is news about a peer, not about this code: without frames a flood of rubbish costs a quarter.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(reason)
    Error.stackTraceLimit = stackTraceLimit
    this.status = status
    this.partial = partial
  }
}
