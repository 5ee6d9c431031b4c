import type { Now } from '../base/time.ts'
import { bindingDefect } from './binding.ts'
import type { Connection } from './connection.ts'
import {
  type ByteRange,
  type ContinuationFlag,
  encodeReport,
  encodeResponse,
  freshTransactionId,
  type MsrpHead,
  OUT_OF_BOUNDS,
} from './frame.ts'
import type { MsrpHost } from './host.ts'
import { FIXED_CHUNK_BYTES_MAX } from './limits.ts'
import type { Session } from './session.ts'

/** The request that is arriving on a connection, from its head to its end-line. */
export class Incoming {
  readonly #host: MsrpHost
  readonly #connection: Connection
  #head: MsrpHead | undefined
  #session: Session | undefined
  #status = 200
  /** The session's receiver was asked and gets the end. */
  #isOffered = false
  /** It is a request for the session, over the session's connection. */
  #isBinding = false
  /** Body octets so far. */
  #taken = 0
  /** How many there may be by its Byte-Range. */
  #room = 0
  /** Has more than that: what its receiver has of the message is worth nothing. */
  #isOverrun = false
  /** The message of which a REPORT told last that it is refused: once is enough, however many chunks it has. */
  #told = ''

  constructor(host: MsrpHost, connection: Connection) {
    this.#host = host
    this.#connection = connection
  }

