import type { Instant, Now } from '../base/time.ts'
import type { ContinuationFlag, MsrpField, MsrpHead } from './frame.ts'
import type { MsrpLimits } from './limits.ts'
import { Progress } from './progress.ts'

/** A whole message, put together from its chunks. */
export interface MsrpMessage {
  readonly messageId: string
  readonly contentType: string | undefined
  readonly body: Buffer
  /** Of the chunk that came first, all of them, in order. */
  readonly headers: readonly MsrpField[]
}

/** Answers one chunk, once; with the total when it completes the message, so that a success can be reported. */
export type AnswerChunk = (now: Now, status: number, completedTotal?: number) => void

/**
 * Where the chunks of a session go. `begin`, any number of `data`, `end`; chunks of several messages may alternate.
 * A status other than 200 refuses the chunk, and its rest is not offered any more except for `end`.
 */
export interface ChunkReceiver {
  begin(now: Now, head: MsrpHead): number
  /** `bytes` is part of a larger read: copy what is to stay. */
  data(now: Now, bytes: Buffer): number
  /** The answer may come later, when the bytes are safe. Who delays it bounds how many it delays. */
  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void
  /** The session is over: nothing of its unfinished messages will be needed. */
  abandon(): void
}

/** Memory that all assemblies of an endpoint share. */
export interface AssemblyBudget {
  left: number
}

interface Partial {
  readonly messageId: string
  readonly first: MsrpHead
  readonly progress: Progress
  body: Buffer
  /** Why the message is refused; further chunks of it get the same. */
  refusal: number | undefined
  touchedAt: Instant
}

const EMPTY = Buffer.alloc(0)

/** A message that got no chunk for so long gives its place to another. */
const STALE_MS = 30_000

/** As many as one window of chunks can repeat. */
const COMPLETE_MAX = 64

/** Puts messages together in memory, the latest chunk winning where they overlap; asks what to answer to each. */
export class MemoryAssembly implements ChunkReceiver {
  readonly #partials = new Map<string, Partial>()
  /** Message-IDs of those handed on last. */
  readonly #complete = new Set<string>()
  readonly #limits: MsrpLimits
  readonly #budget: AssemblyBudget
  readonly #onMessage: (now: Now, message: MsrpMessage) => number
  #current: Partial | undefined
  /** Where in the message the next octets go. */
  #offset = 0
  /** A chunk that came in one piece and is the whole message is handed on without a copy. */
  #whole: Buffer | undefined

  constructor(limits: MsrpLimits, budget: AssemblyBudget, onMessage: (now: Now, message: MsrpMessage) => number) {
    this.#limits = limits
    this.#budget = budget
    this.#onMessage = onMessage
  }

