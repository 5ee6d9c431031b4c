import type { Now } from '../../base/time.ts'
import type { AnswerChunk, ChunkReceiver } from '../../msrp/assembly.ts'
import type { ContinuationFlag, MsrpHead } from '../../msrp/frame.ts'
import type { NewUpload } from '../../store/verbs.ts'
import { isCpim, isNoise, mediaTypeOf } from '../content-kind.ts'
import type { LargeRecord } from './large-records.ts'
import { GATHER_BYTES, type Gatherer, type SessionMemory } from './receive-budget.ts'
import { Upload, type UploadContext, type UploadEvents, type UploadRefusal } from './upload.ts'

interface LargeReceiverEvents {
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

/** Chunks of one session whose answer waits for flash: twice the window of a sender of many small messages. */
const UNANSWERED_MAX = 128

/** Of one session on its way to flash: what a fast sender gives while one commit is flushed and the next is made. An eighth of what all may have. */
const WINDOW_BYTES = 8 * GATHER_BYTES

/** As many as one window of chunks can repeat. */
const KNOWN_MAX = 64

/** RFC 4975 7.2: stop sending this message. */
const STOP = 413

interface Arriving {
  readonly messageId: string
  /** Absent where nothing is kept of it. */
  readonly upload?: Upload
  /** Of histories, where they want it. */
  readonly record?: LargeRecord
  status: number
  /** Of the chunk that made it whole, and of those that repeat it while it waits for flash. */
  readonly answers: AnswerChunk[]
}

const NOT_KEPT: Arriving = { messageId: '', status: 200, answers: [] }
const REFUSED: Arriving = { messageId: '', status: STOP, answers: [] }

/**
 * The chunks of one session on their way into custody (DM-STO-05..07): every message of it is one of its own. Lists, as `Slots` says
 * why: the unfinished are few, and of those that wait for flash the first is nearly always the next to be done.
 */
export class LargeReceiver implements ChunkReceiver, Gatherer {
  readonly #context: UploadContext
  readonly #messageFor: (now: Now, messageId: string) => NewUpload
  readonly #events: LargeReceiverEvents
  readonly #recordFor: ((now: Now) => LargeRecord) | undefined
  readonly #uploadEvents: UploadEvents
  readonly #unfinished: Arriving[] = []
  /** Whole, in the order in which they became so: which is their order in the mailbox. */
  readonly #complete: Arriving[] = []
  /** The store is to make them messages of the mailbox. */
  readonly #settling: Arriving[] = []
  readonly #memory: SessionMemory = { bytes: 0 }
  readonly #resume = (now: Now): void => this.#goOn(now)
  /** Message-IDs of what is in custody already, and comes again. */
  readonly #known = new Set<string>()
  /** Message-IDs of what was stored last, of which a chunk may come again: the oldest is written over. */
  readonly #stored: string[] = []
  #storedAt = 0
  #unanswered = 0
  /** The chunk that is coming in, and where in the message its next octets go. */
  #current: Arriving | undefined
  #offset = 0
  #type = { contentType: '', mediaType: '', isCpim: false }
  #isHeld = false
  /** One message was refused, and the session ends for it. */
  #isRefusing = false

  constructor(
    context: UploadContext,
    messageFor: (now: Now, messageId: string) => NewUpload,
    events: LargeReceiverEvents,
    /** A message begins that histories want. */
    recordFor?: (now: Now) => LargeRecord,
  ) {
    this.#context = context
    this.#messageFor = messageFor
    this.#events = events
    this.#recordFor = recordFor
    this.#uploadEvents = {
      onStored: (now, upload, isNew, size) => {
        this.#accepted(now, upload, size, isNew && !upload.isReceipt)
        events.onStored(now, isNew)
        this.#goOn(now)
      },
      onForgotten: (now, upload, size) => {
        this.#accepted(now, upload, size, false)
        this.#goOn(now)
      },
      onKnown: (now, upload) => this.#isKnown(now, upload),
      onRefused: (now, upload, why) => this.#refused(now, upload, why),
      onProgress: now => this.#goOn(now),
    }
    context.budget.join(this)
  }

