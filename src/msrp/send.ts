import type { Now } from '../base/time.ts'
import type { Connection } from './connection.ts'
import { encodeEndLine, encodeSendHead, freshTransactionId } from './frame.ts'
import type { MsrpHost } from './host.ts'
import type { OutgoingMessage } from './message.ts'
import type { Session } from './session.ts'

/** Puts the next chunk of `message`, of at most so many octets, on the connection. */
export const sendChunk = (
  now: Now,
  host: MsrpHost,
  connection: Connection,
  session: Session,
  message: OutgoingMessage,
  bytesMax: number,
): void => {
  const { range, parts, length, isLast } = message.takeChunk(bytesMax)
  const id = freshTransactionId(host.entropy, parts)
  const { messageId, contentType, successReport = false, failureReport = 'yes' } = message.options
  const paths = { toPath: session.remotePath, fromPath: session.localPath }
  const head = { transactionId: id, ...paths, messageId, successReport, failureReport, byteRange: range, contentType }
  connection.batch.text(encodeSendHead(head))
  for (const part of parts) connection.batch.bytes(part)
  connection.batch.text(encodeEndLine(id, isLast ? '$' : '+', true))
  host.counters.count('msrp_sent', 'SEND')
  if (failureReport === 'no') return
  message.unanswered++
  connection.expects(now, { id, session, message, isBinding: false, bodyBytes: length, sentAt: now.at })
}

/** Tells the peer to forget what it has of a message that failed half-way (RFC 4975 5.1). */
export const sendAbort = (
  now: Now,
  host: MsrpHost,
  connection: Connection,
  session: Session,
  message: OutgoingMessage,
): void => {
  const id = freshTransactionId(host.entropy)
  const { messageId, contentType, failureReport = 'yes' } = message.options
  const paths = { toPath: session.remotePath, fromPath: session.localPath }
  const byteRange = message.takeAbort()
  connection.batch.text(
    encodeSendHead({ transactionId: id, ...paths, messageId, failureReport, byteRange, contentType }),
  )
  connection.batch.text(encodeEndLine(id, '#', true))
  host.counters.count('msrp_sent', 'abort')
  if (failureReport === 'no') return
  connection.expects(now, { id, session, message: undefined, isBinding: false, bodyBytes: 0, sentAt: now.at })
}

/** RFC 4975 5.4: the bodiless SEND by which the peer learns whose connection this is. */
export const sendBinding = (
  now: Now,
  host: MsrpHost,
  connection: Connection,
  session: Session,
  messageId: string,
): void => {
  const id = freshTransactionId(host.entropy)
  const paths = { toPath: session.remotePath, fromPath: session.localPath }
  const byteRange = { start: 1, end: 0, total: 0 }
  connection.batch.text(encodeSendHead({ transactionId: id, ...paths, messageId, byteRange }))
  connection.batch.text(encodeEndLine(id, '$', false))
  host.counters.count('msrp_sent', 'SEND')
  connection.expects(now, { id, session, message: undefined, isBinding: true, bodyBytes: 0, sentAt: now.at })
  host.wakes(connection)
}
