import type { Flow } from '../base/flow.ts'
import { ownText } from '../base/own-text.ts'
import { canonicalHost } from '../sip-parser-lite/host.ts'
import { addressOfRecord, encodeUri, parseUri } from '../sip-parser-lite/uri.ts'

/** Senders and recipients of some minutes; a kilobyte each at most. */
const KNOWN_MAX = 4096
const KNOWN_LENGTH_MAX = 256

/** Which addresses are this box's own, and whose mailbox a URI names. */
export class Domain {
  readonly name: string
  readonly #hosts: ReadonlySet<string>
  /** URIs of our users, as they were written, to address-of-record; what does not depend on the flow. */
  readonly #known = new Map<string, string>()

  /** `hosts`: the hostname and every listener's address; all mean the one served domain, as phones on site use any of them. */
  constructor(name: string, hosts: readonly string[]) {
    this.name = name.toLowerCase()
    this.#hosts = new Set([this.name, ...hosts.map(plainHost)])
  }

  isOwnHost(host: string, flow?: Flow): boolean {
    const plain = plainHost(host)
    return this.#hosts.has(plain) || plain === flow?.local.address
  }

  /** The canonical address-of-record of a user of this domain; undefined when the URI is of another domain or names no user. */
  userOf(uriText: string, flow?: Flow): string | undefined {
    const known = this.#known.get(uriText)
    if (known !== undefined) return known
    const uri = parseUri(uriText)
    if ((uri.scheme !== 'sip' && uri.scheme !== 'sips') || !uri.user || !this.isOwnHost(uri.host, flow))
      return undefined
    const aor = addressOfRecord(encodeUri({ scheme: 'sip', user: uri.user, host: this.name, params: new Map() }))
    if (this.#hosts.has(plainHost(uri.host))) this.#keep(uriText, aor)
    return aor
  }

  /** Text of its own is kept, not a part of the message that it was cut from. */
  #keep(uriText: string, aor: string): void {
    if (uriText.length > KNOWN_LENGTH_MAX) return
    if (this.#known.size >= KNOWN_MAX) this.#known.clear()
    this.#known.set(ownText(uriText), aor)
  }

  /** The URI names this box itself: our host and no user. */
  isBox(uriText: string, flow?: Flow): boolean {
    const uri = parseUri(uriText)
    return !uri.user && this.isOwnHost(uri.host, flow)
  }
}

/** One spelling for each host: lower case, no root dot, IPv6 as RFC 5952 has it. */
const plainHost = (host: string): string => canonicalHost(host.toLowerCase().replace(/\.$/, '')) ?? host.toLowerCase()
