import t from 'tap'
import { udpFlow } from '../base/flow.ts'
import { DESK, RelayWire, target } from '../testing/relay-wire.ts'
import { ALICE } from '../testing/sip-wire.ts'
import { RINGING_PER_SOURCE_MAX } from './relayed-calls.ts'

const CORE = udpFlow(ALICE.local, { address: '192.0.2.99', port: 5060 })
const CAROL = udpFlow(ALICE.local, { address: '192.0.2.11', port: 5070 })

t.test('callers of one source have no more than their part ringing; a trusted peer and others go on', async t => {
  const relay = new RelayWire({ targets: [target(DESK)], isTrusted: ({ remote }) => remote.address === '192.0.2.99' })
  const call = (number: number, flow = ALICE) =>
    relay.ring({ callId: `call-${number}`, branch: `z9hG4bK${number}`, flow })
  for (let number = 0; number < RINGING_PER_SOURCE_MAX; number++) call(number, CORE)
  const rings = Array.from({ length: RINGING_PER_SOURCE_MAX }, (_, number) => call(1000 + number)[0]!)
  t.ok(rings.every(text => text.startsWith('INVITE ')))
  t.strictSame(call(2000), [])
  relay.pass(1)
  t.strictSame(relay.events, ['failed no answer'])
  t.equal(call(3000, CAROL).length, 1, 'another source')
  t.equal(call(3001, CORE).length, 1, 'a trusted peer')
  relay.reply(rings[0]!, 486)
  relay.texts()
  t.equal(call(4000).length, 1, 'one has ended')
})

t.test('callers of one source have no more than half of all calls, answered or not', async t => {
  const relay = new RelayWire({ callsMax: 4, targets: [target(DESK)] })
  const call = (callId: string, flow = ALICE) => relay.ring({ callId, branch: `z9hG4bK${callId}`, flow })
  relay.confirm({ callId: 'one', branch: 'z9hG4bKone' })
  t.equal(call('two').length, 1)
  t.strictSame(call('three'), [])
  t.equal(call('four', CAROL).length, 1)
  t.match(relay.relay.describe(), { open: 3, ringing: 2 })
})
