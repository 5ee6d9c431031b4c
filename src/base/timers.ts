import type { Instant, Now } from './time.ts'

export interface Timer {
  /** What the console prints, e.g. "F" of RFC 3261 17.1.2.2 or "msrp response". */
  readonly name: string
  readonly at: Instant
}

interface Entry extends Timer {
  readonly order: number
  fire: ((now: Now) => void) | undefined
}

/**
 * Every timer of the engine, in one binary heap; the host arms a single OS timer for `next()`.
 * Timers due at the same instant fire in the order they were set, so a run replays from its seed.
 * A cancelled timer stays in the heap as an empty entry until it surfaces or until the heap is half empty entries.
 */
export class Timers {
  #heap: Entry[] = []
  #order = 0
  #cancelled = 0

  set(name: string, at: Instant, fire: (now: Now) => void): Timer {
    const entry: Entry = { name, at, order: this.#order++, fire }
    this.#heap.push(entry)
    this.#up(this.#heap.length - 1)
    return entry
  }

  cancel(timer: Timer | undefined): void {
    const entry = timer as Entry | undefined
    if (!entry?.fire) return
    entry.fire = undefined
    this.#cancelled++
    if (this.#cancelled > 1024 && this.#cancelled * 2 > this.#heap.length) this.#compact()
  }

  next(): Instant | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.at
  }

  /** Fires what is due at `now.at`, and what those set that is due by then too. */
  fire(now: Now): void {
    for (;;) {
      this.#dropCancelled()
      const first = this.#heap[0]
      if (!first || first.at > now.at) return
      this.#removeFirst()
      const fire = first.fire
      first.fire = undefined
      fire?.(now)
    }
  }

  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** How many timers of each name run. */
  describe(): Record<string, number> {
    const names: Record<string, number> = {}
    for (const entry of this.#heap) if (entry.fire) names[entry.name] = (names[entry.name] ?? 0) + 1
    return names
  }

  #dropCancelled(): void {
    while (this.#heap[0] && !this.#heap[0].fire) {
      this.#removeFirst()
      this.#cancelled--
    }
  }

  #compact(): void {
    this.#heap = this.#heap.filter(entry => entry.fire).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#down(0)
    }
  }

  #up(index: number): void {
    const heap = this.#heap
    const entry = heap[index]!
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  #down(index: number): void {
    const heap = this.#heap
    const entry = heap[index]!
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, entry)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = entry
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
