import { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import type { Instant } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { SimulatedClock } from '../testing/simulated-clock.ts'
import { type Faults, PERFECT, SimulatedNetwork, type Station } from '../testing/simulated-network.ts'
import { MsrpEndpoint } from './endpoint.ts'
import type { MsrpHead } from './frame.ts'
import { MsrpParser } from './parse.ts'
import type { CapturedPiece, MsrpRelay, RelaySide } from './relay-types.ts'

const BOX = { address: '192.0.2.1', port: 2855 }
const ADDRESSES: Readonly<Record<RelaySide, string>> = { caller: '198.51.100.7', callee: '198.51.100.9' }

/** Of one write: as a TCP segment or some. */
const WRITE_BYTES = 16 * 1024

/** A peer that writes as fast as its connection takes it, and reads as far as it is let. */
class Chatter {
  readonly side: RelaySide
  readonly station: Station
  readonly path: string
  /** Bodies of whole messages by Message-ID. */
  readonly messages = new Map<string, Buffer>()
  readonly reports: MsrpHead[] = []
  readonly statuses: number[] = []
  readonly sent: Buffer[] = []
  readBytes = 0
  isClosed = false
  /** Reads so many octets at a time, then not until it is let. */
  sipBytes = Number.POSITIVE_INFINITY
  isHeld = false
  readonly #net: RelayNetwork
  readonly #flow: Flow
  readonly #parser = new MsrpParser()
  readonly #bodies = new Map<string, Buffer[]>()
  readonly #toSend: Buffer[] = []
  readonly #answers: Buffer[] = []
  /** What is left of a request that is being written. */
  #inPart: Buffer = Buffer.alloc(0)
  #isAwake = false
  #head: MsrpHead | undefined
  #sinceHeld = 0
  #requests = 1000
  #isFull = false

  constructor(net: RelayNetwork, side: RelaySide) {
    this.#net = net
    this.side = side
    this.path = `msrp://${ADDRESSES[side]}:7000/${side}1234;tcp`
    const local = { address: ADDRESSES[side], port: 0 }
    this.#flow = { id: side, protocol: 'msrp', transport: 'tcp', local, remote: BOX }
    this.station = {
      name: side,
      flowOpened() {},
      received: (_now, _flow, bytes) => this.#received(bytes),
      flowClosed: () => {
        this.isClosed = true
      },
      flowFull: (_now, _flow, isFull) => {
        this.#isFull = isFull
        this.#write()
      },
    }
  }

  connect(): void {
    this.#net.network.connect(this.station, this.#flow)
    this.#queue('bind', '', undefined, '$', 'Byte-Range: 1-0/0\r\nFailure-Report: no\r\n')
  }

  say(messageId: string, body: Buffer, chunkBytes: number, lines = ''): void {
    for (let at = 0; at < body.length; at += chunkBytes) {
      const chunk = body.subarray(at, at + chunkBytes)
      const flag = at + chunk.length === body.length ? '$' : '+'
      this.#queue(
        messageId,
        'Content-Type: text/plain\r\n\r\n',
        chunk,
        flag,
        `${lines}Byte-Range: ${at + 1}-*/${body.length}\r\n`,
      )
    }
  }

  read(): void {
    this.#sinceHeld = 0
    this.isHeld = false
    this.#net.network.hold(this.station, this.#flow, false)
  }

  #queue(messageId: string, type: string, body: Buffer | undefined, flag: string, lines: string): void {
    const id = `t${this.#requests++}x${this.side}`
    const { relay } = this.#net
    const to = `${relay.pathFor(this.side)} ${this.#net.peerOf(this.side).path}`
    const head = `MSRP ${id} SEND\r\nTo-Path: ${to}\r\nFrom-Path: ${this.path}\r\nMessage-ID: ${messageId}\r\n${lines}${type}`
    const end = `${body ? '\r\n' : ''}-------${id}${flag}\r\n`
    this.#toSend.push(Buffer.concat([Buffer.from(head), body ?? Buffer.alloc(0), Buffer.from(end)]))
    this.#wake()
  }

  #wake(): void {
    if (this.#isAwake) return
    this.#isAwake = true
    this.#net.network.later(() => {
      this.#isAwake = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#isFull || this.isClosed) return
    // Nothing comes between the parts of a request.
    if (this.#inPart.length === 0) this.#transmit(Buffer.concat(this.#answers.splice(0)))
    if (this.#inPart.length === 0) this.#inPart = this.#toSend.shift() ?? this.#inPart
    const now = this.#inPart.subarray(0, WRITE_BYTES)
    this.#inPart = this.#inPart.subarray(WRITE_BYTES)
    if (now.length > 0) this.sent.push(now)
    this.#transmit(now)
    if (this.#inPart.length > 0 || this.#toSend.length > 0) this.#wake()
  }

  #transmit(bytes: Buffer): void {
    if (bytes.length > 0) this.#net.network.transmit(this.station, this.#flow, bytes)
  }

  #received(bytes: Buffer): void {
    this.readBytes += bytes.length
    this.#sinceHeld += bytes.length
    if (this.#sinceHeld >= this.sipBytes && !this.isHeld) {
      this.isHeld = true
      this.#net.network.hold(this.station, this.#flow, true)
    }
    this.#parser.push(bytes)
    for (let event = this.#parser.next(); event; event = this.#parser.next()) {
      if (event.kind === 'head') this.#head = event.head
      else if (event.kind === 'body') this.#bodyOf(this.#head!.messageId!).push(Buffer.from(event.bytes))
      else this.#ended(this.#head!, event.flag)
    }
  }

  #bodyOf(messageId: string): Buffer[] {
    const known = this.#bodies.get(messageId)
    if (known) return known
    const body: Buffer[] = []
    this.#bodies.set(messageId, body)
    return body
  }

  #ended(head: MsrpHead, flag: string): void {
    if (head.method === undefined) this.statuses.push(head.status)
    else if (head.method === 'REPORT') this.reports.push(head)
    else {
      if (flag === '$') this.messages.set(head.messageId!, Buffer.concat(this.#bodyOf(head.messageId!)))
      if (head.failureReport !== 'yes') return
      const [ours] = head.fromPath.split(' ')
      const answer = `MSRP ${head.transactionId} 200 OK\r\nTo-Path: ${ours}\r\nFrom-Path: ${this.path}\r\n-------${head.transactionId}$\r\n`
      this.#answers.push(Buffer.from(answer))
      this.#wake()
    }
  }
}

