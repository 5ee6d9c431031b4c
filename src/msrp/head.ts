import {
  type ByteRange,
  type ContinuationFlag,
  isRangeTooLarge,
  type MsrpField,
  type MsrpHead,
  OUT_OF_BOUNDS,
  parseByteRange,
  parseReportStatus,
  type ReportStatus,
} from './frame.ts'

/** RFC 4975 9. */
const START_LINE = /^MSRP ([A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}) (?:(\d{3})(?: (.*))?|([A-Z]{1,32}))$/
/** More than ident, because idents of three characters are seen. */
const MESSAGE_ID = /^[A-Za-z0-9.\-+%=]{1,64}$/
const NOT_A_PATH = /[^\x21-\x7e ]/

/** Takes the lines of one head as they come. What is wrong without touching the framing becomes the head's defect. */
export class HeadBuilder {
  readonly transactionId: string
  readonly #method: string | undefined
  readonly #status: number
  readonly #comment: string
  readonly #fields: MsrpField[] = []
  readonly #lines: string[] = []
  #toPath: string | undefined
  #fromPath: string | undefined
  #messageId: string | undefined
  #byteRange: ByteRange | undefined
  #contentType: string | undefined
  #failureReport: MsrpHead['failureReport'] = 'yes'
  #successReport = false
  #reportStatus: ReportStatus | undefined
  #defect: string | undefined

  constructor(transactionId: string, method: string | undefined, status: number, comment: string) {
    this.transactionId = transactionId
    this.#method = method
    this.#status = status
    this.#comment = comment
  }

  /** Undefined when `line` is no start line of MSRP. */
  static start(line: string): HeadBuilder | undefined {
    const match = START_LINE.exec(line)
    return match ? new HeadBuilder(match[1]!, match[4], Number(match[2] ?? 0), match[3] ?? '') : undefined
  }

  get headers(): number {
    return this.#lines.length
  }

  /** The continuation flag if `line`, which begins with seven hyphens, is this frame's end-line. */
  flagOf(line: string): ContinuationFlag | undefined {
    const flag = line[7 + this.transactionId.length]
    const isEnd = line.length === 8 + this.transactionId.length && line.startsWith(this.transactionId, 7)
    return isEnd && (flag === '$' || flag === '+' || flag === '#') ? flag : undefined
  }

  add(line: string): void {
    this.#lines.push(line)
    const colon = line.indexOf(':')
    if (colon < 1) {
      this.#defect ??= 'header without colon'
      return
    }
    const name = line.slice(0, colon)
    const value = trim(line, colon + 1)
    this.#fields.push({ name, value })
    if (!this.#set(name, value)) this.#set(name.toLowerCase(), value)
  }

  /** Undefined when a path is missing, repeated or unprintable: then nobody can be answered. */
  finish(hasBody: boolean): MsrpHead | undefined {
    if (!this.#toPath || !this.#fromPath) return undefined
    const needsId = this.#method === 'SEND' || this.#method === 'REPORT'
    return {
      transactionId: this.transactionId,
      method: this.#method,
      status: this.#status,
      comment: this.#comment,
      toPath: this.#toPath,
      fromPath: this.#fromPath,
      messageId: this.#messageId,
      byteRange: this.#byteRange,
      contentType: this.#contentType,
      failureReport: this.#failureReport,
      successReport: this.#successReport,
      reportStatus: this.#reportStatus,
      fields: this.#fields,
      lines: this.#lines,
      hasBody,
      defect: this.#defect ?? (needsId && this.#messageId === undefined ? 'no Message-ID' : undefined),
    }
  }

  #set(name: string, value: string): boolean {
    switch (name) {
      case 'To-Path':
      case 'to-path':
        this.#toPath = path(this.#toPath, value)
        return true
      case 'From-Path':
      case 'from-path':
        this.#fromPath = path(this.#fromPath, value)
        return true
      case 'Message-ID':
      case 'message-id':
        if (this.#messageId !== undefined || !MESSAGE_ID.test(value)) this.#defect ??= 'Message-ID'
        else this.#messageId = value
        return true
      case 'Byte-Range':
      case 'byte-range':
        if (this.#byteRange) this.#defect ??= 'Byte-Range'
        this.#byteRange = parseByteRange(value)
        if (!this.#byteRange) this.#defect ??= isRangeTooLarge(value) ? OUT_OF_BOUNDS : 'Byte-Range'
        return true
      case 'Content-Type':
      case 'content-type':
        if (this.#contentType !== undefined || value === '') this.#defect ??= 'Content-Type'
        else this.#contentType = value
        return true
      default:
        return this.#setReport(name, value)
    }
  }

  #setReport(name: string, value: string): boolean {
    switch (name) {
      case 'Success-Report':
      case 'success-report':
        this.#successReport = YES.test(value)
        if (!this.#successReport && !NO.test(value)) this.#defect ??= 'Success-Report'
        return true
      case 'Failure-Report':
      case 'failure-report':
        if (YES.test(value)) this.#failureReport = 'yes'
        else if (NO.test(value)) this.#failureReport = 'no'
        else if (PARTIAL.test(value)) this.#failureReport = 'partial'
        else this.#defect ??= 'Failure-Report'
        return true
      case 'Status':
      case 'status':
        this.#reportStatus = parseReportStatus(value)
        return true
      default:
        return false
    }
  }
}

/** RFC 4975 9: words of its grammar, which is one of RFC 4234: in any case. */
const YES = /^yes$/i
const NO = /^no$/i
const PARTIAL = /^partial$/i

/** The empty string stands for a path that is there and of no use. */
const path = (before: string | undefined, value: string): string =>
  before !== undefined || NOT_A_PATH.test(value) ? '' : value

/** Spaces and tabs only: to String.trim an octet A0, the end of many a UTF-8 character, is white space too. */
const trim = (line: string, from: number): string => {
  let end = line.length
  while (from < end && isBlank(line.charCodeAt(from))) from++
  while (end > from && isBlank(line.charCodeAt(end - 1))) end--
  return line.slice(from, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
