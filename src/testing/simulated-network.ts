import type { Endpoint, Flow, Transport } from '../base/flow.ts'
import { hostPort, udpFlow } from '../base/flow.ts'
import type { Instant, Now } from '../base/time.ts'
import { WRITE_QUEUE_BYTES_MAX } from '../host/stream.ts'
import { Agenda } from './agenda.ts'
import type { SeededEntropy } from './seeded-entropy.ts'
import { simulatedFingerprint } from './simulated-certificate.ts'
import type { SimulatedClock } from './simulated-clock.ts'

/** Whoever has addresses in the simulated network. */
export interface Station {
  readonly name: string
  flowOpened(now: Now, flow: Flow): void
  received(now: Now, flow: Flow, bytes: Buffer): void
  flowClosed(now: Now, flow: Flow, reason: string): void
  /** More of what it sent waits for the other side to read than should, or no longer. */
  flowFull?(now: Now, flow: Flow, isFull: boolean): void
}

export interface Faults {
  /** Of datagrams, 0 to 1. */
  readonly loss: number
  readonly duplication: number
  /** One way; datagrams overtake each other when the two differ, streams stay in order. */
  readonly latencyMinMs: number
  readonly latencyMaxMs: number
  /** Stream bytes arrive in pieces of at most this many; 0: as they were written. */
  readonly segmentMax: number
}

export const PERFECT: Faults = { loss: 0, duplication: 0, latencyMinMs: 1, latencyMaxMs: 1, segmentMax: 0 }
export const LOSSY: Faults = { loss: 0.2, duplication: 0.1, latencyMinMs: 1, latencyMaxMs: 80, segmentMax: 300 }

interface Listening {
  readonly station: Station
  readonly protocol: Flow['protocol']
}

interface End {
  readonly station: Station
  readonly flow: Flow
  /** Nothing sent this way arrives before what was sent before it. */
  arrivesAfter: Instant
  isHeld: boolean
  /** What came while the station does not read, in order. */
  readonly waiting: (() => void)[]
  waitingBytes: number
  /** Whoever sends to it was told that too much waits. */
  isFull: boolean
}

const newEnd = (station: Station, flow: Flow, arrivesAfter: Instant): End => ({
  station,
  flow,
  arrivesAfter,
  isHeld: false,
  waiting: [],
  waitingBytes: 0,
  isFull: false,
})

/** A window of the receiver, and as much in the sender's queue. */
const FULL_BYTES = 128 * 1024

/** On the way to one end: the receiver's window of 64 KiB, and what a host keeps for a peer that does not read. */
const HELD_BYTES_MAX = 64 * 1024 + WRITE_QUEUE_BYTES_MAX

interface Pipe {
  readonly protocol: Flow['protocol']
  /** Dialler first. */
  readonly ends: readonly [End, End]
  isOpen: boolean
}

/** Ends the connection at this byte, counted over all stream bytes of the protocol both ways from when it was set. */
interface Cut {
  readonly protocol: Flow['protocol']
  readonly atByte: number
}

/** Datagrams and streams between stations, with every delay, loss and split drawn from a seed. */
export class SimulatedNetwork {
  faults: Faults
  /** Bytes put on streams so far, by protocol. */
  readonly streamBytes = { sip: 0, msrp: 0 }
  /** Sees every datagram and stream write as it is sent, lost ones too. */
  onTransmit: ((from: Station, flow: Flow, bytes: Buffer) => void) | undefined
  readonly #clock: SimulatedClock
  readonly #entropy: SeededEntropy
  readonly #agenda = new Agenda()
  readonly #listening = new Map<string, Listening>()
  readonly #pipes = new Map<string, { pipe: Pipe; side: 0 | 1 }>()
  readonly #dark = new Set<string>()
  #cut: Cut | undefined
  #streams = 0

  constructor(clock: SimulatedClock, entropy: SeededEntropy, faults: Faults = PERFECT) {
    this.#clock = clock
    this.#entropy = entropy
    this.faults = faults
  }

  nextAt(): Instant | undefined {
    return this.#agenda.nextAt()
  }

  runFirst(): void {
    this.#agenda.runFirst()
  }

  /** One way's delay from now. */
  later(run: () => void): void {
    this.#agenda.add(this.#later(), run)
  }

  listen(station: Station, protocol: Flow['protocol'], transport: Transport, endpoint: Endpoint): void {
    this.#listening.set(placeOf(transport, endpoint), { station, protocol })
  }

