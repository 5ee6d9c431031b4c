import t from 'tap'
import { type Flow, udpFlow } from '../base/flow.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import type { SipUri } from '../sip-parser-lite/uri.ts'
import { type Reach, reachBinding } from './reach.ts'

const now: Now = { at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }
const flow = udpFlow({ address: '192.0.2.1', port: 5060 }, { address: '192.0.2.10', port: 40_000 })

/** Where a request to a contact goes that was registered over UDP from 192.0.2.10:40000. */
function reach(contact: string, more: Partial<Binding> = {}): Flow | string | undefined {
  const binding = { contact, params: '', path: [], flow, q: 1000, ...more } as unknown as Binding
  const nextHops = (_now: Now, uri: SipUri, done: (then: Now, hops: never[]) => void) =>
    done(now, [{ transport: 'udp', address: uri.host, port: uri.port ?? 5060 }] as never[])
  let found: Reach | undefined
  reachBinding(now, { isAlive: () => false, nextHops }, binding, (_then, given) => (found = given))
  const to = found?.to
  return to && 'id' in to ? to : to && `${to.address}:${to.port}`
}

t.test('RFC 3581, RFC 5626 5.3: a contact behind a NAT is reached over the flow that it registered from', async t => {
  t.same(reach('sip:bob@10.0.0.7:5060'), flow)
  t.same(reach('sip:bob@phone.invalid'), flow)
})

t.test('RFC 3261 10.3: a contact on the host that registered it is reached at its own port', async t => {
  t.equal(reach('sip:bob@192.0.2.10:5070'), '192.0.2.10:5070')
  t.equal(reach('sip:bob@192.0.2.10'), '192.0.2.10:5060')
  t.equal(reach('sip:bob@192.0.2.10:40000'), '192.0.2.10:40000')
  t.same(reach('sip:bob@192.0.2.10:5070', { regId: 1 }), flow, 'but an outbound one over its flow alone')
})

t.test('RFC 3261 10.3: a contact on another host than the one that registered it is reached there', async t => {
  t.equal(reach('sip:bob@192.0.2.77:5070', { isElsewhere: true }), '192.0.2.77:5070')
})

t.test('RFC 3261 18.1.1: a lost stream is dialled again where a client can be dialled, and nowhere else', async t => {
  const stream: Flow = { ...flow, id: 'tcp/1', transport: 'tcp' }
  t.equal(reach('sip:bob@192.0.2.10:5070;transport=tcp', { flow: stream }), '192.0.2.10:5070')
  t.equal(reach('sip:bob@phone.example.org;transport=tcp', { flow: stream }), 'phone.example.org:5060')
  t.equal(reach('sip:bob@10.0.0.7:5070;transport=tcp', { flow: stream }), undefined, 'a private address is a NAT’s')
  t.equal(reach('sip:bob@192.0.2.10:5070;transport=tcp', { flow: stream, regId: 1 }), undefined)
  t.equal(reach('sip:bob@x.invalid;transport=ws', { flow: { ...stream, transport: 'ws' } }), undefined)
})
