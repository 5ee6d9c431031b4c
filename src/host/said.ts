import { headFields } from '../content/head-fields.ts'
import { shownMessage } from '../content/history-privacy.ts'
import { OCTETS, readableParts } from '../content/readable-parts.ts'
import { type SendHead, SendReader } from '../content/send-reader.ts'
import type { SaidView } from '../services/history.ts'
import type { HistoryPiece } from '../store/history.ts'
import { type HistoryLink, piecesOf } from './history-file.ts'
import { type HistoryFound, shownText } from './history-view.ts'

/** What was said of an item, for a page: as much as a person reads at once. */

/** Octets that are read of one item, and messages that are shown of it. */
const READ_BYTES_MAX = 262_144
const SHOWN_MAX = 200
/** Of one message; the rest is left to the file. */
const TEXT_BYTES_MAX = 16_384

interface Said {
  /** Start line and headers as received, of a MESSAGE. */
  readonly request?: string
  readonly said: readonly SaidView[]
  readonly isCut: boolean
}

export async function saidIn(link: HistoryLink, aor: string, { entry }: HistoryFound): Promise<Said> {
  const pieces: HistoryPiece[] = []
  let bytes = 0
  let isCut = false
  for await (const piece of piecesOf(link, aor, entry.reference)) {
    pieces.push(piece)
    bytes += piece.bytes.length
    isCut = bytes >= READ_BYTES_MAX
    if (isCut) break
  }
  const names = { caller: shownText(entry.from), callee: shownText(entry.to), focus: shownText(entry.to) }
  if (entry.kind === 'message') {
    const message = shownMessage(Buffer.concat(pieces.map(piece => piece.bytes)), entry.isAnonymous)
    return { ...messageIn(message, names.caller, entry.receivedAt), isCut }
  }
  const said = new Conversation(names)
  for (const piece of pieces) said.push(piece)
  const all = said.end()
  return { said: all.slice(0, SHOWN_MAX), isCut: isCut || all.length > SHOWN_MAX }
}

function messageIn(message: Buffer, from: string, at: number): Omit<Said, 'isCut'> {
  const end = message.indexOf('\r\n\r\n')
  const head = end < 0 ? message : message.subarray(0, end + 2)
  const body = end < 0 ? Buffer.alloc(0) : message.subarray(end + 4)
  const fields = headFields(message)
  const type = fields.has('content-encoding') ? OCTETS : fields.get('content-type')
  const parts = body.length === 0 ? [] : readableParts(type, body)
  return { request: shownText(head.toString('latin1')), said: parts.map(part => view(part, from, at)) }
}

const view = ({ contentType, body }: ReturnType<typeof readableParts>[number], from: string, at: number): SaidView => {
  const text = textIn(contentType, body)
  return { from, at, contentType: shownText(contentType), bytes: body.length, ...(text !== undefined && { text }) }
}

/** Only what says that it is text, and is; a page never guesses. */
function textIn(contentType: string, body: Buffer): string | undefined {
  if (!/^text\//i.test(contentType) || body.length > TEXT_BYTES_MAX) return undefined
  const charset = /;\s*charset="?([\w-]{1,40})/i.exec(contentType)?.[1] ?? 'utf-8'
  try {
    const text = new TextDecoder(charset, { fatal: true }).decode(body)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

interface Message {
  readonly head: SendHead
  readonly from: string
  readonly at: number
  readonly parts: Buffer[]
  isOver: boolean
}

/** SENDs in, messages out: chunks that follow on each other are one. */
class Conversation {
  readonly #names: Readonly<Record<HistoryPiece['from'], string>>
  readonly #reader = new SendReader()
  readonly #all: Message[] = []

  constructor(names: Readonly<Record<HistoryPiece['from'], string>>) {
    this.#names = names
  }

  push({ bytes, isEnd, from, at }: HistoryPiece): void {
    for (const piece of this.#reader.push(bytes, isEnd)) {
      if (piece.kind === 'head') this.#begin(piece.head, this.#names[from], at)
      else if (piece.kind === 'body') this.#all.at(-1)?.parts.push(piece.bytes)
      else if (piece.flag !== '+') this.#over()
    }
  }

  end(): SaidView[] {
    for (const piece of this.#reader.end()) if (piece.kind === 'body') this.#all.at(-1)?.parts.push(piece.bytes)
    return this.#all.flatMap(({ head, from, at, parts }) => {
      const body = Buffer.concat(parts)
      return body.length === 0 ? [] : readableParts(head.contentType, body).map(part => view(part, from, at))
    })
  }

  #begin(head: SendHead, from: string, at: number): void {
    const last = this.#all.at(-1)
    const goesOn = last && !last.isOver && last.from === from && last.head.messageId === head.messageId
    if (!goesOn) this.#all.push({ head, from, at, parts: [], isOver: false })
  }

  #over(): void {
    const last = this.#all.at(-1)
    if (last) last.isOver = true
  }
}