/** A box between two such peers, over a network drawn from a seed. */
export class RelayNetwork {
  readonly clock = new SimulatedClock()
  readonly network: SimulatedNetwork
  readonly endpoint: MsrpEndpoint
  readonly relay: MsrpRelay
  readonly pieces: CapturedPiece[] = []
  readonly closed: string[] = []
  readonly caller: Chatter
  readonly callee: Chatter
  /** Octets that the box has written to each peer and it has not read. */
  readonly #written: Record<RelaySide, number> = { caller: 0, callee: 0 }
  readonly most: Record<RelaySide, number> = { caller: 0, callee: 0 }
  readonly #timers = new Timers()

  constructor(seed: number, faults: Partial<Faults> = {}) {
    const entropy = new SeededEntropy(seed)
    this.network = new SimulatedNetwork(this.clock, entropy, { ...PERFECT, ...faults })
    const box: Station = {
      name: 'box',
      flowOpened: (now, flow) => this.endpoint.flowOpened(now, flow),
      received: (now, flow, bytes) => this.endpoint.received(now, flow, bytes),
      flowClosed: (now, flow, reason) => this.endpoint.flowClosed(now, flow, reason),
      flowFull: (now, flow, isFull) => this.endpoint.flowFull(now, flow, isFull),
    }
    this.endpoint = new MsrpEndpoint({
      hostname: BOX.address,
      listeners: [{ transport: 'tcp', endpoint: BOX }],
      timers: this.#timers,
      entropy,
      counters: new Counters(),
      log: silentLog,
      outputs: {
        transmit: (flow, bytes) => {
          this.#count(flow, bytes.length)
          this.network.transmit(box, flow, bytes)
        },
        connect: flow => this.network.connect(box, flow),
        close: flow => this.network.close(box, flow),
        hold: (flow, isHeld) => this.network.hold(box, flow, isHeld),
      },
    })
    this.network.listen(box, 'msrp', 'tcp', BOX)
    this.relay = this.endpoint.relay(
      { caller: {}, callee: {} },
      {
        onPiece: (_now, piece) => void this.pieces.push(piece),
        onClosed: (_now, reason) => void this.closed.push(reason),
      },
    )
    this.caller = new Chatter(this, 'caller')
    this.callee = new Chatter(this, 'callee')
    for (const { side, path } of [this.caller, this.callee])
      this.relay.startLeg(this.clock.now(), side, { remotePath: [path], role: 'passive' })
  }

  peerOf(side: RelaySide): Chatter {
    return side === 'caller' ? this.callee : this.caller
  }

  /** Until nothing moves any more; who has read its fill reads on when nothing else can happen. */
  settle(): void {
    for (;;) {
      const next = this.network.nextAt()
      if (next !== undefined) {
        this.clock.advanceTo(next)
        this.network.runFirst()
        continue
      }
      const held = [this.caller, this.callee].filter(({ isHeld }) => isHeld)
      if (held.length === 0) return
      for (const each of held) each.read()
    }
  }

  advance(ms: number): void {
    const end = this.clock.at + ms
    for (let due = this.#timers.next(); due !== undefined && due <= end; due = this.#timers.next()) {
      this.clock.advanceTo(due)
      this.#timers.fire(this.clock.now())
      this.settle()
    }
    this.clock.advanceTo(end as Instant)
  }

  captured(side: RelaySide): Buffer {
    return Buffer.concat(this.pieces.filter(({ from }) => from === side).map(({ bytes }) => bytes))
  }

  #count({ remote }: Flow, bytes: number): void {
    for (const side of ['caller', 'callee'] as const) {
      // Dialled from a port of its own: the network says who it is by the address.
      if (remote.address !== ADDRESSES[side]) continue
      this.#written[side] += bytes
      const { readBytes } = side === 'caller' ? this.caller : this.callee
      this.most[side] = Math.max(this.most[side], this.#written[side] - readBytes)
    }
  }
}

export const nothingLeft = (endpoint: MsrpEndpoint): boolean => {
  const { relays, sessions } = endpoint.describe() as {
    relays: { open: number; unanswered: number; waitingBytesLeft: number }
    sessions: number
  }
  return relays.open === 0 && relays.unanswered === 0 && relays.waitingBytesLeft === 32 * 1024 * 1024 && sessions === 0
}
