import t from 'tap'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { type Sample, Series } from './series.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 5, 1, 12)

const nowAt = (ms: number, wall = START + ms, isWallTrusted = true): Now => ({
  at: (1_000_000 + ms) as Instant,
  wall: wall as WallTime,
  isWallTrusted,
})

const sample = (stored: number, more: Partial<Sample> = {}): Sample => ({
  stored,
  delivered: 0,
  refused: 0,
  waiting: stored,
  freeBytes: 1000,
  ...more,
})

/** Some minutes in a row, with so many more stored in each. */
function fill(series: Series, minutes: readonly number[], perMinute: number): void {
  for (const minute of minutes) series.add(nowAt(minute * MINUTE), sample(minute * perMinute))
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

t.test('what was counted in a minute stands at that minute; what nobody saw is no zero', async t => {
  const series = new Series(nowAt(0))
  t.equal(series.latest(nowAt(0)), undefined, 'nothing is known before the first minute')
  series.add(nowAt(0), sample(100))
  t.equal(series.latest(nowAt(0)), undefined, 'what was counted before is not of this minute')
  series.add(nowAt(MINUTE), sample(107, { delivered: 3, refused: 2, waiting: 4, freeBytes: 999 }))
  t.match(series.latest(nowAt(MINUTE)), {
    at: START,
    stored: 7,
    delivered: 3,
    refused: 2,
    waiting: 4,
    freeBytes: 999,
  })
  const { steps, stepS } = series.view('hour', nowAt(MINUTE))
  t.equal(stepS, 60)
  t.equal(steps.length, 60)
  t.equal(steps.filter(({ stored }) => stored !== undefined).length, 1)
  t.equal(series.hourly(nowAt(MINUTE), 'refused'), 2)
})

t.test('a minute that was looked at late is an average over the time that it took', async t => {
  const series = new Series(nowAt(0))
  series.add(nowAt(0), sample(0))
  series.add(nowAt(4 * MINUTE), sample(40))
  const known = series.view('hour', nowAt(4 * MINUTE)).steps.filter(({ stored }) => stored !== undefined)
  t.match(known, [{ stored: 10 }])
})

t.test('an hour, a day and a week: coarser, bounded, and the hour moves on', async t => {
  const series = new Series(nowAt(0))
  fill(series, range(0, 8 * 24 * 60), 3)
  const end = nowAt(8 * 24 * 60 * MINUTE)
  for (const [span, count] of [
    ['hour', 60],
    ['day', 96],
    ['week', 84],
  ] as const) {
    const { steps } = series.view(span, end)
    t.equal(steps.length, count, span)
    const old = steps.slice(0, -1)
    t.ok(
      old.every(({ stored }) => stored === 3),
      'each step is a minute on average',
    )
    t.same(
      steps.map(({ at }) => at),
      [...steps].map(({ at }) => at).sort((a, b) => a - b),
    )
  }
  t.equal(series.hourly(end, 'stored'), 59 * 3, 'of the minute that runs nothing is known yet')
  const kept = series.kept(end)!
  t.ok(kept.hour.length <= 60 && kept.day.length <= 96 && kept.week.length <= 84)
  t.ok(JSON.stringify(kept).length < 32 * 1024, 'what is written to flash is small')
})

t.test('figures survive a restart, with a gap for the time in which nothing ran', async t => {
  const first = new Series(nowAt(0))
  fill(first, range(0, 30), 5)
  const kept = first.kept(nowAt(30 * MINUTE))!
  // The machine was started anew: its monotonic clock begins elsewhere.
  const later = (minute: number): Now => ({
    at: (minute * MINUTE + 17) as Instant,
    wall: (START + (40 + minute) * MINUTE) as WallTime,
    isWallTrusted: true,
  })
  const second = new Series(later(0), JSON.parse(JSON.stringify(kept)))
  second.add(later(0), sample(0))
  second.add(later(1), sample(9))
  const { steps } = second.view('hour', later(1))
  const values = steps.map(({ stored }) => stored)
  t.same(values.slice(-2), [9, undefined])
  t.same(values.slice(-12, -2), Array(10).fill(undefined), 'ten minutes in which nothing ran')
  t.same(values.slice(-42, -12), Array(30).fill(5))
  t.equal(second.hourly(later(1), 'stored'), 159)
})

t.test('before the clock is set what an earlier run left is held back, and nothing is kept', async t => {
  const first = new Series(nowAt(0))
  fill(first, range(0, 10), 5)
  const kept = first.kept(nowAt(10 * MINUTE))!
  const wrong = (minute: number): Now => nowAt(minute * MINUTE, minute * MINUTE, false)
  const second = new Series(wrong(0), kept)
  second.add(wrong(0), sample(0))
  second.add(wrong(1), sample(8))
  t.equal(second.kept(wrong(1)), undefined)
  t.equal(second.hourly(wrong(1), 'stored'), 8)
  const set = nowAt(2 * MINUTE, START + 20 * MINUTE)
  second.add(set, sample(16))
  t.equal(second.hourly(set, 'stored'), 66)
  const known = second.view('hour', set).steps.filter(({ stored }) => stored !== undefined)
  t.same(
    known.slice(-2).map(({ at }) => at),
    [START + 18 * MINUTE, START + 19 * MINUTE],
    'what this run saw moved with the clock',
  )
})

t.test('the clock jumps by years, ahead and back: nothing is lost, and nothing counted twice', async t => {
  const series = new Series(nowAt(0))
  fill(series, range(0, 5), 4)
  for (const jump of [10 * 365 * 24 * 60 * MINUTE, -10 * 365 * 24 * 60 * MINUTE]) {
    const there = nowAt(5 * MINUTE, START + jump)
    t.equal(series.hourly(there, 'stored'), 20)
    t.equal(series.latest(there)?.at, START + jump - MINUTE)
  }
})

t.test('what an earlier run left of a time to come, or of long ago, is not shown', async t => {
  const step = (at: number) => [at, MINUTE, 1, 1, 1, 1, 1] as const
  const now = nowAt(0)
  const kept = { hour: [step(START + 5 * MINUTE), step(START - 61 * MINUTE), step(0)], day: [], week: [] }
  const series = new Series(now, kept)
  t.equal(series.hourly(now, 'stored'), 0)
  t.same(series.kept(now), { hour: [], day: [], week: [] })
})
