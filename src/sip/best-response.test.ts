import fc from 'fast-check'
import t from 'tap'
import { addLast, values } from '../sip-parser-lite/access.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { exampleRequest } from '../testing/sip-examples.ts'
import { bestResponse } from './best-response.ts'

const response = (status: number, ...lines: [string, string][]): SipResponse => {
  const made = responseTo(exampleRequest('MESSAGE', 'sip:bob@example.org'), status)
  for (const [name, text] of lines) addLast(made, name, text)
  return made
}

const best = (...statuses: number[]): number | undefined =>
  bestResponse(statuses.map(status => response(status)))?.status

t.test('RFC 3261 16.7 step 6: 2xx, else 6xx, else the lowest class', async t => {
  t.equal(best(), undefined)
  t.equal(best(404, 200, 603), 200)
  t.equal(best(404, 302, 603), 603)
  t.equal(best(500, 404, 302), 302)
  t.equal(best(500, 404), 404)
  t.equal(best(502, 500), 502, 'the first among equals')
})

t.test('RFC 3261 16.7 step 6: within 4xx what tells how to try again, then what passes', async t => {
  for (const status of [401, 407, 415, 420, 484]) t.equal(best(404, 480, status), status)
  t.equal(best(404, 486), 486)
  t.equal(best(403, 430, 404), 430)
})

t.test('RFC 3261 16.7 step 6: 503 is the last choice and goes out as 500', async t => {
  t.equal(best(503, 500), 500)
  t.equal(best(503, 504), 504)
  t.match(bestResponse([response(503, ['Retry-After', '9'])]), { status: 500, reason: 'Server Internal Error' })
})

t.test('RFC 3261 16.7 step 7: the challenges of all come together', async t => {
  const joined = bestResponse([
    response(404, ['WWW-Authenticate', 'Digest realm="not this"']),
    response(401, ['WWW-Authenticate', 'Digest realm="a"']),
    response(407, ['Proxy-Authenticate', 'Digest realm="b"'], ['X-Other', '1']),
  ])!
  t.equal(joined.status, 401)
  t.same(values(joined, 'www-authenticate'), ['Digest realm="a"'])
  t.same(values(joined, 'proxy-authenticate'), ['Digest realm="b"'])
  t.same(values(joined, 'x-other'), [])
})

t.test('RFC 3261 16.7 step 6: the class of the best depends on no order', async t => {
  const statuses = fc.array(fc.integer({ min: 200, max: 699 }), { minLength: 1, maxLength: 6 })
  const isOrderless = fc.property(statuses, some => {
    const kind = (list: number[]): number => Math.floor(best(...list)! / 100)
    return kind(some) === kind([...some].reverse()) && kind(some) === kind([...some].sort())
  })
  t.doesNotThrow(() => fc.assert(isOrderless, { numRuns: 300, seed: 167 }))
})
