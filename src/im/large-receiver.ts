import type { Now } from '../base/time.ts'
import type { AnswerChunk, ChunkReceiver } from '../msrp/assembly.ts'
import type { ContinuationFlag, MsrpHead } from '../msrp/frame.ts'
import type { NewUpload } from '../store/verbs.ts'
import { isNoise, mediaTypeOf } from './content-kind.ts'
import { GATHER_BYTES } from './receive-budget.ts'
import { Upload, type UploadContext, type UploadRefusal } from './upload.ts'

export interface LargeReceiverEvents {
  /** What the sender's connection gives is more than can be taken, or no longer. */
  hold(now: Now, isHeld: boolean): void
  /** The sender is there. */
  onHeard(now: Now): void
  /** A message that will not be kept; the sender was told, or is told at the end of the chunk that is arriving. */
  onRefused(now: Now, why: UploadRefusal): void
  onStored(now: Now, isNew: boolean): void
}

/** Unfinished messages of one session: peers send one after the other, or two interleaved. */
const UNFINISHED_MAX = 8

/** Messages of one session that wait for flash: many small ones one after the other. */
const UNSETTLED_MAX = 64

/** Of one session on its way to flash: keeps a disk busy over one flush while the next run of blocks comes in. */
const WINDOW_BYTES = 4 * GATHER_BYTES

/** As many as one window of chunks can repeat. */
const KNOWN_MAX = 64

/** RFC 4975 7.2: stop sending this message. */
const STOP = 413

interface Arriving {
  /** Absent where nothing is kept of it. */
  readonly upload?: Upload
  status: number
  /** The chunk that made it whole waits for flash. */
  answer?: AnswerChunk
}

const NOT_KEPT: Arriving = { status: 200 }
const REFUSED: Arriving = { status: STOP }

/** The chunks of one session on their way into custody (DM-STO-05..07): every message of it is one of its own. */
export class LargeReceiver implements ChunkReceiver {
  readonly #context: UploadContext
  readonly #messageFor: (now: Now, messageId: string) => NewUpload
  readonly #events: LargeReceiverEvents
  readonly #arriving = new Map<string, Arriving>()
  readonly #resume = (now: Now): void => this.#goOn(now)
  /** Message-IDs of what is in custody already, and comes again. */
  readonly #known = new Set<string>()
  /** The chunk that is coming in. */
  #current: { readonly messageId: string; readonly arriving: Arriving; offset: number } | undefined
  #isHeld = false
  /** One message was refused, and the session ends for it. */
  #isRefusing = false

  constructor(
    context: UploadContext,
    messageFor: (now: Now, messageId: string) => NewUpload,
    events: LargeReceiverEvents,
  ) {
    this.#context = context
    this.#messageFor = messageFor
    this.#events = events
  }

  /** What it waits for is its own side's to do: the sender is not silent. */
  get isBusy(): boolean {
    return this.#isHeld || [...this.#arriving.values()].some(({ upload }) => upload?.isComplete)
  }

  begin(now: Now, head: MsrpHead): number {
    const messageId = head.messageId!
    const { byteRange } = head
    this.#events.onHeard(now)
    const offset = (byteRange?.start ?? 1) - 1
    const arriving = this.#arriving.get(messageId) ?? this.#place(messageId, now, head)
    this.#current = { messageId, arriving, offset }
    arriving.upload?.begin(now, byteRange)
    return arriving.status
  }

