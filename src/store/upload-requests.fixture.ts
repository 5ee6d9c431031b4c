import { UNDATED, type WallTime } from '../base/time.ts'
import { BLOCK_BYTES, INLINE_BYTES_MAX } from './blocks.ts'
import type { Dice } from './conformance.ts'
import { covers, NO_EXTENTS, withExtent } from './extents.ts'
import type { CustodyLimits, MessageIdentity, NewUpload, Reply, StoreRequest, UploadVerb, Verbs } from './verbs.ts'

const SIZES = [0, 1, 900, 5000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 77, 250_000]
const CHUNKS_MAX = 6
const WHAT = { contentType: 'text/plain', transactionId: 'dkei38sd' }
/** The suite forgets the oldest of those it no longer feeds; the store does not. */
const PLANS_MAX = 8

/** A large message on its way: what is still to be sent of it, in an order of its own. */
interface Plan {
  readonly upload: number
  readonly size: number
  readonly chunks: { readonly offset: number; readonly bytes: Buffer }[]
  extents: readonly number[]
}

interface Surroundings {
  identity(): MessageIdentity
  limits(): CustodyLimits
  wall(): WallTime
  /** Of messages that wait, mostly. */
  message(): { aor: string; seq: number }
}

type Makers = { readonly [V in UploadVerb]: () => Verbs[V]['request'] }

/** Large messages in the suite: cut at random, sent in any order, overlapping, over what was there, dropped half way. */
export class UploadRequests {
  readonly #dice: Dice
  readonly #around: Surroundings
  readonly #plans: Plan[] = []
  #begun = 0

  constructor(dice: Dice, around: Surroundings) {
    this.#dice = dice
    this.#around = around
  }

  readonly makers: Makers = {
    'upload.begin': () => this.#begin(),
    'upload.append': () => this.#append(),
    'upload.finish': () => this.#finish(),
    'upload.whole': () => this.#whole(),
    'upload.drop': () => ({ upload: this.#number() }),
    'upload.clear': () => ({}),
    room: () => ({
      aor: this.#around.identity().recipient,
      bytes: this.#pick(SIZES),
      limits: this.#around.limits(),
      ...(this.#dice.chance(0.5) && { from: this.#around.identity() }),
    }),
    sweep: () => ({ limit: this.#pick([1, 3, 100]) }),
    piece: () => {
      const offset = this.#dice.chance(0.3) ? 0 : this.#dice.below(260_000)
      return { ...this.#around.message(), offset, length: this.#pick([0, 1, 1000, 70_000, 300_000]) }
    },
  }

  /** What was answered to a request of the run: which uploads there are now. */
  learn(request: StoreRequest, reply: Reply): void {
    if (request.verb === 'upload.begin' && (reply as Verbs['upload.begin']['reply']).outcome === 'begun') {
      const { upload } = reply as { upload: number }
      this.#begun = upload
      const size = request.expectedBytes > 0 && this.#dice.chance(0.8) ? request.expectedBytes : this.#pick(SIZES)
      this.#plans.push({ upload, size, chunks: this.#cut(size), extents: NO_EXTENTS })
      if (this.#plans.length > PLANS_MAX) this.#plans.shift()
    } else if (request.verb === 'upload.append' && reply === 'kept') {
      const plan = this.#plans.find(({ upload }) => upload === request.upload)
      if (plan) plan.extents = withExtent(plan.extents, request.offset, request.offset + request.bytes.length)
    } else if ('upload' in request && (request.verb !== 'upload.append' || reply === 'gone')) {
      const at = this.#plans.findIndex(({ upload }) => upload === request.upload)
      if (at >= 0) this.#plans.splice(at, 1)
    }
  }

  #begin(): Verbs['upload.begin']['request'] {
    const expectedBytes = this.#dice.chance(0.4) ? 0 : this.#pick(SIZES)
    return { message: this.#message(), expectedBytes, limits: this.#around.limits() }
  }

  #message(): NewUpload {
    const wall = this.#around.wall()
    return {
      ...this.#around.identity(),
      messageId: this.#pick(['m1', 'm2', 'm3']),
      head: Buffer.from(
        `INVITE sip:bob@example.org SIP/2.0\r\nSubject: \u00e9 ${'x'.repeat(this.#dice.below(300))}\r\n`,
      ),
      receivedAt: wall,
      expiresAt: ((this.#dice.chance(0.15) ? UNDATED : wall) + this.#dice.below(120_000)) as WallTime,
      isUrgent: this.#dice.chance(0.1),
    }
  }

  /** Around the size up to which the content stands beside the head, and of any other. */
  #whole(): Verbs['upload.whole']['request'] {
    const message = this.#message()
    const inline = INLINE_BYTES_MAX - message.head.length
    const size = this.#dice.chance(0.5) ? inline - 1 + this.#dice.below(3) : this.#pick(SIZES)
    const { bytes: content } = this.#chunk(0, size)
    const limits = this.#around.limits()
    return { message, content, ...WHAT, at: this.#around.wall(), limits }
  }

  #append(): Verbs['upload.append']['request'] {
    const limits = this.#around.limits()
    const plan = this.#dice.chance(0.95) && this.#plans.length > 0 ? this.#pick(this.#plans) : undefined
    const chunk = plan?.chunks.pop() ?? { offset: this.#dice.below(1000), bytes: Buffer.from('astray') }
    return { upload: plan?.upload ?? this.#number(), ...chunk, limits }
  }

  /** Of one whose bytes are all there, or one that is not there. */
  #finish(): Verbs['upload.finish']['request'] {
    const whole = this.#plans.filter(({ extents, size }) => covers(extents, size))
    const rest = {
      ...WHAT,
      at: this.#around.wall(),
      limits: this.#around.limits(),
    }
    if (whole.length === 0) return { upload: this.#begun + 1, size: 0, ...rest }
    const { upload, size } = this.#pick(whole)
    return { upload, size: this.#dice.chance(0.9) ? size : this.#dice.below(size + 1), ...rest }
  }

  /** Every byte at least once; some twice, of which the first may be another. */
  #cut(size: number): Plan['chunks'] {
    const edges = Array.from({ length: this.#dice.below(CHUNKS_MAX) }, () => this.#dice.below(size + 1))
    const sorted = [0, ...edges, size].sort((a, b) => a - b)
    const chunks = sorted.slice(1).map((to, i) => this.#chunk(sorted[i]!, to))
    for (let i = this.#dice.below(3); i > 0; i--) {
      const from = this.#dice.below(size + 1)
      chunks.push(this.#chunk(from, from + this.#dice.below(size - from + 1)))
    }
    for (let i = chunks.length - 1; i > 0; i--) {
      const j = this.#dice.below(i + 1)
      ;[chunks[i], chunks[j]] = [chunks[j]!, chunks[i]!]
    }
    return chunks
  }

  #chunk(from: number, to: number): Plan['chunks'][number] {
    const bytes = Buffer.alloc(to - from)
    const step = 1 + this.#dice.below(255)
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, step) >>> 3
    return { offset: from, bytes }
  }

  #number(): number {
    return this.#plans.length > 0 && this.#dice.chance(0.7)
      ? this.#pick(this.#plans).upload
      : 1 + this.#dice.below(this.#begun + 2)
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#dice.below(choices.length)]!
  }
}
