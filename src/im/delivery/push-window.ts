import type { Now } from '../../base/time.ts'
import type { StoredMessage } from '../../store/verbs.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import type { PushEnd } from './push.ts'

/** What became of one message that was sent. */
export type Answered =
  | { readonly kind: 'delivered'; readonly detail: string }
  /** Refused for itself, or of a type that does not go this way: those behind it go on. */
  | { readonly kind: 'aside'; readonly why: string; readonly isUnfit?: boolean }
  /** No answer, or one that the receiver is away or busy. */
  | { readonly kind: 'silent'; readonly why: string }
  /** Nothing more can be sent this way. */
  | { readonly kind: 'kept' | 'unfit'; readonly why: string; readonly isDead?: boolean }

/** Attempts that ended in silence before a message is suspected. */
const SUSPECT_AFTER = 2

type Stopped = Extract<PushEnd, { kind: 'kept' | 'unfit' }>

/** Reads one mailbox to its end and keeps so many messages under way; what both forms of a push have in common. */
export class PushWindow {
  readonly #reader: MailboxReader
  readonly #limits: { readonly messages: number; readonly bytes: number }
  readonly #send: (now: Now, message: StoredMessage) => void
  readonly #ended: (now: Now, end: PushEnd) => void
  #underWay = 0
  #bytes = 0
  #delivered = 0
  readonly #unfit: number[] = []
  #isReading = false
  #isPaused = false
  #isEmpty = false
  #stopped: { readonly kind: 'kept' | 'unfit'; readonly why: string; readonly isDead?: boolean } | undefined
  #isOver = false
  #suspect: { readonly message: StoredMessage; readonly why: string } | undefined

  /** `send` is called for each message in order, and answers each by `answered`. `ended` is called once. */
  constructor(
    reader: MailboxReader,
    limits: { readonly messages: number; readonly bytes: number },
    send: (now: Now, message: StoredMessage) => void,
    ended: (now: Now, end: PushEnd) => void,
  ) {
    this.#reader = reader
    this.#limits = limits
    this.#send = send
    this.#ended = ended
  }

  get delivered(): number {
    return this.#delivered
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Sends what there is room for. */
  pump(now: Now): void {
    if (this.#isOver || this.#isReading || this.#isPaused) return
    if (this.#stopped || this.#isEmpty) {
      if (this.#underWay === 0) this.#end(now)
      return
    }
    if (this.#underWay >= this.#limits.messages || this.#bytes >= this.#limits.bytes) return
    this.#isReading = true
    this.#reader.take(now, (then, taken) => {
      this.#isReading = false
      if (taken.kind === 'empty') this.#isEmpty = true
      else if (taken.kind === 'failed') this.#stopped ??= { kind: 'kept', why: taken.why }
      else if (!this.#stopped && !this.#isOver) this.#start(then, taken.message)
      this.pump(then)
    })
  }

  /** What was given to `send` is not on its way yet, and nothing may overtake it. */
  pause(): void {
    this.#isPaused = true
  }

  resume(now: Now): void {
    this.#isPaused = false
    this.pump(now)
  }

  answered(now: Now, message: StoredMessage, answer: Answered): void {
    this.#underWay--
    this.#bytes -= weightOf(message)
    if (answer.kind === 'delivered') {
      this.#delivered++
      this.#reader.confirm(now, message.seq, answer.detail)
      this.#clearSuspect(now)
    } else if (answer.kind === 'silent') {
      this.#silent(now, message, answer.why)
    } else if (answer.kind === 'aside') {
      if (answer.isUnfit) this.#unfit.push(message.seq)
      this.#reader.setAside(now, message.seq, answer.why)
    } else {
      this.#stopped ??= answer
      this.#reader.attempted(now, message.seq, answer.why)
    }
    this.pump(now)
  }

  /** Nothing more is sent; it ends when what is under way was answered, or the receiver would get that again. */
  stop(now: Now, kind: 'kept' | 'unfit', why: string): void {
    this.#stopped ??= { kind, why }
    this.pump(now)
  }

  /** Ends at once: no answers will come any more. */
  abort(now: Now, kind: 'kept' | 'unfit', why: string, isDead = false): void {
    this.#stopped ??= { kind, why, isDead }
    this.#end(now)
  }

  /**
   * A message that nobody answered several times over may be the reason itself (a client that chokes on it). The one behind it is the
   * test: if that gets through, this one is set aside; if not, the receiver is away and both wait in their order.
   */
  #silent(now: Now, message: StoredMessage, why: string): void {
    this.#reader.attempted(now, message.seq, why)
    if (message.attempts >= SUSPECT_AFTER && !this.#suspect && !this.#stopped) this.#suspect = { message, why }
    else this.#stopped ??= { kind: 'kept', why }
  }

  #clearSuspect(now: Now): void {
    if (!this.#suspect) return
    this.#reader.setAside(now, this.#suspect.message.seq, this.#suspect.why)
    this.#suspect = undefined
  }

  #start(now: Now, message: StoredMessage): void {
    this.#underWay++
    this.#bytes += weightOf(message)
    this.#send(now, message)
  }

  #end(now: Now): void {
    if (this.#isOver) return
    this.#isOver = true
    const delivered = this.#delivered
    if (this.#suspect) this.#stopped ??= { kind: 'kept', why: this.#suspect.why }
    const end: Stopped | undefined = this.#stopped && { ...this.#stopped, delivered }
    this.#ended(now, end ?? { kind: 'done', delivered, unfit: this.#unfit })
  }
}

/** A large message is never in memory but for what MSRP has read ahead of it. */
const READ_AHEAD_BYTES = 262_144

const weightOf = ({ bytes, large }: StoredMessage): number =>
  bytes.length + (large ? Math.min(large.size, READ_AHEAD_BYTES) : 0)
