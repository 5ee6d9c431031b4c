import fc from 'fast-check'
import t from 'tap'
import { ALICE_CONTACT, DESK, RelayWire, target } from '../testing/relay-wire.ts'
import { ALICE } from '../testing/sip-wire.ts'

const SEEDED = { seed: 20_261, numRuns: 200 }
const DAY_MS = 86_400_000
const HEADERS = [
  'Contact',
  'Record-Route',
  'Route',
  'Session-Expires',
  'Require',
  'Max-Forwards',
  'Via',
  'Proxy-Require',
  'Privacy',
]
const VALUES = [
  '',
  '*',
  '<sip:alice',
  '<sip:a@b>',
  '<sip:p;lr>',
  '0',
  '-1',
  '4294967296',
  ';;',
  '"',
  'timer',
  '<sip:@:0;lr>',
]

const header = fc
  .tuple(fc.constantFrom(...HEADERS), fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 30 })))
  .map(([name, value]) => `${name}: ${value.replace(/[^\x20-\x7e]/g, '?')}`)
const headers = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(header, { maxLength: 4 }) },
)
const tag = fc.constantFrom('desk', 'desk', 'desk', 'pocket', 'a1', 'x')
/** Who asks: mostly one of the two that the dialog is of. */
const party = fc.constantFrom(
  { fromTag: 'a1', toTag: 'desk', flow: ALICE },
  { fromTag: 'a1', toTag: 'desk', flow: ALICE },
  { fromTag: 'desk', toTag: 'a1', flow: DESK },
  { fromTag: 'x', toTag: 'desk', flow: DESK },
  { fromTag: 'a1', toTag: 'x', flow: DESK },
)
const call = fc.record({ kind: fc.constant('call' as const), headers, callId: fc.constantFrom('call-1', 'call-2') })
const answer = fc.record({
  kind: fc.constant('answer' as const),
  status: fc.constantFrom(100, 180, 183, 200, 200, 200, 202, 302, 401, 486, 487, 503, 603),
  toTag: tag,
  headers,
  seq: fc.constantFrom(undefined, undefined, undefined, 1, 2),
})
const ask = fc.record({
  kind: fc.constant('ask' as const),
  method: fc.constantFrom('INVITE', 'UPDATE', 'BYE', 'ACK', 'INFO', 'PRACK', 'CANCEL', 'X'),
  party,
  headers,
})
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 5_000, 33_000, 300_000) })
const cancel = fc.constant({ kind: 'cancel' as const })
const step = fc.oneof(
  { weight: 1, arbitrary: call },
  { weight: 4, arbitrary: answer },
  { weight: 4, arbitrary: ask },
  { weight: 1, arbitrary: wait },
  { weight: 1, arbitrary: cancel },
)

t.test('whatever caller and phones say, each call has one end at most, and nothing stays behind', async t => {
  const seen = { answered: 0, relayed: 0 }
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 20 }), steps => {
      const relay = new RelayWire({ targets: [target(DESK)], answersFailures: true, limitMs: 20_000 })
      let calls = 1
      let last = relay.ring()[0]!
      let routes: string[] = []
      for (const each of steps) {
        if (each.kind === 'call') {
          calls++
          const branch = `z9hG4bK${calls}`
          relay.send('INVITE', { seq: 1, branch, callId: each.callId, headers: [ALICE_CONTACT, ...each.headers] })
        } else if (each.kind === 'answer') {
          const { status, toTag, headers, seq } = each
          relay.reply(last, status, { toTag, headers, ...(seq !== undefined && { seq }) })
        } else if (each.kind === 'ask') {
          relay.send(each.method, { ...each.party, headers: [...routes, ...each.headers] })
        } else if (each.kind === 'wait') relay.pass(each.ms)
        else relay.cancel()
        const texts = relay.texts()
        last = texts.findLast(text => /^(INVITE|UPDATE|BYE|INFO)/.test(text)) ?? last
        const own = /^Record-Route: (<sip:[a-z2-7]{16}@edge1[^\r]*)/m.exec(last)
        if (own) routes = [`Route: ${own[1]}`]
      }
      relay.pass(2 * DAY_MS)
      const ends = relay.events.filter(event => /^(answered|failed|cancelled)/.test(event))
      if (ends.includes('answered')) seen.answered++
      for (const method of ['BYE', 'INFO', 'UPDATE', 'INVITE'])
        seen.relayed += relay.wire.counters.get('relayed_requests', method)
      const { open, ringing } = relay.relay.describe() as { open: number; ringing: number }
      return ends.length <= calls && open === 0 && ringing === 0 && relay.wire.running === ''
    }),
    SEEDED,
  )
  t.ok(seen.answered > 20 && seen.relayed > 5, JSON.stringify(seen))
})
