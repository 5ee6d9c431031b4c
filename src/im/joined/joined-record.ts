import type { Now } from '../../base/time.ts'
import type { CapturedPiece, RelaySide } from '../../msrp/relay-types.ts'
import type { HistoryHeads, HistoryItem, HistoryOwner } from '../../store/history.ts'
import { contentKind, mediaTypeOf } from '../content-kind.ts'
import { HistoryRecorder, type RecorderContext } from '../history/history-recorder.ts'

/** What all items of one INVITE have in common. */
export interface JoinedSubject {
  readonly kind: 'session' | 'large'
  item(now: Now): HistoryItem
  readonly owners: readonly HistoryOwner[]
  readonly isFromStranger?: boolean
}

/** What is said in a session that the box has joined, on its way into histories. */
export interface JoinedRecord {
  piece(now: Now, piece: CapturedPiece): void
  /** `isWhole`: there was a BYE. */
  end(now: Now, isWhole: boolean, heads: HistoryHeads): void
}

/** Flash cannot follow: both sides are to be read no further, or again. */
type Hold = (now: Now, isHeld: boolean) => void

export const joinedRecord = (
  context: RecorderContext,
  subject: JoinedSubject,
  heads: HistoryHeads,
  now: Now,
  hold: Hold,
): JoinedRecord =>
  subject.kind === 'session'
    ? new SessionRecord(context, subject, heads, now, hold)
    : new LargeRecord(context, subject, heads, hold)

/** HIS-STO-04: one item, whatever is said in it. */
class SessionRecord implements JoinedRecord {
  readonly #recorder: HistoryRecorder

  constructor(context: RecorderContext, subject: JoinedSubject, heads: HistoryHeads, now: Now, hold: Hold) {
    this.#recorder = new HistoryRecorder(context, { ...subject, item: subject.item(now), heads }, { hold })
  }

  piece(now: Now, piece: CapturedPiece): void {
    this.#recorder.piece(now, { at: now.wall, ...piece })
  }

  end(now: Now, isWhole: boolean, heads: HistoryHeads): void {
    this.#recorder.end(now, isWhole ? 'whole' : 'interrupted', { heads })
  }
}

/** Messages of one INVITE that wait for its end: a sender who sends more has those that are whole closed without the head of the BYE. */
const OPEN_MAX = 16
/** With those that are on their way to flash: hundreds in a second where a flush takes fifty milliseconds. */
const UNSETTLED_MAX = OPEN_MAX + 64

interface LargeItem {
  /** Undefined: not what was said, but about it. */
  readonly recorder: HistoryRecorder | undefined
  isWhole: boolean
}

/** The SEND of one side that is under way. */
interface Request {
  /** Undefined: nothing of it is kept. */
  readonly item: LargeItem | undefined
  /** The last three octets so far: continuation flag and CRLF when it ends. */
  tail: Buffer
}

/**
 * HIS-STO-03: each message is an item of its own, however many chunks it has (by its Message-ID, RFC 4975 7.1.1). One that does not
 * come to its end was not delivered, and nothing of it stays.
 */
class LargeRecord implements JoinedRecord {
  readonly #context: RecorderContext
  readonly #subject: JoinedSubject
  readonly #heads: HistoryHeads
  /** By side and Message-ID, oldest first. */
  readonly #items = new Map<string, LargeItem>()
  readonly #requests = new Map<RelaySide, Request>()
  readonly #hold: Hold
  /** Items that flash is behind with. */
  #behind = 0
  #unsettled = 0

  constructor(context: RecorderContext, subject: JoinedSubject, heads: HistoryHeads, hold: Hold) {
    this.#hold = hold
    this.#context = context
    this.#subject = subject
    this.#heads = heads
  }

  piece(now: Now, piece: CapturedPiece): void {
    const { from, bytes, isEnd } = piece
    const request = this.#requestOf(now, from, bytes)
    request.tail = Buffer.concat([request.tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES)
    request.item?.recorder?.piece(now, { at: now.wall, ...piece })
    if (!isEnd) return
    this.#requests.delete(from)
    if (request.item && request.tail[0] === COMPLETE) request.item.isWhole = true
  }

  end(now: Now, _isWhole: boolean, heads: HistoryHeads): void {
    for (const item of this.#items.values()) endItem(now, item, heads)
    this.#items.clear()
    this.#requests.clear()
  }

  /** One that was given up half-way has no end; the next one begins all the same. */
  #requestOf(now: Now, from: RelaySide, bytes: Buffer): Request {
    const open = this.#requests.get(from)
    const begun = beginningIn(bytes)
    if (open && !begun) return open
    const item = begun && this.#itemOf(now, `${from} ${begun.messageId}`, begun)
    const request = { item, tail: Buffer.alloc(0) }
    this.#requests.set(from, request)
    return request
  }

  #itemOf(now: Now, key: string, begun: Beginning): LargeItem | undefined {
    const known = this.#items.get(key)
    if (known) return known
    const isFull = this.#items.size >= OPEN_MAX && !this.#makeRoom(now)
    if (isFull || this.#unsettled >= UNSETTLED_MAX) {
      this.#context.counters.count('history_not_recorded', 'too many messages at once')
      return undefined
    }
    const item = { recorder: isAboutIt(begun) ? undefined : this.#newRecorder(now), isWhole: false }
    this.#items.set(key, item)
    return item
  }

  #newRecorder(now: Now): HistoryRecorder {
    const record = { ...this.#subject, item: this.#subject.item(now), heads: this.#heads }
    this.#unsettled++
    return new HistoryRecorder(this.#context, record, {
      hold: (then, isHeld) => {
        this.#behind += isHeld ? 1 : -1
        this.#hold(then, this.#behind > 0)
      },
      onOver: () => {
        this.#unsettled--
      },
    })
  }

  #makeRoom(now: Now): boolean {
    for (const [key, item] of this.#items) {
      if (!item.isWhole) continue
      this.#items.delete(key)
      endItem(now, item, {})
      return true
    }
    return false
  }
}

const endItem = (now: Now, { recorder, isWhole }: LargeItem, heads: HistoryHeads): void =>
  recorder?.end(now, isWhole ? 'whole' : 'discarded', { heads })

const TAIL_BYTES = 3
const COMPLETE = '$'.charCodeAt(0)

/** What the first piece of a SEND says of its message. */
interface Beginning {
  readonly messageId: string
  readonly contentType: string
  /** As much of the content as is there. */
  readonly content: Buffer
}

const SEND = /^MSRP \S+ SEND\r\nTo-Path:/

/** Undefined where the piece does not begin with the head of a SEND. */
function beginningIn(bytes: Buffer): Beginning | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0 || !SEND.test(bytes.toString('latin1', 0, Math.min(end, START_LINE_MAX)))) return undefined
  const head = bytes.toString('latin1', 0, end)
  const field = (name: string): string | undefined => new RegExp(`\r\n${name}:[ \t]*(.*)`, 'i').exec(head)?.[1]?.trim()
  const messageId = field('Message-ID')
  if (messageId === undefined) return undefined
  return { messageId, contentType: field('Content-Type') ?? '', content: bytes.subarray(end + 4) }
}

/** Of a start line, and of the name of the header that follows it (RFC 4975 7.1). */
const START_LINE_MAX = 64

/** Typing, and receipts: as of a MESSAGE, no history keeps them. */
function isAboutIt({ contentType, content }: Beginning): boolean {
  const { isNoise, isReceipt } = contentKind(mediaTypeOf(contentType), false, content)
  return isNoise || isReceipt
}
