/** Bounds of one MSRP endpoint. Each has its reason; a test shrinks them, the product keeps them. */
export interface MsrpLimits {
  /** Start line and headers of one frame, octets. Paths through several relays fit many times over. */
  readonly headBytes: number
  /** Header lines of one frame: the RFCs define about fifteen. */
  readonly headers: number
  /** RFC 4975 7.1.1: silence after a chunk that counts as 408. */
  readonly responseMs: number
  /** How long a passive session waits for its peer's connection: the RFC's own patience. */
  readonly bindMs: number
  /** How long a connection may carry no session: half-open ones and strangers go after it. */
  readonly unboundMs: number
  /** Silence of the peer in the middle of a frame: longer than a tunnel or a change of cells lasts. */
  readonly stalledMs: number
  /** Silence on a connection that sessions use: the two hours after which RFC 1122 4.2.3.6 has a TCP ask whether anybody is there. */
  readonly idleMs: number
  /** Octets past the end that its Byte-Range says: so far a chunk is refused for them, further its end-line is lost. */
  readonly overrunBytes: number
  /** Unanswered body octets per connection: what a slow link holds in the host's buffer for us. */
  readonly windowBytes: number
  /** Unanswered chunks per connection. */
  readonly windowChunks: number
  /** Connections in all: file descriptors. */
  readonly connections: number
  /** Connections that one IPv4 address or IPv6 /64 opened to us: a site behind one NAT fits, a flood does not. */
  readonly connectionsPerAddress: number
  /** Sessions in all: one delivery each. */
  readonly sessions: number
  /** Messages handed to one session and not yet finished. */
  readonly queuedMessages: number
  /** Unfinished incoming messages of one session: peers send one after the other, or two interleaved. */
  readonly partialMessages: number
  /** Octets of one incoming message assembled in memory. */
  readonly messageBytes: number
  /** Octets of all incoming messages assembled in memory at one time. */
  readonly assemblyBytes: number
  /** Separate pieces of one incoming message; chunks in order make one. */
  readonly pieces: number
  /** Sessions of others that pass through: each has two of the sessions in all. */
  readonly relays: number
  /** Octets that one side of a relay may send before the other is there, until its connection is held. */
  readonly relayHeldBytes: number
  /** The same until the session ends. What was read before the hold still comes: 64 KiB, which short SENDs make the sevenfold of in memory. */
  readonly relayWaitingBytes: number
  /** The same of all relays together. */
  readonly relaysWaitingBytes: number
  /** Passed on and unanswered, of each side of a relay: sixteen megabytes in parts of 32 KiB. Of older ones nobody learns whether they failed. */
  readonly relayUnanswered: number
}

export const MSRP_LIMITS: MsrpLimits = {
  headBytes: 16 * 1024,
  headers: 64,
  responseMs: 30_000,
  bindMs: 30_000,
  unboundMs: 30_000,
  stalledMs: 300_000,
  idleMs: 7_200_000,
  overrunBytes: 64 * 1024,
  windowBytes: 256 * 1024,
  windowChunks: 64,
  connections: 1024,
  connectionsPerAddress: 64,
  sessions: 2048,
  queuedMessages: 256,
  partialMessages: 8,
  messageBytes: 1024 * 1024,
  assemblyBytes: 32 * 1024 * 1024,
  pieces: 64,
  relays: 512,
  relayHeldBytes: 128 * 1024,
  relayWaitingBytes: 640 * 1024,
  relaysWaitingBytes: 32 * 1024 * 1024,
  relayUnanswered: 512,
}

/** RFC 4975 5.1: a longer chunk has to be interruptible, its range end `*`. */
export const FIXED_CHUNK_BYTES_MAX = 2048

/** Longest chunk we make: what another session on the connection may have to wait for. */
export const CHUNK_BYTES_MAX = 64 * 1024
