import { canonicalHost } from '../sip-parser-lite/host.ts'
import { type Scope, scopeOf } from './address-scope.ts'
import { isNumericHost, isSameFamily } from './via.ts'

/**
 * How this box names itself in Via and Contact: by its hostname. Where that is a number of one family, a peer of the other has no use
 * for it, and is given the address that it reaches us at.
 */
export class OwnHost {
  readonly hostname: string
  readonly #isNumeric: boolean
  /** Of listeners on one address, and the machine's where one listens on all. */
  readonly #addresses: readonly string[]
  readonly #own: ReadonlySet<string>

  /** `bound`: addresses of the listeners; `machine`: the machine's own. */
  constructor(hostname: string, bound: readonly string[], machine: readonly string[] = []) {
    this.hostname = hostname.toLowerCase().replace(/^\[|\]$/g, '')
    this.#isNumeric = isNumericHost(this.hostname)
    this.#addresses = [...bound.filter(address => !isWildcard(address)), ...(bound.some(isWildcard) ? machine : [])]
    const given = this.#isNumeric
      ? this.#addresses.filter(address => !isSameFamily(address, this.hostname)).map(canonicalHost)
      : []
    this.#own = new Set([this.hostname, canonicalHost(this.hostname), ...given])
  }

  /** The hosts that mean this box. */
  get hosts(): readonly string[] {
    return [this.hostname, ...this.#addresses]
  }

  /** `known`: addresses it is reached at for certain, best first; of a listener on every address they may be none. */
  towards(remote: string, ...known: readonly (string | undefined)[]): string {
    if (!this.#isNumeric || isSameFamily(this.hostname, remote)) return this.hostname
    const isFit = (address: string | undefined): address is string =>
      address !== undefined && !isWildcard(address) && isSameFamily(address, remote)
    return known.find(isFit) ?? this.#nearest(remote, this.#addresses.filter(isFit)) ?? this.hostname
  }

  /** Whether a Via with that host is one of ours; `local` is our end of the stream that it came over. */
  wrote(host: string, local?: string): boolean {
    if (host === this.hostname) return true
    return this.#isNumeric && (this.#own.has(canonicalHost(host)) || (local !== undefined && host === local))
  }

  /** A private address is of no use to a public peer while there is a public one, and the other way round. */
  #nearest(remote: string, addresses: readonly string[]): string | undefined {
    const scopes: readonly Scope[] = [scopeOf(remote), 'world', 'site']
    for (const scope of scopes) {
      const found = addresses.find(address => scopeOf(address) === scope)
      if (found !== undefined) return found
    }
    return undefined
  }
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'
