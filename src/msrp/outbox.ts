import { after, type Now } from '../base/time.ts'
import type { Connection, Transaction } from './connection.ts'
import type { MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
import { CHUNK_BYTES_MAX, FIXED_CHUNK_BYTES_MAX } from './limits.ts'
import { type Outcome, OutgoingMessage, type OutgoingOptions, optionsDefect } from './message.ts'
import { sendAbort, sendChunk } from './send.ts'
import type { Session } from './session.ts'

/** The messages of one session on their way out, one after the other, until each has its outcome. */
export class Outbox {
  readonly #host: MsrpHost
  readonly #session: Session
  readonly #chunkBytes: number | undefined
  /** Not all taken, in order. */
  readonly #queue: OutgoingMessage[] = []
  readonly #unfinished = new Map<string, OutgoingMessage>()

  constructor(host: MsrpHost, session: Session, chunkBytes: number | undefined) {
    this.#host = host
    this.#session = session
    this.#chunkBytes = chunkBytes
  }

  get outstanding(): number {
    return this.#unfinished.size
  }

  send(now: Now, options: OutgoingOptions, done: (now: Now, outcome: Outcome) => void): void {
    const onRead = (then: Now): void => this.#host.run(then, () => this.#hasRead(then, message))
    const message = new OutgoingMessage(options, this.#host.limits.pieces, onRead, done)
    const refusal = this.#refusalOf(message)
    if (refusal) {
      message.finish(now, refusal)
      return
    }
    this.#unfinished.set(options.messageId, message)
    this.#queue.push(message)
    this.#host.run(now, () => this.takesTurns())
  }

  takesTurns(): void {
    if (this.#session.state === 'ready' && this.#queue.length > 0) this.#session.connection?.takesTurns(this.#session)
  }

  /** One chunk, if there is one; true when another may follow at once. */
  sendChunk(now: Now, connection: Connection, isAlone: boolean): boolean {
    for (let message = this.#queue[0]; message; message = this.#queue[0]) {
      if (message.isFinished) {
        if (message.isHalfTaken) sendAbort(now, this.#host, connection, this.#session, message)
        this.#queue.shift()
        continue
      }
      message.body.fill(now)
      const bytesMax = this.#bytesOfTurn(message, isAlone)
      // A turn's worth or all that is left; what is read comes back for a turn, and so does what cannot be read.
      if (message.body.ready < Math.min(bytesMax, message.left)) return false
      sendChunk(now, this.#host, connection, this.#session, message, bytesMax)
      if (message.isAllTaken) this.#queue.shift()
      if (message.options.failureReport === 'no') this.#advance(now, message)
      return this.#queue.length > 0
    }
    return false
  }

  answered(now: Now, { message }: Transaction, status: number, comment: string): void {
    if (!message) return
    message.unanswered--
    if (status >= 200 && status < 300) this.#advance(now, message)
    else this.#finish(now, message, { status, reason: comment })
  }

  /** RFC 4975 7.1.2: a success REPORT settles what it covers, another ends the message. */
  reported(now: Now, head: MsrpHead): void {
    const message = this.#unfinished.get(head.messageId ?? '')
    const report = head.reportStatus
    if (!message || !report) return
    if (report.status !== 200) {
      this.#finish(now, message, { status: report.status, reason: report.comment })
      return
    }
    message.report(head.byteRange)
    this.#advance(now, message)
  }

  end(now: Now, reason: string): void {
    this.#queue.length = 0
    const unfinished = [...this.#unfinished.values()]
    this.#unfinished.clear()
    for (const message of unfinished) {
      this.#host.timers.cancel(message.reportTimer)
      message.finish(now, { closed: reason })
    }
  }

  #hasRead(now: Now, message: OutgoingMessage): void {
    if (message.isFinished) return
    if (message.body.hasFailed) this.#finish(now, message, { status: 500, reason: 'the body could not be read' })
    else this.takesTurns()
  }

  /** RFC 4975 5.1: a long chunk is cut short for others on the connection. */
  #bytesOfTurn({ body }: OutgoingMessage, isAlone: boolean): number {
    const bytes = this.#chunkBytes ?? (body.isStreamed ? CHUNK_BYTES_MAX : FIXED_CHUNK_BYTES_MAX)
    return isAlone ? bytes : Math.min(bytes, FIXED_CHUNK_BYTES_MAX)
  }

  #refusalOf({ options, total }: OutgoingMessage): Outcome | undefined {
    const { limits } = this.#host
    if (this.#session.isClosed) return { closed: 'the session is over' }
    const defect = optionsDefect(options)
    if (defect !== undefined) return { status: 400, reason: defect }
    if (this.#unfinished.has(options.messageId)) return { status: 400, reason: 'Message-ID is in use' }
    if (this.#unfinished.size >= limits.queuedMessages) return { status: 503, reason: 'too many unfinished messages' }
    const isTooLong = options.failureReport === 'no' && total > limits.windowBytes
    return isTooLong ? { status: 413, reason: 'too long to go unanswered' } : undefined
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
    if (!this.#session.isClosed) this.takesTurns()
  }
}
