import { after, type Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { ByteRange } from '../../msrp/frame.ts'
import { Progress } from '../../msrp/progress.ts'
import { BLOCK_BYTES } from '../../store/blocks.ts'
import type {
  Custody,
  CustodyLimits,
  NewUpload,
  ReceiptTerms,
  RefusalReason,
  StoreClient,
  StoreFailure,
} from '../../store/verbs.ts'
import { ContentStart } from './content-start.ts'
import { EndLineWatch, hasEndLine } from './end-line-watch.ts'
import { GATHER_BYTES, type ReceiveBudget, type SessionMemory } from './receive-budget.ts'

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

interface Judged {
  /** Of no use later, and so not kept. */
  readonly isNoise: boolean
  /** A receipt itself (RFC 5438). */
  readonly isReceipt: boolean
  readonly receipt?: ReceiptTerms
}

/** What the first SEND says of the message (DM-STO-06). */
interface FirstChunk {
  readonly transactionId: string
  readonly contentType: string
  readonly isCpim: boolean
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
  onStored(now: Now, upload: Upload, isNew: boolean, size: number): void
  /** All of it came, and it is nothing to be kept. */
  onForgotten(now: Now, upload: Upload, size: number): void
  /** It was taken into custody before, and comes again. */
  onKnown(now: Now, upload: Upload): void
  onRefused(now: Now, upload: Upload, why: UploadRefusal): void
  /** Memory was freed, or it is ready to be settled. */
  onProgress(now: Now): void
}

/** Separate pieces of one message; chunks in order make one. */
const PIECES_MAX = 64

/** A message of up to so much is one request to the store, if all of it comes, in order, before any of it went there. */
const WHOLE_BYTES_MAX = BLOCK_BYTES

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
  readonly #message: NewUpload
  readonly #first: FirstChunk
  readonly #events: UploadEvents
  readonly #memory: SessionMemory
  readonly #progress = new Progress(PIECES_MAX)
  /** Of what goes to flash piece by piece. */
  #endLine: EndLineWatch | undefined
  #start: ContentStart | undefined
  /** Number in the store; undefined until it said so. */
  #number: number | undefined
  #gathered: Gathered | undefined
  /** Waits for the store's number. */
  #pending: Part[] | undefined
  #appends = 0
  #isReceipt = false
  #state: 'arriving' | 'complete' | 'finishing' | 'stored' | 'refused' | 'dropped' = 'arriving'

  /** `memory`: what it uses is counted there. */
  constructor(
    context: UploadContext,
    message: NewUpload,
    first: FirstChunk,
    memory: SessionMemory,
    events: UploadEvents,
  ) {
    this.#context = context
    this.#message = message
    this.#first = first
    this.#memory = memory
    this.#events = events
  }

  /** Memory of what is not on its way to flash. */
  get gatheredBytes(): number {
    return this.#gathered?.buffer.length ?? 0
  }

  /** Known once it is settled. */
  get isReceipt(): boolean {
    return this.#isReceipt
  }

  get isComplete(): boolean {
    return this.#state === 'complete' || this.#state === 'finishing' || this.#state === 'stored'
  }

  /** A chunk of that range comes. */
  begin(now: Now, range: ByteRange | undefined): void {
    if (this.#state !== 'arriving') return
    const declared = Math.max(range?.total ?? 0, range?.end ?? 0, (range?.start ?? 1) - 1)
    if (declared > this.#context.bytesMax) this.refuse(now, 'too large')
    else if (this.#progress.begin(range) !== 200) this.refuse(now, 'contradictory')
    else if (declared > WHOLE_BYTES_MAX) this.#begin()
  }

  /** Octets from `offset` on; the bytes are the caller's again when this returns. */
  add(now: Now, offset: number, bytes: Buffer): void {
    if (this.#state !== 'arriving' || bytes.length === 0) return
    const end = offset + bytes.length
    if (end > this.#context.bytesMax) return this.refuse(now, 'too large')
    const status = this.#progress.add(offset, end)
    if (status !== 200) return this.refuse(now, status === 400 ? 'contradictory' : 'too many pieces')
    if (end > WHOLE_BYTES_MAX) this.#begin()
    this.#gather(offset, bytes)
  }

  /** The chunk that ends the message came: so many octets it has. */
  endsAt(now: Now, total: number): void {
    if (this.#state === 'arriving' && this.#progress.end(total) !== 200) this.refuse(now, 'contradictory')
  }

  /** Whether every octet is there now: then it is to be settled when its turn has come. Otherwise more is to be expected. */
  complete(): boolean {
    if (this.#state !== 'arriving') return false
    if (this.#progress.size === undefined) {
      if (this.#first.expectedBytes === 0) this.#begin()
      return false
    }
    this.#state = 'complete'
    if (!this.#isWhole) {
      this.flush()
      this.#begin()
    }
    return true
  }

  /** Nothing of it has to be waited for. */
  get isReady(): boolean {
    return this.#state !== 'complete' || this.#isWhole || (this.#appends === 0 && this.#number !== undefined)
  }

  /** The store is asked to make it a message of the mailbox; what comes of it is told by an event. */
  settle(now: Now): void {
    if (this.#state !== 'complete') return
    if (this.#isWhole) this.#keepWhole(now)
    else this.#finish(now)
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

  /** DM-STO-05: it does not come whole, so there has to be room for it from now on. */
  #begin(): void {
    if (this.#pending) return
    this.#pending = []
    const { transactionId, isCpim, expectedBytes } = this.#first
    this.#endLine = new EndLineWatch(transactionId)
    if (isCpim) this.#start = new ContentStart()
    const { store, limits } = this.#context
    store.ask('upload.begin', { message: this.#message, expectedBytes, limits }, (now, result) => {
      if ('failure' in result) return this.refuse(now, result.failure)
      const begun = result.value
      if (begun.outcome === 'refused') this.refuse(now, begun.reason)
      else if (begun.outcome === 'begun') this.#begun(now, begun.upload)
      else this.#known(now)
    })
  }

  #begun(now: Now, upload: number): void {
    this.#number = upload
    if (this.#state === 'refused' || this.#state === 'dropped') return this.#clear(now)
    const pending = this.#pending!
    this.#pending = []
    for (const part of pending) this.#send(upload, part)
    this.#events.onProgress(now)
  }

  #known(now: Now): void {
    const isComplete = this.#state === 'complete'
    if (this.#state === 'arriving') this.#state = 'dropped'
    this.#clear(now)
    if (isComplete) this.#stored(now, false)
    else if (this.#state === 'dropped') this.#events.onKnown(now, this)
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
      if (this.#pending && into.length === into.room) this.flush()
    }
  }

  /** As large as what is still to come, a whole run of blocks at most; while memory is short no larger than what is here. */
  #open(offset: number, length: number): Gathered {
    this.flush()
    const { budget } = this.#context
    const expected =
      this.#pending || this.#first.expectedBytes > 0 ? this.#first.expectedBytes - offset : WHOLE_BYTES_MAX
    const isSmall = expected >= length && expected <= WHOLE_BYTES_MAX
    const buffer = isSmall && !budget.isFull ? budget.takeExactly(expected) : budget.take()
    const opened = buffer ?? budget.takeExactly(length)
    this.#memory.bytes += opened.length
    const toBlockEnd = GATHER_BYTES - (offset % GATHER_BYTES)
    this.#gathered = { buffer: opened, offset, length: 0, room: Math.min(opened.length, toBlockEnd) }
    return this.#gathered
  }

  #append(part: Part): void {
    this.#begin()
    const bytes = part.buffer.subarray(0, part.length)
    this.#endLine?.see(part.offset, bytes)
    this.#start?.see(part.offset, bytes)
    if (this.#number === undefined) this.#pending?.push(part)
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
      this.#events.onProgress(now)
    })
  }

  /** All of the message is in memory, and none of it anywhere else. */
  get #isWhole(): boolean {
    return !this.#pending && this.#gathered?.offset === 0
  }

  /** DM-STO-05..07 at one go. */
  #keepWhole(now: Now): void {
    const buffer = this.#exactly(now, this.#gathered!)
    this.#gathered = undefined
    const content = buffer.subarray(0, this.#progress.size)
    const { contentType, transactionId: first, isCpim } = this.#first
    const { isNoise, isReceipt, receipt } = isCpim ? this.#context.judge(now, content) : NOTHING_SAID
    this.#isReceipt = isReceipt
    if (isNoise) {
      this.#free(now, buffer)
      return this.#forget(now)
    }
    this.#state = 'finishing'
    const { freshTransactionId, store, limits } = this.#context
    const transactionId = hasEndLine(content, first) ? freshTransactionId() : first
    const message = receipt ? { ...this.#message, receipt } : this.#message
    const request = { message, content, contentType, transactionId, at: now.wall, limits }
    store.ask('upload.whole', request, (then, result) => {
      this.#free(then, buffer)
      if ('failure' in result) this.refuse(then, result.failure)
      else this.#settled(then, result.value, receipt)
      this.#events.onProgress(then)
    })
  }

  /** What was taken before anybody knew how little comes is given to others while this waits. */
  #exactly(now: Now, { buffer, length }: Gathered): Buffer {
    if (buffer.length <= 2 * length) return buffer
    const exact = this.#context.budget.takeExactly(length)
    this.#memory.bytes += length
    buffer.copy(exact, 0, 0, length)
    this.#free(now, buffer)
    return exact
  }

  /** DM-STO-06: everything is on flash, so the message can stand in the mailbox. */
  #finish(now: Now): void {
    const size = this.#progress.size!
    const { isNoise, isReceipt, receipt } = this.#start ? this.#context.judge(now, this.#start.of(size)) : NOTHING_SAID
    this.#isReceipt = isReceipt
    if (isNoise) return this.#forget(now)
    this.#state = 'finishing'
    const { transactionId: first, contentType } = this.#first
    const { freshTransactionId, store, limits } = this.#context
    const transactionId = this.#endLine?.isSafe ? first : freshTransactionId()
    const body = { upload: this.#number!, size, contentType, transactionId, at: now.wall }
    store.ask('upload.finish', { ...body, limits, ...(receipt && { receipt }) }, (then, result) => {
      if ('failure' in result) this.refuse(then, result.failure)
      else if (result.value === 'gone') this.refuse(then, 'gone')
      else this.#settled(then, result.value, receipt)
    })
  }

  #settled(now: Now, custody: Custody, receipt: ReceiptTerms | undefined): void {
    if (custody.outcome === 'refused') this.refuse(now, custody.reason)
    else this.#stored(now, custody.outcome === 'stored')
    this.#context.took(now, custody, receipt)
  }

  #forget(now: Now): void {
    this.#state = 'dropped'
    this.#clear(now)
    this.#events.onForgotten(now, this, this.#progress.size!)
  }

  #stored(now: Now, isNew: boolean): void {
    this.#state = 'stored'
    this.#events.onStored(now, this, isNew, this.#progress.size!)
  }

  /** It will not be kept, for this reason, which is told by an event. */
  refuse(now: Now, why: UploadRefusal): void {
    if (this.#state === 'refused' || this.#state === 'dropped') return
    this.#state = 'refused'
    this.#clear(now)
    this.#events.onRefused(now, this, why)
  }

  /** What is not on its way to flash is forgotten; what is there is dropped. */
  #clear(now: Now): void {
    for (const { buffer } of this.#pending ?? []) this.#free(now, buffer)
    if (this.#pending) this.#pending = []
    if (this.#gathered) this.#free(now, this.#gathered.buffer)
    this.#gathered = undefined
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
    this.#memory.bytes -= buffer.length
    this.#context.budget.give(now, buffer)
  }
}

const NOTHING_SAID: Judged = { isNoise: false, isReceipt: false }

const refusalIn = (kept: 'kept' | 'gone' | { readonly refused: RefusalReason }): UploadRefusal | undefined =>
  kept === 'kept' ? undefined : kept === 'gone' ? 'gone' : kept.refused
