import { sourceOf } from '../base/source.ts'
import { Tally } from '../base/tally.ts'

/** How many connections each peer opened to us. An IPv6 peer is its /64. */
export class Peers {
  readonly #counts = new Tally()

  count(address: string): number {
    return this.#counts.of(sourceOf(address))
  }

  add(address: string): void {
    this.#counts.add(sourceOf(address))
  }

  remove(address: string): void {
    this.#counts.remove(sourceOf(address))
  }
}