  begin(now: Now, head: MsrpHead): void {
    this.#host.counters.count('msrp_received', methodLabel(head.method))
    this.#head = head
    this.#isOffered = false
    this.#taken = 0
    this.#room = roomOf(head.byteRange)
    this.#isOverrun = false
    this.#session = this.#host.sessionAt(head.toPath)
    this.#status = this.#statusOf(head)
    const session = this.#session
    // A body that may not come is refused, yet its request shows whose connection this is.
    this.#isBinding = this.#status === 200 || this.#status === 403
    if (!session || !this.#isBinding) return
    if (!session.connection && !this.#maySpeakFor(now, head, session)) return
    session.bindTo(now, this.#connection)
    const isTaken = head.method === 'SEND' || session.leg !== undefined
    if (this.#status === 200 && isTaken && head.hasBody) this.#offer(now, head, session)
  }

  data(now: Now, bytes: Buffer): void {
    this.#taken += bytes.length
    if (this.#taken > this.#room) {
      this.#overrun(now)
      return
    }
    const session = this.#session
    if (!this.#isOffered || this.#status !== 200 || !session || session.isClosed) return
    this.#status = session.receiver.data(now, bytes)
  }

  end(now: Now, flag: ContinuationFlag): void {
    const head = this.#head
    const session = this.#session
    this.#head = undefined
    this.#session = undefined
    // What ends is a response, if not a request.
    if (!head) return
    if (!session || session.isClosed) {
      this.#answer(head, this.#status === 200 ? 481 : this.#status)
      return
    }
    const isTaken = session.leg ? !head.hasBody : session.receives && changesMessage(head, flag)
    if (this.#status === 200 && isTaken) this.#offer(now, head, session)
    if (this.#isOffered) this.#endChunk(now, head, session, flag)
    else this.#answer(head, this.#status)
    if (flag !== '+') session.refusals.forget(head.messageId)
    if (!this.#isBinding) return
    if (head.method === 'REPORT' && !session.leg) session.reported(now, head)
    session.heard(now)
  }

  /**
   * The read is over and the chunk is not. RFC 4975 10.5: a sender stops in the middle of a long chunk when a REPORT
   * says so; the response can only come behind the chunk.
   */
  pause(): void {
    const head = this.#head
    const session = this.#session
    if (!head || !session || !this.#isOffered || this.#status === 200 || session.isClosed) return
    const message = `${head.messageId} ${head.toPath}`
    if (head.failureReport === 'no' || this.#room <= FIXED_CHUNK_BYTES_MAX || this.#told === message) return
    this.#told = message
    const { start, total } = head.byteRange ?? { start: 1, total: undefined }
    this.#report(head, this.#status, { start, end: start - 1 + Math.min(this.#taken, this.#room), total })
  }

  /** Answers a request whose framing got lost. */
  refuse(head: MsrpHead): void {
    if (head.method !== undefined) this.#answer(head, 400)
  }

  #statusOf(head: MsrpHead): number {
    if (head.defect !== undefined) {
      this.#host.counters.count('msrp_malformed', head.defect === OUT_OF_BOUNDS ? 'range' : 'header')
      return head.defect === OUT_OF_BOUNDS ? 423 : 400
    }
    const session = this.#session
    // RFC 4976 6.4.2: a relay passes on what it does not know; what is between it and a client is not for the other side.
    const isKnown = head.method === 'SEND' || head.method === 'REPORT' || (session?.leg && head.method !== 'AUTH')
    if (!isKnown) return 501
    if (!session || session.isClosed) return 481
    if (session.connection && session.connection !== this.#connection) return 506
    if (session.leg) return session.leg.statusOf(head)
    return head.hasBody && head.method === 'SEND' && !session.receives ? 403 : 200
  }

  /** A stranger who learned the session id is told and hung up on at once. */
  #maySpeakFor(now: Now, head: MsrpHead, session: Session): boolean {
    const defect = bindingDefect(session.terms, this.#connection.flow)
    if (defect === undefined) return true
    this.#host.counters.count('msrp_binding_refused', defect)
    this.#answer(head, 403)
    this.#host.drop(now, this.#connection, defect)
    return false
  }

  #offer(now: Now, head: MsrpHead, session: Session): void {
    const refusal = session.refusals.statusOf(now, head.messageId!)
    if (refusal !== undefined) {
      this.#status = refusal
      return
    }
    this.#isOffered = true
    this.#status = session.receiver.begin(now, head)
  }

  /** More octets than the Byte-Range has room for: a lie, or an end-line that was lost. */
  #overrun(now: Now): void {
    const head = this.#head
    if (!head) return
    if (!this.#isOverrun) {
      this.#isOverrun = true
      this.#host.counters.count('msrp_malformed', 'range')
      if (this.#status === 200) this.#status = 400
    }
    if (this.#taken <= this.#room + this.#host.limits.overrunBytes) return
    this.#host.counters.count('msrp_malformed', 'no end-line')
    this.#answer(head, this.#status)
    this.#host.drop(now, this.#connection, 'a chunk does not end where its Byte-Range does')
  }

  #endChunk(now: Now, head: MsrpHead, session: Session, flag: ContinuationFlag): void {
    const refusal = this.#status
    if (this.#isOverrun && flag === '+') session.refusals.add(now, head.messageId!, refusal)
    let isAnswered = false
    session.receiver.end(now, this.#isOverrun ? '#' : flag, (then, decided, completedTotal) => {
      if (isAnswered) return
      isAnswered = true
      const status = refusal === 200 ? decided : refusal
      this.#host.run(then, () => this.#settle(head, status, completedTotal))
    })
  }

  /** RFC 4975 7.1.2: success is reported once, of the whole message, when it is safe. */
  #settle(head: MsrpHead, status: number, completedTotal: number | undefined): void {
    if (this.#connection.isClosed) return
    this.#answer(head, status)
    if (status !== 200 || completedTotal === undefined || !head.successReport) return
    this.#report(head, 200, { start: 1, end: completedTotal, total: completedTotal })
  }

  /** RFC 4975 7.2: no REPORT is answered, nor what asked for silence. */
  #answer(head: MsrpHead, status: number): void {
    if (head.method === 'REPORT' || head.failureReport === 'no') return
    // What a relay does not know is answered by the other side.
    if (status === 200 && (head.failureReport === 'partial' || head.method !== 'SEND')) return
    this.#host.counters.count('msrp_answered', String(status))
    this.#host.wakes(this.#connection)
    this.#connection.batch.text(encodeResponse(head, status))
  }

  #report(head: MsrpHead, status: number, range: ByteRange): void {
    this.#host.counters.count('msrp_sent', 'REPORT')
    this.#host.wakes(this.#connection)
    this.#connection.batch.text(encodeReport(freshTransactionId(this.#host.entropy), head, status, range))
  }
}

/** A bodiless SEND binds or keeps alive, unless it ends a message that came before it: the last chunk may be empty. */
const changesMessage = (head: MsrpHead, flag: ContinuationFlag): boolean =>
  head.method === 'SEND' && !head.hasBody && (flag === '#' || (head.byteRange?.start ?? 1) > 1)

/** RFC 4975 9: octets that a chunk of that range can have. */
const roomOf = (range: ByteRange | undefined): number => {
  const end = range?.end ?? range?.total
  return range && end !== undefined ? end - range.start + 1 : Number.POSITIVE_INFINITY
}

const methodLabel = (method: string | undefined): string =>
  method === 'SEND' || method === 'REPORT' ? method : 'other'
