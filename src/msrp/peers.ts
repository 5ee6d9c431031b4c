import { parseAddress } from '../base/address.ts'

/** How many connections each peer opened to us. An IPv6 peer is its /64: a single host has all of its addresses. */
export class Peers {
  readonly #counts = new Map<string, number>()

  count(address: string): number {
    return this.#counts.get(networkOf(address)) ?? 0
  }

  add(address: string): void {
    const network = networkOf(address)
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1)
  }

  remove(address: string): void {
    const network = networkOf(address)
    const left = (this.#counts.get(network) ?? 1) - 1
    if (left > 0) this.#counts.set(network, left)
    else this.#counts.delete(network)
  }
}

const networkOf = (address: string): string => {
  const bytes = address.includes(':') ? parseAddress(address) : undefined
  return bytes ? bytes.slice(0, 8).join('.') : address
}
