import { after, type Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { ByteRange } from '../msrp/frame.ts'
import { Progress } from '../msrp/progress.ts'
import type {
  Custody,
  CustodyLimits,
  NewUpload,
  ReceiptTerms,
  RefusalReason,
  StoreClient,
  StoreFailure,
} from '../store/verbs.ts'
import { isCpim, mediaTypeOf } from './content-kind.ts'
import { ContentStart } from './content-start.ts'
import { EndLineWatch } from './end-line-watch.ts'
import { GATHER_BYTES, type ReceiveBudget } from './receive-budget.ts'

export interface UploadContext {
  readonly store: StoreClient
  readonly timers: Timers
  readonly budget: ReceiveBudget
  readonly limits: CustodyLimits
  readonly bytesMax: number
  freshTransactionId(): string
  /** What the beginning of a message/cpim says of it. */
  judge(now: Now, start: Buffer): Judged
  /** It stands in the mailbox. */
  took(now: Now, custody: Custody, receipt: ReceiptTerms | undefined): void
}

export interface Judged {
  /** Of no use later, and so not kept. */
  readonly isNoise: boolean
  readonly receipt?: ReceiptTerms
}

/** What the first SEND says of the message (DM-STO-06). */
export interface FirstChunk {
  readonly transactionId: string
  readonly contentType: string
  /** Octets in all, if the sender said so, else 0. */
  readonly expectedBytes: number
}

/** Why the message will not be kept. */
export type UploadRefusal =
  | RefusalReason
  | 'too large'
  | 'too many pieces'
  | 'contradictory'
  | StoreFailure['failure']
  | 'gone'

export interface UploadEvents {
  /** It stands in the mailbox, or did before all of it came again. */
  onStored(now: Now, isNew: boolean, size: number): void
  /** All of it came, and it is nothing to be kept. */
  onForgotten(now: Now, size: number): void
  /** It was taken into custody before, and comes again. */
  onKnown(now: Now): void
  onRefused(now: Now, why: UploadRefusal): void
  /** Memory was freed. */
  onProgress(now: Now): void
}

/** Separate pieces of one message; chunks in order make one. */
const PIECES_MAX = 64

const DROP_RETRY_MS = 2000

interface Gathered {
  readonly buffer: Buffer
  readonly offset: number
  /** Where in the buffer the next octet goes, and where it ends: so that the next one begins with a block. */
  length: number
  readonly room: number
}

type Part = Pick<Gathered, 'buffer' | 'offset' | 'length'>

/** One arriving message on its way to flash (DM-STO-07): octets in any order and size in, appends of whole blocks out. */
export class Upload {
  readonly #context: UploadContext
  readonly #first: FirstChunk
  readonly #events: UploadEvents
  readonly #progress = new Progress(PIECES_MAX)
  readonly #endLine: EndLineWatch
  readonly #start: ContentStart | undefined
  /** Number in the store; undefined until it said so. */
  #number: number | undefined
  #gathered: Gathered | undefined
  /** Waits for the store's number. */
  #pending: Part[] = []
  #appends = 0
  #outstandingBytes = 0
  #state: 'arriving' | 'complete' | 'finishing' | 'stored' | 'refused' | 'dropped' = 'arriving'

  constructor(context: UploadContext, message: NewUpload, first: FirstChunk, events: UploadEvents) {
    this.#context = context
    this.#first = first
    this.#events = events
    this.#endLine = new EndLineWatch(first.transactionId)
    this.#start = isCpim(mediaTypeOf(first.contentType)) ? new ContentStart() : undefined
    const { expectedBytes } = first
    context.store.ask('upload.begin', { message, expectedBytes, limits: context.limits }, (now, result) => {
      if ('failure' in result) return this.refuse(now, result.failure)
      const begun = result.value
      if (begun.outcome === 'refused') this.refuse(now, begun.reason)
      else if (begun.outcome === 'begun') this.#begun(now, begun.upload)
      else this.#known(now)
    })
  }

  /** Memory in use for it. */
  get outstandingBytes(): number {
    return this.#outstandingBytes
  }

  get isComplete(): boolean {
    return this.#state === 'complete' || this.#state === 'finishing' || this.#state === 'stored'
  }

  /** A chunk of that range comes. */
  begin(now: Now, range: ByteRange | undefined): void {
    const declared = Math.max(range?.total ?? 0, range?.end ?? 0, (range?.start ?? 1) - 1)
    if (declared > this.#context.bytesMax) this.refuse(now, 'too large')
    else if (this.#progress.begin(range) !== 200) this.refuse(now, 'contradictory')
  }

  /** Octets from `offset` on; the bytes are the caller's again when this returns. */
  add(now: Now, offset: number, bytes: Buffer): void {
    if (this.#state !== 'arriving' || bytes.length === 0) return
    const end = offset + bytes.length
    if (end > this.#context.bytesMax) return this.refuse(now, 'too large')
    const status = this.#progress.add(offset, end)
    if (status !== 200) return this.refuse(now, status === 400 ? 'contradictory' : 'too many pieces')
    this.#endLine.see(offset, bytes)
    this.#start?.see(offset, bytes)
    this.#gather(offset, bytes)
  }

  /** The chunk that ends the message came: so many octets it has. */
  endsAt(now: Now, total: number): void {
    if (this.#progress.end(total) !== 200) this.refuse(now, 'contradictory')
  }

  /** Whether every octet is there now; then what comes of it is told by an event. */
  complete(now: Now): boolean {
    if (this.#state !== 'arriving' || this.#progress.size === undefined) return false
    this.#state = 'complete'
    this.flush()
    this.#finish(now)
    return true
  }

  /** Sends what was gathered to the store, whole block or not. */
  flush(): void {
    const gathered = this.#gathered
    this.#gathered = undefined
    if (gathered) this.#append(gathered)
  }

  /** It will not be completed: nothing of it is left behind. One that is complete goes on to custody. */
  drop(now: Now): void {
    if (this.#state !== 'arriving') return
    this.#state = 'dropped'
    this.#clear(now)
  }

  #begun(now: Now, upload: number): void {
    this.#number = upload
    if (this.#state === 'refused' || this.#state === 'dropped') return this.#clear(now)
    const pending = this.#pending
    this.#pending = []
    for (const part of pending) this.#send(upload, part)
    this.#finish(now)
  }

  #known(now: Now): void {
    const isComplete = this.#state === 'complete'
    if (this.#state === 'arriving') this.#state = 'dropped'
    this.#clear(now)
    if (isComplete) this.#stored(now, false)
    else if (this.#state === 'dropped') this.#events.onKnown(now)
  }

  #gather(offset: number, bytes: Buffer): void {
    for (let taken = 0; taken < bytes.length; ) {
      const open = this.#gathered
      const isNext = open !== undefined && open.offset + open.length === offset + taken
      const into = isNext ? open : this.#open(offset + taken, bytes.length - taken)
      const count = Math.min(into.room - into.length, bytes.length - taken)
      bytes.copy(into.buffer, into.length, taken, taken + count)
      into.length += count
      taken += count
      if (into.length === into.room) this.flush()
    }
  }

  /** As large as what is still to come, a whole run of blocks at most; while memory is short no larger than what is here. */
  #open(offset: number, length: number): Gathered {
    this.flush()
    const { budget } = this.#context
    const expected = this.#first.expectedBytes - offset
    const isSmall = expected >= length && expected < GATHER_BYTES / 4
    const buffer = isSmall && !budget.isFull ? budget.takeExactly(expected) : budget.take()
    const opened = buffer ?? budget.takeExactly(length)
    this.#outstandingBytes += opened.length
    const toBlockEnd = GATHER_BYTES - (offset % GATHER_BYTES)
    this.#gathered = { buffer: opened, offset, length: 0, room: Math.min(opened.length, toBlockEnd) }
    return this.#gathered
  }

  #append(part: Part): void {
    if (this.#number === undefined) this.#pending.push(part)
    else this.#send(this.#number, part)
  }

  #send(upload: number, { buffer, offset, length }: Part): void {
    const { store, limits } = this.#context
    this.#appends++
    store.ask('upload.append', { upload, offset, bytes: buffer.subarray(0, length), limits }, (now, result) => {
      this.#appends--
      this.#free(now, buffer)
      const refusal = 'failure' in result ? result.failure : refusalIn(result.value)
      if (refusal !== undefined) this.refuse(now, refusal)
      this.#finish(now)
      this.#events.onProgress(now)
    })
  }

  /** DM-STO-06: everything is on flash, so the message can stand in the mailbox. */
  #finish(now: Now): void {
    if (this.#state !== 'complete' || this.#appends > 0 || this.#number === undefined) return
    const size = this.#progress.size!
    const { isNoise, receipt } = this.#judged(now, size)
    if (isNoise) return this.#forget(now, size)
    this.#state = 'finishing'
    const { transactionId: first, contentType } = this.#first
    const { freshTransactionId, store, limits, took } = this.#context
    const transactionId = this.#endLine.isSafe ? first : freshTransactionId()
    const body = { upload: this.#number, size, contentType, transactionId, at: now.wall }
    store.ask('upload.finish', { ...body, limits, ...(receipt && { receipt }) }, (then, result) => {
      if ('failure' in result) return this.refuse(then, result.failure)
      const custody = result.value
      if (custody === 'gone') this.refuse(then, 'gone')
      else if (custody.outcome === 'refused') this.refuse(then, custody.reason)
      else this.#stored(then, custody.outcome === 'stored')
      if (custody !== 'gone') took(then, custody, receipt)
    })
  }

  #judged(now: Now, size: number): Judged {
    return this.#start ? this.#context.judge(now, this.#start.of(size)) : { isNoise: false }
  }

  #forget(now: Now, size: number): void {
    this.#state = 'dropped'
    this.#clear(now)
    this.#events.onForgotten(now, size)
  }

  #stored(now: Now, isNew: boolean): void {
    this.#state = 'stored'
    this.#events.onStored(now, isNew, this.#progress.size!)
  }

  /** It will not be kept, for this reason, which is told by an event. */
  refuse(now: Now, why: UploadRefusal): void {
    if (this.#state === 'refused' || this.#state === 'dropped') return
    this.#state = 'refused'
    this.#clear(now)
    this.#events.onRefused(now, why)
  }

  /** What is not on its way to flash is forgotten; what is there is dropped. */
  #clear(now: Now): void {
    const parts = this.#pending
    if (this.#gathered) parts.push(this.#gathered)
    this.#pending = []
    this.#gathered = undefined
    for (const { buffer } of parts) this.#free(now, buffer)
    if (this.#number === undefined) return
    this.#drop(this.#number)
    this.#number = undefined
  }

  /** Asked for again until flash has done it; what is left over then is dropped at the next start. */
  #drop(upload: number): void {
    const { store, timers } = this.#context
    store.ask('upload.drop', { upload }, (now, result) => {
      if ('failure' in result) timers.set('drop again', after(now, DROP_RETRY_MS), () => this.#drop(upload))
    })
  }

  #free(now: Now, buffer: Buffer): void {
    this.#outstandingBytes -= buffer.length
    this.#context.budget.give(now, buffer)
  }
}

const refusalIn = (kept: 'kept' | 'gone' | { readonly refused: RefusalReason }): UploadRefusal | undefined =>
  kept === 'kept' ? undefined : kept === 'gone' ? 'gone' : kept.refused
