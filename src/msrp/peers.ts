import { sourceOf } from '../base/source.ts'

/** How many connections each peer opened to us. An IPv6 peer is its /64. */
export class Peers {
  readonly #counts = new Map<string, number>()

  count(address: string): number {
    return this.#counts.get(sourceOf(address)) ?? 0
  }

  add(address: string): void {
    const source = sourceOf(address)
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + 1)
  }

  remove(address: string): void {
    const source = sourceOf(address)
    const left = (this.#counts.get(source) ?? 1) - 1
    if (left > 0) this.#counts.set(source, left)
    else this.#counts.delete(source)
  }
}
