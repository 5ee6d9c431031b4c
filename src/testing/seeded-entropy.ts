import type { Entropy } from '../base/entropy.ts'

/** Replays from its seed (sfc32): every random choice of a simulated run, the engine's and the world's, draws from one of these. */
export class SeededEntropy implements Entropy {
  #a: number
  #b: number
  #c: number
  #count = 1

  constructor(seed: number | string) {
    const text = String(seed)
    this.#a = mixed(text, 0x9e3779b9)
    this.#b = mixed(text, 0x243f6a88)
    this.#c = mixed(text, 0xb7e15162)
    for (let i = 0; i < 12; i++) this.#next()
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let i = 0; i < count; i++) bytes[i] = this.#next() >>> 24
    return bytes
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.#next() / 4294967296
  }

  /** A whole number, uniform in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** A generator of its own, so that who draws how often elsewhere does not change it. */
  fork(name: string): SeededEntropy {
    return new SeededEntropy(`${this.#next()} ${name}`)
  }

  #next(): number {
    const result = (this.#a + this.#b + this.#count) >>> 0
    this.#count = (this.#count + 1) >>> 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) >>> 0
    return result
  }
}

/** FNV-1a, started from one of three constants. */
function mixed(text: string, start: number): number {
  let hash = start
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
