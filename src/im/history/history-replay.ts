import type { Now } from '../../base/time.ts'
import type { ByteRange, ContinuationFlag, MsrpHead } from '../../msrp/frame.ts'
import { FIXED_CHUNK_BYTES_MAX } from '../../msrp/limits.ts'
import { MsrpParser, MsrpSyntaxError } from '../../msrp/parse.ts'
import { acceptsOutside } from '../../sdp/accept.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import type { HistoryPiece } from '../../store/history.ts'
import type { ItemChunk, ItemChunks, TakenChunk } from './history-chunks.ts'
import { type HistoryPieces, isSendStart } from './history-pieces.ts'

/** A SEND up to this length goes out in one piece as it came; of a longer one no more is in memory, and it is cut here (RFC 4975 5.1). */
const SEND_BYTES_MAX = 262_144

/** Message-IDs refused by the client that are remembered: their chunks follow each other. */
const REFUSED_MAX = 64

/**
 * What is of the one session only (C15), and what was asked in the name of a sender who waits for nothing any more: the client is to
 * answer each SEND, or nobody knew how far it is, and to report none.
 */
const LEFT_OUT = new Set(['to-path', 'from-path', 'success-report', 'failure-report'])

/** One side of the session as it is read. */
interface Side {
  parser: MsrpParser
  head: MsrpHead | undefined
  /** Of the body, not sent yet. */
  body: Buffer[]
  bodyBytes: number
  /** Of the body, sent already. */
  sentBytes: number
  isPassedOver: boolean
}

/** HIS-DLV-05, 06: a session SEND by SEND in the order of their arrival, each as it was received. */
export class ReplayChunks implements ItemChunks {
  readonly #pieces: HistoryPieces
  readonly #media: MsrpMedia
  readonly #sides = new Map<HistoryPiece['from'], Side>()
  readonly #ready: ItemChunk[] = []
  readonly #refused = new Set<string>()
  #passedOver = 0
  #ended: TakenChunk | undefined

  constructor(pieces: HistoryPieces, media: MsrpMedia) {
    this.#pieces = pieces
    this.#media = media
  }

  get passedOver(): number {
    return this.#passedOver
  }

  refused(messageId: string): void {
    this.#refused.add(messageId)
    if (this.#refused.size > REFUSED_MAX) this.#refused.delete(this.#refused.values().next().value!)
  }

  take(now: Now, done: (now: Now, taken: TakenChunk) => void): void {
    for (let chunk = this.#ready.shift(); chunk; chunk = this.#ready.shift())
      if (!this.#refused.has(chunk.messageId)) return done(now, { kind: 'chunk', chunk })
    if (this.#ended) return done(now, this.#ended)
    this.#pieces.take(now, (then, taken) => {
      if (taken.kind === 'pieces') for (const piece of taken.pieces) this.#read(piece)
      else {
        this.#ended = taken
        for (const side of this.#sides.values()) this.#leave(side)
      }
      this.take(then, done)
    })
  }

  #read({ from, bytes }: HistoryPiece): void {
    const side = this.#sides.get(from) ?? newSide()
    this.#sides.set(from, side)
    // The one before was never ended: its connection broke, or it was refused half-way.
    if (side.parser.isMidFrame && isSendStart(bytes)) this.#leave(side)
    try {
      side.parser.push(bytes)
      for (let event = side.parser.next(); event; event = side.parser.next()) {
        if (event.kind === 'head') this.#begin(side, event.head)
        else if (event.kind === 'body') this.#add(side, event.bytes)
        else this.#end(side, event.flag)
      }
    } catch (error) {
      if (!(error instanceof MsrpSyntaxError)) throw error
      this.#passedOver++
      this.#leave(side)
    }
  }

  #begin(side: Side, head: MsrpHead): void {
    side.head = head
    // RFC 4975 8.6: nothing that the client did not list.
    side.isPassedOver = head.hasBody && !acceptsOutside(this.#media, mediaType(head.contentType ?? 'text/plain'))
    if (side.isPassedOver) this.#passedOver++
  }

  #add(side: Side, bytes: Buffer): void {
    if (side.isPassedOver) return
    side.body.push(bytes)
    side.bodyBytes += bytes.length
    if (side.bodyBytes > SEND_BYTES_MAX) this.#give(side, '+')
  }

  #end(side: Side, flag: ContinuationFlag): void {
    if (!side.isPassedOver) this.#give(side, flag)
    side.head = undefined
    side.sentBytes = 0
    side.isPassedOver = false
  }

  /** Half a SEND: the client forgets what it has of that message, as whoever was sent it had to. */
  #leave(side: Side): void {
    if (side.head) this.#end(side, '#')
    side.parser = new MsrpParser()
  }

  #give(side: Side, flag: ContinuationFlag): void {
    const { head, body, bodyBytes, sentBytes } = side
    if (!head) return
    side.body = []
    side.bodyBytes = 0
    side.sentBytes += bodyBytes
    const isWhole = sentBytes === 0 && !(flag === '+' && bodyBytes > SEND_BYTES_MAX)
    const headers = isWhole ? headersOf(head) : headersOf(head, cutRange(head.byteRange, sentBytes, bodyBytes))
    const send = { headers, flag, ...(head.hasBody && { body }) }
    this.#ready.push({ send, messageId: head.messageId ?? '', bytes: bodyBytes })
  }
}

const newSide = (): Side => ({
  parser: new MsrpParser(),
  head: undefined,
  body: [],
  bodyBytes: 0,
  sentBytes: 0,
  isPassedOver: false,
})

const mediaType = (contentType: string): string => contentType.split(';', 1)[0]!.trim()

/** As they came; `range` in the place of the one that there was, or before Content-Type, which is the last of them. */
function headersOf(head: MsrpHead, range?: string): string {
  const fields = head.fields.filter(({ name }) => !LEFT_OUT.has(name.toLowerCase()))
  const lines = fields.map(({ name, value }) =>
    range !== undefined && name.toLowerCase() === 'byte-range' ? `Byte-Range: ${range}\r\n` : `${name}: ${value}\r\n`,
  )
  if (range !== undefined && !head.byteRange) lines.splice(1, 0, `Byte-Range: ${range}\r\n`)
  return lines.join('')
}

/** Of so many octets of a body, behind those that were sent. */
function cutRange(range: ByteRange | undefined, sentBytes: number, length: number): string {
  const start = (range?.start ?? 1) + sentBytes
  const end = length > FIXED_CHUNK_BYTES_MAX ? '*' : String(start + length - 1)
  return `${start}-${end}/${range?.total ?? '*'}`
}
