import fc from 'fast-check'
import t from 'tap'
import { SessionWire, sdpOfPhone } from '../testing/session-wire.ts'

const SEEDED = { seed: 20_260, numRuns: 150 }
const HEADERS = [
  'Contact',
  'Record-Route',
  'Session-Expires',
  'Min-SE',
  'Allow',
  'Supported',
  'Require',
  'Content-Type',
]
const VALUES = [
  '',
  '*',
  '<sip:alice',
  '<sip:a@b>',
  '<sip:p;lr>',
  'timer',
  '90',
  '-1',
  '4294967296;refresher=uas',
  ';;',
  '"',
  'UPDATE, ,',
]

const header = fc
  .tuple(fc.constantFrom(...HEADERS), fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 30 })))
  .map(([name, value]) => `${name}: ${value.replace(/[^\x20-\x7e]/g, '?')}`)
const headers = fc.array(header, { maxLength: 5 })
const status = fc.constantFrom(100, 180, 183, 200, 202, 302, 422, 481, 486, 491, 500, 603)
const step = fc.oneof(
  fc.record({ kind: fc.constant('answer' as const), status, headers }),
  fc.record({
    kind: fc.constant('ask' as const),
    method: fc.constantFrom('INVITE', 'UPDATE', 'BYE', 'ACK', 'OPTIONS', 'INFO', 'PRACK', 'X'),
    headers,
    body: fc.constantFrom('', 'v=0', sdpOfPhone('active'), sdpOfPhone('actpass', 9, 'moved')),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 33_000, 100_000, 900_000) }),
  fc.constant({ kind: 'bye' as const }),
)

t.test('whatever the phone says, the owner hears one end at most, and no timer stays behind', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      const peer = new SessionWire()
      let last = peer.invite()
      for (const each of steps) {
        if (each.kind === 'answer') peer.reply(last, each.status, { headers: each.headers })
        else if (each.kind === 'ask') peer.ask(each.method, each)
        else if (each.kind === 'wait') peer.pass(each.ms)
        else peer.session?.bye(peer.wire.now)
        last = peer.texts().findLast(text => /^(INVITE|UPDATE|BYE)/.test(text)) ?? last
      }
      peer.session?.bye(peer.wire.now)
      for (let rest = 0; rest < 4; rest++) peer.pass(70_000)
      const ends = peer.events.filter(event => /^(refused|ended)/.test(event))
      return ends.length === 1 && peer.wire.running === '' && peer.session?.state === 'ended'
    }),
    SEEDED,
  )
  t.pass('150 conversations')
})
