import { Base64Lines, mailHeader, mailText } from './mail-text.ts'
import { leafType, OCTETS, readableParts } from './readable-parts.ts'
import { type SendHead, SendReader } from './send-reader.ts'

/** The body of a mail with what was said over MSRP, part by part, in a memory that does not grow with it. */

/** Cannot occur in base64, which all content is in. */
export const MAIL_BOUNDARY = '=_restante'

/** A message up to here is taken apart; a longer one is given with its type as it comes. */
const GATHERED_BYTES_MAX = 65_536

interface MailPart {
  readonly contentType: string
  /** Latin1 text for a person. */
  readonly description?: string
  /** ASCII, of letters, digits and `.-`. */
  readonly fileName?: string
}

/** What stands before the base64 of a part. */
export const partHead = ({ contentType, description, fileName }: MailPart): string =>
  [
    `--${MAIL_BOUNDARY}\nContent-Type: ${contentType}\nContent-Transfer-Encoding: base64\n`,
    mailHeader('Content-Description', description === undefined ? undefined : mailText(description)),
    fileName === undefined
      ? 'Content-Disposition: inline\n'
      : `Content-Disposition: attachment; filename="${fileName}"\n`,
    '\n',
  ].join('')

export const MAIL_END = `--${MAIL_BOUNDARY}--\n\n`

export function wholePart(part: MailPart, body: Buffer): string {
  const lines = new Base64Lines()
  return partHead(part) + lines.push(body) + lines.end()
}

/** Latin1. */
interface Speaker {
  readonly name: string
  /** When, for a person. */
  readonly at: string
}

/** A message that is being said. */
interface Said {
  readonly head: SendHead
  readonly speaker: Speaker
  /** Where in the message its next octet would be, from 1. */
  next: number
}

/** SENDs in, parts out: one for each message, so that chunks that follow on each other are one part. */
export class SessionMail {
  readonly #reader = new SendReader()
  #said: Said | undefined
  #gathered: Buffer[] = []
  #size = 0
  #lines: Base64Lines | undefined
  #isOver = true

  /** Octets of a SEND; `isEnd`: it ends with them. */
  push(bytes: Buffer, isEnd: boolean, speaker: Speaker): string {
    let text = ''
    for (const piece of this.#reader.push(bytes, isEnd)) {
      if (piece.kind === 'head') text += this.#begin(piece.head, speaker)
      else if (piece.kind === 'body') text += this.#add(piece.bytes)
      else this.#isOver = piece.flag !== '+'
    }
    return text
  }

  end(): string {
    let text = ''
    for (const piece of this.#reader.end()) if (piece.kind === 'body') text += this.#add(piece.bytes)
    return text + this.#finish()
  }

  #begin(head: SendHead, speaker: Speaker): string {
    const goesOn = !this.#isOver && this.#said !== undefined && follows(this.#said, head, speaker)
    this.#isOver = true
    if (goesOn) return ''
    const text = this.#finish()
    this.#said = { head, speaker, next: head.rangeStart ?? 1 }
    return text
  }

  #add(bytes: Buffer): string {
    if (this.#said) this.#said.next += bytes.length
    if (this.#lines) return this.#lines.push(bytes)
    this.#gathered.push(bytes)
    this.#size += bytes.length
    if (this.#size <= GATHERED_BYTES_MAX) return ''
    this.#lines = new Base64Lines()
    const all = Buffer.concat(this.#gathered)
    this.#gathered = []
    return partHead({ ...this.#part(), contentType: leafType(this.#said?.head.contentType) }) + this.#lines.push(all)
  }

  /** A SEND without a body says nothing. */
  #finish(): string {
    const whole = Buffer.concat(this.#gathered)
    const text = this.#lines ? this.#lines.end() : whole.length === 0 ? '' : this.#parts(whole)
    this.#lines = undefined
    this.#gathered = []
    this.#size = 0
    this.#said = undefined
    return text
  }

  #parts(body: Buffer): string {
    const parts = readableParts(this.#said?.head.contentType, body)
    return parts.map(part => wholePart({ ...this.#part(), contentType: part.contentType }, part.body)).join('')
  }

  #part(): MailPart {
    const speaker = this.#said?.speaker
    return { contentType: OCTETS, ...(speaker && { description: `${speaker.at} ${speaker.name}` }) }
  }
}

const follows = (said: Said, { messageId, rangeStart }: SendHead, { name }: Speaker): boolean =>
  messageId !== undefined && messageId === said.head.messageId && rangeStart === said.next && name === said.speaker.name
