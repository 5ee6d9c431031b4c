import t from 'tap'
import { parseCidr } from '../base/address.ts'
import { values } from '../sip-parser-lite/access.ts'
import { type SipRequest, SipSyntaxError } from '../sip-parser-lite/message.ts'
import { exampleRequest } from '../testing/sip-examples.ts'
import {
  dropNetworkHeaders,
  dropOwnCredentials,
  dropOwnRoutes,
  isAnonymous,
  type Origin,
  privacyRefusal,
  settleIdentity,
  TrustedPeers,
} from './identity.ts'

const message = (...lines: string[]): SipRequest => exampleRequest('MESSAGE', 'sip:alice@example.org', lines)
const bob: Origin = { kind: 'user', aor: 'sip:bob@example.org' }
const peer: Origin = { kind: 'peer' }
const stranger: Origin = { kind: 'stranger' }
const pai = (request: SipRequest): string[] => values(request, 'p-asserted-identity')

t.test('RFC 3325 3: trusted by the network that packets come from', async t => {
  const peers = new TrustedPeers(['192.0.2.0/28', '2001:db8::/32'].map(text => parseCidr(text)!))
  for (const address of ['192.0.2.15', '::ffff:192.0.2.1', '2001:db8::7']) t.ok(peers.has(address), address)
  for (const address of ['192.0.2.16', '::ffff:192.0.3.1', '2001:db9::7', '', 'core'])
    t.notOk(peers.has(address), address)
  t.notOk(new TrustedPeers([]).has('127.0.0.1'))
})

t.test('RFC 3325 5: what an untrusted peer asserts is dropped', async t => {
  const request = message(
    'P-Asserted-Identity: <sip:carol@example.org>',
    'P-Asserted-Service: urn:x',
    'P-Served-User: <sip:c@h>',
  )
  t.same(settleIdentity(request, stranger), { name: 'sip:bob@example.org', isAnonymous: false, asserted: [] })
  t.same(pai(request), [])
  t.same(values(request, 'p-asserted-service'), [])
  t.same(values(request, 'p-served-user'), [])
})

t.test('RFC 3325 5: a proven user is asserted as who they are, whatever From or they themselves say', async t => {
  const request = message(
    'From: "The Boss" <sip:boss@example.org>;tag=1',
    'P-Preferred-Identity: "Carol" <sip:carol@example.org>',
    'P-Asserted-Identity: <sip:carol@example.org>',
  )
  t.same(settleIdentity(request, bob), {
    name: 'sip:bob@example.org',
    isAnonymous: false,
    asserted: ['<sip:bob@example.org>'],
  })
  t.same(pai(request), ['<sip:bob@example.org>'])
  t.same(values(request, 'p-preferred-identity'), [])
})

t.test('RFC 3325 6: a trusted peer is believed', async t => {
  const request = message(
    'P-Asserted-Identity: "Carol" <sip:carol@example.org>, <tel:+4989123>',
    'P-Asserted-Service: urn:x',
  )
  t.equal(settleIdentity(request, peer).name, 'sip:carol@example.org')
  t.same(pai(request), ['"Carol" <sip:carol@example.org>', '<tel:+4989123>'])
  t.same(values(request, 'p-asserted-service'), ['urn:x'])
})

t.test(
  'RFC 3325 9.1: a trusted peer that writes nonsense or too much is believed as far as it makes sense',
  async t => {
    const request = message('P-Asserted-Identity: <nonsense', 'P-Asserted-Identity: <sip:a@h>, <sip:b@h>, <sip:c@h>')
    settleIdentity(request, peer)
    t.same(pai(request), ['<sip:a@h>', '<sip:b@h>'])
  },
)

t.test('DM-STO-04: whoever asks for privacy is asserted to nobody', async t => {
  for (const privacy of ['id', 'ID;critical', 'user', 'header', 'session', 'none;id', 'history; user']) {
    for (const origin of [peer, bob, stranger]) {
      const request = message(`Privacy: ${privacy}`, 'P-Asserted-Identity: <sip:bob@example.org>')
      t.same(settleIdentity(request, origin), { name: 'anonymous', isAnonymous: true, asserted: [] }, privacy)
      t.same(pai(request), [])
    }
  }
})

t.test('RFC 3323 4.1.1.3: From without an identity asks for privacy unless told otherwise', async t => {
  const from = 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
  t.ok(isAnonymous(message(from)))
  t.notOk(isAnonymous(message(from, 'Privacy: none')))
  t.notOk(isAnonymous(message('Privacy: none')))
  t.notOk(isAnonymous(message('Privacy: history')))
  t.notOk(isAnonymous(message('From: <sip:bob@not-anonymous.invalid.example.org>;tag=1')))
})

t.test('RFC 3323 5: critical privacy beyond what we do fails', async t => {
  t.equal(privacyRefusal(message('Privacy: header;critical'))?.status, 500)
  t.equal(privacyRefusal(message('Privacy: id;critical')), undefined)
  t.equal(privacyRefusal(message('Privacy: header')), undefined)
})

t.test('DM-STO-03: charging and network headers go, all others stay', async t => {
  const lines = ['X-Foo: 1', 'P-Called-Party-ID: <sip:a@h>', 'P-Asserted-Service: urn:x', 'Geolocation: <sip:g@h>']
  const dropped = ['P-Charging-Vector: icid-value=1', 'P-Charging-Function-Addresses: ccf=192.0.2.1']
  const alsoDropped = ['p-access-network-info: 3GPP', 'P-Visited-Network-ID: other', 'P-Charge-Info: <sip:b@h>']
  const request = message(...dropped, ...lines, ...alsoDropped)
  dropNetworkHeaders(request)
  t.same(request.headers, message(...lines).headers)
})

t.test('RFC 3261 22.3: credentials for our realm end here', async t => {
  const own = 'Digest username="bob", realm="example.org", nonce="n", uri="sip:x", response="r"'
  const foreign = own.replace('example.org', 'example.net')
  const request = message(
    `Authorization: ${own}`,
    `Proxy-Authorization: ${foreign}`,
    `Proxy-Authorization: ${own}`,
    'Authorization: Digest',
  )
  dropOwnCredentials(request, 'example.org')
  t.same(values(request, 'authorization'), [])
  t.same(values(request, 'proxy-authorization'), [foreign])
})

t.test('RFC 3261 16.4: Route values that name us are taken off the top and nowhere else', async t => {
  const isOwn = ({ host }: { host: string }): boolean => host === 'edge1.example.org'
  const routes = [
    '<sip:edge1.example.org;lr>',
    '<sip:edge1.example.org:5070;lr>',
    '<sip:p;lr>',
    '<sip:edge1.example.org;lr>',
  ]
  const request = message(`Route: ${routes.slice(0, 3)}`, `Route: ${routes[3]}`)
  dropOwnRoutes(request, isOwn)
  t.same(values(request, 'route'), routes.slice(2))
  t.throws(() => dropOwnRoutes(message('Route: <sip:x@>'), isOwn), new SipSyntaxError(400, 'Malformed URI'))
})
