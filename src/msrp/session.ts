import { token } from '../base/entropy.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import { type ChunkReceiver, MemoryAssembly, type MsrpMessage } from './assembly.ts'
import { type BindingTerms, bindingDefect } from './binding.ts'
import type { Connection, Transaction } from './connection.ts'
import type { ByteRange, MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
import type { Outcome, OutgoingOptions } from './message.ts'
import { Outbox } from './outbox.ts'
import { Refusals } from './refusals.ts'
import { sendBinding } from './send.ts'
import { isNumericHost, type MsrpUri, parseMsrpUri } from './uri.ts'
import type { WholeSend } from './whole-send.ts'

export interface MsrpReport {
  readonly messageId: string
  readonly status: number
  readonly comment: string
  readonly byteRange: ByteRange | undefined
}

export interface MsrpSessionEvents {
  /** Connected and bound: messages go out from now on. */
  onReady(now: Now): void
  /** Over for any cause but our own `close`; may come while `start` runs. Unfinished messages were told before. */
  onClosed(now: Now, reason: string): void
  /** A whole message; the status to answer. Absent: 415. */
  onMessage?(now: Now, message: MsrpMessage): number
  onReport?(now: Now, report: MsrpReport): void
}

export interface MsrpSessionOptions {
  /** False when the session was offered `a=sendonly`: a SEND with a body gets 403. */
  readonly receives?: boolean
  /**
   * Octets of one chunk, 1 to 65536; above 2048 its range end is `*` and it is cut short when others wait. Absent: 2048,
   * and 65536 of streamed bodies.
   */
  readonly chunkBytes?: number
  /** Takes the chunks instead of assembling messages in memory for `onMessage`. */
  readonly receiver?: ChunkReceiver
  readonly transport?: 'tcp' | 'tls'
  /** The peer's a=fingerprint values: a TLS connection that shows none of these certificates is not bound (403). */
  readonly fingerprints?: readonly string[]
  /** Host of the local path; numeric IPv6 without brackets. */
  readonly host?: string
}

export interface MsrpStart {
  /** RFC 4976: the peer's whole path, nearest hop first. */
  readonly remotePath: readonly string[]
  /** RFC 6135: whether we open the connection or wait for the peer's. */
  readonly role: 'active' | 'passive'
  /** Numeric address of the nearest hop, if its URI names a host that had to be looked up. */
  readonly address?: string
  /** The peer's a=fingerprint values where they came with its answer; in place of those given at `open`. */
  readonly fingerprints?: readonly string[]
}

export interface MsrpSession {
  /** Unguessable: who knows it may bind to the session. */
  readonly localPath: string
  /** Messages given to `send` whose `done` was not called yet. */
  readonly outstanding: number
  readonly state: 'new' | 'waiting' | 'binding' | 'ready' | 'closed'
  start(now: Now, options: MsrpStart): void
  /** May come before the session is ready. `done` is called exactly once; while `send` runs, if it cannot be tried. */
  send(now: Now, options: OutgoingOptions, done: (now: Now, outcome: Outcome) => void): void
  /** The same for one SEND as it is given, after what was given before. A REPORT about it is not waited for. */
  sendWhole(now: Now, send: WholeSend, done: (now: Now, outcome: Outcome) => void): void
  /**
   * The receiver cannot take more for now: nothing is read from the connection while any of its sessions says so. What
   * was read before still comes, 64 KiB at most.
   */
  hold(now: Now, isHeld: boolean): void
  /** Unfinished messages are told `closed`; `onClosed` is not called. */
  close(now: Now): void
}

/** What a session that is one side of a relay leaves to it. */
export interface SessionLeg {
  /** Other than 200: why the request, which came over our connection, is not for the other side. */
  statusOf(head: MsrpHead): number
  /** Whether the response belongs to something that was passed on. */
  answered(now: Now, head: MsrpHead): boolean
  /** The connection is fuller, or less full, than it should be. */
  fullnessChanged(now: Now): void
}

export class Session implements MsrpSession {
  readonly localPath: string
  readonly receives: boolean
  readonly receiver: ChunkReceiver
  readonly events: MsrpSessionEvents
  readonly leg: SessionLeg | undefined
  terms: BindingTerms
  readonly refusals = new Refusals()
  connection: Connection | undefined
  /** What goes into To-Path. Unknown until start. */
  remotePath = ''
  readonly #host: MsrpHost
  readonly #outbox: Outbox
  #state: MsrpSession['state'] = 'new'
  /** A request of the peer came over the connection. */
  #isHeard = false
  #bindTimer: Timer | undefined
  #refusal: string | undefined

  constructor(
    host: MsrpHost,
    localPath: string,
    events: MsrpSessionEvents,
    options: MsrpSessionOptions & { readonly leg?: SessionLeg },
  ) {
    this.#host = host
    this.leg = options.leg
    this.localPath = localPath
    this.events = events
    this.receives = options.receives ?? true
    this.terms = { transport: options.transport ?? 'tcp', fingerprints: options.fingerprints }
    this.#outbox = new Outbox(host, this, options.chunkBytes)
    const onMessage = (now: Now, message: MsrpMessage) => events.onMessage?.(now, message) ?? 415
    this.receiver = options.receiver ?? new MemoryAssembly(host.limits, host.budget, onMessage)
  }

  get state(): MsrpSession['state'] {
    return this.#state
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  get outstanding(): number {
    return this.#outbox.outstanding
  }

  start(now: Now, options: MsrpStart): void {
    if (this.#state !== 'new') return
    this.#host.run(now, () => this.#start(now, options))
  }

  send(now: Now, options: OutgoingOptions, done: (now: Now, outcome: Outcome) => void): void {
    this.#outbox.send(now, options, done)
  }

  sendWhole(now: Now, send: WholeSend, done: (now: Now, outcome: Outcome) => void): void {
    this.#outbox.sendWhole(now, send, done)
  }

  hold(now: Now, isHeld: boolean): void {
    if (!this.isClosed) this.connection?.hold(now, this, isHeld)
  }

  close(now: Now): void {
    this.#host.run(now, () => this.#end(now, 'closed'))
  }

  /** There was no room for it: it ends when it is started. */
  refuse(reason: string): void {
    this.#refusal = reason
  }

  /** The session ends for a cause of its connection or peer. */
  fail(now: Now, reason: string): void {
    if (this.isClosed) return
    this.#end(now, reason)
    this.events.onClosed(now, reason)
  }

  /** RFC 4975 5.4: the first request with our path binds the connection that it came over. */
  bindTo(now: Now, connection: Connection): void {
    if (this.connection) return
    this.connection = connection
    connection.bind(now, this)
  }

  /** The connection stands now: whether it is the one that was agreed on. */
  verify(now: Now): void {
    const defect = this.connection && bindingDefect(this.terms, this.connection.flow)
    if (defect === undefined) return
    this.#host.counters.count('msrp_binding_refused', defect)
    this.fail(now, defect)
  }

  /** A request of the peer has been answered. */
  heard(now: Now): void {
    this.#isHeard = true
    if (this.#state === 'waiting') this.#ready(now)
  }

  answered(now: Now, transaction: Transaction, status: number, comment: string): void {
    if (this.isClosed) return
    this.#outbox.answered(now, transaction, status, comment)
    const isLost = GONE.has(status) || (transaction.isBinding && isRefused(status))
    if (isLost) this.fail(now, `refused by the peer: ${status} ${comment}`.trim())
    else if (transaction.isBinding && this.#state === 'binding') this.#ready(now)
  }

  reported(now: Now, head: MsrpHead): void {
    const report = head.reportStatus
    if (!report || head.messageId === undefined) return
    this.#outbox.reported(now, head)
    this.events.onReport?.(now, { ...report, messageId: head.messageId, byteRange: head.byteRange })
  }

  /** One chunk, if there is one; true when another may follow at once. */
  sendChunk(now: Now, connection: Connection, isAlone: boolean): boolean {
    return this.#state === 'ready' && this.#outbox.sendChunk(now, connection, isAlone)
  }

  #start(now: Now, options: MsrpStart): void {
    const uris = options.remotePath.map(parseMsrpUri)
    const [next] = uris
    this.remotePath = options.remotePath.join(' ')
    if (options.fingerprints) this.terms = { ...this.terms, fingerprints: options.fingerprints }
    if (this.#refusal !== undefined) this.fail(now, this.#refusal)
    else if (!next || uris.includes(undefined)) this.fail(now, 'malformed path of the peer')
    else if (this.#isHeard) this.#ready(now)
    else if (options.role === 'passive') this.#wait(now)
    else this.#connect(now, next, options.address ?? next.host)
  }

  #wait(now: Now): void {
    this.#state = 'waiting'
    const due = after(now, this.#host.limits.bindMs)
    this.#bindTimer = this.#host.timers.set('msrp bind', due, later =>
      this.#host.run(later, () => this.fail(later, 'the peer did not connect')),
    )
  }

  #connect(now: Now, next: MsrpUri, address: string): void {
    const obstacle = obstacleTo(next, address)
    const connection = obstacle ? undefined : (this.connection ?? this.#host.connectionTo(next, address))
    if (!connection) {
      this.fail(now, obstacle ?? 'too many connections')
      return
    }
    this.bindTo(now, connection)
    if (connection.isOpen) this.verify(now)
    if (this.isClosed) return
    this.#state = 'binding'
    sendBinding(now, this.#host, connection, this, token(this.#host.entropy, 60))
  }

  #ready(now: Now): void {
    this.#host.timers.cancel(this.#bindTimer)
    // Fails closed: a host that did not tell of the handshake shows no certificate.
    this.verify(now)
    if (this.isClosed) return
    this.#state = 'ready'
    this.events.onReady(now)
    this.#outbox.takesTurns()
  }

  #end(now: Now, reason: string): void {
    if (this.isClosed) return
    this.#state = 'closed'
    this.#host.timers.cancel(this.#bindTimer)
    this.receiver.abandon()
    this.connection?.hold(now, this, false)
    this.#host.forget(now, this, this.connection)
    this.#outbox.end(now, reason)
  }
}

/** RFC 4975 10.8, 10.10: no such session, or that of another connection. */
const GONE = new Set([481, 506])

/**
 * Of the SEND that binds. Not what only refuses an empty message (400, 413, 415, 423): its peer has found the session, and some clients
 * take nothing without a content.
 */
const isRefused = (status: number): boolean => status === 403 || status === 408 || status >= 500

const obstacleTo = (next: MsrpUri, address: string): string | undefined => {
  if (!isNumericHost(address)) return 'the host of the path is not looked up'
  return next.transport === 'tcp' ? undefined : 'transport of the path not supported'
}
