import { lateAfter, toldError } from './told-error.ts'

/** What the technician who waits is told, in place of what never came. */
export type Unanswered = 'late' | 'stopped'

/** Every test on the spot ends within this time. */
const TEST_MS = 10_000

/** Time that is left for a test. What does not answer by then runs on by itself, and nobody hears of it. */
export class Limited {
  readonly #endsAt: number
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal, ms = TEST_MS) {
    this.#endsAt = performance.now() + ms
    this.#signal = signal
  }

  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  /** What came of the work, or that nothing came in time. Rejects as the work does. */
  async of<T>(work: Promise<T>, mostMs = Number.POSITIVE_INFINITY): Promise<T | Unanswered> {
    // Nobody waits any more for what ends late.
    work.catch(() => {})
    if (this.#signal.aborted) return 'stopped'
    let timer: NodeJS.Timeout | undefined
    let stop: (() => void) | undefined
    const unanswered = new Promise<Unanswered>(resolve => {
      timer = setTimeout(resolve, Math.min(this.leftMs, mostMs), 'late')
      stop = () => resolve('stopped')
      this.#signal.addEventListener('abort', stop)
    })
    try {
      return await Promise.race([work, unanswered])
    } finally {
      clearTimeout(timer)
      if (stop) this.#signal.removeEventListener('abort', stop)
    }
  }
}

/** A stopwatch, for people: `3.1 ms`. */
export function stopwatch(): () => string {
  const from = performance.now()
  return () => {
    const ms = performance.now() - from
    return `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`
  }
}

/** What the other side said, and how long it took; or why nothing came. */
export type Heard<T> = { readonly answer: T; readonly time: string } | { readonly failure: string }

/** What is still open when it is over is closed by the signal. Never rejects. */
export async function heardWithin<T>(
  limited: Limited,
  mostMs: number,
  ask: (signal: AbortSignal) => Promise<{ readonly answer: T; readonly time: string }>,
): Promise<Heard<T>> {
  const ms = Math.min(mostMs, limited.leftMs)
  const ending = new AbortController()
  try {
    const heard = await limited.of(ask(ending.signal), ms)
    if (heard === 'stopped') return { failure: 'Stopped.' }
    return heard === 'late' ? { failure: lateAfter(ms) } : heard
  } catch (error) {
    return { failure: toldError(error) }
  } finally {
    ending.abort()
  }
}
