import t from 'tap'
import { bytes, clockTime, duration, number, time } from './format.ts'

const en = { language: 'en' } as const
const de = { language: 'de' } as const

t.test('numbers and amounts as each language writes them', async t => {
  t.equal(number(en, 1234567), '1,234,567')
  t.equal(number(de, 1234567), '1.234.567')
  t.equal(number(en, 0.1), '0.1')
  const amounts = [0, 999, 1000, 1550, 99_900, 100_500, 999_999, 1e6, 67_108_864, 2.5e12, 5e15]
  t.same(
    amounts.map(amount => bytes(en, amount)),
    ['0 B', '999 B', '1 kB', '1.6 kB', '99.9 kB', '101 kB', '1,000 kB', '1 MB', '67.1 MB', '2.5 TB', '5,000 TB'],
  )
  t.equal(bytes(de, 1550), '1,6 kB')
})

t.test('times in UTC, whatever the zone of the machine', async t => {
  const at = Date.UTC(2026, 0, 2, 23, 4, 5)
  t.equal(time(en, at).text, '<time datetime="2026-01-02T23:04:05.000Z">Jan 2, 2026, 23:04:05 UTC</time>')
  t.equal(time(de, at).text, '<time datetime="2026-01-02T23:04:05.000Z">02.01.2026, 23:04:05 UTC</time>')
  t.equal(clockTime(en, at, false), '23:04')
  t.equal(clockTime(en, Date.UTC(2026, 0, 2), true), 'Fri 00:00')
  t.match(clockTime(de, at, true), /^Fr\S* 23:04$/)
})

t.test('durations in the largest unit that fits', async t => {
  const spans = [-5, 0, 499, 59_400, 60_000, 3_599_000, 3_600_000, 86_400_000, 200 * 86_400_000]
  t.same(
    spans.map(ms => duration(en, ms)),
    ['0 seconds', '0 seconds', '0 seconds', '59 seconds', '1 minute', '59 minutes', '1 hour', '1 day', '200 days'],
  )
  t.equal(duration(de, 7_200_000), '2 Stunden')
})
