import type { Flow } from '../base/flow.ts'
import { addressOfRecord, encodeUri, parseUri } from '../sip-parser-lite/uri.ts'

/** Which addresses are this box's own, and whose mailbox a URI names. */
export class Domain {
  readonly name: string
  readonly #hosts: ReadonlySet<string>

  /** `hosts`: the hostname and every listener's address; all mean the one served domain, as phones on site use any of them. */
  constructor(name: string, hosts: readonly string[]) {
    this.name = name.toLowerCase()
    this.#hosts = new Set([this.name, ...hosts.map(host => host.toLowerCase())])
  }

  isOwnHost(host: string, flow?: Flow): boolean {
    return this.#hosts.has(host) || host === flow?.local.address
  }

  /** The canonical address-of-record of a user of this domain; undefined when the URI is of another domain or names no user. */
  userOf(uriText: string, flow?: Flow): string | undefined {
    const uri = parseUri(uriText)
    if ((uri.scheme !== 'sip' && uri.scheme !== 'sips') || !uri.user || !this.isOwnHost(uri.host, flow))
      return undefined
    if (uri.host === this.name) return addressOfRecord(uriText)
    return addressOfRecord(encodeUri({ scheme: 'sip', user: uri.user, host: this.name, params: new Map() }))
  }

  /** The URI names this box itself: our host and no user. */
  isBox(uriText: string, flow?: Flow): boolean {
    const uri = parseUri(uriText)
    return !uri.user && this.isOwnHost(uri.host, flow)
  }
}