  data(now: Now, bytes: Buffer): number {
    const current = this.#current!
    const { arriving, offset } = current
    current.offset += bytes.length
    this.#events.onHeard(now)
    arriving.upload?.add(now, offset, bytes)
    this.#checkRoom(now)
    return arriving.status
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    const current = this.#current
    this.#current = undefined
    if (!current) return answer(now, STOP)
    const { messageId, arriving, offset } = current
    const { upload, status } = arriving
    if (!upload || status !== 200 || this.#known.has(messageId))
      return answer(now, status, flag === '$' ? offset : undefined)
    // An empty message says nothing: some clients open their way through a NAT with one.
    if (flag === '#' || (flag === '$' && offset === 0)) {
      this.#arriving.delete(messageId)
      upload.drop(now)
      return answer(now, 200)
    }
    if (flag === '$') upload.endsAt(now, offset)
    arriving.answer = answer
    if (upload.complete(now)) return
    delete arriving.answer
    answer(now, arriving.status)
  }

  /** The owner of the session hears of its end, with the time, by `onClosed`. */
  abandon(): void {
    this.#current = undefined
  }

  /** Nothing more comes. Messages that are whole go on to custody; of the others nothing is left. */
  close(now: Now): void {
    this.#context.budget.forget(this.#resume)
    this.#current = undefined
    for (const { upload } of this.#arriving.values()) upload?.drop(now)
  }

  #place(messageId: string, now: Now, head: MsrpHead): Arriving {
    if (this.#isRefusing) return REFUSED
    if (this.#known.has(messageId)) return NOT_KEPT
    const contentType = head.contentType ?? 'text/plain'
    if (isNoise(mediaTypeOf(contentType))) return NOT_KEPT
    const unfinished = [...this.#arriving.values()].filter(({ upload }) => !upload?.isComplete)
    if (unfinished.length >= UNFINISHED_MAX) return REFUSED
    const first = { transactionId: head.transactionId, contentType, expectedBytes: head.byteRange?.total ?? 0 }
    const upload = new Upload(this.#context, this.#messageFor(now, messageId), first, {
      onStored: (then, isNew, size) => this.#stored(then, messageId, isNew, size),
      onForgotten: (then, size) => this.#forgotten(then, messageId, size),
      onKnown: then => this.#isKnown(then, messageId),
      onRefused: (then, why) => this.#refused(then, messageId, why),
      onProgress: then => this.#goOn(then),
    })
    const arriving: Arriving = { upload, status: 200 }
    this.#arriving.set(messageId, arriving)
    return arriving
  }

  #stored(now: Now, messageId: string, isNew: boolean, size: number): void {
    this.#accepted(now, messageId, size)
    this.#events.onStored(now, isNew)
    this.#goOn(now)
  }

  #forgotten(now: Now, messageId: string, size: number): void {
    this.#accepted(now, messageId, size)
    this.#goOn(now)
  }

  #accepted(now: Now, messageId: string, size: number): void {
    const arriving = this.#arriving.get(messageId)
    this.#arriving.delete(messageId)
    arriving?.answer?.(now, 200, size)
  }

  /** RFC 3261 8.2.2.2 in its way: what is in custody already is answered as it was, and not kept again. */
  #isKnown(now: Now, messageId: string): void {
    this.#arriving.delete(messageId)
    this.#known.add(messageId)
    if (this.#known.size > KNOWN_MAX) this.#known.delete(this.#known.values().next().value!)
    this.#goOn(now)
  }

  /** Further chunks of it get the same answer until the session has ended. */
  #refused(now: Now, messageId: string, why: UploadRefusal): void {
    const arriving = this.#arriving.get(messageId)
    if (!arriving) return
    this.#isRefusing = true
    arriving.status = why === 'contradictory' ? 400 : STOP
    arriving.answer?.(now, arriving.status)
    delete arriving.answer
    this.#events.onRefused(now, why)
    this.#goOn(now)
  }

  get #isOverWindow(): boolean {
    let bytes = 0
    for (const { upload } of this.#arriving.values()) bytes += upload?.outstandingBytes ?? 0
    const share = this.#isHeld ? 0.5 : 1
    return bytes >= WINDOW_BYTES * share || this.#arriving.size >= UNSETTLED_MAX * share
  }

  /** What is held is on its way to flash as a whole, so that it is sure to come free again. */
  #checkRoom(now: Now): void {
    const { budget } = this.#context
    if (!budget.isFull && !this.#isOverWindow) return
    for (const { upload } of this.#arriving.values()) upload?.flush()
    if (budget.isFull) budget.wait(this.#resume)
    if (this.#isHeld) return
    this.#isHeld = true
    this.#events.hold(now, true)
  }

  #goOn(now: Now): void {
    if (!this.#isHeld || this.#isOverWindow) return
    const { budget } = this.#context
    if (budget.isFull) return budget.wait(this.#resume)
    budget.forget(this.#resume)
    this.#isHeld = false
    this.#events.hold(now, false)
  }
}
