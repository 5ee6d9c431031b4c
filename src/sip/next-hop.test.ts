import t from 'tap'
import type { DnsQuestion, DnsRecord } from '../base/dns.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { LISTENERS } from '../testing/sip-wire.ts'
import { nextHops, type Resolver } from './next-hop.ts'
import type { Hop, Listener } from './transport.ts'

const NOW: Now = { at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }
type Zone = Readonly<Record<string, readonly DnsRecord[]>>

const a = (address: string): DnsRecord => ({ kind: 'A', address })
const aaaa = (address: string): DnsRecord => ({ kind: 'AAAA', address })
const srv = (name: string, priority = 10, weight = 0, port = 5060): DnsRecord => ({
  kind: 'SRV',
  priority,
  weight,
  port,
  name,
})
const naptr = (order: number, service: string, replacement: string, flags = 's'): DnsRecord => ({
  kind: 'NAPTR',
  order,
  preference: 0,
  flags,
  service,
  replacement,
})

interface Settings {
  readonly listeners?: readonly Listener[]
  readonly seed?: number
}

/** What is found, as `transport address port`, and what was asked. */
function find(
  uri: string,
  zone: Zone,
  { listeners = LISTENERS, seed = 1 }: Settings = {},
): { hops: string[]; asked: string[] } {
  const asked: string[] = []
  const found: Hop[][] = []
  const resolver: Resolver = {
    ask(now: Now, { kind, name }: DnsQuestion, answer) {
      asked.push(`${kind} ${name}`)
      answer(
        now,
        (zone[name] ?? []).filter(record => record.kind === kind),
      )
    },
  }
  nextHops(NOW, parseUri(uri), { resolver, entropy: new SeededEntropy(seed), listeners }, (_now, hops) =>
    found.push(hops),
  )
  t.equal(found.length, 1, `${uri}: told once`)
  return { asked, hops: found[0]!.map(({ transport, address, port }) => `${transport} ${address} ${port}`) }
}

t.test('RFC 3263 4.1, 4.2: numbers are asked nobody for', async t => {
  const rows: readonly (readonly [string, string[]])[] = [
    ['sip:192.0.2.5', ['udp 192.0.2.5 5060']],
    ['sip:bob@192.0.2.5:5080', ['udp 192.0.2.5 5080']],
    ['sip:192.0.2.5;transport=TCP', ['tcp 192.0.2.5 5060']],
    ['sip:[2001:db8::5]:5070;transport=tcp', ['tcp 2001:db8::5 5070']],
    ['sip:bob@example.org;maddr=192.0.2.6', ['udp 192.0.2.6 5060']],
    ['sip:192.0.2.5;transport=tls', []],
    ['sip:192.0.2.5;transport=sctp', []],
    ['sips:192.0.2.5', []],
    ['tel:+15551234', []],
    ['urn:service:sos', []],
  ]
  for (const [uri, hops] of rows) t.same(find(uri, {}), { asked: [], hops }, uri)
})

t.test('RFC 3261 18.1.1: a hop says whether its transport was left open', async t => {
  for (const [uri, isTransportFree] of [
    ['sip:192.0.2.5', true],
    ['sip:192.0.2.5;transport=udp', false],
  ] as const) {
    const resolver: Resolver = { ask: () => t.fail('nothing to ask') }
    const parts = { resolver, entropy: new SeededEntropy(1), listeners: LISTENERS }
    nextHops(NOW, parseUri(uri), parts, (_now, hops) => t.match(hops, [{ isTransportFree }]))
  }
})

t.test('RFC 3263 4.2: a name with a port is asked for its addresses alone', async t => {
  const zone = { 'pc.example.org': [a('192.0.2.5'), aaaa('2001:db8::5')] }
  t.same(find('sip:pc.example.org:5080', zone), {
    asked: ['AAAA pc.example.org', 'A pc.example.org'],
    hops: ['udp 2001:db8::5 5080', 'udp 192.0.2.5 5080'],
  })
})

