import type { Instant, Now } from '../base/time.ts'
import { Coverage } from './coverage.ts'
import type { ContinuationFlag, MsrpField, MsrpHead } from './frame.ts'
import type { MsrpLimits } from './limits.ts'

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
  readonly coverage: Coverage
  body: Buffer
  /** Set by the chunk with `$` (RFC 4975 5.1). */
  total: number | undefined
  /** Why the message is refused; further chunks of it get the same. */
  refusal: number | undefined
  touchedAt: Instant
}

const EMPTY = Buffer.alloc(0)

/** A message that got no chunk for so long gives its place to another. */
const STALE_MS = 30_000

/** Puts messages together in memory, the latest chunk winning where they overlap; asks what to answer to each. */
export class MemoryAssembly implements ChunkReceiver {
  readonly #partials = new Map<string, Partial>()
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
    return partial.refusal ?? 200
  }

  data(_now: Now, bytes: Buffer): number {
    const partial = this.#current!
    const end = this.#offset + bytes.length
    if (end > this.#limits.messageBytes) return this.#refuse(partial, 413)
    if (this.#offset === 0 && partial.body.length === 0 && !this.#whole) this.#whole = bytes
    else if (!this.#unwrap(partial) || !this.#write(partial, this.#offset, bytes)) return this.#refuse(partial, 413)
    this.#offset = end
    return 200
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    const partial = this.#current
    this.#current = undefined
    if (partial && flag === '$') partial.total = this.#offset
    const body = partial && flag !== '#' ? this.#wholeBody(partial) : undefined
    this.#whole = undefined
    const refusal = partial ? partial.refusal : 413
    if (partial && (body || flag === '#' || (refusal !== undefined && flag === '$'))) this.#drop(partial)
    if (!partial || !body) {
      answer(now, refusal ?? 200)
      return
    }
    const { messageId, first } = partial
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
    if (partial.refusal !== undefined) return undefined
    if (whole && partial.total === whole.length) return whole
    if (!this.#unwrap(partial)) this.#refuse(partial, 413)
    const isWhole =
      partial.refusal === undefined && partial.total !== undefined && partial.coverage.covers(partial.total)
    return isWhole ? partial.body.subarray(0, partial.total) : undefined
  }

  #place(now: Now, messageId: string, first: MsrpHead): Partial | undefined {
    if (this.#partials.size >= this.#limits.partialMessages) this.#dropStale(now)
    if (this.#partials.size >= this.#limits.partialMessages) return undefined
    const coverage = new Coverage(this.#limits.pieces)
    const partial: Partial = {
      messageId,
      first,
      coverage,
      body: EMPTY,
      total: undefined,
      refusal: undefined,
      touchedAt: now.at,
    }
    this.#partials.set(messageId, partial)
    return partial
  }

  #dropStale(now: Now): void {
    for (const partial of this.#partials.values()) if (now.at - partial.touchedAt > STALE_MS) this.#drop(partial)
  }

  /** Copies the piece that was held as it came. */
  #unwrap(partial: Partial): boolean {
    const whole = this.#whole
    this.#whole = undefined
    return !whole || this.#write(partial, 0, whole)
  }

  #write(partial: Partial, offset: number, bytes: Buffer): boolean {
    const end = offset + bytes.length
    if (end > partial.body.length && !this.#grow(partial, end)) return false
    if (!partial.coverage.add(offset, end)) return false
    bytes.copy(partial.body, offset)
    return true
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
