import { token } from '../base/entropy.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import { type ChunkReceiver, MemoryAssembly, type MsrpMessage } from './assembly.ts'
import type { Connection, Transaction } from './connection.ts'
import type { ByteRange, MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
import { FIXED_CHUNK_BYTES_MAX } from './limits.ts'
import { type Outcome, OutgoingMessage, type OutgoingOptions, optionsDefect } from './message.ts'
import { sendAbort, sendBinding, sendChunk } from './send.ts'
import { isNumericHost, type MsrpUri, parseMsrpUri } from './uri.ts'

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
  /** Octets of one chunk, 1 to 65536; above 2048 its range end is `*` and it is cut short when others wait. */
  readonly chunkBytes?: number
  /** Takes the chunks instead of assembling messages in memory for `onMessage`. */
  readonly receiver?: ChunkReceiver
  readonly transport?: 'tcp' | 'tls'
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
  /** Unfinished messages are told `closed`; `onClosed` is not called. */
  close(now: Now): void
}

export class Session implements MsrpSession {
  readonly localPath: string
  readonly receives: boolean
  readonly receiver: ChunkReceiver
  readonly events: MsrpSessionEvents
  connection: Connection | undefined
  /** What goes into To-Path. Unknown until start. */
  remotePath = ''
  readonly #host: MsrpHost
  readonly #chunkBytes: number
  #state: MsrpSession['state'] = 'new'
  /** A request of the peer came over the connection. */
  #isHeard = false
  #bindTimer: Timer | undefined
  #refusal: string | undefined
  /** Not all taken, in order. */
  readonly #queue: OutgoingMessage[] = []
  readonly #unfinished = new Map<string, OutgoingMessage>()

  constructor(host: MsrpHost, localPath: string, events: MsrpSessionEvents, options: MsrpSessionOptions) {
    this.#host = host
    this.localPath = localPath
    this.events = events
    this.receives = options.receives ?? true
    this.#chunkBytes = options.chunkBytes ?? FIXED_CHUNK_BYTES_MAX
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
    return this.#unfinished.size
  }

