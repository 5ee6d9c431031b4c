import { parseEndpoint } from '../../base/address.ts'
import type { Entropy } from '../../base/entropy.ts'
import { type Endpoint, type Flow, hostPort, type Transport } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import type { TestStep } from '../../services/diagnosis.ts'
import type { BoundListener } from '../box-options.ts'
import type { Dns } from '../dns.ts'
import type { TlsDialler } from '../tls-dial.ts'
import type { Place } from './channel.ts'
import { hopsText, hopsTo, sipTarget } from './hops.ts'
import { Limited } from './limited.ts'
import { msrpTo } from './msrp-test.ts'
import { optionsTo } from './sip-test.ts'

export interface NetworkTestParts {
  readonly hostname: string
  readonly sip: readonly BoundListener[]
  readonly msrp: readonly BoundListener<'tcp' | 'tls'>[]
  readonly dns: Pick<Dns, 'ask'>
  /** How the box connects to others; undefined where nothing speaks TLS, or the box does not run. */
  readonly dialler?: Pick<TlsDialler, 'dial'> | undefined
  readonly entropy: Entropy
  readonly now: () => Now
  readonly limitMs?: number
}

/** RFC 1035 2.3.4: a host with its port. */
const HOST_PORT = /^(\[[0-9a-f:.]+\]|[^\s:[\]/]{1,253}):(\d{1,5})$/i

/** Each listener of the box, or each hop that the box would try for a URI; all at once, told in their order. */
export async function* testSip(
  parts: NetworkTestParts,
  target: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<TestStep> {
  const limited = new Limited(signal, parts.limitMs)
  if (target === undefined) {
    if (parts.sip.length === 0) yield nothingOn('SIP', 'listen.sip_udp')
    yield* inOrder(parts.sip.map(listener => optionsTo({ ...parts, ...ownSip(listener) }, limited)))
    return
  }
  const found = sipTarget(target)
  if (!found) return yield wrong(target, 'Give a SIP URI, e.g. sip:192.0.2.1:5060;transport=tcp or sip:example.net.')
  const what = `Resolve ${found.text}`
  const ways = parts.dialler ? parts.sip : parts.sip.filter(({ transport }) => transport !== 'tls')
  const hops = await limited.of(hopsTo(found.uri, { ...parts, listeners: ways }))
  if (typeof hops === 'string') return yield { what, isOk: false, result: 'No answer of the name servers in time.' }
  if (hops.length === 0)
    return yield { what, isOk: false, result: ways === parts.sip ? NO_WAY : `${NO_WAY} ${NOT_OVER_TLS}` }
  yield { what, isOk: true, result: hopsText(hops) }
  const asked = hops.map(hop => {
    const place = { ...hop, dial: hop.transport === 'tls' ? () => dialled(parts, hop, hop.name) : undefined }
    return optionsTo({ ...parts, place, uri: found.text }, limited)
  })
  yield* inOrder(asked)
}

const NO_WAY =
  'No way there: the name has no address in DNS, or the box has no listener of that transport and address family to send from.'

const NOT_OVER_TLS = 'Over TLS the service alone can try, while it runs.'

/** Each listener of the box, or another host. */
export async function* testMsrp(
  parts: NetworkTestParts,
  target: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<TestStep> {
  const limited = new Limited(signal, parts.limitMs)
  if (target === undefined) {
    if (parts.msrp.length === 0) yield nothingOn('MSRP', 'listen.msrp_tcp')
    yield* inOrder(parts.msrp.map(listener => msrpTo({ ...parts, isOwn: true, place: ownPlace(listener) }, limited)))
    return
  }
  const [, host = '', digits = ''] = HOST_PORT.exec(target) ?? []
  const port = Number(digits)
  if (host === '' || port < 1 || port > 65535) return yield wrong(target, 'Give host:port, e.g. 192.0.2.1:2855.')
  const addresses = await limited.of(addressesOf(host, parts.dns))
  if (typeof addresses === 'string' || addresses.length === 0)
    return yield { what: `Resolve ${host}`, isOk: false, result: 'The name has no address in DNS.' }
  yield* inOrder(
    addresses.map(address => msrpTo({ ...parts, isOwn: false, place: { address, port, transport: 'tcp' } }, limited)),
  )
}

async function* inOrder(steps: readonly Promise<TestStep>[]): AsyncGenerator<TestStep> {
  for (const step of steps) yield await step
}

export function ownSip(listener: BoundListener): { readonly place: Place; readonly uri: string } {
  const place = ownPlace(listener)
  const scheme = listener.transport === 'tls' || listener.transport === 'wss' ? 'sips' : 'sip'
  return { place, uri: `${scheme}:${hostPort(place)}` }
}

/** A listener on every address is reached on this machine's own. */
export function ownPlace({ transport, endpoint }: BoundListener): Place {
  return { transport, address: EVERYWHERE[endpoint.address] ?? endpoint.address, port: endpoint.port }
}

const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

function dialled({ dialler }: NetworkTestParts, remote: Endpoint, peerName?: string): ReturnType<TlsDialler['dial']> {
  const transport: Transport = 'tls'
  const local = { address: '', port: 0 }
  const flow: Flow = { id: 'test', protocol: 'sip', transport, local, remote, ...(peerName && { peerName }) }
  // A hop over TLS is only found where the box has a listener of it.
  return dialler!.dial(flow)
}

async function addressesOf(host: string, dns: Pick<Dns, 'ask'>): Promise<readonly string[]> {
  const numeric = parseEndpoint(`${host}:1`)
  if (numeric) return [numeric.address]
  const answers = await Promise.all((['A', 'AAAA'] as const).map(kind => dns.ask({ kind, name: host })))
  return answers
    .flat()
    .flatMap(record => ('address' in record ? [record.address] : []))
    .slice(0, 4)
}

const nothingOn = (use: string, key: string): TestStep => ({
  what: `${use} listeners`,
  isOk: false,
  result: `All are switched off. Set ${key} or one of the others.`,
})

const wrong = (target: string, todo: string): TestStep => ({
  what: `Target ${target.slice(0, 60)}`,
  isOk: false,
  result: `Not understood. ${todo}`,
})
