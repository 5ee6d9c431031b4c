import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Timers } from '../../base/timers.ts'
import type { ContinuationFlag, MsrpHead } from '../../msrp/frame.ts'
import { MemoryStore } from '../../store/memory.ts'
import type { CustodyLimits, RequestOf, StoreClient, StoreResult, Verb, Verbs } from '../../store/verbs.ts'
import * as large from '../../testing/large-requests.ts'
import { ALICE_AOR, accountPut, BOB_AOR, WIDE_LIMITS } from '../../testing/store-fixtures.ts'
import { LargeReceiver } from './large-receiver.ts'
import { ReceiveBudget } from './receive-budget.ts'

export const NOW: Now = { at: 0 as Instant, wall: 1_900_000_000_000 as WallTime, isWallTrusted: true }

interface Answered {
  readonly id: string
  readonly status: number
  readonly total: number | undefined
}

interface ChunkOptions {
  readonly offset?: number
  readonly total?: number | undefined
  readonly flag?: ContinuationFlag
  readonly id?: string
}

/** Receivers over the reference store, which answers when it is told to. */
export class Desk {
  readonly store = new MemoryStore({ hostname: 'box', freeBytes: () => this.freeBytes })
  readonly budget: ReceiveBudget
  readonly limits: CustodyLimits
  readonly asked: Verb[] = []
  freeBytes = 1e12
  failing: Verb | undefined
  readonly #queue: (() => void)[] = []

  constructor(budget = new ReceiveBudget(), limits: Partial<CustodyLimits> = {}) {
    this.budget = budget
    this.limits = { ...WIDE_LIMITS, ...limits }
    this.store.execute(accountPut(BOB_AOR))
  }

  readonly client: StoreClient = {
    ask: (verb, request, done) => {
      this.asked.push(verb)
      this.#queue.push(() => {
        if (this.failing === verb) return done(NOW, { failure: 'io', detail: 'simulated' })
        const value = this.store.execute({ verb, ...request } as RequestOf<typeof verb>)
        done(NOW, { value } as StoreResult<typeof verb>)
      })
    },
  }

  /** Answers the oldest question; false when there is none. */
  step(): boolean {
    const next = this.#queue.shift()
    next?.()
    return next !== undefined
  }

  settle(): void {
    while (this.step());
  }

  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Verbs[V]['reply'] {
    return this.store.execute({ verb, ...request } as unknown as RequestOf<V>)
  }

  waiting(): Verbs['mailbox']['reply'] {
    return this.ask('mailbox', { aor: BOB_AOR, afterSeq: 0, limit: 1000 })
  }

  content(seq: number): Buffer {
    return this.ask('piece', { aor: BOB_AOR, seq, offset: 0, length: 1 << 20 })!
  }
}

export class Sender {
  readonly receiver: LargeReceiver
  readonly answers: Answered[] = []
  readonly holds: boolean[] = []
  readonly refused: string[] = []
  #chunks = 0

  constructor(desk: Desk, callId = 'call-1', bytesMax = 1e8) {
    const { client: store, budget, limits } = desk
    let fresh = 0
    const context = {
      ...{ store, budget, limits, bytesMax, timers: new Timers() },
      freshTransactionId: () => `fresh${fresh++}`,
      judge: () => ({ isNoise: false, isReceipt: false }),
      took: () => {},
    }
    const messageFor = (_now: Now, messageId: string) => ({
      ...{ recipient: BOB_AOR, sender: ALICE_AOR, callId, cseq: 1, fromTag: 'a', messageId, head: large.HEAD },
      ...{ receivedAt: NOW.wall, expiresAt: (NOW.wall + 1000) as WallTime, isUrgent: false },
    })
    this.receiver = new LargeReceiver(context, messageFor, {
      hold: (_now, isHeld) => this.holds.push(isHeld),
      onHeard: () => {},
      onRefused: (_now, why) => this.refused.push(why),
      onStored: () => {},
    })
  }

  get isHeld(): boolean {
    return this.holds.at(-1) ?? false
  }

  chunk(bytes: Buffer, { offset = 0, total, flag = '$', id = 'message-1' }: ChunkOptions = {}): number {
    const head = {
      transactionId: `chunk${this.#chunks++}`,
      messageId: id,
      contentType: 'image/png',
      byteRange: { start: offset + 1, end: undefined, total },
    } as MsrpHead
    let status = this.receiver.begin(NOW, head)
    for (let at = 0; at < bytes.length && status === 200; at += 65_536)
      status = this.receiver.data(NOW, bytes.subarray(at, at + 65_536))
    this.receiver.end(NOW, flag, (_now, decided, completed) =>
      this.answers.push({ id, status: status === 200 ? decided : status, total: completed }),
    )
    return status
  }
}
