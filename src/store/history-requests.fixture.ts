import type { WallTime } from '../base/time.ts'
import type { Dice } from './conformance.ts'
import type {
  HistoryEntry,
  HistoryFilter,
  HistoryHeads,
  HistoryItem,
  HistoryLimits,
  HistoryOwner,
  HistoryPiece,
  HistoryVerbs,
  NewHistory,
} from './history.ts'
import type { Reply, RequestOf, StoreRequest, Verb, Verbs } from './verbs.ts'

/** The suite forgets the oldest of those it no longer feeds; the store does not. */
const OPEN_MAX = 6
const CURSORS_MAX = 20
const PEERS = ['sip:alice@example.org', 'sip:bob@example.org', 'anonymous', 'tel:+15550100']
const SUBJECTS = ['Lunch?', 'lunch at noon', 'R\u00e9union', '']
const SIZES = [0, 1, 200, 1500, 5000, 40_000, 65_536]

interface Surroundings {
  aor(): string
  wall(): WallTime
  ask<V extends Verb>(request: RequestOf<V>): Verbs[V]['reply']
}

type Makers = { readonly [V in keyof HistoryVerbs]: () => HistoryVerbs[V]['request'] }

/** Histories in the suite: several owners of one item, sessions beside each other, pages followed to their end, quotas that are met. */
export class HistoryRequests {
  readonly #dice: Dice
  readonly #around: Surroundings
  /** Of the run: some fill, some do not. */
  readonly #quota: number
  readonly #open: number[] = []
  readonly #pages: HistoryVerbs['history.list']['request'][] = []

  constructor(dice: Dice, around: Surroundings) {
    this.#dice = dice
    this.#around = around
    this.#quota = this.#pick([100_000, 1_000_000, 1e9, 1e9])
  }

