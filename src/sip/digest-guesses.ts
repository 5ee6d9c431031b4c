import { ownText } from '../base/own-text.ts'
import type { Instant, Now } from '../base/time.ts'
import { after } from '../base/time.ts'

/** Wrong passwords at once, before anybody is slowed: more than a person mistypes, or an old tablet tries between two looks at it. */
const FREE_MAX = 10
/** One wrong password is forgotten in this time, so a client that is set up wrong and tries each minute keeps nobody out. */
const FORGET_MS = 60_000
/** The first wait; each further one is twice as long. */
const WAIT_MIN_MS = 30_000
/** The longest: a person who has found the mistake waits no longer, and a guesser gets twelve tries an hour at most. */
const WAIT_MAX_MS = 300_000
/** Tallies kept, of some 200 bytes each; the one that was added to longest ago goes first. */
const TALLIES_MAX = 8192
/** Accounts of one source with a tally of their own. Whoever tries more of them shares one for the rest, and cannot push out their own. */
const ACCOUNTS_MAX = 64
/** Longer names than an account has share the tallies of their beginnings. */
const NAME_LENGTH_MAX = 256

interface Tally {
  /** Text of its own, not a part of the message that the name was cut from. */
  readonly key: string
  readonly source: string
  /** Wrong passwords not forgotten at `at`; from then on one is each minute. */
  wrong: number
  at: Instant
  waitMs: number
  waitsUntil: Instant
}

/** Slows down whoever guesses passwords: per account and source, so that nobody is kept out by what others do elsewhere. */
export class Guesses {
  readonly #max: number
  readonly #tallies = new Map<string, Tally>()
  /** How many tallies each source has. */
  readonly #accounts = new Map<string, number>()

  constructor(max = TALLIES_MAX) {
    this.#max = max
  }

  get size(): number {
    return this.#tallies.size
  }

  /** For how long no password of this source for this account is to be looked at; 0 when it may. */
  waitMs(now: Now, source: string, account: string): number {
    if (this.#tallies.size === 0) return 0
    const tally = this.#tallies.get(this.#keyOf(source, account))
    return tally ? Math.max(0, tally.waitsUntil - now.at) : 0
  }

  /** The wait that this one began, or 0. */
  wrong(now: Now, source: string, account: string): number {
    const key = this.#keyOf(source, account)
    const tally = this.#tallies.get(key) ?? this.#add(now, key, source)
    const before = left(tally, now)
    tally.at = before === 0 ? now.at : ((tally.at + (tally.wrong - before) * FORGET_MS) as Instant)
    tally.wrong = before + 1
    this.#tallies.delete(tally.key)
    this.#tallies.set(tally.key, tally)
    if (tally.wrong < FREE_MAX) return 0
    tally.wrong = FREE_MAX
    tally.waitMs = Math.min(WAIT_MAX_MS, Math.max(WAIT_MIN_MS, tally.waitMs * 2))
    tally.waitsUntil = after(now, tally.waitMs)
    return tally.waitMs
  }

  right(source: string, account: string): void {
    if (this.#tallies.size > 0) this.#remove(keyOf(source, account))
  }

  #keyOf(source: string, account: string): string {
    const own = keyOf(source, account)
    const isFull = (this.#accounts.get(source) ?? 0) >= ACCOUNTS_MAX && !this.#tallies.has(own)
    return isFull ? keyOf(source, '') : own
  }

  #add(now: Now, key: string, source: string): Tally {
    for (const [oldest, tally] of this.#tallies) {
      const isForgotten = left(tally, now) === 0 && tally.waitsUntil <= now.at
      if (!isForgotten && this.#tallies.size < this.#max) break
      this.#remove(oldest)
    }
    const ownKey = ownText(key)
    const tally: Tally = { key: ownKey, source, wrong: 0, at: now.at, waitMs: 0, waitsUntil: now.at }
    this.#tallies.set(ownKey, tally)
    this.#accounts.set(source, (this.#accounts.get(source) ?? 0) + 1)
    return tally
  }

  #remove(key: string): void {
    const tally = this.#tallies.get(key)
    if (!tally) return
    this.#tallies.delete(key)
    const others = (this.#accounts.get(tally.source) ?? 1) - 1
    if (others > 0) this.#accounts.set(tally.source, others)
    else this.#accounts.delete(tally.source)
  }
}

const left = (tally: Tally, now: Now): number => Math.max(0, tally.wrong - Math.floor((now.at - tally.at) / FORGET_MS))

const keyOf = (source: string, account: string): string => `${source} ${account.slice(0, NAME_LENGTH_MAX)}`
