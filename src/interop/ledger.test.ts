import t from 'tap'
import type { Instant } from '../base/time.ts'
import type { Arrived } from '../testing/phone-types.ts'
import { disordered, invented, missing, repetitions, submittedAnew } from './ledger.ts'
import type { Written } from './load.ts'

const written = (body: string, sentAt: number, acceptedAt?: number): Written =>
  ({ body, to: 'bob', sentAt, acceptedAt }) as Written

const arrived = (body: string, at: number, cseq = 1): Arrived =>
  ({ body: Buffer.from(body), at: at as Instant, callId: body, cseq, fromTag: 'x' }) as Arrived

const books = (all: Written[], taken: Arrived[], kills: number[] = []) => ({
  written: all,
  taken: new Map([['bob', taken]]),
  kills: kills.map(at => ({ at, nextStartAt: at + 1 })),
})

t.test('a ledger that could not find anything wrong would prove nothing', async t => {
  const all = [written('a', 0, 10), written('b', 20, 30), written('c', 25, 35), written('d', 40)]
  const right = books(all, [arrived('a', 50), arrived('c', 51), arrived('b', 52)])
  for (const look of [missing, invented, disordered, repetitions, submittedAnew]) t.same(look(right), [], look.name)
  t.same(missing(books(all, [arrived('a', 50), arrived('b', 51)])), ['c'], 'd was never accepted')
  t.same(invented(books(all, [arrived('e', 50)])), ['e'])
  t.same(disordered(books(all, [arrived('b', 50), arrived('c', 51), arrived('a', 52)])), [
    '"a" came after "c"',
    '"a" came after "b"',
  ])
  t.match(repetitions(books(all, [arrived('a', 50), arrived('a', 60)], [40, 55])), [{ kill: { at: 55 } }])
  t.same(repetitions(books(all, [arrived('a', 50), arrived('a', 60)], [40]))[0]?.kill, undefined)
  t.same(submittedAnew(books(all, [arrived('a', 50, 1), arrived('a', 51, 2)])), ['a'])
})
