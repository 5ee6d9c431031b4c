import { after, type Now } from '../base/time.ts'
import type { Connection, Transaction } from './connection.ts'
import type { MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
import { CHUNK_BYTES_MAX, FIXED_CHUNK_BYTES_MAX } from './limits.ts'
import { type Outcome, OutgoingMessage, type OutgoingOptions, optionsDefect } from './message.ts'
import { sendAbort, sendChunk } from './send.ts'
import type { Session } from './session.ts'
import { OutgoingSend, sendWhole, type WholeSend } from './whole-send.ts'

/** The messages of one session on their way out, one after the other, until each has its outcome. */
export class Outbox {
  readonly #host: MsrpHost
  readonly #session: Session
  readonly #chunkBytes: number | undefined
  /** Not all taken, in order. */
  readonly #queue: (OutgoingMessage | OutgoingSend)[] = []
  readonly #unfinished = new Map<string, OutgoingMessage>()
  readonly #unanswered = new Set<OutgoingSend>()

  constructor(host: MsrpHost, session: Session, chunkBytes: number | undefined) {
    this.#host = host
    this.#session = session
    this.#chunkBytes = chunkBytes
  }

  get outstanding(): number {
    return this.#unfinished.size + this.#unanswered.size
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

  sendWhole(now: Now, send: WholeSend, done: (now: Now, outcome: Outcome) => void): void {
    const message = new OutgoingSend(send, done)
    const refusal = this.#obstacle()
    if (refusal) {
      message.finish(now, refusal)
      return
    }
    this.#unanswered.add(message)
    this.#queue.push(message)
    this.#host.run(now, () => this.takesTurns())
  }

  takesTurns(): void {
    if (this.#session.state === 'ready' && this.#queue.length > 0) this.#session.connection?.takesTurns(this.#session)
  }

  /** One chunk, if there is one; true when another may follow at once. */
  sendChunk(now: Now, connection: Connection, isAlone: boolean): boolean {
    for (let message = this.#queue[0]; message; message = this.#queue[0]) {
      if (message instanceof OutgoingSend) {
        sendWhole(now, this.#host, connection, this.#session, message)
        this.#queue.shift()
        return this.#queue.length > 0
      }
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
    const isGood = status >= 200 && status < 300
    if (message instanceof OutgoingSend) {
      this.#unanswered.delete(message)
      message.finish(now, isGood ? { status: 200 } : { status, reason: comment })
      return
    }
    message.unanswered--
    if (isGood) this.#advance(now, message)
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
    const unanswered = [...this.#unanswered]
    this.#unfinished.clear()
    this.#unanswered.clear()
    for (const message of unfinished) {
      this.#host.timers.cancel(message.reportTimer)
      message.finish(now, { closed: reason })
    }
    for (const message of unanswered) message.finish(now, { closed: reason })
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
    const defect = optionsDefect(options)
    if (!this.#session.isClosed && defect !== undefined) return { status: 400, reason: defect }
    if (this.#unfinished.has(options.messageId)) return { status: 400, reason: 'Message-ID is in use' }
    const obstacle = this.#obstacle()
    if (obstacle) return obstacle
    const isTooLong = options.failureReport === 'no' && total > this.#host.limits.windowBytes
    return isTooLong ? { status: 413, reason: 'too long to go unanswered' } : undefined
  }

  #obstacle(): Outcome | undefined {
    if (this.#session.isClosed) return { closed: 'the session is over' }
    const isFull = this.outstanding >= this.#host.limits.queuedMessages
    return isFull ? { status: 503, reason: 'too many unfinished messages' } : undefined
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
