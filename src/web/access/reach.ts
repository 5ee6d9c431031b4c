import { isIP } from 'node:net'
import type { ConfigurationView, ConfigValue } from '../../services/configuration.ts'

/** Where the box is reached, as one choice instead of nine lists of addresses. */

/** `keep`; `all`; `local`: from the machine itself; or one numeric address. */
export type Reach = string

export interface ReachChoice {
  readonly reach: Reach
  /** SIP and MSRP over TLS too. */
  readonly isSecure: boolean
  /** The config page over HTTPS. */
  readonly hasPage: boolean
}

/** Ports of what is off so far. RFC 3261 19.1.2 for SIP; MSRP has none of its own for TLS (RFC 4975 15.4). */
const PORTS: Readonly<Record<string, number>> = {
  'listen.sip_tls': 5061,
  'listen.msrp_tls': 2856,
  'listen.https': 8443,
}

const PLAIN = ['listen.sip_udp', 'listen.sip_tcp', 'listen.sip_ws', 'listen.sip_wss', 'listen.msrp_tcp']
const SECURE = ['listen.sip_tls', 'listen.msrp_tls']
const PAGE = 'listen.https'

/** Whoever changes these may not come back to the page at all. */
const PAGE_KEYS = /^(?:listen\.https?|web\.|tls\.)/

const listed = (view: ConfigurationView, key: string): readonly string[] => {
  const value = view.keys.find(each => each.key === key)?.value
  return [value ?? []].flat().filter((each): each is string => typeof each === 'string' && each !== '')
}

const hostIn = (entry: string): string => entry.slice(0, entry.lastIndexOf(':'))
const portIn = (entry: string): string => entry.slice(entry.lastIndexOf(':') + 1)

/** Addresses at which SIP is reached now, for people. */
export const reachedAt = (view: ConfigurationView): readonly string[] => [
  ...new Set(PLAIN.concat(SECURE).flatMap(key => listed(view, key).map(hostIn))),
]

export const isLocal = (host: string): boolean => /^(?:127\.|\[?::1\]?$|localhost$)/i.test(host)

export const hasSecure = (view: ConfigurationView): boolean => SECURE.some(key => listed(view, key).length > 0)

export const hasPage = (view: ConfigurationView): boolean => listed(view, PAGE).some(entry => !isLocal(hostIn(entry)))

/** What the choice means for the listeners; those that stay are not among them. `addresses`: of the machine. */
export function reachChanges(
  view: ConfigurationView,
  { reach, isSecure, hasPage: wantsPage }: ReachChoice,
  addresses: readonly string[],
): Map<string, ConfigValue> {
  const hosts = reach === 'keep' ? reachedAt(view) : hostsOf(reach, addresses)
  const changes = new Map<string, ConfigValue>()
  const put = (key: string, entries: readonly string[]): void => {
    if (entries.join() !== listed(view, key).join()) changes.set(key, entries.length === 1 ? entries[0]! : entries)
  }
  const at = (key: string): string[] => {
    const [first] = listed(view, key)
    return hosts.map(host => `${host}:${first === undefined ? PORTS[key]! : portIn(first)}`)
  }
  if (reach !== 'keep') for (const key of PLAIN) if (listed(view, key).length > 0) put(key, at(key))
  for (const key of SECURE) {
    const isOn = listed(view, key).length > 0
    if (isSecure ? !isOn || reach !== 'keep' : false) put(key, at(key))
    if (!isSecure && isOn) changes.set(key, '')
  }
  if (wantsPage && (reach !== 'keep' || !hasPage(view))) put(PAGE, at(PAGE))
  return changes
}

/** IPv6 only where the machine has it: a listener of a family that is switched off does not open. */
function hostsOf(reach: Reach, addresses: readonly string[]): string[] {
  if (reach === 'local') return ['127.0.0.1']
  if (reach === 'all') return addresses.some(each => each.includes(':')) ? ['0.0.0.0', '[::]'] : ['0.0.0.0']
  return [reach.includes(':') ? `[${reach}]` : reach]
}

/** Whether the page may be reached in another way afterwards, so that somebody has to show that they still can. `host`: of the request. */
export const movesPage = (
  differences: readonly { readonly key: string; readonly before: ConfigValue }[],
  host: string,
): boolean =>
  differences.some(
    ({ key, before }) =>
      (PAGE_KEYS.test(key) && before !== '') ||
      // A numeric address is taken whatever the box is called.
      ((key === 'domain' || key === 'hostname') && isIP(host) === 0 && String(before).toLowerCase() === host),
  )
