/**
 * What a peer may make the parser hold. Over a limit is 513, a start line over its limit 414 (RFC 3261 21.4.12,
 * 21.5.7).
 */
export interface Limits {
  /** Request-Line or Status-Line. */
  readonly startLineBytesMax: number
  /** Start line and all headers. */
  readonly headerBytesMax: number
  /** Header lines of one message. */
  readonly headersMax: number
  /** One header value, folding included. */
  readonly valueBytesMax: number
  /** Content-Length. */
  readonly bodyBytesMax: number
}

export const DEFAULT_LIMITS: Limits = {
  // Ten times the longest Request-URI of RFC 4475, well below what HTTP servers take.
  startLineBytesMax: 8192,
  // What one UDP datagram can carry, so that all transports take the same messages.
  headerBytesMax: 65536,
  // A request through seventy proxies has some 150: Via, Record-Route, and its own.
  headersMax: 256,
  // An Identity header with its certificate reference or a Route of a hundred hops stays below.
  valueBytesMax: 16384,
  // Page-mode content is at most 1300 bytes by RFC 3428 8 over UDP; larger messages go by MSRP. One datagram's worth.
  bodyBytesMax: 65536,
}
