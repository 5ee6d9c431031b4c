import { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import type { MsrpMessage } from './assembly.ts'
import { MsrpEndpoint } from './endpoint.ts'
import type { MsrpLimits } from './limits.ts'
import type { Outcome } from './message.ts'
import type { MsrpReport, MsrpSession, MsrpSessionOptions } from './session.ts'

/** Replays from its seed. */
export const seeded = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const entropy: Entropy = { bytes: count => Uint8Array.from({ length: count }, () => next() & 255) }
  return { entropy, below: (bound: number) => next() % bound }
}

export const bytesOf = (text: string): Buffer => Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'latin1')

/** One endpoint at 192.0.2.`host`:2855, what it put out, and a clock that its tests turn. */
export class Side {
  readonly endpoint: MsrpEndpoint
  readonly timers = new Timers()
  readonly counters = new Counters()
  readonly sent: { flow: Flow; bytes: Buffer }[] = []
  readonly connected: Flow[] = []
  readonly closed: Flow[] = []
  readonly held: [string, boolean][] = []
  now: Now = { at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }

  constructor(host = 1, limits: Partial<MsrpLimits> = {}, entropy = seeded(host).entropy) {
    const address = `192.0.2.${host}`
    this.endpoint = new MsrpEndpoint({
      hostname: address,
      listeners: [{ transport: 'tcp', endpoint: { address, port: 2855 } }],
      timers: this.timers,
      counters: this.counters,
      log: silentLog,
      entropy,
      limits,
      outputs: {
        transmit: (flow, bytes) => this.sent.push({ flow, bytes }),
        connect: flow => this.connected.push(flow),
        close: flow => this.closed.push(flow),
        hold: (flow, isHeld) => this.held.push([flow.id, isHeld]),
      },
    })
  }

  /** Turns the clock on and fires what is due on the way. */
  advance(ms: number): void {
    const end = this.now.at + ms
    for (let due = this.timers.next(); due !== undefined && due <= end; due = this.timers.next()) this.#fireAt(due)
    this.#fireAt(end as Instant)
  }

  /** Timers that run, but for the one that looks after silent peers as long as a session is bound. */
  get pending(): number {
    return this.timers.size - (this.timers.describe()['msrp silence'] ?? 0)
  }

  /** A peer connects. */
  accept(id = 'peer', address = '198.51.100.7', more: Partial<Flow> = {}): Flow {
    const remote = { address, port: 40000 }
    const local = { address: '192.0.2.1', port: 2855 }
    const flow: Flow = { id, protocol: 'msrp', transport: 'tcp', local, remote, ...more }
    this.endpoint.flowOpened(this.now, flow)
    return flow
  }

  say(flow: Flow, text: string | Buffer): void {
    this.endpoint.received(this.now, flow, typeof text === 'string' ? bytesOf(text) : text)
  }

  /** Everything transmitted since asked last. */
  heard(): string {
    return Buffer.concat(this.sent.splice(0).map(({ bytes }) => bytes)).toString('latin1')
  }

  #fireAt(at: Instant): void {
    this.now = { ...this.now, at }
    this.timers.fire(this.now)
  }
}

/** What a session told its owner. */
export class Owner {
  ready = 0
  readonly closed: string[] = []
  readonly messages: MsrpMessage[] = []
  readonly reports: MsrpReport[] = []
  readonly outcomes = new Map<string, Outcome>()
  readonly session: MsrpSession
  readonly #side: Side
  status = 200

  constructor(side: Side, options: MsrpSessionOptions = {}) {
    this.#side = side
    this.session = side.endpoint.open(
      {
        onReady: () => void this.ready++,
        onClosed: (_now, reason) => void this.closed.push(reason),
        onReport: (_now, report) => void this.reports.push(report),
        onMessage: (_now, message) => {
          // What the endpoint hands on may be part of a read.
          this.messages.push({ ...message, body: Buffer.from(message.body) })
          return this.status
        },
      },
      options,
    )
  }