t.test('RFC 3263 4.1: NAPTR gives the transport in its order, services we do not have left out', async t => {
  const zone = {
    'example.org': [
      naptr(50, 'SIPS+D2T', '_sips._tcp.example.org'),
      naptr(100, 'SIP+D2U', '_sip._udp.example.org'),
      naptr(90, 'sip+d2t', '_sip._tcp.example.org', 'S'),
      naptr(10, 'E2U+sip', '!^.*$!sip:x@y!', 'u'),
    ],
    '_sip._tcp.example.org': [srv('one.example.org', 10, 0, 5070)],
    '_sip._udp.example.org': [srv('two.example.org')],
    'one.example.org': [a('192.0.2.1')],
    'two.example.org': [a('192.0.2.2')],
  }
  t.same(find('sip:example.org', zone).hops, ['tcp 192.0.2.1 5070', 'udp 192.0.2.2 5060'])
})

t.test('RFC 3263 4.1: without NAPTR the SRV of each transport is asked, with transport only its own', async t => {
  const zone = {
    '_sip._tcp.example.org': [srv('one.example.org', 10, 0, 5070)],
    'one.example.org': [a('192.0.2.1')],
  }
  t.same(find('sip:example.org', zone), {
    asked: [
      'NAPTR example.org',
      'SRV _sip._udp.example.org',
      'SRV _sip._tcp.example.org',
      'AAAA one.example.org',
      'A one.example.org',
    ],
    hops: ['tcp 192.0.2.1 5070'],
  })
  t.same(find('sip:example.org;transport=udp', zone).asked.slice(0, 2), [
    'SRV _sip._udp.example.org',
    'AAAA example.org',
  ])
})

t.test('RFC 3263 4.2: without SRV the domain itself is the server', async t => {
  const zone = { 'example.org': [a('192.0.2.9')] }
  t.same(find('sip:example.org', zone).hops, ['udp 192.0.2.9 5060'])
  t.same(find('sip:example.org;transport=tcp', zone).hops, ['tcp 192.0.2.9 5060'])
  t.same(find('sip:example.org', {}).hops, [])
})

t.test('RFC 2782: a dot for a name says that there is no such service', async t => {
  const zone = { '_sip._udp.example.org': [srv('.')], 'example.org': [a('192.0.2.9')] }
  t.same(find('sip:example.org', zone).hops, [])
})

t.test('RFC 2782: lower priority first, equals by weight', async t => {
  const zone = {
    '_sip._udp.example.org': [srv('c.example.org', 20), srv('a.example.org', 10, 90), srv('b.example.org', 10, 10)],
    'a.example.org': [a('192.0.2.1')],
    'b.example.org': [a('192.0.2.2')],
    'c.example.org': [a('192.0.2.3')],
  }
  let firstIsHeavy = 0
  for (let seed = 0; seed < 300; seed++) {
    const { hops } = find('sip:example.org;transport=udp', zone, { seed })
    t.equal(hops.length, 3)
    t.equal(hops[2], 'udp 192.0.2.3 5060')
    if (hops[0] === 'udp 192.0.2.1 5060') firstIsHeavy++
  }
  t.ok(firstIsHeavy > 240 && firstIsHeavy < 295, `${firstIsHeavy} of 300 are about 90 %`)
})

t.test('only what a listener can reach is given', async t => {
  const listeners: Listener[] = [{ transport: 'tcp', endpoint: { address: '192.0.2.1', port: 5060 } }]
  const zone = { 'example.org': [a('192.0.2.9'), aaaa('2001:db8::9')] }
  t.same(find('sip:example.org', zone, { listeners }).hops, ['tcp 192.0.2.9 5060'])
  t.same(find('sip:[2001:db8::9]', zone, { listeners }).hops, [])
})

