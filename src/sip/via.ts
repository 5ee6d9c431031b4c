import type { Endpoint, Flow, Transport } from '../base/flow.ts'
import { udpFlow } from '../base/flow.ts'
import { replaceFirst, value } from '../sip-parser-lite/access.ts'
import { canonicalHost, canonicalIpv6 } from '../sip-parser-lite/host.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { topVia, type Via } from '../sip-parser-lite/typed.ts'

/** RFC 3261 18.2.2 and 19.1.2; RFC 7118 5.2.1 leaves WebSocket with the ports of its own URI schemes. */
export const defaultPort = (transport: Transport): number => DEFAULT_PORTS[transport] ?? 5060

const DEFAULT_PORTS: Readonly<Partial<Record<Transport, number>>> = { tls: 5061, ws: 80, wss: 443 }

/** Dotted decimal, each at most 255. */
const isIpv4 = (host: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(host) && host.split('.').every(part => Number(part) <= 255)

export const isNumericHost = (host: string): boolean => isIpv4(host) || canonicalIpv6(host) !== undefined

/**
 * RFC 3261 18.2.1 and RFC 3581 4: writes into the request's top Via where it came from, in place of whatever `received` or `rport`
 * value it came with, and gives the Via as it came. Throws SipSyntaxError when there is no Via or a bad one.
 */
export function stampVia(request: SipRequest, remote: Endpoint): Via {
  const via = topVia(request)
  const hasRport = via.params.has('rport')
  const isFromSentBy = canonicalHost(via.host) === canonicalHost(remote.address)
  if (!hasRport && isFromSentBy && !via.params.has('received')) return via
  const received = hasRport || !isFromSentBy ? `;received=${remote.address}` : ''
  replaceFirst(request, 'via', withPort(value(request, 'via')!, remote.port) + received)
  return via
}

/** `via` without `received`, and with the value of `rport` if it has one. */
function withPort(via: string, port: number): string {
  let text = ''
  for (const segment of segments(via)) {
    const name = segment
      .slice(0, segment.indexOf('=') < 0 ? segment.length : segment.indexOf('='))
      .trim()
      .toLowerCase()
    if (name === 'rport') text += `;rport=${port}`
    else if (name !== 'received') text += text === '' ? segment.trimEnd() : `;${segment}`
  }
  return text
}

/** What stands between semicolons outside of quotes. */
const segments = (via: string): string[] =>
  via.includes('"') ? (via.match(/(?:[^;"]|"(?:[^"\\]|\\.)*")+/g) ?? []) : via.split(';')

/**
 * RFC 3261 18.2.2 and RFC 3581 4, unreliable transports: where the answer to a request with this (stamped) Via goes. `maddr` is not
 * followed: it would let anybody have our answers sent to anybody.
 */
export function datagramResponseFlow(flow: Flow, via: Via): Flow {
  const port = via.port ?? defaultPort(flow.transport)
  if (via.params.has('rport') || port === flow.remote.port) return flow
  return udpFlow(flow.local, { address: flow.remote.address, port })
}

export const isSameFamily = (one: string, other: string): boolean => one.includes(':') === other.includes(':')
