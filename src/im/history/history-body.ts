import { type Entropy, token } from '../../base/entropy.ts'
import { type Now, sipDate } from '../../base/time.ts'
import { deferredPart } from '../../content/deferred-part.ts'
import { headLines } from '../../content/head-lines.ts'
import { shownHeads, shownMessage } from '../../content/history-privacy.ts'
import { encodeMultipart, freshBoundary, MultipartWriter, type Part } from '../../content/multipart.ts'
import type { HistoryEntry, HistoryPiece } from '../../store/history.ts'
import type { HistoryForms } from './history-forms.ts'
import { type HistoryPieces, isSendStart } from './history-pieces.ts'
import type { SelectedItem } from './history-selection.ts'

/** The body of one MSRP message, made while it is sent. */
export interface HistoryBody {
  readonly contentType: string
  /** One call at a time, until it is the last. */
  next(now: Now, done: (now: Now, read: BodyRead) => void): void
}

type BodyRead =
  | { readonly bytes: readonly Buffer[]; readonly isLast: boolean }
  | { readonly why: string; readonly isGone: boolean }

/** They speak of a body that is not there (RFC 3420 2). */
const OF_THE_BODY = new Set(['content-type', 'content-length', 'content-encoding', 'content-disposition'])

/** HIS-DLV-04: a MESSAGE, which is one piece, as it was received, and when (HIS-DLV-03). */
export function messageBody(
  now: Now,
  { entry }: SelectedItem,
  forms: HistoryForms & { readonly message: 'message/sip' | 'message/sipfrag' },
  parts: { readonly pieces: HistoryPieces; readonly entropy: Entropy },
  done: (now: Now, body: HistoryBody | Extract<BodyRead, { why: string }>) => void,
): void {
  const read: Buffer[] = []
  const more = (then: Now): void =>
    parts.pieces.take(then, (later, taken) => {
      if (taken.kind === 'broken') return done(later, taken)
      if (taken.kind === 'pieces') {
        for (const { bytes } of taken.pieces) read.push(bytes)
        return more(later)
      }
      const message = shownMessage(read.length === 1 ? read[0]! : Buffer.concat(read), entry.isAnonymous)
      const dated = forms.hasFragments ? message : withDate(message, entry)
      const part = { ...deferredPart(dated, forms.message), contentId: contentIdOf(entry) }
      done(later, whole(forms.hasFragments ? [part, receipt(entry)] : [part], parts.entropy))
    })
  more(now)
}

/** What a session was, before its SENDs: its heads, and when it began (HIS-STO-02, 05). */
export const sessionBody = (item: SelectedItem, entropy: Entropy): HistoryBody =>
  whole(withId(item.entry, [...fragments(item, ['invite', 'answer', 'bye']), receipt(item.entry)]), entropy)

/** HIS-DLV-04: the heads of a large message, and each of its SENDs with all its headers in a part of its own (C3). */
export class LargeHistoryBody implements HistoryBody {
  readonly #pieces: HistoryPieces
  readonly #writer: MultipartWriter
  readonly #last: readonly Part[]
  /** Not sent yet: what goes before the content. */
  #before: Buffer[]
  #isWithinSend = false

  constructor(item: SelectedItem, pieces: HistoryPieces, entropy: Entropy) {
    const heads = fragments(item, ['invite', 'answer'])
    const first = withId(item.entry, heads.length > 0 ? heads : [receipt(item.entry)])
    this.#last = [...fragments(item, ['bye']), receipt(item.entry)]
    // Chosen after the content has come, so nobody could write it there.
    this.#writer = new MultipartWriter(freshBoundary([...first, ...this.#last], entropy))
    this.#pieces = pieces
    this.#before = this.#writer.parts(first)
  }

  get contentType(): string {
    return this.#writer.contentType
  }

  next(now: Now, done: (now: Now, read: BodyRead) => void): void {
    const bytes = this.#before
    this.#before = []
    this.#pieces.take(now, (then, taken) => {
      if (taken.kind === 'broken') return done(then, taken)
      if (taken.kind === 'end') {
        const rest = [...this.#writer.parts(this.#last), this.#writer.close()]
        return done(then, { bytes: [...bytes, ...rest], isLast: true })
      }
      for (const piece of taken.pieces) bytes.push(...this.#content(piece))
      done(then, { bytes, isLast: false })
    })
  }

  /** What the receiver said, if anything, is no part of the message. */
  #content({ from, isEnd, bytes }: HistoryPiece): Buffer[] {
    if (from !== 'caller') return []
    const isMore = this.#isWithinSend && !isSendStart(bytes)
    const head = isMore ? [] : [this.#writer.head({ contentType: 'message/msrp' })]
    this.#isWithinSend = !isEnd
    return [...head, bytes]
  }
}

function whole(parts: readonly Part[], entropy: Entropy): HistoryBody {
  const { contentType, body } = encodeMultipart(parts, entropy)
  return { contentType, next: (now, done) => done(now, { bytes: body, isLast: true }) }
}

/** `message/sipfrag` of each head that there is (RFC 3420): the lines as they were, but for privacy. */
function fragments({ entry, heads }: SelectedItem, which: readonly ('invite' | 'answer' | 'bye')[]): Part[] {
  const shown = shownHeads(heads, entry.isAnonymous)
  return which.flatMap(name => {
    const head = shown[name]
    if (!head) return []
    const lines = headLines(head).filter(({ key }) => !OF_THE_BODY.has(key))
    const text = lines.map(line => line.text).join('')
    return [{ contentType: 'message/sipfrag', body: [Buffer.from(text, 'latin1')] }]
  })
}

/** HIS-DLV-03: the time of receipt in a SIP header, while a Date of the sender stays the sender's. The last part of every item. */
export const receipt = ({ receivedAt, callId }: Pick<HistoryEntry, 'receivedAt' | 'callId'>): Part => ({
  contentType: 'message/sipfrag',
  body: [Buffer.from(`Date: ${sipDate(receivedAt)}\r\nCall-ID: ${callId}\r\n`, 'latin1')],
})

/** For a client that takes no fragments. */
function withDate(message: Buffer, { receivedAt }: HistoryEntry): Buffer {
  const end = message.indexOf('\r\n\r\n', 0, 'latin1') + 2
  if (end < 2 || headLines(message.subarray(0, end)).some(({ key }) => key === 'date')) return message
  const date = Buffer.from(`Date: ${sipDate(receivedAt)}\r\n`, 'latin1')
  return Buffer.concat([message.subarray(0, end), date, message.subarray(end)])
}

const withId = (entry: HistoryEntry, [first, ...rest]: readonly Part[]): Part[] =>
  first ? [{ ...first, contentId: contentIdOf(entry) }, ...rest] : []

/** RFC 2392: the reference as an id of the first part. */
const contentIdOf = ({ reference }: HistoryEntry): string => reference.replace(/^sip:/i, '')

/** Of a message that we make: new, as the ids of what was said are within. */
export const freshMessageId = (entropy: Entropy): string => token(entropy, 80)
