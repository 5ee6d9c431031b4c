import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { type Entropy, token } from '../base/entropy.ts'
import type { Instant, Now } from '../base/time.ts'

/**
 * Nonces in use at one time. An entry is made only by a response with the right password, so strangers cannot fill the
 * table; this many is five minutes of a client that asks for a new challenge each time, fifty times a second, in some 2
 * MB.
 */
const NONCES_MAX = 16384

/** How far a request may be overtaken by later ones of the same nonce: UDP reorders neighbours, not more than this. */
export const REPLAY_WINDOW = 32

/** What a nonce of ours says of itself. */
export interface Issued {
  readonly issuedAt: number
  /** Stands for the source that it was sent to, which alone can have it, or whoever it was given to. */
  readonly source: string
}

interface Use {
  readonly issuedAt: number
  highest: number
  /** Bit n: count `highest - n` has been used. */
  seen: number
}

/**
 * RFC 7616 3.3, 3.4: nonces that need no memory until they are used. Each carries its age, a random part and whom it was sent to
 * under a MAC whose key dies with the process, so a flood of challenges costs nothing and a restart makes every nonce stale.
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

  issue(now: Now, source = ''): string {
    const stamp = this.#elapsed(now).toString(36)
    const content = `${stamp}.${token(this.#entropy, 80)}.${this.#nameOf(source)}`
    return `${content}.${this.#mac(content)}`
  }

  /** Undefined for a nonce that this run did not issue; one that it did may be too old. */
  read(nonce: string): Issued | undefined {
    const [stamp, random, source, mac, ...more] = nonce.length > 128 ? [] : nonce.split('.')
    if (!stamp || !random || !source || !mac || more.length > 0) return undefined
    const wanted = Buffer.from(this.#mac(`${stamp}.${random}.${source}`), 'latin1')
    const given = Buffer.from(mac, 'latin1')
    if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) return undefined
    return { issuedAt: Number.parseInt(stamp, 36), source }
  }

  isCurrent(now: Now, { issuedAt }: Issued): boolean {
    const elapsed = this.#elapsed(now)
    return issuedAt <= elapsed && elapsed - issuedAt <= this.#lifeMs
  }

  /**
   * Takes note that `count` of this nonce was used; false when the nonce is not ours, too old, or the count was used
   * before. To be called only for a response that is right otherwise.
   */
  use(now: Now, nonce: string, count: number, issued = this.read(nonce)): boolean {
    if (!issued || !this.isCurrent(now, issued)) return false
    const use = this.#used.get(nonce)
    if (use) return markUsed(use, count)
    if (issued.issuedAt <= this.#floor) return false
    this.#makeRoom(this.#elapsed(now))
    this.#used.set(nonce, { issuedAt: issued.issuedAt, highest: count, seen: 1 })
    return true
  }

  get size(): number {
    return this.#used.size
  }

  #elapsed(now: Now): number {
    this.#epoch ??= now.at
    return Math.max(0, Math.floor(now.at - this.#epoch))
  }

  #mac(content: string): string {
    return createHmac('sha256', this.#key).update(content).digest('base64url').slice(0, 22)
  }

  /** Short, and of no use to whoever would look for the source in it. */
  #nameOf(source: string): string {
    return hash('sha256', Buffer.concat([this.#key, Buffer.from(source, 'latin1')]), 'base64url').slice(0, 10)
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
