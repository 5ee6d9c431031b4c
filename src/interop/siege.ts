import type { SeededEntropy } from '../testing/seeded-entropy.ts'
import type { BoxProcess } from './box.ts'
import type { Books, Kill } from './ledger.ts'
import type { Load } from './load.ts'
import type { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** New messages between two kills: about what can be stored in that time, so that the load never rests. */
const MESSAGES_PER_RUN = 100

/** The phones register as soon as the box serves. */
const DELIVERY_MS = 10_000

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** A box, who talks to it, and when it was killed. The moments of the kills are random; nothing waits for a pause to be over. */
export class Siege {
  readonly box: BoxProcess
  readonly load: Load
  readonly kills: Kill[] = []
  /** Each phone, and whether it registers with `+g.oma.sip-im`. */
  readonly #receivers: readonly (readonly [RealPhone, boolean])[]
  readonly #random: SeededEntropy

  constructor(
    box: BoxProcess,
    load: Load,
    receivers: readonly (readonly [RealPhone, boolean])[],
    random: SeededEntropy,
  ) {
    this.box = box
    this.load = load
    this.#receivers = receivers
    this.#random = random
  }

  get books(): Books {
    const taken = new Map(this.#receivers.map(([{ phone, inbox }]) => [phone.options.user, inbox.taken]))
    return { written: this.load.written, taken, kills: this.kills }
  }

  /** How many messages the receivers took. */
  get taken(): number {
    return this.#receivers.reduce((sum, [{ inbox }]) => sum + inbox.taken.length, 0)
  }

  async start(): Promise<void> {
    const last = this.kills.pop()
    if (last) this.kills.push({ at: last.at, nextStartAt: performance.now() })
    await this.box.start()
  }

  register(): void {
    for (const [receiver, isInstantMessaging] of this.#receivers)
      receiver.act(now => receiver.phone.register(now, { isInstantMessaging }))
  }

  /** Gives whether senders waited for answers at that moment. */
  async killWhileStoring(): Promise<boolean> {
    this.load.allow(MESSAGES_PER_RUN)
    if (await this.#startOrNot()) await pause(this.#random.below(400))
    return this.#kill()
  }

  /** Gives whether something was handed over before. */
  async killWhileDelivering(): Promise<boolean> {
    const before = this.taken
    this.load.allow(MESSAGES_PER_RUN)
    if (await this.#startOrNot()) {
      this.register()
      await until('a delivery', DELIVERY_MS, () => this.taken > before)
      await pause(this.#random.below(150))
    }
    await this.#kill()
    return this.taken > before
  }

  /** One start in eight does not come to its end. */
  async #startOrNot(): Promise<boolean> {
    const started = this.start()
    if (!this.#random.chance(0.125)) {
      await started
      return true
    }
    started.catch(() => {})
    await pause(100 + this.#random.below(900))
    return false
  }

  async #kill(): Promise<boolean> {
    const isUnderLoad = this.load.unanswered > 0
    const at = performance.now()
    await this.box.kill()
    this.kills.push({ at, nextStartAt: Number.POSITIVE_INFINITY })
    return isUnderLoad
  }
}