  /** As a process that died: its sockets are gone, and its peers see their streams reset. */
  unplug(station: Station): void {
    for (const [key, listening] of this.#listening) if (listening.station === station) this.#listening.delete(key)
    for (const { pipe, side } of [...this.#pipes.values()]) {
      if (pipe.ends[side].station === station && pipe.isOpen) this.#reset(pipe, 'connection reset', side)
    }
  }

  /** Nothing reaches this address or leaves it; streams hang instead of being reset. */
  darken(address: string, isDark: boolean): void {
    if (isDark) this.#dark.add(address)
    else this.#dark.delete(address)
  }

  cutAt(protocol: Flow['protocol'], byteFromNow: number): void {
    this.#cut = { protocol, atByte: this.streamBytes[protocol] + byteFromNow }
  }

  get isCutPending(): boolean {
    return this.#cut !== undefined
  }

  connect(station: Station, flow: Flow): void {
    const target = this.#listening.get(placeOf(flow.transport, flow.remote))
    const at = this.#later()
    if (!target || this.#isDark(flow)) {
      const at = target ? ((this.#clock.at + 5000) as Instant) : this.#later()
      this.#agenda.add(at, () => station.flowClosed(this.#clock.now(), flow, target ? 'timed out' : 'refused'))
      return
    }
    const number = ++this.#streams
    const dialled = { address: flow.local.address, port: 40_000 + (number % 20_000) }
    const accepted: Flow = {
      id: `accepted/${number}`,
      protocol: target.protocol,
      transport: flow.transport,
      local: flow.remote,
      remote: dialled,
      ...shownBy(flow, dialled.address),
    }
    const pipe: Pipe = {
      protocol: target.protocol,
      ends: [newEnd(station, flow, at), newEnd(target.station, accepted, at)],
      isOpen: true,
    }
    this.#pipes.set(endOf(station, flow), { pipe, side: 0 })
    this.#pipes.set(endOf(target.station, accepted), { pipe, side: 1 })
    this.#agenda.add(at, () => {
      if (!pipe.isOpen) return
      target.station.flowOpened(this.#clock.now(), accepted)
      // Only with TLS is there something to say that the dialler does not know.
      const isSecure = flow.transport === 'tls'
      if (isSecure) station.flowOpened(this.#clock.now(), { ...flow, ...shownBy(flow, flow.remote.address) })
    })
  }

  transmit(station: Station, flow: Flow, bytes: Buffer): void {
    this.onTransmit?.(station, flow, bytes)
    if (flow.transport === 'udp') this.#datagram(flow, bytes)
    else this.#stream(station, flow, bytes)
  }

  /** What was written before still arrives, then the other side sees the end. */
  close(station: Station, flow: Flow): void {
    const found = this.#pipes.get(endOf(station, flow))
    if (!found?.pipe.isOpen) return
    this.#pipes.delete(endOf(station, flow))
    const other = found.pipe.ends[found.side === 0 ? 1 : 0]
    this.#arrives(found.pipe, other, 0, () => {
      if (found.pipe.isOpen) this.#reset(found.pipe, 'closed by peer', found.side)
    })
  }

  /** While held, what is sent to this station waits; past a TCP window and the sender's queue the connection breaks, as the host has it. */
  hold(station: Station, flow: Flow, isHeld: boolean): void {
    const found = this.#pipes.get(endOf(station, flow))
    if (!found) return
    const end = found.pipe.ends[found.side]
    end.isHeld = isHeld
    if (!isHeld) this.#agenda.add(this.#clock.at, () => this.#release(found.pipe, end))
  }

  #datagram(flow: Flow, bytes: Buffer): void {
    const { loss, duplication } = this.faults
    const copies = this.#entropy.chance(loss) ? 0 : this.#entropy.chance(duplication) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      this.#agenda.add(this.#later(), () => {
        if (this.#isDark(flow)) return
        const target = this.#listening.get(placeOf('udp', flow.remote))
        target?.station.received(this.#clock.now(), udpFlow(flow.remote, flow.local), Buffer.from(bytes))
      })
    }
  }

