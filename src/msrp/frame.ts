import { type Entropy, token } from '../base/entropy.ts'

/** RFC 4975 5.1: more chunks follow, this was the last, the message is abandoned. */
export type ContinuationFlag = '+' | '$' | '#'

/** RFC 4975 9: octets counted from 1. `end` and `total` are undefined where the wire has `*`. */
export interface ByteRange {
  readonly start: number
  readonly end: number | undefined
  readonly total: number | undefined
}

export interface MsrpField {
  readonly name: string
  readonly value: string
}

/** Everything of a frame before its body. Text is latin1: one character is one octet as received. */
export interface MsrpHead {
  readonly transactionId: string
  /** Undefined in a response. */
  readonly method: string | undefined
  /** 0 in a request. */
  readonly status: number
  readonly comment: string
  /** URIs as received, separated by single spaces. */
  readonly toPath: string
  readonly fromPath: string
  readonly messageId: string | undefined
  readonly byteRange: ByteRange | undefined
  readonly contentType: string | undefined
  readonly failureReport: 'yes' | 'no' | 'partial'
  readonly successReport: boolean
  /** Value of Status in a REPORT. */
  readonly reportStatus: ReportStatus | undefined
  /** Every header in the order received. */
  readonly fields: readonly MsrpField[]
  /** Their lines as they came, without the line breaks. */
  readonly lines: readonly string[]
  /** A blank line follows: there is a body, though it may be empty. */
  readonly hasBody: boolean
  /** What deserves 400 although the framing held. */
  readonly defect: string | undefined
}

export interface ReportStatus {
  readonly status: number
  readonly comment: string
}

export const firstUri = (path: string): string => {
  const space = path.indexOf(' ')
  return space < 0 ? path : path.slice(0, space)
}

const BYTE_RANGE = /^(\d+)-(\d+|\*)\/(\d+|\*)$/

/** The defect of a head whose Byte-Range is well-formed and names octets that no number here can count: 423, not 400. */
export const OUT_OF_BOUNDS = 'Byte-Range out of bounds'

/** Of a Byte-Range that is malformed: whether it is only too large. */
export const isRangeTooLarge = (value: string): boolean => {
  const match = BYTE_RANGE.exec(value)
  return match?.slice(1).some(each => each !== '*' && !Number.isSafeInteger(Number(each))) === true
}

/** Undefined when malformed. `1-0/0` is the range of nothing. */
export const parseByteRange = (value: string): ByteRange | undefined => {
  const match = BYTE_RANGE.exec(value)
  if (!match) return undefined
  const start = Number(match[1])
  const end = match[2] === '*' ? undefined : Number(match[2])
  const total = match[3] === '*' ? undefined : Number(match[3])
  if (!Number.isSafeInteger(start) || !isBounded(end) || !isBounded(total)) return undefined
  if (start < 1 || (end !== undefined && end < start - 1)) return undefined
  if (total !== undefined && (start > total + 1 || (end !== undefined && end > total))) return undefined
  return { start, end, total }
}

const isBounded = (value: number | undefined): boolean => value === undefined || Number.isSafeInteger(value)

export const formatByteRange = (range: ByteRange): string => `${range.start}-${range.end ?? '*'}/${range.total ?? '*'}`

const REPORT_STATUS = /^000 (\d{3})(?: (.*))?$/

/** Undefined when malformed or of a namespace other than 000 (RFC 4975 9). */
export const parseReportStatus = (value: string): ReportStatus | undefined => {
  const match = REPORT_STATUS.exec(value)
  return match ? { status: Number(match[1]), comment: match[2] ?? '' } : undefined
}

/** RFC 4975 9: ident, 4 to 32 characters. */
export const isIdent = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}$/.test(text)

/** RFC 4975 7.1: the end-line must not occur in the body, so the transaction id is chosen after it. */
export const freshTransactionId = (entropy: Entropy, body: readonly Buffer[] = []): string => {
  const id = token(entropy, 60)
  for (let suffix = 0, tried = id; ; tried = `${id}.${suffix++}`) if (!occursIn(body, `-------${tried}`)) return tried
}

/** Also across the seams of the parts. */
const occursIn = (body: readonly Buffer[], text: string): boolean => {
  const before = text.length - 1
  let tail: Buffer | undefined
  for (const part of body) {
    const seam = tail && Buffer.concat([tail, part.subarray(0, before)])
    if (part.includes(text, 0, 'latin1') || seam?.includes(text, 0, 'latin1')) return true
    if (body.length === 1) return false
    const last = part.length >= before || !tail ? part : Buffer.concat([tail, part])
    tail = last.subarray(Math.max(0, last.length - before))
  }
  return false
}

interface SendHead {
  readonly transactionId: string
  readonly toPath: string
  readonly fromPath: string
  readonly messageId: string
  readonly successReport?: boolean
  readonly failureReport?: 'yes' | 'no'
  readonly byteRange: ByteRange
  /** Absent: no body follows, not even an empty one. */
  readonly contentType?: string
}

/** Up to and with the blank line, if a body follows. */
export const encodeSendHead = (head: SendHead): string =>
  `MSRP ${head.transactionId} SEND\r\nTo-Path: ${head.toPath}\r\nFrom-Path: ${head.fromPath}\r\n` +
  `Message-ID: ${head.messageId}\r\n${head.successReport ? 'Success-Report: yes\r\n' : ''}` +
  `${head.failureReport === 'no' ? 'Failure-Report: no\r\n' : ''}Byte-Range: ${formatByteRange(head.byteRange)}\r\n` +
  (head.contentType === undefined ? '' : `Content-Type: ${head.contentType}\r\n\r\n`)

/** What closes a frame; `afterBody` with the line break between body and end-line. */
export const encodeEndLine = (transactionId: string, flag: ContinuationFlag, afterBody: boolean): string =>
  `${afterBody ? '\r\n' : ''}-------${transactionId}${flag}\r\n`

/** RFC 4975 7.2: a SEND is answered hop by hop, anything else along the whole path. */
export const encodeResponse = (request: MsrpHead, status: number): string => {
  const comment = COMMENTS[status]
  const toPath = request.method === 'SEND' ? firstUri(request.fromPath) : request.fromPath
  return (
    `MSRP ${request.transactionId} ${status}${comment ? ` ${comment}` : ''}\r\nTo-Path: ${toPath}\r\n` +
    `From-Path: ${firstUri(request.toPath)}\r\n-------${request.transactionId}$\r\n`
  )
}

/** RFC 4975 7.1.2: goes back the whole path that the SEND came. */
export const encodeReport = (
  transactionId: string,
  send: Pick<MsrpHead, 'fromPath' | 'toPath' | 'messageId'>,
  status: number,
  range: ByteRange,
): string =>
  `MSRP ${transactionId} REPORT\r\nTo-Path: ${send.fromPath}\r\nFrom-Path: ${firstUri(send.toPath)}\r\n` +
  `Message-ID: ${send.messageId}\r\nByte-Range: ${formatByteRange(range)}\r\n` +
  `Status: 000 ${status}${COMMENTS[status] ? ` ${COMMENTS[status]}` : ''}\r\n-------${transactionId}$\r\n`

/** RFC 4975 10. */
const COMMENTS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  408: 'Timeout',
  413: 'Stop Sending Message',
  415: 'Media Type Not Supported',
  423: 'Parameter Out Of Bounds',
  481: 'No Such Session',
  501: 'Unknown Method',
  506: 'Session On Another Connection',
}
