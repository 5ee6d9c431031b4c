import type { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import { after, type Now } from '../../base/time.ts'
import type { Timer, Timers } from '../../base/timers.ts'
import type {
  HistoryHeads,
  HistoryItem,
  HistoryLimits,
  HistoryOwner,
  HistoryParticipant,
  HistoryPiece,
} from '../../store/history.ts'
import type { StoreClient, StoreFailure, Verbs } from '../../store/verbs.ts'
import type { HistoryNotes } from './history-notes.ts'

/** Of one record, on its way to flash: from here on whoever sends should be held back. */
const HELD_BYTES = 2 * 1024 * 1024
/** What may be here at most: more is more than flash takes, of somebody who cannot be held back. */
const RECORD_BYTES_MAX = 2 * HELD_BYTES
/** The same while half of what all share is in use: who says much then waits for flash first. */
const HELD_BYTES_TIGHT = 256 * 1024
/** Of all records together: what a small board can spare beside the rest of the box. */
const MEMORY_BYTES_MAX = 32 * 1024 * 1024
/** Of it for records that have no more than that here, so that whoever says little is not cut short by who says much: 256 records. */
const GUARANTEED_BYTES = 32 * 1024
const GUARANTEED_SHARE = 1 / 4
/** What a piece costs beside its octets, so that a flood of empty SENDs is bounded too. */
const PIECE_COST = 256
/** In one request to the store: much enough for flash, little enough for everybody else who waits for it. */
const BATCH_BYTES = 1024 * 1024
/** Nobody is held back longer than this for a store that does not reply. */
const PATIENCE_MS = 2000
/** First after so long, then after twice as long each time. */
const RETRY_MS = 250
const RETRY_MAX_MS = 60_000
/** Of requests that the store has no time for: half a minute. */
const RETRIES_MAX = 6

/** The memory that all records share. */
export class RecorderMemory {
  readonly #bytesMax: number
  #used = 0

  constructor(bytesMax = MEMORY_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Half of it is in use. */
  get isTight(): boolean {
    return this.#used >= this.#bytesMax / 2
  }

  /** For a record that has `own` of it. False, and nothing is taken: there is no room. */
  take(bytes: number, own: number): boolean {
    const max = own + bytes <= GUARANTEED_BYTES ? this.#bytesMax : this.#bytesMax * (1 - GUARANTEED_SHARE)
    if (this.#used + bytes > max) return false
    this.#used += bytes
    return true
  }

  give(bytes: number): void {
    this.#used -= bytes
  }

  describe(): { used: number } {
    return { used: this.#used }
  }
}

export interface RecorderContext {
  readonly store: StoreClient
  readonly timers: Timers
  readonly counters: Counters
  readonly log: Log
  readonly limits: HistoryLimits
  readonly memory: RecorderMemory
  readonly notes: HistoryNotes
}

export interface NewRecord {
  readonly item: HistoryItem
  readonly owners: readonly HistoryOwner[]
  /** What is known at the beginning; more may come with the end. */
  readonly heads: HistoryHeads
  /** Kept without a look at the settings (HIS-REF-01). */
  readonly isAskedFor?: boolean
  /** Who began it proved nothing: no older item makes room for it. */
  readonly isFromStranger?: boolean
}

export interface RecorderEvents {
  /** More is here than flash takes: stop reading from whoever sends, or go on. Whoever cannot stop ignores it, and risks a record cut short. */
  hold?(now: Now, isHeld: boolean): void
  /** Once: it is begun on flash, and what comes is kept. */
  onBegun?(now: Now): void
  /**
   * Once: nothing more is kept of it, for whatever reason, while the session goes on. `end` is still to be called. `isOwnLimit`: it is a
   * matter of its owner, and others are recorded all the same.
   */
  onCutShort?(now: Now, why: string, isOwnLimit: boolean): void
  /** Once, after or within `end`: the store has closed it, or there was nothing to close. */
  onOver?(now: Now): void
}

/**
 * `whole`: it came to its end. `interrupted`: it broke off. `cut short`: it goes on, and is not kept any further. `discarded`: it shall
 * be as if it had never been begun.
 */
export type RecordEnd = 'whole' | 'interrupted' | 'cut short' | 'discarded'

/** Told of a piece: true when it is on flash, false when it will not be. */
export type Safe = (now: Now, isKept: boolean) => void

/** What is known only then. */
interface AtTheEnd {
  readonly heads?: HistoryHeads
  readonly participants?: readonly HistoryParticipant[]
}

interface Ending extends AtTheEnd {
  readonly how: RecordEnd
  readonly now: Now
}

interface Waiting {
  readonly piece: HistoryPiece
  readonly cost: number
  readonly safe: Safe | undefined
}

/**
 * One item of history while it is written (HIS-STO-02..05): pieces in, appends of many pieces out, one at a time. It never endangers
 * what it records: memory is bounded, and when flash is too slow or full the record is cut short and says so.
 */
export class HistoryRecorder {
  readonly #context: RecorderContext
  readonly #record: NewRecord
  readonly #events: RecorderEvents
  #queue: Waiting[] = []
  /** Of what waits and what is on its way. */
  #bytes = 0
  /** In the store; undefined until it has said so. */
  #number: number | undefined
  #isAsking = false
  #isHeld = false
  #patience: Timer | undefined
  /** `gone`: the store has nothing of it, or has closed it. */
  #state: 'recording' | 'cut short' | 'gone' = 'recording'
  #end: Ending | undefined
  #isOver = false

  /** The record is begun at once. */
  constructor(context: RecorderContext, record: NewRecord, events: RecorderEvents = {}) {
    this.#context = context
    this.#record = record
    this.#events = events
    this.#open(0)
  }

  /** Whether pieces are still kept. */
  get isRecording(): boolean {
    return this.#state === 'recording' && !this.#end
  }

  /** In the order of arrival. The bytes are the recorder's from now on. `safe` is called later, once. */
  piece(now: Now, piece: HistoryPiece, safe?: Safe): void {
    if (!this.isRecording) return this.#tell(now, safe)
    const cost = piece.bytes.length + PIECE_COST
    if (this.#bytes + cost > RECORD_BYTES_MAX || !this.#context.memory.take(cost, this.#bytes)) {
      this.#cutShort(now, 'too much at once for flash')
      return this.#tell(now, safe)
    }
    this.#bytes += cost
    this.#queue.push({ piece: { ...piece, bytes: ownMemory(piece.bytes) }, cost, safe })
    this.#settleHold(now)
    this.#proceed()
  }

  /** What was given so far is written, then the record is closed. Only the first call counts. */
  end(now: Now, how: RecordEnd, more: AtTheEnd = {}): void {
    if (this.#end) return
    this.#end = { how, now, ...more }
    if (how === 'discarded') this.#drop(now)
    this.#settleHold(now)
    if (this.#state === 'gone') this.#over(now)
    else this.#proceed()
  }

  #open(tries: number): void {
    const { store, limits } = this.#context
    const { item, owners, heads, isAskedFor, isFromStranger } = this.#record
    const flags = { ...(isAskedFor && { isAskedFor }), ...(isFromStranger && { isFromStranger }) }
    const request = { item, owners, heads, limits, ...flags }
    this.#isAsking = true
    store.ask('history.open', request, (now, result) => {
      this.#isAsking = false
      if ('failure' in result) {
        if (result.failure === 'busy' && this.#isPatient(tries))
          return this.#again(now, tries, next => this.#open(next))
        return this.#lost(now, whyFailed(result))
      }
      if (result.value === 'unwanted') return this.#lost(now, undefined)
      if (result.value === 'flash reserve') return this.#lost(now, 'flash is nearly full')
      this.#context.notes.tried(now, result.value.outcomes)
      if (result.value.record === undefined) return this.#overLimit(now)
      this.#number = result.value.record
      this.#context.counters.count('history_records', 'begun')
      this.#events.onBegun?.(now)
      this.#proceed()
    })
  }

  /** One request at a time, so that the order is kept. */
  #proceed(): void {
    if (this.#isAsking || this.#number === undefined) return
    if (this.#queue.length > 0) this.#append(this.#number, this.#batch(), 0)
    else if (this.#end) this.#close(this.#number, this.#end, 0)
  }

  #batch(): readonly Waiting[] {
    let bytes = 0
    const fits = this.#queue.findIndex(({ cost }) => {
      bytes += cost
      return bytes > BATCH_BYTES
    })
    return this.#queue.splice(0, fits < 0 ? this.#queue.length : Math.max(fits, 1))
  }

  #append(record: number, batch: readonly Waiting[], tries: number): void {
    const { store, limits } = this.#context
    const pieces = batch.map(({ piece }) => piece)
    this.#isAsking = true
    store.ask('history.append', { record, pieces, limits }, (now, result) => {
      this.#isAsking = false
      if ('failure' in result && result.failure === 'busy' && this.#isPatient(tries))
        return this.#again(now, tries, next => this.#append(record, batch, next))
      const isKept = 'value' in result && (result.value === 'kept' || hasEvicted(result.value))
      this.#release(now, batch, isKept)
      if ('failure' in result) this.#cutShort(now, whyFailed(result))
      else this.#appended(now, result.value)
      this.#settleHold(now)
      if (this.#state !== 'gone') this.#proceed()
    })
  }

  #appended(now: Now, reply: AppendReply): void {
    const { notes, counters } = this.#context
    if (reply === 'full') this.#lost(now, 'no more room for it')
    else if (reply === 'gone') this.#lost(now, undefined)
    else if (hasEvicted(reply)) notes.evicted(reply.evicted)
    else if (reply !== 'kept') {
      if (this.#state === 'recording') counters.count('history_cut_short')
      notes.limited(now, reply.aor, reply.passedOver)
      this.#overLimit(now)
    }
  }

  /** Asked for again until flash has done it: a record left open says that it still goes on. */
  #close(record: number, end: Ending, tries: number): void {
    const { how, now, ...more } = end
    const isBroken = how === 'interrupted' || how === 'cut short'
    const state = this.#state === 'cut short' ? this.#state : isBroken ? how : undefined
    const request = { record, at: now.wall, keep: how !== 'discarded', ...(state && { state }), ...more }
    this.#isAsking = true
    this.#context.store.ask('history.close', request, (then, result) => {
      this.#isAsking = false
      if ('failure' in result && result.failure !== 'closed')
        return this.#again(then, tries, next => this.#close(record, end, next))
      this.#state = 'gone'
      this.#context.counters.count('history_records', how === 'discarded' ? how : (state ?? 'whole'))
      this.#over(then)
    })
  }

  #isPatient(tries: number): boolean {
    return this.#state === 'recording' && tries < RETRIES_MAX
  }

  #again(now: Now, tries: number, run: (tries: number) => void): void {
    const delayMs = Math.min(RETRY_MS * 2 ** tries, RETRY_MAX_MS)
    this.#isAsking = true
    this.#context.timers.set('history again', after(now, delayMs), () => run(tries + 1))
  }

  /** Nothing more is taken; what the store has is closed as that at the end. */
  #cutShort(now: Now, why: string): void {
    if (this.#state !== 'recording') return
    this.#state = 'cut short'
    this.#tellCut(now, why)
    this.#drop(now)
    this.#settleHold(now)
  }

  /** As the owner has had as much as there may be; the store has closed it, or never begun. */
  #overLimit(now: Now): void {
    const wasRecording = this.#state === 'recording'
    this.#state = 'gone'
    if (wasRecording) this.#events.onCutShort?.(now, 'the limits of its owner', true)
    this.#gone(now)
  }

  /** Nothing is there to be closed. Without a reason: nobody wants it. */
  #lost(now: Now, why: string | undefined): void {
    const wasRecording = this.#state === 'recording'
    this.#state = 'gone'
    if (why === undefined) this.#context.counters.count('history_records', 'unwanted')
    else if (wasRecording) this.#tellCut(now, why)
    if (wasRecording && why === undefined) this.#events.onCutShort?.(now, 'nobody wants it', false)
    this.#gone(now)
  }

  #gone(now: Now): void {
    this.#drop(now)
    this.#settleHold(now)
    if (this.#end) this.#over(now)
  }

  #tellCut(now: Now, why: string): void {
    const { counters, log } = this.#context
    counters.count('history_cut_short')
    log.warn('history cut short', { call_id: this.#record.item.callId, why })
    this.#events.onCutShort?.(now, why, false)
  }

  /** What is not on its way is forgotten. */
  #drop(now: Now): void {
    const dropped = this.#queue
    this.#queue = []
    this.#release(now, dropped, false)
  }

  #release(now: Now, batch: readonly Waiting[], isKept: boolean): void {
    for (const { cost, safe } of batch) {
      this.#bytes -= cost
      this.#context.memory.give(cost)
      safe?.(now, isKept)
    }
    if (isKept) this.#stopPatience()
  }

  /** History slows nobody below the speed of flash, and stops nobody: whoever is held goes on when the store says nothing. */
  #settleHold(now: Now): void {
    const heldBytes = this.#context.memory.isTight ? HELD_BYTES_TIGHT : HELD_BYTES
    const isTooMuch = this.isRecording && this.#bytes >= heldBytes
    if (isTooMuch && !this.#patience) {
      const due = after(now, PATIENCE_MS)
      this.#patience = this.#context.timers.set('history patience', due, then =>
        this.#cutShort(then, 'flash is too slow'),
      )
    }
    if (!isTooMuch) this.#stopPatience()
    if (isTooMuch === this.#isHeld) return
    this.#isHeld = isTooMuch
    this.#events.hold?.(now, isTooMuch)
  }

  #stopPatience(): void {
    this.#context.timers.cancel(this.#patience)
    this.#patience = undefined
  }

  #tell(now: Now, safe: Safe | undefined): void {
    if (safe) this.#context.timers.set('history not kept', now.at, then => safe(then, false))
  }

  #over(now: Now): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopPatience()
    this.#events.onOver?.(now)
  }
}

type AppendReply = Verbs['history.append']['reply']

const hasEvicted = (reply: AppendReply): reply is { readonly evicted: number } =>
  typeof reply === 'object' && 'evicted' in reply

const whyFailed = ({ failure }: StoreFailure): string => (failure === 'full' ? 'storage full' : `store: ${failure}`)

/** A short piece must not keep the whole read it came with. */
const ownMemory = (bytes: Buffer): Buffer => (bytes.length * 2 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes)