  /** What it waits for is its own side's to do: the sender is not silent. */
  get isBusy(): boolean {
    return this.#isHeld || [...this.#complete, ...this.#settling].some(({ upload }) => upload?.isComplete)
  }

  get gatheredBytes(): number {
    let bytes = 0
    for (const { upload } of this.#unfinished) bytes += upload?.gatheredBytes ?? 0
    return bytes
  }

  flush(): void {
    for (const { upload } of this.#unfinished) upload?.flush()
  }

  begin(now: Now, head: MsrpHead): number {
    const messageId = head.messageId!
    const { byteRange } = head
    this.#events.onHeard(now)
    const arriving = this.#named(messageId) ?? this.#place(messageId, now, head)
    this.#current = arriving
    this.#offset = (byteRange?.start ?? 1) - 1
    arriving.upload?.begin(now, byteRange)
    if (arriving.status === 200) arriving.record?.chunk(head)
    return arriving.status
  }

  data(now: Now, bytes: Buffer): number {
    const arriving = this.#current!
    const offset = this.#offset
    this.#offset += bytes.length
    this.#events.onHeard(now)
    arriving.upload?.add(now, offset, bytes)
    arriving.record?.data(now, bytes)
    this.#checkRoom(now)
    return arriving.status
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    const arriving = this.#current
    const offset = this.#offset
    this.#current = undefined
    if (!arriving) return answer(now, STOP)
    const { upload, status, messageId } = arriving
    arriving.record?.end(now, flag)
    if (!upload || status !== 200 || this.#known.has(messageId))
      return answer(now, status, status === 200 && flag === '$' ? offset : undefined)
    if (upload.isComplete) return this.#await(now, arriving, answer)
    // An empty message says nothing: some clients open their way through a NAT with one.
    if (flag === '#' || (flag === '$' && offset === 0)) {
      remove(this.#unfinished, arriving)
      drop(now, arriving)
      return answer(now, 200)
    }
    if (flag === '$') upload.endsAt(now, offset)
    this.#await(now, arriving, answer)
    if (upload.complete()) return this.#settleAfter(now, arriving)
    if (arriving.answers.pop()) this.#unanswered--
    if (arriving.status === 200 && this.#stored.includes(messageId)) {
      upload.drop(now)
      this.#isKnown(now, upload)
    }
    answer(now, arriving.status)
  }

  /** The owner of the session hears of its end, with the time, by `onClosed`. */
  abandon(): void {
    this.#current = undefined
  }

  /** Nothing more comes. Messages that are whole go on to custody; of the others nothing is left. */
  close(now: Now): void {
    this.#context.budget.forget(this.#resume)
    this.#context.budget.leave(this)
    this.#current = undefined
    for (const arriving of this.#unfinished) drop(now, arriving)
  }

  #place(messageId: string, now: Now, head: MsrpHead): Arriving {
    if (this.#isRefusing) return REFUSED
    if (this.#known.has(messageId)) return NOT_KEPT
    const contentType = head.contentType ?? 'text/plain'
    const type = this.#typeOf(contentType)
    const { transactionId, byteRange } = head
    if (isNoise(type.mediaType, byteRange?.total ?? 0)) return NOT_KEPT
    if (this.#unfinished.length >= UNFINISHED_MAX) return REFUSED
    const first = { transactionId, contentType, isCpim: type.isCpim, expectedBytes: byteRange?.total ?? 0 }
    const message = this.#messageFor(now, messageId)
    const upload = new Upload(this.#context, message, first, this.#memory, this.#uploadEvents)
    const record = this.#recordFor?.(now)
    const arriving: Arriving = { messageId, upload, status: 200, answers: [], ...(record && { record }) }
    this.#unfinished.push(arriving)
    return arriving
  }

  /** Of the same type as the one before, mostly. */
  #typeOf(contentType: string): { mediaType: string; isCpim: boolean } {
    if (contentType !== this.#type.contentType) {
      const mediaType = mediaTypeOf(contentType)
      this.#type = { contentType, mediaType, isCpim: isCpim(mediaType) }
    }
    return this.#type
  }

  #await(now: Now, arriving: Arriving, answer: AnswerChunk): void {
    arriving.answers.push(answer)
    this.#unanswered++
    this.#checkRoom(now)
  }

  #settleAfter(now: Now, arriving: Arriving): void {
    remove(this.#unfinished, arriving)
    this.#complete.push(arriving)
    this.#settle(now)
  }

  /** A small message does not overtake a large one that was whole before it. */
  #settle(now: Now): void {
    for (let next = this.#complete[0]; next?.upload?.isReady; next = this.#complete[0]) {
      this.#complete.shift()
      this.#settling.push(next)
      next.upload.settle(now)
    }
  }

  #accepted(now: Now, upload: Upload, size: number, isNews: boolean): void {
    const arriving = this.#of(upload)
    if (!arriving) return
    if (!remove(this.#settling, arriving)) remove(this.#complete, arriving)
    this.#stored[this.#storedAt++ % KNOWN_MAX] = arriving.messageId
    this.#answer(now, arriving, 200, size)
    if (isNews) arriving.record?.stored(now)
    else arriving.record?.dropped(now)
  }

  #of(upload: Upload): Arriving | undefined {
    const isIts = (arriving: Arriving): boolean => arriving.upload === upload
    return this.#settling.find(isIts) ?? this.#complete.find(isIts) ?? this.#unfinished.find(isIts)
  }

  #named(messageId: string): Arriving | undefined {
    return named(this.#unfinished, messageId) ?? named(this.#settling, messageId) ?? named(this.#complete, messageId)
  }

  #answer(now: Now, arriving: Arriving, status: number, size?: number): void {
    const answers = arriving.answers.splice(0)
    this.#unanswered -= answers.length
    for (const answer of answers) answer(now, status, size)
  }

  /** RFC 3261 8.2.2.2 in its way: what is in custody already is answered as it was, and not kept again. */
  #isKnown(now: Now, upload: Upload): void {
    const arriving = this.#of(upload)
    if (!arriving) return
    remove(this.#unfinished, arriving)
    arriving.record?.dropped(now)
    this.#known.add(arriving.messageId)
    if (this.#known.size > KNOWN_MAX) this.#known.delete(this.#known.values().next().value!)
    this.#goOn(now)
  }

  /** Further chunks of it get the same answer until the session has ended. */
  #refused(now: Now, upload: Upload, why: UploadRefusal): void {
    const arriving = this.#of(upload)
    if (!arriving) return
    this.#isRefusing = true
    arriving.status = why === 'contradictory' ? 400 : STOP
    this.#answer(now, arriving, arriving.status)
    arriving.record?.dropped(now)
    this.#events.onRefused(now, why)
    this.#goOn(now)
  }

  get #isOverWindow(): boolean {
    const share = this.#isHeld ? 0.5 : 1
    return this.#memory.bytes >= WINDOW_BYTES * share || this.#unanswered >= UNANSWERED_MAX * share
  }

  /**
   * What is held is on its way to flash as a whole, so that it is sure to come free again. Only blocks that are half full may wait for their
   * rest where the others suffice to go on and nobody else needs their room.
   */
  #checkRoom(now: Now): void {
    const { budget } = this.#context
    if (!budget.isFull && !this.#isOverWindow) return
    if (budget.isFull || this.#unfinished.length * GATHER_BYTES >= WINDOW_BYTES / 2)
      for (const { upload } of this.#unfinished) upload?.flush()
    if (budget.isFull) budget.wait(this.#resume)
    if (this.#isHeld) return
    this.#isHeld = true
    this.#events.hold(now, true)
  }

  #goOn(now: Now): void {
    this.#settle(now)
    if (!this.#isHeld || this.#isOverWindow) return
    const { budget } = this.#context
    if (budget.isFull) return budget.wait(this.#resume)
    budget.forget(this.#resume)
    this.#isHeld = false
    this.#events.hold(now, false)
  }
}

function named(list: readonly Arriving[], messageId: string): Arriving | undefined {
  for (const arriving of list) if (arriving.messageId === messageId) return arriving
  return undefined
}

function drop(now: Now, { upload, record }: Arriving): void {
  upload?.drop(now)
  record?.dropped(now)
}

/** Whether it was there. */
function remove(list: Arriving[], arriving: Arriving): boolean {
  const at = list.indexOf(arriving)
  if (at >= 0) list.splice(at, 1)
  return at >= 0
}
