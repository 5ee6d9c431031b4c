import type { Now } from '../base/time.ts'
import type { Connection } from './connection.ts'
import { type ContinuationFlag, encodeEndLine, freshTransactionId } from './frame.ts'
import type { MsrpHost } from './host.ts'
import type { Outcome } from './message.ts'
import type { Session } from './session.ts'

/** A SEND whose headers are settled, to go out in one piece: one that was received at another time, or a chunk of somebody else's making. */
export interface WholeSend {
  /** All but To-Path and From-Path, in order, each with its line end; latin1. Nothing in them may ask that it be left unanswered. */
  readonly headers: string
  /** Absent: no body follows, not even an empty one. Left alone until it is answered. */
  readonly body?: readonly Buffer[]
  readonly flag: ContinuationFlag
}

/** One of them on its way, until it is answered. */
export class OutgoingSend {
  readonly send: WholeSend
  readonly bodyBytes: number
  readonly #done: (now: Now, outcome: Outcome) => void

  constructor(send: WholeSend, done: (now: Now, outcome: Outcome) => void) {
    this.send = send
    this.bodyBytes = send.body?.reduce((sum, { length }) => sum + length, 0) ?? 0
    this.#done = done
  }

  finish(now: Now, outcome: Outcome): void {
    this.#done(now, outcome)
  }
}

/** C15: the paths and the transaction id are of this session, the rest is as it was given. */
export function sendWhole(
  now: Now,
  host: MsrpHost,
  connection: Connection,
  session: Session,
  message: OutgoingSend,
): void {
  const { headers, body, flag } = message.send
  const id = freshTransactionId(host.entropy, body)
  const paths = `To-Path: ${session.remotePath}\r\nFrom-Path: ${session.localPath}\r\n`
  connection.batch.text(`MSRP ${id} SEND\r\n${paths}${headers}${body ? '\r\n' : ''}`)
  for (const part of body ?? []) connection.batch.bytes(part)
  connection.batch.text(encodeEndLine(id, flag, body !== undefined))
  host.counters.count('msrp_sent', 'SEND')
  connection.expects(now, { id, session, message, isBinding: false, bodyBytes: message.bodyBytes, sentAt: now.at })
}
