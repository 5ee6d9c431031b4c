import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Entropy, token } from '../base/entropy.ts'
import type { Instant, Now } from '../base/time.ts'

/**
 * Nonces in use at one time. An entry is made only by a response with the right password, so strangers cannot fill the
 * table; this many is five minutes of a client that asks for a new challenge each time, fifty times a second, in some 2
 * MB.
 */
export const NONCES_MAX = 16384

/** How far a request may be overtaken by later ones of the same nonce: UDP reorders neighbours, not more than this. */
export const REPLAY_WINDOW = 32

interface Use {
  readonly issuedAt: number
  highest: number
  /** Bit n: count `highest - n` has been used. */
  seen: number
}

/**
 * RFC 7616 3.3, 3.4: nonces that need no memory until they are used. Each carries its age and a random part under a MAC
 * whose key dies with the process, so a flood of challenges costs nothing and a restart makes every nonce stale.
 */
export class Nonces {
  readonly #entropy: Entropy
  readonly #key: Uint8Array
  readonly #lifeMs: number
  readonly #max: number
  readonly #used = new Map<string, Use>()
  #epoch: Instant | undefined
  /** Nonces issued up to here of which nothing is remembered are stale: their use may have been forgotten. */
  #floor = -1

  constructor(entropy: Entropy, lifeS: number, max = NONCES_MAX) {
    this.#entropy = entropy
    this.#key = entropy.bytes(32)
    this.#lifeMs = lifeS * 1000
    this.#max = max
  }

  issue(now: Now): string {
    const stamp = this.#elapsed(now).toString(36)
    const random = token(this.#entropy, 80)
    return `${stamp}.${random}.${this.#mac(stamp, random)}`
  }

  /**
   * Takes note that `count` of this nonce was used; false when the nonce is not ours, too old, or the count was used
   * before. To be called only for a response that is right otherwise.
   */
  use(now: Now, nonce: string, count: number): boolean {
    const issuedAt = this.#issuedAt(nonce)
    if (issuedAt === undefined) return false
    const elapsed = this.#elapsed(now)
    if (issuedAt > elapsed || elapsed - issuedAt > this.#lifeMs) return false
    const use = this.#used.get(nonce)
    if (use) return markUsed(use, count)
    if (issuedAt <= this.#floor) return false
    this.#makeRoom(elapsed)
    this.#used.set(nonce, { issuedAt, highest: count, seen: 1 })
    return true
  }

  get size(): number {
    return this.#used.size
  }

  #elapsed(now: Now): number {
    this.#epoch ??= now.at
    return Math.max(0, Math.floor(now.at - this.#epoch))
  }

  #issuedAt(nonce: string): number | undefined {
    const [stamp, random, mac, ...more] = nonce.length > 128 ? [] : nonce.split('.')
    if (!stamp || !random || !mac || more.length > 0) return undefined
    const wanted = Buffer.from(this.#mac(stamp, random), 'latin1')
    const given = Buffer.from(mac, 'latin1')
    if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) return undefined
    return Number.parseInt(stamp, 36)
  }

  #mac(stamp: string, random: string): string {
    return createHmac('sha256', this.#key).update(`${stamp}.${random}`).digest('base64url').slice(0, 22)
  }

  /** Drops what expired from the front, where the oldest uses are, then one more if the table is still full. */
  #makeRoom(elapsed: number): void {
    for (const [nonce, use] of this.#used) {
      const isExpired = elapsed - use.issuedAt > this.#lifeMs
      if (!isExpired && this.#used.size < this.#max) return
      this.#used.delete(nonce)
      if (!isExpired) this.#floor = Math.max(this.#floor, use.issuedAt)
    }
  }
}

function markUsed(use: Use, count: number): boolean {
  const ahead = count - use.highest
  if (ahead > 0) {
    use.seen = ahead >= REPLAY_WINDOW ? 1 : ((use.seen << ahead) | 1) >>> 0
    use.highest = count
    return true
  }
  if (-ahead >= REPLAY_WINDOW) return false
  const bit = (1 << -ahead) >>> 0
  if ((use.seen & bit) !== 0) return false
  use.seen = (use.seen | bit) >>> 0
  return true
}