  send(
    messageId: string,
    body: string | Buffer,
    options: { successReport?: boolean; failureReport?: 'no' } = {},
  ): void {
    const content = { messageId, contentType: 'text/plain', body: [Buffer.from(body)], ...options }
    this.session.send(this.#side.now, content, (_now, outcome) => {
      if (this.outcomes.has(messageId)) throw new Error(`${messageId} ended twice`)
      this.outcomes.set(messageId, outcome)
    })
  }
}

/** Two endpoints and the streams between them: nothing is lost unless cut; bytes arrive in pieces as `pieces` says. */
export class Pair {
  readonly a: Side
  readonly b: Side
  readonly #pieces: (length: number) => number
  /** Octets carried so far. */
  carried = 0
  /** Octets that still get through; then every connection breaks. */
  #octetsLeft: number

  constructor(limits: Partial<MsrpLimits> = {}, pieces: (length: number) => number = n => n, octets = Infinity) {
    this.a = new Side(1, limits)
    this.b = new Side(2, limits)
    this.#pieces = pieces
    this.#octetsLeft = octets
  }

  /** Until both are silent. */
  settle(): void {
    for (;;) {
      if (this.#deliver(this.a, this.b) + this.#deliver(this.b, this.a) === 0) return
    }
  }

  #deliver(from: Side, to: Side): number {
    const outputs = from.connected.length + from.sent.length + from.closed.length
    for (const flow of from.connected.splice(0)) to.endpoint.flowOpened(to.now, farEnd(flow))
    for (const { flow, bytes } of from.sent.splice(0)) this.#carry(from, to, flow, bytes)
    for (const flow of from.closed.splice(0)) to.endpoint.flowClosed(to.now, farEnd(flow), 'closed by the peer')
    return outputs
  }

  #carry(from: Side, to: Side, flow: Flow, bytes: Buffer): void {
    const arriving = bytes.subarray(0, Math.min(bytes.length, this.#octetsLeft))
    this.#octetsLeft -= bytes.length
    this.carried += bytes.length
    for (let at = 0; at < arriving.length; ) {
      const count = Math.max(1, this.#pieces(arriving.length - at))
      to.endpoint.received(to.now, farEnd(flow), Buffer.from(arriving.subarray(at, at + count)))
      at += count
    }
    if (this.#octetsLeft >= 0) return
    from.endpoint.flowClosed(from.now, flow, 'cut')
    to.endpoint.flowClosed(to.now, farEnd(flow), 'cut')
  }
}

const farEnd = (flow: Flow): Flow => ({
  ...flow,
  id: flow.id.startsWith('far/') ? flow.id.slice(4) : `far/${flow.id}`,
  local: flow.remote,
  remote: flow.local,
})

/** Both started and bound: `active` connected to `passive`. */
export const joined = (pair: Pair, options: { a?: MsrpSessionOptions; b?: MsrpSessionOptions } = {}) => {
  const active = new Owner(pair.a, options.a)
  const passive = new Owner(pair.b, options.b)
  passive.session.start(pair.b.now, { remotePath: [active.session.localPath], role: 'passive' })
  active.session.start(pair.a.now, { remotePath: [passive.session.localPath], role: 'active' })
  return { active, passive }
}

/** Peer's answers to every request in `text`, in order. */
export const answersTo = (text: string, status = 200, comment = ''): string =>
  [...text.matchAll(/^MSRP (\S+) (?:SEND|AUTH)\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\n/gm)]
    .map(
      ([, id, to, from]) =>
        `MSRP ${id} ${status}${comment && ` ${comment}`}\nTo-Path: ${from}\nFrom-Path: ${to}\n-------${id}$\n`,
    )
    .join('')

/** Value of a header, of each frame that has it. */
export const headersIn = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(`^${name}: (.*)\\r$`, 'gm'))].map(match => match[1]!)