  begin(now: Now, head: MsrpHead): number {
    this.#whole = undefined
    this.#current = undefined
    const messageId = head.messageId!
    const partial = this.#partials.get(messageId) ?? this.#place(now, messageId, head)
    if (!partial) return 413
    partial.touchedAt = now.at
    this.#current = partial
    this.#offset = (head.byteRange?.start ?? 1) - 1
    const declared = Math.max(head.byteRange?.total ?? 0, head.byteRange?.end ?? 0, this.#offset)
    if (declared > this.#limits.messageBytes) this.#refuse(partial, 413)
    else this.#judge(partial, partial.progress.begin(head.byteRange))
    return partial.refusal ?? 200
  }

  data(_now: Now, bytes: Buffer): number {
    const partial = this.#current!
    const end = this.#offset + bytes.length
    if (end > this.#limits.messageBytes) return this.#refuse(partial, 413)
    const isFirst = this.#offset === 0 && partial.body.length === 0 && !this.#whole
    if (isFirst && partial.progress.fits(end)) this.#whole = bytes
    else {
      this.#unwrap(partial)
      this.#write(partial, this.#offset, bytes)
    }
    this.#offset = end
    return partial.refusal ?? 200
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    const partial = this.#current
    this.#current = undefined
    if (partial && flag === '$') this.#endAt(partial, this.#offset)
    if (partial && flag === '+') this.#unwrap(partial)
    const body = partial && flag !== '#' ? this.#wholeBody(partial) : undefined
    this.#whole = undefined
    const refusal = partial ? partial.refusal : 413
    if (partial && (body || flag === '#' || (refusal !== undefined && flag === '$'))) this.#drop(partial)
    if (!partial || !body) {
      answer(now, refusal ?? 200)
      return
    }
    const { messageId, first } = partial
    this.#remember(messageId)
    const status = this.#onMessage(now, { messageId, contentType: first.contentType, body, headers: first.fields })
    answer(now, status, body.length)
  }

  abandon(): void {
    for (const partial of this.#partials.values()) this.#drop(partial)
    this.#current = undefined
    this.#whole = undefined
  }

  /** Undefined while octets are missing, or when the message is refused. */
  #wholeBody(partial: Partial): Buffer | undefined {
    const whole = this.#whole
    const size = partial.progress.size
    if (partial.refusal !== undefined || size === undefined) return undefined
    return whole ?? partial.body.subarray(0, size)
  }

  #endAt(partial: Partial, size: number): void {
    // A whole message in one piece is not copied, only counted.
    if (this.#whole) this.#judge(partial, partial.progress.add(0, size))
    this.#judge(partial, partial.progress.end(size))
  }

  #place(now: Now, messageId: string, first: MsrpHead): Partial | undefined {
    if (this.#partials.size >= this.#limits.partialMessages && !this.#makeRoom(now)) return undefined
    const partial: Partial = {
      messageId,
      first,
      progress: new Progress(this.#limits.pieces),
      body: EMPTY,
      refusal: undefined,
      touchedAt: now.at,
    }
    this.#partials.set(messageId, partial)
    return partial
  }

  /** What went stale goes, or else a second copy of a chunk whose message is complete. */
  #makeRoom(now: Now): boolean {
    const before = this.#partials.size
    for (const partial of this.#partials.values()) if (now.at - partial.touchedAt > STALE_MS) this.#drop(partial)
    if (this.#partials.size < before) return true
    const echo = [...this.#partials.values()].find(({ messageId }) => this.#complete.has(messageId))
    if (echo) this.#drop(echo)
    return echo !== undefined
  }

  #remember(messageId: string): void {
    this.#complete.add(messageId)
    if (this.#complete.size > COMPLETE_MAX) this.#complete.delete(this.#complete.values().next().value!)
  }

  /** Copies the piece that was held as it came. */
  #unwrap(partial: Partial): void {
    const whole = this.#whole
    this.#whole = undefined
    if (whole) this.#write(partial, 0, whole)
  }

  #write(partial: Partial, offset: number, bytes: Buffer): void {
    if (partial.refusal !== undefined) return
    const end = offset + bytes.length
    const hasRoom = end <= partial.body.length || this.#grow(partial, end)
    if (!this.#judge(partial, hasRoom ? partial.progress.add(offset, end) : 413)) return
    bytes.copy(partial.body, offset)
  }

  #judge(partial: Partial, status: number): boolean {
    if (status !== 200) this.#refuse(partial, status)
    return status === 200
  }

  #grow(partial: Partial, needed: number): boolean {
    const wanted = Math.min(this.#limits.messageBytes, Math.max(needed, partial.body.length * 2, 8192))
    const more = wanted - partial.body.length
    if (more > this.#budget.left) return false
    this.#budget.left -= more
    const body = Buffer.alloc(wanted)
    partial.body.copy(body)
    partial.body = body
    return true
  }

  #refuse(partial: Partial, status: number): number {
    partial.refusal ??= status
    this.#whole = undefined
    this.#release(partial)
    return partial.refusal
  }

  #drop(partial: Partial): void {
    this.#release(partial)
    this.#partials.delete(partial.messageId)
  }

  #release(partial: Partial): void {
    this.#budget.left += partial.body.length
    partial.body = EMPTY
  }
}
