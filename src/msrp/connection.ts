import type { Flow } from '../base/flow.ts'
import { after, type Instant, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import { Batch } from './batch.ts'
import type { MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
import { Incoming } from './incoming.ts'
import type { OutgoingMessage } from './message.ts'
import { MsrpParser, MsrpSyntaxError } from './parse.ts'
import type { Session } from './session.ts'
import { Silence } from './silence.ts'
import type { OutgoingSend } from './whole-send.ts'

/** A request of ours that waits for its answer. */
export interface Transaction {
  readonly id: string
  readonly session: Session
  /** Undefined: the bodiless SEND that binds, or an abort whose answer changes nothing. */
  readonly message: OutgoingMessage | OutgoingSend | undefined
  readonly isBinding: boolean
  readonly bodyBytes: number
  readonly sentAt: Instant
}

/** One stream and what sessions send over it: turns, a window of unanswered chunks, one transmission per input. */
export class Connection {
  /** Of a connection that we opened: without the peer's certificate until it stands. */
  flow: Flow
  readonly isOutgoing: boolean
  readonly sessions = new Set<Session>()
  readonly batch = new Batch()
  isOpen: boolean
  isClosed = false
  /** More waits for the peer to take than should. */
  isFull = false
  readonly #host: MsrpHost
  readonly #parser: MsrpParser
  readonly #incoming: Incoming
  readonly #transactions = new Map<string, Transaction>()
  /** Sessions with something to send, each once, in the order of their turns. */
  readonly #turns: Session[] = []
  readonly #holders = new Set<Session>()
  readonly #silence: Silence
  #windowBytes = 0
  #progressAt = 0 as Instant
  #responseTimer: Timer | undefined
  #unboundTimer: Timer | undefined

  constructor(host: MsrpHost, flow: Flow, isOutgoing: boolean) {
    this.#host = host
    this.flow = flow
    this.isOutgoing = isOutgoing
    this.isOpen = !isOutgoing
    this.#parser = new MsrpParser(host.limits)
    this.#incoming = new Incoming(host, this)
    this.#silence = new Silence(
      host,
      () => this.#parser.isMidFrame,
      (now, why) => {
        host.counters.count('msrp_silent_closed', why)
        host.drop(now, this, `nothing heard for too long, ${why}`)
      },
    )
  }

  get unanswered(): number {
    return this.#transactions.size
  }

  /** Nobody of ours uses it: it may stay for a while and no longer. */
  unbound(now: Now): void {
    this.#host.timers.cancel(this.#unboundTimer)
    this.#silence.stop()
    const due = after(now, this.#host.limits.unboundMs)
    this.#unboundTimer = this.#host.timers.set('msrp unbound', due, later => {
      this.#host.counters.count('msrp_unbound_closed')
      this.#host.run(later, () => this.#host.drop(later, this, 'no session within the time'))
    })
  }

  bind(now: Now, session: Session): void {
    this.sessions.add(session)
    this.#silence.watch(now)
    this.#host.timers.cancel(this.#unboundTimer)
  }

  /** The connection that we opened stands; `flow` has what the peer showed. */
  opened(now: Now, flow: Flow): void {
    this.isOpen = true
    const { peerFingerprints } = flow
    if (peerFingerprints) this.flow = { ...this.flow, peerFingerprints }
    for (const session of [...this.sessions]) session.verify(now)
  }

  hold(now: Now, session: Session, isHeld: boolean): void {
    const wasHeld = this.#holders.size > 0
    if (isHeld) this.#holders.add(session)
    else this.#holders.delete(session)
    const isNowHeld = this.#holders.size > 0
    if (this.isClosed || wasHeld === isNowHeld) return
    this.#silence.pause(now, isNowHeld)
    this.#host.outputs.hold(this.flow, isNowHeld)
  }

  /** Nothing is read from the peer. */
  get isHeld(): boolean {
    return this.#holders.size > 0
  }

  fill(now: Now, isFull: boolean): void {
    this.isFull = isFull
    for (const session of [...this.sessions]) session.leg?.fullnessChanged(now)
  }

  received(now: Now, bytes: Buffer): void {
    this.#host.wakes(this)
    this.#silence.heard(now)
    this.#parser.push(bytes)
    try {
      for (let event = this.#parser.next(); event; event = this.#parser.next()) {
        if (event.kind === 'body') this.#incoming.data(now, event.bytes)
        else if (event.kind === 'end') this.#incoming.end(now, event.flag)
        else if (event.head.method === undefined) this.#answered(now, event.head)
        else this.#incoming.begin(now, event.head)
        if (this.isClosed) return
      }
      this.#incoming.pause()
    } catch (error) {
      if (!(error instanceof MsrpSyntaxError)) throw error
      this.#host.counters.count('msrp_malformed', error.why)
      if (error.partial) this.#incoming.refuse(error.partial)
      this.#host.drop(now, this, `malformed frame: ${error.why}`)
    }
  }

  takesTurns(session: Session): void {
    if (!this.#turns.includes(session)) this.#turns.push(session)
    this.#host.wakes(this)
  }

  /** Sends what the window allows, a chunk per session and turn. */
  pump(now: Now): void {
    const { windowBytes, windowChunks } = this.#host.limits
    while (this.#turns.length > 0 && this.#transactions.size < windowChunks && this.#windowBytes < windowBytes) {
      const session = this.#turns.shift()!
      const hasMore = session.sendChunk(now, this, this.#turns.length === 0)
      if (hasMore && !this.#turns.includes(session)) this.#turns.push(session)
    }
  }

  flush(): void {
    if (this.batch.length > 0) this.#host.outputs.transmit(this.flow, this.batch.take())
  }

  expects(now: Now, transaction: Transaction): void {
    this.#transactions.set(transaction.id, transaction)
    this.#windowBytes += transaction.bodyBytes
    this.#responseTimer ??= this.#armResponse(after(now, this.#host.limits.responseMs))
  }

  end(): void {
    this.isClosed = true
    this.#silence.stop()
    this.#host.timers.cancel(this.#unboundTimer)
    this.#host.timers.cancel(this.#responseTimer)
    this.#transactions.clear()
    this.#turns.length = 0
  }

  #answered(now: Now, head: MsrpHead): void {
    this.#host.counters.count('msrp_received', 'response')
    const transaction = this.#transactions.get(head.transactionId)
    if (!transaction) {
      const session = this.#host.sessionAt(head.toPath)
      if (session?.connection === this && session.leg?.answered(now, head)) return
      this.#host.counters.count('msrp_stray_response')
      return
    }
    this.#progressAt = now.at
    this.#settle(now, transaction, head.status, head.comment)
  }

  #settle(now: Now, transaction: Transaction, status: number, comment: string): void {
    this.#transactions.delete(transaction.id)
    this.#windowBytes -= transaction.bodyBytes
    if (this.#transactions.size === 0) {
      this.#host.timers.cancel(this.#responseTimer)
      this.#responseTimer = undefined
    }
    transaction.session.answered(now, transaction, status, comment)
  }

  #armResponse(due: Instant): Timer {
    return this.#host.timers.set('msrp response', due, now => this.#host.run(now, () => this.#expire(now)))
  }

  /**
   * RFC 4975 7.1.1: silence counts as 408. We cannot see when the last octet of a chunk leaves the host, so the time
   * runs from the last answer of the peer too: on a slow link a full window takes longer than the limit.
   */
  #expire(now: Now): void {
    this.#responseTimer = undefined
    this.#host.wakes(this)
    const { responseMs } = this.#host.limits
    for (const transaction of [...this.#transactions.values()]) {
      const due = (Math.max(transaction.sentAt, this.#progressAt) + responseMs) as Instant
      if (due > now.at) {
        this.#responseTimer ??= this.#armResponse(due)
        return
      }
      this.#host.counters.count('msrp_timeout')
      this.#settle(now, transaction, 408, 'no answer')
      if (this.isClosed) return
    }
  }
}
