import t from 'tap'
import { type Flow, udpFlow } from '../base/flow.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { SessionWire } from '../testing/session-wire.ts'
import { atSecond, exampleRequest } from '../testing/sip-examples.ts'
import { ALICE } from '../testing/sip-wire.ts'
import { Dialog } from './dialog.ts'
import { dialogTarget } from './dialog-hop.ts'
import type { SessionContext, Target } from './session-types.ts'

const BOX = { address: '192.0.2.1', port: 5060 }
const UDP = udpFlow(BOX, { address: '198.51.100.7', port: 5060 })
const TCP: Flow = { ...UDP, id: 'tcp/1', transport: 'tcp', remote: { address: '198.51.100.7', port: 40_000 } }
const HOP = { transport: 'udp', address: '203.0.113.1', port: 5060 } as const

/** Names are those of proxies; a number is where it says. */
const NAMES: Record<string, string> = { 'edge.example.org': '198.51.100.7', 'core.example.org': '203.0.113.5' }

const locate: SessionContext['locate'] = (now, text, done) => {
  const uri = parseUri(text)
  const address = /^\d/.test(uri.host) ? uri.host : NAMES[uri.host]
  done(now, address === undefined ? undefined : { transport: 'udp', address, port: uri.port ?? 5060 })
}

interface Peer {
  readonly contact?: string
  readonly routes?: readonly string[]
  readonly isAlive?: boolean
}

/** Where the next request of a dialog goes: the id of a flow, or an address. */
function way(target: Target, { contact = 'sip:bob@10.0.0.2:5060', routes = [], isAlive = true }: Peer): string {
  const lines = [`Contact: <${contact}>`, ...routes.map(route => `Record-Route: <${route}>`)]
  const dialog = Dialog.ofServer(exampleRequest('INVITE', 'sip:im@192.0.2.1', lines), 'ours')
  let found: Target | undefined
  dialogTarget(atSecond(0), { locate, isAlive: () => isAlive }, dialog, target, (_now, to) => (found = to))
  return found === undefined ? 'nowhere' : 'id' in found ? found.id : `${found.address}:${found.port}`
}

t.test('RFC 5626 5.3: without a route set the flow leads to the client', async t => {
  t.equal(way(UDP, {}), UDP.id)
  t.equal(way(TCP, { contact: 'sip:bob@198.51.100.7:5060;transport=tcp' }), TCP.id)
})

t.test('RFC 3261 12.2.1.1: the first of the route set is where a request goes', async t => {
  for (const flow of [UDP, TCP]) {
    t.equal(way(flow, { routes: ['sip:203.0.113.5:5080;lr'] }), '203.0.113.5:5080')
    t.equal(way(flow, { routes: ['sip:core.example.org;lr', 'sip:edge.example.org;lr'] }), '203.0.113.5:5060')
    t.equal(
      way(flow, { routes: ['sip:edge.example.org;lr', 'sip:core.example.org;lr'] }),
      flow.id,
      'the flow leads there',
    )
    t.equal(way(flow, { routes: ['sip:x.invalid;lr'] }), flow.id, 'nobody knows another way')
  }
  t.equal(way(UDP, { routes: ['sip:198.51.100.7:5080;lr'] }), '198.51.100.7:5080', 'another port is another proxy')
  t.equal(way(TCP, { routes: ['sip:198.51.100.7:5080;lr'] }), TCP.id, 'but a stream has none of its own')
  t.equal(way(HOP, { routes: ['sip:core.example.org;lr'] }), '203.0.113.5:5060')
  t.equal(way(HOP, { routes: ['sip:x.invalid;lr'] }), '203.0.113.1:5060')
})

t.test('RFC 3261 18.1.1: a stream that was lost is dialled again, unless a NAT or a browser is at its end', async t => {
  const lost = { isAlive: false }
  t.equal(way(TCP, { ...lost, contact: 'sip:bob@198.51.100.7:5070;transport=tcp' }), '198.51.100.7:5070')
  t.equal(way(TCP, { ...lost, contact: 'sip:bob@10.0.0.2;transport=tcp' }), TCP.id)
  t.equal(way({ ...TCP, transport: 'ws' }, { ...lost, contact: 'sip:bob@198.51.100.7;transport=ws' }), TCP.id)
  t.equal(way(TCP, { ...lost, routes: ['sip:edge.example.org;lr'] }), '198.51.100.7:5060')
})

t.test('RFC 3261 15: BYE to a client behind a proxy that stays on the way', async t => {
  const run = new SessionWire(undefined, locate)
  run.confirm({ headers: ['Record-Route: <sip:203.0.113.5:5080;lr>'] }, { target: ALICE })
  run.session!.bye(run.wire.now)
  const sent = run.wire.take()
  const to = (method: string) => sent.filter(({ text }) => text.startsWith(method)).map(({ flow }) => flow.remote)
  t.same(to('BYE'), [{ address: '203.0.113.5', port: 5080 }])
  t.match(sent.find(({ text }) => text.startsWith('BYE'))!.text, /^Route: <sip:203\.0\.113\.5:5080;lr>\r$/m)
})