  readonly makers: Makers = {
    'history.keep': () => this.kept(),
    'history.open': () => ({
      item: this.#item(this.#pick(['session', 'large'] as const)),
      owners: this.#owners(),
      heads: this.#heads(),
      limits: this.#limits(),
      ...(this.#dice.chance(0.3) && { isAskedFor: true }),
      ...this.#stranger(),
    }),
    'history.append': () => ({
      record: this.#record(),
      pieces: Array.from({ length: this.#dice.below(5) }, () => this.#piece()),
      limits: this.#limits(),
    }),
    'history.close': () => this.#close(),
    'history.recover': () => ({ at: this.#around.wall() }),
    'history.list': () => (this.#pages.length > 0 && this.#dice.chance(0.5) ? this.#pages.shift()! : this.#list()),
    'history.get': () => this.#named(),
    'history.pieces': () => ({
      ...this.#named(),
      from: this.#dice.chance(0.5) ? 0 : this.#dice.below(12),
      bytes: this.#pick([1, 5000, 1_000_000]),
    }),
    'history.remove': () => {
      const named = this.#named()
      return { ...named, ...this.#version(named.aor) }
    },
    'history.erase': () => {
      const aor = this.#around.aor()
      const before = this.#dice.chance(0.7) && { before: this.#past() }
      return { aor, ...before, limit: this.#pick([1, 3, 1000]), ...this.#version(aor) }
    },
    'history.expire': () => ({ before: this.#past(), limit: this.#pick([1, 4, 100]) }),
    'history.sweep': () => ({ limit: this.#pick([1, 3, 100]) }),
    'history.summary': () => ({ aor: this.#around.aor() }),
    'history.owners': () => ({
      ...(this.#dice.chance(0.4) && { after: this.#around.aor() }),
      limit: this.#pick([1, 2, 10]),
    }),
  }

  kept(): NewHistory {
    const item = this.#item('message')
    return { item, owners: this.#owners(), piece: this.#piece(), limits: this.#limits(), ...this.#stranger() }
  }

  #stranger(): { isFromStranger?: boolean } {
    return this.#dice.chance(0.3) ? { isFromStranger: true } : {}
  }

  /** What was answered to a request of the run: which recordings there are, and where pages go on. */
  learn(request: StoreRequest, reply: Reply): void {
    const record = request.verb === 'history.open' ? (reply as { record?: number }).record : undefined
    if (record !== undefined) {
      this.#open.push(record)
      if (this.#open.length > OPEN_MAX) this.#open.shift()
    } else if (request.verb === 'history.close' && this.#dice.chance(0.9)) {
      const at = this.#open.indexOf(request.record)
      if (at >= 0) this.#open.splice(at, 1)
    } else if (request.verb === 'history.list') {
      const { next } = reply as HistoryVerbs['history.list']['reply']
      const { verb: _, ...page } = request
      if (next !== undefined && this.#pages.length < CURSORS_MAX) this.#pages.push({ ...page, after: next })
    }
  }

  #close(): HistoryVerbs['history.close']['request'] {
    const joinedAt = this.#around.wall()
    return {
      record: this.#record(),
      at: joinedAt,
      keep: this.#dice.chance(0.85),
      ...(this.#dice.chance(0.3) && { state: this.#pick(['cut short', 'interrupted'] as const) }),
      ...(this.#dice.chance(0.6) && { heads: this.#heads() }),
      ...(this.#dice.chance(0.3) && { participants: [{ uri: PEERS[0]!, displayName: '\u00c4', joinedAt }] }),
    }
  }

  #list(): HistoryVerbs['history.list']['request'] {
    const filter: HistoryFilter = {
      ...(this.#dice.chance(0.2) && { kind: this.#pick(['message', 'large', 'session'] as const) }),
      ...(this.#dice.chance(0.4) && { peer: this.#pick(PEERS) }),
      ...(this.#dice.chance(0.3) && { since: this.#past() }),
      ...(this.#dice.chance(0.2) && { until: this.#past() }),
      ...(this.#dice.chance(0.1) && { subject: this.#pick(['LUNCH', 'union', '\u00e9', '']) }),
    }
    const page = { aor: this.#around.aor(), filter, order: this.#pick(['oldest', 'newest'] as const) }
    const after = this.#dice.chance(0.05) ? { after: this.#pick(['', 'zz', '0-0', 'zzzzzzzzzz-1']) } : {}
    return { ...page, limit: this.#pick([1, 3, 10, 100]), ...after }
  }

  #item(kind: HistoryItem['kind']): HistoryItem {
    return {
      kind,
      receivedAt: this.#dice.chance(0.05)
        ? (1000 as WallTime)
        : ((this.#around.wall() - this.#dice.below(5000)) as WallTime),
      from: this.#pick(PEERS),
      to: this.#pick(PEERS),
      ...(this.#dice.chance(0.4) && { subject: this.#pick(SUBJECTS) }),
      callId: `call-${this.#dice.below(50)}`,
      isAnonymous: this.#dice.chance(0.2),
      ...(this.#dice.chance(0.4) && { assertedIdentity: this.#pick(PEERS) }),
      ...(this.#dice.chance(0.1) && { recordingName: 'minutes.msrp' }),
    }
  }

  #owners(): HistoryOwner[] {
    const roles = ['receiver', 'sender', 'recorder'] as const
    return Array.from({ length: 1 + this.#dice.below(3) }, () => ({
      aor: this.#around.aor(),
      role: this.#pick(roles),
      peer: this.#pick(PEERS),
    }))
  }

  #heads(): HistoryHeads {
    const head = (): Buffer => Buffer.alloc(this.#pick([0, 30, 900]), this.#dice.below(256))
    return {
      ...(this.#dice.chance(0.5) && { invite: head() }),
      ...(this.#dice.chance(0.5) && { answer: head() }),
      ...(this.#dice.chance(0.5) && { bye: head() }),
    }
  }

  #piece(): HistoryPiece {
    return {
      at: this.#around.wall(),
      from: this.#pick(['caller', 'callee', 'focus'] as const),
      bytes: Buffer.alloc(this.#pick(SIZES), this.#dice.below(256)),
      isEnd: this.#dice.chance(0.7),
    }
  }

  #limits(): HistoryLimits {
    return {
      quotaBytes: this.#dice.chance(0.005) ? 3000 : this.#quota,
      dayBytes: this.#pick([this.#quota, 1e9, 1e9]),
      reserveBytes: this.#pick([0, 0, 0, 2000]),
      isActiveByDefault: this.#dice.chance(0.8),
    }
  }

  /** Mostly of one that is open. */
  #record(): number {
    return this.#open.length > 0 && this.#dice.chance(0.95) ? this.#pick(this.#open) : this.#dice.below(100)
  }

  /** Mostly none, else that of the moment or another. */
  #version(aor: string): { ifVersion?: string } {
    if (this.#dice.chance(0.7)) return {}
    const summary = this.#around.ask<'history.summary'>({ verb: 'history.summary', aor })
    return { ifVersion: this.#dice.chance(0.7) ? (summary?.version ?? '') : 'another' }
  }

  /** Mostly an item that is there. */
  #named(): { aor: string; reference: string } {
    const aor = this.#around.aor()
    const order = this.#pick(['oldest', 'newest'] as const)
    const page = this.#around.ask({ verb: 'history.list', aor, filter: {}, order, limit: 20 })
    const found: readonly HistoryEntry[] = page.entries
    if (found.length > 0 && this.#dice.chance(0.9)) return { aor, reference: this.#pick(found).reference }
    return { aor, reference: this.#pick(['sip:1@edge1.example.org', 'sip:h1-1@edge1.example.org', 'tel:1', '']) }
  }

  #past(): WallTime {
    return (this.#around.wall() - this.#dice.below(100_000)) as WallTime
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#dice.below(choices.length)]!
  }
}