  start(now: Now, options: MsrpStart): void {
    if (this.#state !== 'new') return
    this.#host.run(now, () => this.#start(now, options))
  }

  send(now: Now, options: OutgoingOptions, done: (now: Now, outcome: Outcome) => void): void {
    const message = new OutgoingMessage(options, this.#host.limits.pieces, done)
    const refusal = this.#refusalOf(message)
    if (refusal) {
      message.finish(now, refusal)
      return
    }
    this.#unfinished.set(options.messageId, message)
    this.#queue.push(message)
    this.#host.run(now, () => this.#takesTurns())
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
  bindTo(connection: Connection): void {
    if (this.connection) return
    this.connection = connection
    connection.bind(this)
  }

  /** A request of the peer has been answered. */
  heard(now: Now): void {
    this.#isHeard = true
    if (this.#state === 'waiting') this.#ready(now)
  }

  answered(now: Now, transaction: Transaction, status: number, comment: string): void {
    if (this.isClosed) return
    const { message } = transaction
    const isGood = status >= 200 && status < 300
    if (message) {
      message.unanswered--
      if (isGood) this.#advance(now, message)
      else this.#finish(now, message, { status, reason: comment })
    } else if (isGood && transaction.isBinding && this.#state === 'binding') this.#ready(now)
    const isLost = status === 481 || status === 506 || (transaction.isBinding && !isGood)
    if (isLost) this.fail(now, `refused by the peer: ${status} ${comment}`.trim())
  }

  reported(now: Now, head: MsrpHead): void {
    const report = head.reportStatus
    if (!report || head.messageId === undefined) return
    const message = this.#unfinished.get(head.messageId)
    if (message && report.status === 200) {
      message.report(head.byteRange)
      this.#advance(now, message)
    } else if (message) this.#finish(now, message, { status: report.status, reason: report.comment })
    this.events.onReport?.(now, { ...report, messageId: head.messageId, byteRange: head.byteRange })
  }

  /** One chunk, if there is one; true when another may follow. */
  sendChunk(now: Now, connection: Connection, isAlone: boolean): boolean {
    if (this.#state !== 'ready') return false
    for (let message = this.#queue[0]; message; message = this.#queue[0]) {
      if (message.isFinished) {
        if (message.isHalfTaken) sendAbort(now, this.#host, connection, this, message)
        this.#queue.shift()
        continue
      }
      sendChunk(now, this.#host, connection, this, message, this.#bytesOfTurn(isAlone))
      if (message.isAllTaken) this.#queue.shift()
      if (message.options.failureReport === 'no') this.#advance(now, message)
      return this.#queue.length > 0
    }
    return false
  }

  /** RFC 4975 5.1: a long chunk is interrupted for others on the connection. */
  #bytesOfTurn(isAlone: boolean): number {
    return isAlone ? this.#chunkBytes : Math.min(this.#chunkBytes, FIXED_CHUNK_BYTES_MAX)
  }

  #refusalOf({ options, total }: OutgoingMessage): Outcome | undefined {
    const { limits } = this.#host
    if (this.isClosed) return { closed: 'the session is over' }
    const defect = optionsDefect(options)
    if (defect !== undefined) return { status: 400, reason: defect }
    if (this.#unfinished.has(options.messageId)) return { status: 400, reason: 'Message-ID is in use' }
    if (this.#unfinished.size >= limits.queuedMessages) return { status: 503, reason: 'too many unfinished messages' }
    const isTooLong = options.failureReport === 'no' && total > limits.windowBytes
    return isTooLong ? { status: 413, reason: 'too long to go unanswered' } : undefined
  }

  #start(now: Now, options: MsrpStart): void {
    const uris = options.remotePath.map(parseMsrpUri)
    const [next] = uris
    this.remotePath = options.remotePath.join(' ')
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
    this.bindTo(connection)
    this.#state = 'binding'
    sendBinding(now, this.#host, connection, this, token(this.#host.entropy, 60))
  }

  #ready(now: Now): void {
    this.#host.timers.cancel(this.#bindTimer)
    this.#state = 'ready'
    this.events.onReady(now)
    this.#takesTurns()
  }

  #takesTurns(): void {
    if (this.#state === 'ready' && this.#queue.length > 0) this.connection?.takesTurns(this)
  }

  /** Success is all chunks sent, each answered, and all octets reported if asked. */
  #advance(now: Now, message: OutgoingMessage): void {
    if (message.isFinished || !message.isAllTaken || message.unanswered > 0) return
    if (message.isReported) {
      this.#finish(now, message, { status: 200 })
      return
    }
    message.reportTimer ??= this.#host.timers.set('msrp report', after(now, this.#host.limits.responseMs), later =>
      this.#host.run(later, () => this.#finish(later, message, { status: 408, reason: 'no success report' })),
    )
  }

  #finish(now: Now, message: OutgoingMessage, outcome: Outcome): void {
    if (message.isFinished) return
    this.#host.timers.cancel(message.reportTimer)
    this.#unfinished.delete(message.options.messageId)
    message.finish(now, outcome)
    // What is left of it goes out as an abort when its turn comes.
    if (!this.isClosed) this.#takesTurns()
  }

  #end(now: Now, reason: string): void {
    if (this.isClosed) return
    this.#state = 'closed'
    this.#host.timers.cancel(this.#bindTimer)
    this.#queue.length = 0
    const unfinished = [...this.#unfinished.values()]
    this.#unfinished.clear()
    this.receiver.abandon()
    this.#host.forget(now, this, this.connection)
    for (const message of unfinished) {
      this.#host.timers.cancel(message.reportTimer)
      message.finish(now, { closed: reason })
    }
  }
}

const obstacleTo = (next: MsrpUri, address: string): string | undefined => {
  if (!isNumericHost(address)) return 'the host of the path is not looked up'
  return next.transport === 'tcp' ? undefined : 'transport of the path not supported'
}
