import t from 'tap'
import { type Flow, udpFlow } from '../base/flow.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { atSecond, exampleRegister } from '../testing/sip-examples.ts'
import { scopeOf } from './address-scope.ts'
import { canDial } from './contact-place.ts'
import { isRefusal } from './refusal.ts'
import { applyRegister } from './register.ts'
import { REGISTER_LIMITS, readRegister } from './register-ask.ts'

const BOX = { address: '192.0.2.1', port: 5060 }

/** The Via of a proxy, and of the client before it. */
const PROXIED = '198.51.100.7;branch=z9hG4bK0, SIP/2.0/UDP 203.0.113.9'

interface Sent {
  /** Where the box sees it come from. */
  readonly from: string
  /** Sent-by, and what the box wrote behind it; absent: the source itself. */
  readonly via?: string
  readonly contacts: readonly string[]
  readonly transport?: 'udp' | 'tcp'
}

/** Hosts of the contacts that are not reached over the sender's flow. */
function elsewhere({ from, via, contacts, transport = 'udp' }: Sent): string[] {
  const flow: Flow = { ...udpFlow(BOX, { address: from, port: 40_000 }), transport }
  const host = from.includes(':') ? `[${from}]` : from
  const request = exampleRegister(
    `Via: SIP/2.0/UDP ${via ?? `${host};rport=40000;received=${from}`};branch=z9hG4bK1`,
    ...contacts.map(contact => `Contact: <sip:bob@${contact}>`),
  )
  const ask = readRegister(request, REGISTER_LIMITS)
  if (isRefusal(ask)) throw new Error(ask.reason)
  const applied = applyRegister([], ask, atSecond(0), flow, REGISTER_LIMITS)
  if (isRefusal(applied)) throw new Error(applied.reason)
  return applied.bindings.filter(binding => binding.isElsewhere).map(({ contact }) => contact.slice('sip:bob@'.length))
}

t.test('RFC 3261 10.3: a contact on another host, of a sender that no NAT hides, is reached there', async t => {
  t.same(elsewhere({ from: '198.51.100.7', contacts: ['203.0.113.9:5070'] }), ['203.0.113.9:5070'])
  t.same(elsewhere({ from: '10.0.0.7', contacts: ['192.168.1.9'] }), ['192.168.1.9'])
  t.same(elsewhere({ from: '2001:db8::7', contacts: ['[2001:db8::9]:5070'] }), ['[2001:db8::9]:5070'])
  t.same(elsewhere({ from: '198.51.100.7', via: '198.51.100.7', contacts: ['203.0.113.9'] }), ['203.0.113.9'])
})

t.test('RFC 3581, RFC 5626: what may be the work of a NAT is reached over the flow', async t => {
  const natted = { from: '198.51.100.7', via: '10.0.0.2;received=198.51.100.7;rport=40000' }
  const cases: readonly (readonly [string, Sent])[] = [
    ['Via and Contact are private', { ...natted, contacts: ['10.0.0.2'] }],
    ['the Via is private, the Contact of another network', { ...natted, contacts: ['203.0.113.9'] }],
    ['a Via with a name', { ...natted, via: 'pc.example.org;received=198.51.100.7', contacts: ['203.0.113.9'] }],
    ['private Contact, public source', { from: '198.51.100.7', contacts: ['10.0.0.2'] }],
    ['private source, Contact learned from outside', { from: '10.0.0.2', contacts: ['203.0.113.9'] }],
    ['the other family', { from: '198.51.100.7', contacts: ['[2001:db8::9]'] }],
    ['its own address', { from: '198.51.100.7', contacts: ['198.51.100.7:5070'] }],
    ['a name, which may mean nothing here', { from: '198.51.100.7', contacts: ['pc.example.org'] }],
    ['no host at all', { from: '198.51.100.7', contacts: ['x1y2.invalid'] }],
    ['a stream, which is there', { from: '198.51.100.7', contacts: ['203.0.113.9'], transport: 'tcp' }],
    ['a proxy without Path', { from: '198.51.100.7', via: PROXIED, contacts: ['203.0.113.9'] }],
  ]
  for (const [what, sent] of cases) t.same(elsewhere(sent), [], what)
})

t.test('RFC 5626 6: an outbound contact is reached over its flow alone', async t => {
  const keyed = exampleRegister(
    'Contact: <sip:bob@203.0.113.9>;reg-id=1;+sip.instance="<urn:uuid:1>"',
    'Supported: outbound',
  )
  const ask = readRegister(keyed, REGISTER_LIMITS)
  if (isRefusal(ask)) throw new Error(ask.reason)
  const flow = udpFlow(BOX, { address: '198.51.100.7', port: 40_000 })
  t.match(applyRegister([], ask, atSecond(0), flow, REGISTER_LIMITS), { bindings: [{ isElsewhere: undefined }] })
})

t.test('nobody has us talk to ourselves, to our own link or to a group', async t => {
  for (const host of [
    '127.0.0.1',
    '[::1]',
    '169.254.1.1',
    '[fe80::1]',
    '224.0.0.1',
    '[ff02::1]',
    '0.0.0.0',
    '255.255.255.255',
  ])
    t.same(elsewhere({ from: '198.51.100.7', contacts: ['198.51.100.7', host] }), [], host)
  t.same(elsewhere({ from: '127.0.0.1', contacts: ['127.0.0.2'] }), ['127.0.0.2'], 'but who is here may')
})

t.test('several contacts of one REGISTER: the flow leads to one host', async t => {
  const natted = { from: '198.51.100.7', via: '10.0.0.2;received=198.51.100.7' }
  t.same(elsewhere({ ...natted, contacts: ['10.0.0.3', '10.0.0.2:5060', '10.0.0.2:5070'] }), ['10.0.0.3'])
  t.same(elsewhere({ from: '198.51.100.7', contacts: ['203.0.113.9', '198.51.100.7'] }), ['203.0.113.9'])
  t.same(elsewhere({ ...natted, contacts: ['pc1.example.org', 'pc2.example.org'] }), ['pc2.example.org'])
  const streamed = { from: '198.51.100.7', contacts: ['198.51.100.7', '203.0.113.9'], transport: 'tcp' } as const
  t.same(elsewhere(streamed), ['203.0.113.9'])
})

t.test('RFC 6890, RFC 6598, RFC 4291: how far an address means the same host', async t => {
  const rows = {
    world: ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2001:db8::1', '11.0.0.1'],
    site: ['10.255.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', 'fd00::1'],
    link: ['169.254.0.1', 'fe80::1', 'febf::1'],
    host: ['127.255.0.1', '::1'],
    nowhere: ['0.0.0.0', '239.1.1.1', '255.255.255.255', '::', 'ff05::1'],
  }
  for (const [scope, addresses] of Object.entries(rows))
    for (const address of addresses) t.equal(scopeOf(address), scope, address)
})

t.test('RFC 3261 18.1.1: where a client can be dialled whose stream was lost', async t => {
  const flow = { transport: 'tcp', remote: { address: '198.51.100.7', port: 40_000 } } as const
  const can = (host: string, change = {}, regId?: number) =>
    canDial(parseUri(`sip:bob@${host}`), { ...flow, ...change }, regId)
  t.ok(can('198.51.100.7:5070'))
  t.ok(can('pc.example.org'))
  t.ok(can('203.0.113.9'))
  t.notOk(can('10.0.0.2'))
  t.notOk(can('[fd00::2]'))
  t.notOk(can('x.invalid'))
  t.notOk(can('198.51.100.7', { transport: 'wss' }))
  t.notOk(can('198.51.100.7', {}, 1))
})
