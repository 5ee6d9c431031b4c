import { parse, TomlError } from 'smol-toml'
import { parseEndpoint } from './address.ts'
import { checkConfig, listOf, type WhyUnreadable } from './config-check.ts'
import { type ConfigError, ConfigKeys } from './config-keys.ts'
import type { Config, ListenKey } from './config-schema.ts'
import { checkShape } from './config-shape.ts'
import { plainHost, uriHost } from './config-uri.ts'
import type { Endpoint, Transport } from './flow.ts'
import { printable } from './quoted.ts'

export type { Config }

type Loaded =
  | { readonly config: Config }
  | {
      readonly errors: readonly string[] /** By key, of a file that is TOML. */
      readonly found: readonly ConfigError[]
    }

/**
 * A checked configuration with every default filled in, or every error at once as `FILE:KEY: what is wrong, what is
 * allowed`. `systemName` stands in for `hostname`; `whyUnreadable` is asked of the files that the configuration names.
 */
export function loadConfig(
  text: string,
  fileName: string,
  systemName = 'localhost',
  whyUnreadable: WhyUnreadable = () => undefined,
): Loaded {
  let value: Record<string, unknown>
  try {
    value = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return { errors: [`${fileName}:${error.line}:${error.column}: ${tomlReason(error)}`], found: [] }
  }
  const keys = new ConfigKeys(value)
  const found = checkShape(value, keys)
  const config = withNames(value as Config, systemName)
  found.push(...checkConfig(config, keys, whyUnreadable))
  if (found.length === 0) return { config }
  return { errors: found.map(({ key, wrong, allowed }) => `${fileName}:${key}: ${wrong}, allowed: ${allowed}`), found }
}

/** `domain` may be missing still. */
const withNames = (config: Config, systemName: string): Config => {
  const domain = plainHost(config.domain ?? '')
  const { history } = config
  return {
    ...config,
    domain,
    hostname: plainHost(config.hostname || systemName),
    history: {
      ...history,
      uri: history.uri || `sip:history@${uriHost(domain)}`,
      deferred_uri: history.deferred_uri || `sip:deferred@${uriHost(domain)}`,
    },
  }
}

/** The library's message goes on with a picture of the line, which may hold a password. */
const tomlReason = (error: TomlError): string => {
  const first = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
  return `${printable(first)}, allowed: TOML 1.0`
}

export interface ConfiguredListener {
  readonly transport: Transport
  readonly endpoint: Endpoint
  /** For messages, e.g. `listen.sip_udp`. */
  readonly key: string
}

const configured = <T extends Transport>(config: Config, key: ListenKey, transport: T) =>
  listOf(config.listen[key]).map(text => ({ transport, endpoint: parseEndpoint(text)!, key: `listen.${key}` }))

interface MsrpConfiguredListener extends ConfiguredListener {
  readonly transport: 'tcp' | 'tls'
}

export const listeners = (config: Config): { sip: ConfiguredListener[]; msrp: MsrpConfiguredListener[] } => ({
  sip: [
    ...configured(config, 'sip_udp', 'udp'),
    ...configured(config, 'sip_tcp', 'tcp'),
    ...configured(config, 'sip_tls', 'tls'),
    ...configured(config, 'sip_ws', 'ws'),
    ...configured(config, 'sip_wss', 'wss'),
  ],
  msrp: [...configured(config, 'msrp_tcp', 'tcp'), ...configured(config, 'msrp_tls', 'tls')],
})

export interface HttpConfiguredListener extends ConfiguredListener {
  readonly transport: 'tcp' | 'tls'
}

export const httpListeners = (config: Config): HttpConfiguredListener[] => [
  ...configured(config, 'http', 'tcp'),
  ...configured(config, 'https', 'tls'),
]

/** URL of the XCAP documents as users reach them, with `/` at its end: as configured, else at the first listener, TLS before plain. */
export function xcapRoot(config: Config): string {
  if (config.xcap.root !== '') return config.xcap.root
  const own = httpListeners(config)
  const listener = own.find(({ transport }) => transport === 'tls') ?? own[0]
  const port = listener ? `:${listener.endpoint.port}` : ''
  return `${listener?.transport === 'tls' ? 'https' : 'http'}://${uriHost(config.hostname)}${port}/xcap/`
}
