import t from 'tap'
import { randomBelow } from '../base/entropy.ts'
import { NotifierWire } from '../testing/notifier-wire.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { seeds } from '../testing/seeds.ts'
import { SubscriberWire, text } from '../testing/subscriber-wire.ts'

/** Datagrams out of a hundred. */
const LOST = 20
const TWICE = 10
const LATE = 15

/** A subscription of ours at a notifier of our own, and a network between that loses, doubles and reorders. */
class Pair {
  readonly ours = new NotifierWire()
  readonly notifier = new SubscriberWire()
  readonly #entropy: SeededEntropy
  #isPoor = true
  readonly #late: { readonly at: number; readonly bytes: string; readonly isToNotifier: boolean }[] = []

  constructor(seed: number | string) {
    this.#entropy = new SeededEntropy(`lossy ${seed}`)
  }

  /** Both clocks, step by step. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.#carry()
      this.ours.pass(50)
      this.notifier.pass(50)
    }
  }

  heal(): void {
    this.#isPoor = false
  }

  #carry(): void {
    const { at } = this.ours.wire.now
    for (const late of this.#late.splice(0)) {
      if (late.at > at) this.#late.push(late)
      else this.#deliver(late.bytes, late.isToNotifier)
    }
    for (const { text: bytes } of this.ours.wire.take()) this.#send(bytes, true)
    for (const { text: bytes } of this.notifier.wire.take()) this.#send(bytes, false)
  }

  #send(bytes: string, isToNotifier: boolean): void {
    const luck = this.#isPoor ? randomBelow(this.#entropy, 100) : 100
    if (luck < LOST) return
    if (luck < LOST + TWICE) this.#deliver(bytes, isToNotifier)
    const delayMs = luck >= 100 - LATE && luck < 100 ? randomBelow(this.#entropy, 3000) : 0
    this.#late.push({ at: this.ours.wire.now.at + delayMs, bytes, isToNotifier })
  }

  #deliver(bytes: string, isToNotifier: boolean): void {
    if (isToNotifier) this.notifier.wire.receive(bytes)
    else this.ours.wire.receive(bytes)
  }
}

for (const seed of seeds(12)) {
  t.test(
    `RFC 6665 4: over a network that loses and reorders, the last thing told is how it is (seed ${seed})`,
    async t => {
      const pair = new Pair(seed)
      const { ours, notifier } = pair
      const told = () => ours.events.filter(event => /^(first|then) active/.test(event)).at(-1)
      notifier.bodies = [text('state 0')]
      ours.begin({ event: 'weather', accept: ['text/plain'], expiresS: 120 })
      for (let change = 1; change <= 20; change++) {
        notifier.bodies = [text(`state ${change}`)]
        notifier.change()
        pair.pass(15_000)
        if (change % 5 === 0) ours.own?.refresh(ours.wire.now)
      }
      pair.heal()
      pair.pass(60_000)
      notifier.change()
      pair.pass(60_000)
      t.match(told(), /state 20$/)
      t.match(ours.subscribers.describe(), { open: 1 })
      ours.own?.end(ours.wire.now)
      pair.pass(40_000)
      t.strictSame(
        ours.events.filter(event => event.startsWith('ended')),
        ['ended local'],
      )
      pair.pass(150_000)
      t.match(notifier.subscriptions.describe(), { total: 0 }, 'nothing is left behind there')
      t.equal(ours.wire.running, '')
    },
  )
}
