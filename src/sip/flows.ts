import type { Endpoint, Flow, Transport } from '../base/flow.ts'
import { sourceOf } from '../base/source.ts'
import { Tally } from '../base/tally.ts'
import type { Instant, Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import { SipStream } from '../sip-parser-lite/stream.ts'

/**
 * Streams open at once: a thousand phones with two connections each. Each costs some kilobytes here and in the kernel, and while
 * a message is incomplete up to the parser's limits, 128 KiB.
 */
const FLOWS_MAX = 2048
/** From one address, or IPv6 network of 64 bits. A whole site can stand behind one NAT, but it shall leave room for the others. */
const FLOWS_PER_ADDRESS_MAX = 512
/** A message, once begun, and the first one on a new connection must be whole by then: as long as any SIP client waits. */
export const INCOMPLETE_MS = 32_000
/** Added where it was us who connected: a request that brings no answer at all ends by its own timer, as 408 (RFC 3261 17.1). */
const ANSWER_GRACE_MS = 1000
/** Silent in both directions for longer than any transaction (300 s for an unanswered INVITE), and kept by nobody. */
const IDLE_MS = 600_000

interface FlowLimits {
  readonly flows: number
  readonly perAddress: number
}

/** One open stream. */
export interface Stream {
  readonly flow: Flow
  readonly parser: SipStream
  lastAt: Instant
  /** When the part of a message that waits for its rest began; undefined if none waits. */
  incompleteSince: Instant | undefined
  /** Somebody registered over it and counts on it until then. */
  keptUntil: Instant | undefined
  timer: Timer | undefined
}

export type CloseReason = 'idle' | 'incomplete' | 'displaced'

/** The streams that are open, by id and by where they lead, within bounds. Datagram flows are values and need no table. */
export class FlowTable {
  readonly #timers: Timers
  readonly #limits: FlowLimits
  readonly #close: (now: Now, stream: Stream, reason: CloseReason) => void
  readonly #streams = new Map<string, Stream>()
  readonly #byRemote = new Map<string, Stream>()
  readonly #perAddress = new Tally()
  /** Inbound streams that no message came over yet, oldest first: the first to go when the table is full. */
  readonly #silent = new Map<string, Stream>()

  /** `close` is asked to end a stream, and removes it. */
  constructor(
    timers: Timers,
    close: (now: Now, stream: Stream, reason: CloseReason) => void,
    limits: FlowLimits = { flows: FLOWS_MAX, perAddress: FLOWS_PER_ADDRESS_MAX },
  ) {
    this.#timers = timers
    this.#close = close
    this.#limits = limits
  }

  get size(): number {
    return this.#streams.size
  }

  get(id: string): Stream | undefined {
    return this.#streams.get(id)
  }

  /** `peerName`: whose certificate the peer has shown; one that connected to us has proved nothing. */
  leadingTo(transport: Transport, remote: Endpoint, peerName?: string): Stream | undefined {
    return this.#byRemote.get(remoteKey({ transport, remote, peerName }))
  }

  /** Undefined if the bounds refuse it. A full table gives up inbound streams that have said nothing. */
  add(now: Now, flow: Flow, isInbound: boolean): Stream | undefined {
    const source = sourceOf(flow.remote.address)
    if (this.#streams.has(flow.id) || this.#perAddress.of(source) >= this.#limits.perAddress) return undefined
    if (this.size >= this.#limits.flows && !this.#displace(now)) return undefined
    const stream: Stream = {
      flow,
      parser: new SipStream(),
      lastAt: now.at,
      incompleteSince: isInbound ? now.at : after(now, ANSWER_GRACE_MS),
      keptUntil: undefined,
      timer: undefined,
    }
    this.#streams.set(flow.id, stream)
    if (isInbound) this.#silent.set(flow.id, stream)
    this.#byRemote.set(remoteKey(flow), stream)
    this.#perAddress.add(source)
    this.#arm(stream)
    return stream
  }

  remove(id: string): Stream | undefined {
    const stream = this.#streams.get(id)
    if (!stream) return undefined
    const { flow } = stream
    this.#timers.cancel(stream.timer)
    this.#streams.delete(id)
    this.#silent.delete(id)
    const key = remoteKey(flow)
    if (this.#byRemote.get(key) === stream) this.#byRemote.delete(key)
    this.#perAddress.remove(sourceOf(flow.remote.address))
    return stream
  }

  /** Bytes came in: `isWhole` if they ended at least one message, `hasRest` if part of another is waiting. */
  heard(now: Now, stream: Stream, isWhole: boolean, hasRest: boolean): void {
    stream.lastAt = now.at
    if (isWhole) this.#silent.delete(stream.flow.id)
    if (!hasRest) {
      if (isWhole) stream.incompleteSince = undefined
    } else if (isWhole || stream.incompleteSince === undefined) stream.incompleteSince = now.at
    if (stream.timer && endOf(stream).at < stream.timer.at) this.#arm(stream)
  }

  describe(): { open: number; silent: number; addresses: number } {
    return { open: this.size, silent: this.#silent.size, addresses: this.#perAddress.size }
  }

  #displace(now: Now): boolean {
    const oldest = this.#silent.values().next().value
    if (oldest) this.#close(now, oldest, 'displaced')
    return this.size < this.#limits.flows
  }

  /** One timer a stream, set for the earliest end that could come; what happened meanwhile is looked at when it fires. */
  #arm(stream: Stream): void {
    this.#timers.cancel(stream.timer)
    stream.timer = this.#timers.set('flow', endOf(stream).at, now => this.#check(now, stream))
  }

  #check(now: Now, stream: Stream): void {
    const end = endOf(stream)
    if (end.at > now.at) this.#arm(stream)
    else this.#close(now, stream, end.reason)
  }
}

function endOf(stream: Stream): { at: Instant; reason: CloseReason } {
  const idleAt = Math.max(stream.lastAt + IDLE_MS, stream.keptUntil ?? 0) as Instant
  if (stream.incompleteSince === undefined) return { at: idleAt, reason: 'idle' }
  const incompleteAt = (stream.incompleteSince + INCOMPLETE_MS) as Instant
  return incompleteAt < idleAt ? { at: incompleteAt, reason: 'incomplete' } : { at: idleAt, reason: 'idle' }
}

/** Keeps a stream open for whoever is reached over it; never shortens. */
export function keepStream(now: Now, stream: Stream, forMs: number): void {
  stream.keptUntil = Math.max(stream.keptUntil ?? 0, after(now, forMs)) as Instant
}

const remoteKey = ({ transport, remote, peerName = '' }: Leading): string =>
  `${transport} ${remote.address} ${remote.port} ${peerName.toLowerCase()}`

interface Leading {
  readonly transport: Transport
  readonly remote: Endpoint
  readonly peerName?: string | undefined
}
