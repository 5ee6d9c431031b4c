import fc from 'fast-check'
import t from 'tap'
import { Coverage } from './coverage.ts'

t.test('RFC 4975 5.1: covered is what a set of octets says is covered', async t => {
  const range = fc.tuple(fc.nat(30), fc.nat(10))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), fc.nat(40), (ranges, total) => {
        const coverage = new Coverage(64)
        const octets = new Set<number>()
        for (const [from, length] of ranges) {
          coverage.add(from, from + length)
          for (let octet = from; octet < from + length; octet++) octets.add(octet)
        }
        const expected = Array.from({ length: total }, (_, octet) => octet).every(octet => octets.has(octet))
        return coverage.covers(total) === expected
      }),
    ),
  )
})

t.test('a piece too many is refused and changes nothing', async t => {
  const coverage = new Coverage(2)
  t.ok(coverage.add(0, 1))
  t.ok(coverage.add(4, 5))
  t.notOk(coverage.add(2, 3))
  t.notOk(coverage.covers(2))
  t.ok(coverage.add(1, 4), 'what joins pieces is welcome')
  t.ok(coverage.covers(5))
})