  #stream(station: Station, flow: Flow, bytes: Buffer): void {
    const found = this.#pipes.get(endOf(station, flow))
    if (!found?.pipe.isOpen) return
    const { pipe, side } = found
    const other = pipe.ends[side === 0 ? 1 : 0]
    const before = this.streamBytes[pipe.protocol]
    this.streamBytes[pipe.protocol] += bytes.length
    const cut = this.#cut?.protocol === pipe.protocol ? this.#cut.atByte - before : Number.POSITIVE_INFINITY
    const whole = cut <= bytes.length ? bytes.subarray(0, Math.max(0, cut)) : bytes
    // A WebSocket gives messages, whole or not at all.
    const isFramed = flow.transport.startsWith('ws')
    const pieces = isFramed ? (whole === bytes ? [Buffer.from(bytes)] : []) : this.#pieces(whole)
    for (const piece of pieces) {
      this.#arrives(pipe, other, piece.length, () => {
        const isHeard = pipe.isOpen && this.#pipes.has(endOf(other.station, other.flow)) && !this.#isDark(flow)
        if (isHeard) other.station.received(this.#clock.now(), other.flow, piece)
      })
    }
    if (other.isHeld && other.waitingBytes > HELD_BYTES_MAX) this.#reset(pipe, 'write queue full')
    this.#tellFull(pipe, other)
    if (whole === bytes && cut > bytes.length) return
    this.#cut = undefined
    this.#agenda.add(this.#arrival(other), () => {
      if (pipe.isOpen) this.#reset(pipe, 'connection reset')
    })
  }

  #arrives(pipe: Pipe, end: End, bytes: number, hear: () => void): void {
    end.waitingBytes += bytes
    const heard = (): void => {
      end.waitingBytes -= bytes
      this.#tellFull(pipe, end)
      hear()
    }
    this.#agenda.add(this.#arrival(end), () => {
      if (end.isHeld || end.waiting.length > 0) end.waiting.push(heard)
      else heard()
    })
  }

  /** One read after the other: what is heard may make the station stop reading again. */
  #release(pipe: Pipe, end: End): void {
    if (!end.isHeld) end.waiting.shift()?.()
    if (!end.isHeld && end.waiting.length > 0) this.#agenda.add(this.#clock.at, () => this.#release(pipe, end))
  }

  #tellFull(pipe: Pipe, end: End): void {
    const isFull = end.waitingBytes > FULL_BYTES
    if (!pipe.isOpen || isFull === end.isFull) return
    end.isFull = isFull
    const sender = pipe.ends[pipe.ends[0] === end ? 1 : 0]
    this.#agenda.add(this.#clock.at, () => sender.station.flowFull?.(this.#clock.now(), sender.flow, isFull))
  }

  #pieces(bytes: Buffer): Buffer[] {
    const { segmentMax } = this.faults
    const pieces: Buffer[] = []
    for (let from = 0; from < bytes.length; ) {
      const size = segmentMax === 0 ? bytes.length : 1 + this.#entropy.below(segmentMax)
      pieces.push(Buffer.from(bytes.subarray(from, from + size)))
      from += size
    }
    return pieces
  }

  /** `except`: this side is gone or asked for it, and is not told. */
  #reset(pipe: Pipe, reason: string, except?: 0 | 1): void {
    pipe.isOpen = false
    for (const side of [0, 1] as const) {
      const end = pipe.ends[side]
      const wasKnown = this.#pipes.delete(endOf(end.station, end.flow))
      if (side === except || !wasKnown) continue
      this.#agenda.add(this.#clock.at, () => end.station.flowClosed(this.#clock.now(), end.flow, reason))
    }
  }

  #later(): Instant {
    const { latencyMinMs, latencyMaxMs } = this.faults
    return (this.#clock.at + latencyMinMs + this.#entropy.below(latencyMaxMs - latencyMinMs + 1)) as Instant
  }

  #arrival(end: End): Instant {
    end.arrivesAfter = Math.max(end.arrivesAfter, this.#later()) as Instant
    return end.arrivesAfter
  }

  #isDark(flow: Flow): boolean {
    return this.#dark.size > 0 && (this.#dark.has(flow.local.address) || this.#dark.has(flow.remote.address))
  }
}

/** Everybody has a certificate and shows it. */
const shownBy = ({ transport }: Flow, address: string): Pick<Flow, 'peerFingerprints'> =>
  transport === 'tls' ? { peerFingerprints: [simulatedFingerprint(address)] } : {}

const placeOf = (transport: Transport, endpoint: Endpoint): string => `${transport} ${hostPort(endpoint)}`

const endOf = (station: Station, flow: Flow): string => `${station.name} ${flow.id}`
