import type { Instant, Now } from '../base/time.ts'
import type { SeriesStep, SeriesView, Span } from '../services/status.ts'

/** What is read of the box once a minute: counters since its start, and numbers of now. */
export interface Sample {
  readonly stored: number
  readonly delivered: number
  readonly refused: number
  readonly waiting: number
  readonly freeBytes: number
}

/** What happened in one step of time. */
interface Step {
  /** How much of it somebody looked at. */
  coveredMs: number
  stored: number
  delivered: number
  refused: number
  /** As the latest sample of the step had them. */
  waiting: number
  freeBytes: number
}

/** Finer for what is near. Each is a plot of at most a hundred points, and the memory of all is some ten kilobytes. */
const SPANS: Readonly<Record<Span, { readonly stepMs: number; readonly steps: number }>> = {
  hour: { stepMs: 60_000, steps: 60 },
  day: { stepMs: 15 * 60_000, steps: 96 },
  week: { stepMs: 2 * 3_600_000, steps: 84 },
}

export const SPAN_NAMES = Object.keys(SPANS) as Span[]

/** A step as it is kept over a restart: when it began, and its numbers in the order of `Step`. */
export type KeptStep = readonly [at: number, ...numbers: number[]]
export type KeptSeries = Readonly<Record<Span, readonly KeptStep[]>>

const NUMBERS = ['coveredMs', 'stored', 'delivered', 'refused', 'waiting', 'freeBytes'] as const

/**
 * Figures over an hour, a day and a week. Everything stands by how long ago it was, in monotonic time: when the clock of the machine jumps
 * (no RTC, then NTP), the times that are shown move with it and no figure is lost or counted twice.
 */
export class Series {
  readonly #origin: Instant
  readonly #rings = new Map<Span, Map<number, Step>>(SPAN_NAMES.map(span => [span, new Map()]))
  #last: { readonly at: Instant; readonly sample: Sample } | undefined
  /** Of a run before, until the clock tells how long ago that was. */
  #kept: KeptSeries | undefined

  constructor(now: Now, kept?: KeptSeries) {
    this.#origin = now.at
    this.#kept = kept
    this.#takeKept(now)
  }

  /** To be called about once a minute. */
  add(now: Now, sample: Sample): void {
    this.#takeKept(now)
    const last = this.#last
    this.#last = { at: now.at, sample }
    if (!last) return
    for (const span of SPAN_NAMES) this.#addTo(span, now, last, sample)
  }

  /** In the latest minute that is over; undefined before the first is. */
  latest(now: Now): SeriesStep | undefined {
    return this.view('hour', now)
      .steps.filter(({ stored }) => stored !== undefined)
      .at(-1)
  }

  /** How many of a kind within the latest hour. */
  hourly(now: Now, kind: 'stored' | 'delivered' | 'refused'): number {
    const ring = this.#ring('hour')
    const newest = this.#indexAt('hour', now.at)
    let sum = 0
    for (const [index, step] of ring) if (index > newest - SPANS.hour.steps) sum += step[kind]
    return sum
  }

  view(span: Span, now: Now): SeriesView {
    const { stepMs, steps } = SPANS[span]
    const newest = this.#indexAt(span, now.at)
    const ring = this.#ring(span)
    const all = Array.from({ length: steps }, (_, place) => {
      const index = newest - steps + 1 + place
      return shown(this.#wallOf(index * stepMs, now), ring.get(index))
    })
    return { span, stepS: stepMs / 1000, steps: all }
  }

  /** For the next run. Undefined: nobody knows what time it is, or what was. */
  kept(now: Now): KeptSeries | undefined {
    if (!now.isWallTrusted) return undefined
    this.#takeKept(now)
    const of = (span: Span): KeptStep[] => {
      const oldest = this.#indexAt(span, now.at) - SPANS[span].steps
      return [...this.#ring(span)]
        .filter(([index]) => index > oldest)
        .sort(([a], [b]) => a - b)
        .map(([index, step]) => [
          Math.round(this.#wallOf(index * SPANS[span].stepMs, now)),
          ...NUMBERS.map(name => Math.round(step[name])),
        ])
    }
    return { hour: of('hour'), day: of('day'), week: of('week') }
  }

  #addTo(span: Span, now: Now, last: { readonly at: Instant; readonly sample: Sample }, sample: Sample): void {
    const ring = this.#ring(span)
    // What was counted since the last look belongs to the time before this one.
    const index = this.#indexAt(span, (now.at - 1) as Instant)
    const step = ring.get(index) ?? { coveredMs: 0, stored: 0, delivered: 0, refused: 0, waiting: 0, freeBytes: 0 }
    step.coveredMs += Math.max(1, now.at - last.at)
    step.stored += sample.stored - last.sample.stored
    step.delivered += sample.delivered - last.sample.delivered
    step.refused += sample.refused - last.sample.refused
    step.waiting = sample.waiting
    step.freeBytes = sample.freeBytes
    ring.set(index, step)
    for (const old of ring.keys()) if (old <= index - SPANS[span].steps) ring.delete(old)
  }

  #takeKept(now: Now): void {
    const kept = this.#kept
    if (!kept || !now.isWallTrusted) return
    this.#kept = undefined
    for (const span of SPAN_NAMES) {
      const { stepMs, steps } = SPANS[span]
      const newest = this.#indexAt(span, now.at)
      for (const [wall, ...numbers] of kept[span]) {
        const index = this.#indexAt(span, (now.at - (now.wall - wall) + stepMs / 2) as Instant)
        // Of a time to come: the clock was wrong, then or now.
        if (index > newest || index <= newest - steps || this.#ring(span).has(index)) continue
        this.#ring(span).set(index, Object.fromEntries(NUMBERS.map((name, at) => [name, numbers[at] ?? 0])) as never)
      }
    }
  }

  #ring(span: Span): Map<number, Step> {
    return this.#rings.get(span)!
  }

  #indexAt(span: Span, at: Instant): number {
    return Math.floor((at - this.#origin) / SPANS[span].stepMs)
  }

  #wallOf(sinceOrigin: number, now: Now): number {
    return now.wall - (now.at - this.#origin - sinceOrigin)
  }
}

function shown(at: number, step: Step | undefined): SeriesStep {
  if (!step) {
    const nothing = undefined
    return { at, stored: nothing, delivered: nothing, refused: nothing, waiting: nothing, freeBytes: nothing }
  }
  const perMinute = (count: number): number => Math.round((count * 60_000 * 10) / step.coveredMs) / 10
  const { stored, delivered, refused, waiting, freeBytes } = step
  return {
    at,
    stored: perMinute(stored),
    delivered: perMinute(delivered),
    refused: perMinute(refused),
    waiting,
    freeBytes,
  }
}
