import { type Config, listeners } from '../base/config.ts'
import { uriHost } from '../base/config-uri.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Transport } from '../base/flow.ts'
import type { Instant, Now } from '../base/time.ts'
import { xmlText } from '../content/xml-write.ts'
import type { Provisioning } from '../services/users.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import type { Account } from '../store/verbs.ts'
import { unescaped } from './accounts.ts'

/** Long enough to find the camera of a phone. */
const MINUTES = 10
/** Phones that are set up at a time; the oldest goes first. */
const OPEN_MAX = 64
const TOKEN_BITS = 160

/** The best first: over TLS nobody else reads along, and a stream stays open. */
const PREFERRED: readonly Transport[] = ['tls', 'tcp', 'udp']
const WILDCARDS = new Set(['0.0.0.0', '::'])

interface Open {
  readonly aor: string
  readonly until: Instant
}

/** Addresses, good for some minutes, at which a phone fetches its account: the remote provisioning of Linphone. */
export class Provisionings {
  readonly #options: { readonly config: Config; readonly entropy: Entropy; readonly now: () => Now }
  readonly #open = new Map<string, Open>()

  constructor(options: { readonly config: Config; readonly entropy: Entropy; readonly now: () => Now }) {
    this.#options = options
  }

  /** Undefined: there is nothing that it could sign in with. */
  begin({ aor, ha1Md5, ha1Sha256 }: Account): Provisioning | undefined {
    if (ha1Md5 === undefined && ha1Sha256 === undefined) return undefined
    const id = token(this.#options.entropy, TOKEN_BITS)
    const [oldest] = this.#open.keys()
    if (this.#open.size >= OPEN_MAX && oldest !== undefined) this.#open.delete(oldest)
    this.#open.set(id, { aor, until: (this.#options.now().at + MINUTES * 60_000) as Instant })
    return { aor, token: id, minutes: MINUTES }
  }

  aorOf(id: string): string | undefined {
    const open = this.#open.get(id)
    if (open && open.until <= this.#options.now().at) this.#open.delete(id)
    return this.#open.has(id) ? open?.aor : undefined
  }

  /** HA1 in place of the password, which nobody here knows. */
  document(account: Account, host: string): string {
    const { domain, auth } = this.#options.config
    const user = parseUri(account.aor).user ?? ''
    const isMd5 = (account.algorithms ?? auth.algorithms)[0] !== 'SHA-256'
    const ha1 = (isMd5 ? account.ha1Md5 : account.ha1Sha256) ?? account.ha1Md5 ?? account.ha1Sha256 ?? ''
    const isSha256 = ha1 === account.ha1Sha256
    const sections: Record<string, Record<string, string>> = {
      auth_info_0: {
        username: unescaped(user),
        domain,
        realm: domain,
        ha1,
        algorithm: isSha256 ? 'SHA-256' : 'MD5',
      },
      proxy_0: {
        reg_proxy: `<${this.#server(host)}>`,
        reg_identity: account.aor,
        reg_sendregister: '1',
        reg_expires: '3600',
        realm: domain,
      },
      sip: { default_proxy: '0' },
    }
    const text = Object.entries(sections).map(([name, entries]) => section(name, entries))
    return `<?xml version="1.0" encoding="UTF-8"?>\n<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">\n${text.join('')}</config>\n`
  }

  /** Where the phone reached the page, unless SIP is served at another address. */
  #server(host: string): string {
    const { sip } = listeners(this.#options.config)
    const ranked = PREFERRED.flatMap(transport => sip.filter(listener => listener.transport === transport))
    const [listener] = ranked
    if (!listener) return `sip:${uriHost(host)}`
    const { address, port } = listener.endpoint
    const at = WILDCARDS.has(address) ? host : address
    return `sip:${uriHost(at)}:${port};transport=${listener.transport}`
  }
}

const section = (name: string, entries: Readonly<Record<string, string>>): string =>
  `  <section name="${name}">\n${Object.entries(entries)
    .map(([key, value]) => `    <entry name="${key}" overwrite="true">${xmlText(value)}</entry>\n`)
    .join('')}  </section>\n`
