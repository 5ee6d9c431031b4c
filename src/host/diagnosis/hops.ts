import type { Entropy } from '../../base/entropy.ts'
import { hostPort } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import { nextHops } from '../../sip/next-hop.ts'
import type { Hop, Listener } from '../../sip/transport.ts'
import { encodeUri, parseUri, type SipUri } from '../../sip-parser-lite/uri.ts'
import type { Dns } from '../dns.ts'

interface Resolving {
  readonly dns: Pick<Dns, 'ask'>
  readonly entropy: Entropy
  readonly listeners: readonly Listener[]
  readonly now: () => Now
}

/** `sip:example.net`, `example.net:5061` or `sips:192.0.2.1`; undefined: none of these. */
export function sipTarget(text: string): { readonly uri: SipUri; readonly text: string } | undefined {
  try {
    const uri = parseUri(/^sips?:/i.test(text) ? text : `sip:${text}`)
    const { headers: _, ...plain } = uri
    return uri.host === '' ? undefined : { uri, text: encodeUri(plain) }
  } catch {
    return undefined
  }
}

/** Where the box itself would send a request for that URI, best first (RFC 3263). */
export function hopsTo(uri: SipUri, { dns, entropy, listeners, now }: Resolving): Promise<readonly Hop[]> {
  const resolver: Parameters<typeof nextHops>[2]['resolver'] = {
    ask: (_now, question, answer) => void dns.ask(question).then(records => answer(now(), records)),
  }
  return new Promise(resolve => nextHops(now(), uri, { resolver, entropy, listeners }, (_now, hops) => resolve(hops)))
}

export const hopsText = (hops: readonly Hop[]): string =>
  hops.map(hop => `${hop.transport.toUpperCase()} ${hostPort(hop)}`).join(', ')
