import t from 'tap'
import { udpFlow } from '../base/flow.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseVia } from '../sip-parser-lite/typed.ts'
import { parsed, requestText } from '../testing/sip-wire.ts'
import { datagramResponseFlow, isNumericHost, stampVia } from './via.ts'

const LOCAL = { address: '192.0.2.1', port: 5060 }
const REMOTE = { address: '198.51.100.7', port: 61000 }

function stamped(via: string, remote = REMOTE): string[] {
  const request = parsed(requestText({ via: [via, 'SIP/2.0/TCP last.example.org'] })) as SipRequest
  stampVia(request, remote)
  return request.headers.filter(({ key }) => key === 'via').map(({ value }) => value)
}

t.test('RFC 3261 18.2.1, RFC 3581 4: received and rport', async t => {
  const last = 'SIP/2.0/TCP last.example.org'
  const rows: readonly (readonly [string, string])[] = [
    ['SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1', 'SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1'],
    ['SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=198.51.100.7'],
    ['SIP/2.0/UDP pc.example.org', 'SIP/2.0/UDP pc.example.org;received=198.51.100.7'],
    [
      'SIP/2.0/UDP 198.51.100.7:61000;rport;branch=z9hG4bK1',
      'SIP/2.0/UDP 198.51.100.7:61000;rport=61000;branch=z9hG4bK1;received=198.51.100.7',
    ],
    [
      'SIP / 2.0 / UDP 10.0.0.1 : 5060 ; branch=z9hG4bK1 ; rport',
      'SIP / 2.0 / UDP 10.0.0.1 : 5060; branch=z9hG4bK1 ;rport=61000;received=198.51.100.7',
    ],
    // What the sender made up goes.
    [
      'SIP/2.0/UDP 10.0.0.1;received=203.0.113.9;rport=9;branch=z9hG4bK1',
      'SIP/2.0/UDP 10.0.0.1;rport=61000;branch=z9hG4bK1;received=198.51.100.7',
    ],
    ['SIP/2.0/UDP 198.51.100.7;received=203.0.113.9', 'SIP/2.0/UDP 198.51.100.7'],
    // Semicolons within quotes separate nothing.
    [
      'SIP/2.0/UDP 10.0.0.1;x="a;rport=1\\";";rport',
      'SIP/2.0/UDP 10.0.0.1;x="a;rport=1\\";";rport=61000;received=198.51.100.7',
    ],
  ]
  for (const [via, expected] of rows) t.same(stamped(via), [expected, last], via)
})

t.test('RFC 3261 18.2.1: of a comma list only the first element is touched', async t => {
  const [value] = stamped('SIP/2.0/UDP 10.0.0.1;rport, SIP/2.0/UDP 10.0.0.2;rport')
  t.equal(value, 'SIP/2.0/UDP 10.0.0.1;rport=61000;received=198.51.100.7, SIP/2.0/UDP 10.0.0.2;rport')
})

t.test('RFC 5118 4.5: an IPv6 sent-by is compared by value', async t => {
  const remote = { address: '2001:db8::9', port: 5060 }
  const same = 'SIP/2.0/UDP [2001:DB8:0:0::9];branch=z9hG4bK1'
  t.equal(stamped(same, remote)[0], same)
  const other = stamped('SIP/2.0/UDP [2001:db8::8];branch=z9hG4bK1', remote)[0]!
  t.equal(other, 'SIP/2.0/UDP [2001:db8::8];branch=z9hG4bK1;received=2001:db8::9')
  t.equal(parseVia(other).params.get('received'), '2001:db8::9')
})

t.test('RFC 3261 18.2.2, RFC 3581 4: where an answer goes', async t => {
  const flow = udpFlow(LOCAL, REMOTE)
  const rows: readonly (readonly [string, string])[] = [
    ['SIP/2.0/UDP 10.0.0.1:5070;rport', '198.51.100.7 61000'],
    ['SIP/2.0/UDP 10.0.0.1:5070', '198.51.100.7 5070'],
    ['SIP/2.0/UDP pc.example.org', '198.51.100.7 5060'],
    // Nobody has our answers sent to somebody else.
    ['SIP/2.0/UDP 10.0.0.1:5070;maddr=203.0.113.5', '198.51.100.7 5070'],
    ['SIP/2.0/UDP 10.0.0.1;maddr=239.1.1.1;ttl=16', '198.51.100.7 5060'],
  ]
  for (const [via, expected] of rows) {
    const { local, remote } = datagramResponseFlow(flow, parseVia(via))
    t.equal(`${remote.address} ${remote.port}`, expected, via)
    t.same(local, LOCAL, 'from where the request came in')
  }
})

t.test('numeric hosts', async t => {
  for (const host of ['192.0.2.1', '::1', '2001:db8::9']) t.ok(isNumericHost(host), host)
  for (const host of ['256.1.1.1', '1.2.3', 'example.org', '1.2.3.4.example.org', ''])
    t.notOk(isNumericHost(host), host)
})