t.test('whoever answers with hundreds of records makes neither us ask nor try more than a few', async t => {
  const many = Array.from({ length: 500 }, (_, n) => srv(`s${n}.example.org`, n))
  const zone: Record<string, DnsRecord[]> = { '_sip._udp.example.org': many }
  for (let n = 0; n < 500; n++) zone[`s${n}.example.org`] = Array.from({ length: 50 }, (_, m) => a(`192.0.2.${m}`))
  const { hops, asked } = find('sip:example.org', zone)
  t.equal(hops.length, 8)
  t.ok(asked.length <= 3 + 2 * 8, `${asked.length} questions`)
  t.same(find(`sip:${'a.'.repeat(150)}org`, {}), { asked: [], hops: [] }, 'nor ask for a name that is none')
})

const SECURE: readonly Listener[] = [...LISTENERS, { transport: 'tls', endpoint: { address: '192.0.2.1', port: 5061 } }]
const WITH_WS: readonly Listener[] = [...SECURE, { transport: 'ws', endpoint: { address: '192.0.2.1', port: 8081 } }]

t.test('RFC 3263 4.1, RFC 3261 26.2: TLS by scheme, parameter, NAPTR and SRV', async t => {
  const zone = {
    'naptr.example.org': [naptr(50, 'SIPS+D2T', '_sips._tcp.naptr.example.org')],
    '_sips._tcp.naptr.example.org': [srv('one.example.org', 10, 0, 5071)],
    '_sips._tcp.srv.example.org': [srv('one.example.org')],
    'one.example.org': [a('192.0.2.5')],
  }
  const rows: readonly (readonly [string, string[]])[] = [
    ['sips:192.0.2.5', ['tls 192.0.2.5 5061']],
    ['sips:192.0.2.5:5080;transport=tcp', ['tls 192.0.2.5 5080']],
    ['sip:192.0.2.5;transport=tls', ['tls 192.0.2.5 5061']],
    ['sips:naptr.example.org', ['tls 192.0.2.5 5071']],
    ['sip:naptr.example.org', ['tls 192.0.2.5 5071']],
    ['sips:srv.example.org', ['tls 192.0.2.5 5060']],
    ['sip:srv.example.org;transport=tls', ['tls 192.0.2.5 5060']],
    ['sips:one.example.org', ['tls 192.0.2.5 5061']],
    ['sip:one.example.org', ['udp 192.0.2.5 5060']],
    ['sips:192.0.2.5;transport=udp', []],
  ]
  for (const [uri, hops] of rows) t.same(find(uri, zone, { listeners: SECURE }).hops, hops, uri)
})

t.test('RFC 7118 5.1: nobody connects to a WebSocket client', async t => {
  for (const uri of ['sip:192.0.2.5;transport=ws', 'sips:192.0.2.5;transport=ws', 'sip:192.0.2.5;transport=wss'])
    t.same(find(uri, {}, { listeners: WITH_WS }), { asked: [], hops: [] }, uri)
})

t.test('RFC 5922 7.2: a TLS hop keeps the domain of the URI, whatever DNS and maddr made of it', async t => {
  const zone: Zone = {
    '_sips._tcp.example.org': [srv('host.example.net')],
    'host.example.net': [a('192.0.2.5')],
  }
  const resolver: Resolver = {
    ask: (now, { kind, name }, answer) =>
      answer(
        now,
        (zone[name] ?? []).filter(record => record.kind === kind),
      ),
  }
  const parts = { resolver, entropy: new SeededEntropy(1), listeners: SECURE }
  for (const [uri, name] of [
    ['sips:bob@Example.org', 'example.org'],
    ['sips:bob@example.com;maddr=192.0.2.6', 'example.com'],
    ['sips:192.0.2.7', '192.0.2.7'],
    ['sip:192.0.2.7', undefined],
  ] as const)
    nextHops(NOW, parseUri(uri), parts, (_now, hops) =>
      t.same(
        hops.map(hop => hop.name),
        [name],
        uri,
      ),
    )
})
