import type { Now } from '../base/time.ts'
import type { Connection } from './connection.ts'
import { type ContinuationFlag, encodeReport, encodeResponse, freshTransactionId, type MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
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

  constructor(host: MsrpHost, connection: Connection) {
    this.#host = host
    this.#connection = connection
  }

  begin(now: Now, head: MsrpHead): void {
    this.#host.counters.count('msrp_received', methodLabel(head.method))
    this.#head = head
    this.#isOffered = false
    this.#session = this.#host.sessionAt(head.toPath)
    this.#status = this.#statusOf(head)
    const session = this.#session
    // A body that may not come is refused, yet its request shows whose connection this is.
    this.#isBinding = this.#status === 200 || this.#status === 403
    if (!session || !this.#isBinding) return
    session.bindTo(this.#connection)
    if (this.#status === 200 && head.method === 'SEND' && head.hasBody) this.#offer(now, head, session)
  }

  data(now: Now, bytes: Buffer): void {
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
    if (this.#status === 200 && session.receives && changesMessage(head, flag)) this.#offer(now, head, session)
    if (this.#isOffered) this.#endChunk(now, head, session, flag)
    else this.#answer(head, this.#status)
    if (!this.#isBinding) return
    if (head.method === 'REPORT') session.reported(now, head)
    session.heard(now)
  }

  /** Answers a request whose framing got lost. */
  refuse(head: MsrpHead): void {
    if (head.method !== undefined) this.#answer(head, 400)
  }

  #statusOf(head: MsrpHead): number {
    if (head.defect !== undefined) {
      this.#host.counters.count('msrp_malformed', 'header')
      return 400
    }
    if (head.method !== 'SEND' && head.method !== 'REPORT') return 501
    const session = this.#session
    if (!session || session.isClosed) return 481
    if (session.connection && session.connection !== this.#connection) return 506
    return head.hasBody && head.method === 'SEND' && !session.receives ? 403 : 200
  }

  #offer(now: Now, head: MsrpHead, session: Session): void {
    this.#isOffered = true
    this.#status = session.receiver.begin(now, head)
  }

  #endChunk(now: Now, head: MsrpHead, session: Session, flag: ContinuationFlag): void {
    const refusal = this.#status
    let isAnswered = false
    session.receiver.end(now, flag, (then, decided, completedTotal) => {
      if (isAnswered) return
      isAnswered = true
      this.#host.run(then, () => {
        if (this.#connection.isClosed) return
        const status = refusal === 200 ? decided : refusal
        this.#answer(head, status)
        if (status === 200 && completedTotal !== undefined && head.successReport) this.#report(head, completedTotal)
      })
    })
  }

  /** RFC 4975 7.2: no REPORT is answered, nor what asked for silence. */
  #answer(head: MsrpHead, status: number): void {
    if (head.method === 'REPORT' || head.failureReport === 'no') return
    if (head.failureReport === 'partial' && status === 200) return
    this.#host.counters.count('msrp_answered', String(status))
    this.#host.wakes(this.#connection)
    this.#connection.batch.text(encodeResponse(head, status))
  }

  #report(head: MsrpHead, total: number): void {
    this.#host.counters.count('msrp_sent', 'REPORT')
    this.#host.wakes(this.#connection)
    this.#connection.batch.text(encodeReport(freshTransactionId(this.#host.entropy), head, 200, total))
  }
}

/** A bodiless SEND binds or keeps alive, unless it ends a message that came before it: the last chunk may be empty. */
const changesMessage = (head: MsrpHead, flag: ContinuationFlag): boolean =>
  head.method === 'SEND' && !head.hasBody && (flag === '#' || (head.byteRange?.start ?? 1) > 1)

const methodLabel = (method: string | undefined): string =>
  method === 'SEND' || method === 'REPORT' ? method : 'other'
