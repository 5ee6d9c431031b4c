import { parseAddress, parseCidr, parseEndpoint } from './address.ts'
import { type Config, configSchema, type ListenKey } from './config-schema.ts'
import type { Endpoint } from './flow.ts'

/** What no schema can say: checks of syntax inside a text, and of one key against another. */

export interface ConfigError {
  readonly key: string
  readonly wrong: string
  readonly allowed: string
}

type Report = (key: string, wrong: string, allowed: string) => void

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i
/** RFC 3261 25.1, as far as a configuration needs it: user part, host, port, parameters; no headers. */
const SIP_URI = /^sips?:(?:([^@\s<>"]+)@)?(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?((?:;[^\s<>"?]+)?)$/i

/** RFC 3261 10.3: an address-of-record has neither password, port, parameters nor headers; its accounts are kept under `sip:`. */
const ACCOUNT = /^sip:([^@:;?\s<>"]+)@(\[[0-9a-f:.]+\]|[a-z0-9.-]+)$/i

/** The parts of `sip:user@host`; undefined for anything more, less or else. */
export function accountAddress(text: string): { user: string; host: string } | undefined {
  const match = ACCOUNT.exec(text)
  return match ? { user: match[1]!, host: match[2]!.toLowerCase().replace(/^\[|\]$/g, '') } : undefined
}

/** RFC 3261 19.1.4: letter case tells users apart, not hosts. */
const isSameAccount = (a: string, b: string): boolean => {
  const first = accountAddress(a)
  const second = accountAddress(b)
  return first !== undefined && first.user === second?.user && first.host === second.host
}

const isHost = (text: string): boolean => HOST.test(text) || parseAddress(text) !== undefined

export const listOf = (value: string | readonly string[]): readonly string[] =>
  (typeof value === 'string' ? [value] : value).filter(entry => entry !== '')

const LISTEN_ALLOWED = '"ADDRESS:PORT" with a numeric address, IPv6 as "[::1]:5060", a list of these, or "" for off'

const isWildcard = (address: string): boolean => parseAddress(address)!.every(byte => byte === 0)
const isIpv6 = (address: string): boolean => address.includes(':')

const doCollide = (a: Endpoint, b: Endpoint): boolean =>
  a.port !== 0 &&
  a.port === b.port &&
  isIpv6(a.address) === isIpv6(b.address) &&
  (isWildcard(a.address) || isWildcard(b.address) || `${parseAddress(a.address)}` === `${parseAddress(b.address)}`)

function checkListen(config: Config, report: Report): void {
  const taken: { key: string; kind: 'UDP' | 'TCP'; text: string; endpoint: Endpoint }[] = []
  for (const name of Object.keys(configSchema.properties.listen.properties) as ListenKey[]) {
    const key = `listen.${name}`
    const kind = name === 'sip_udp' ? 'UDP' : 'TCP'
    for (const text of listOf(config.listen[name])) {
      const endpoint = parseEndpoint(text)
      if (!endpoint) {
        report(key, `"${text}" is not an address with a port`, LISTEN_ALLOWED)
        continue
      }
      const other = taken.find(known => known.kind === kind && doCollide(known.endpoint, endpoint))
      if (other)
        report(key, `"${text}" is taken by ${other.key} ("${other.text}")`, `a ${kind} address and port of its own`)
      else taken.push({ key, kind, text, endpoint })
    }
  }
}

function checkNames(config: Config, report: Report): void {
  if (!isHost(config.domain)) report('domain', `"${config.domain}" is not a domain`, 'a name like "example.org"')
  if (!isHost(config.hostname))
    report('hostname', `"${config.hostname}" is not a host`, 'a host name or a numeric address')
  if ((config.tls.certificate === '') !== (config.tls.key === ''))
    report(
      config.tls.key === '' ? 'tls.key' : 'tls.certificate',
      'empty while the other of the pair is set',
      'both, or neither for a self-signed pair',
    )
}

function checkPeers(config: Config, report: Report): void {
  for (const [index, text] of config.auth.trusted_peers.entries())
    if (!parseCidr(text))
      report(`auth.trusted_peers[${index}]`, `"${text}" is not a CIDR`, 'e.g. "192.0.2.0/24" or "2001:db8::/32"')
  if (config.core.route !== '' && !SIP_URI.test(config.core.route))
    report('core.route', `"${config.core.route}" is not a SIP URI`, 'e.g. "sip:core.example.org;lr", or ""')
}

function checkUser(config: Config, index: number, report: Report): void {
  const user = config.user[index]!
  const key = `user[${index}]`
  const address = accountAddress(user.aor)
  const allowed = `an address like "sip:alice@${config.domain}"`
  if (!address) report(`${key}.aor`, `"${user.aor}" is not an address-of-record`, allowed)
  else if (address.host !== config.domain) report(`${key}.aor`, `"${user.aor}" is not in the domain`, allowed)
  if (config.user.slice(0, index).some(other => isSameAccount(other.aor, user.aor)))
    report(`${key}.aor`, `"${user.aor}" stands here twice`, 'each account once')
  if (user.password === undefined) checkHashes(config, index, report)
  else if (user.ha1_md5 ?? user.ha1_sha256)
    report(`${key}.password`, 'set together with a hash', 'either password, or ha1_md5 and ha1_sha256')
}

function checkHashes(config: Config, index: number, report: Report): void {
  const user = config.user[index]!
  if (user.ha1_md5 === undefined && user.ha1_sha256 === undefined) {
    report(`user[${index}]`, 'has no password', 'password, or ha1_md5 and ha1_sha256, or one of these')
    return
  }
  for (const algorithm of user.algorithms ?? []) {
    const name = algorithm === 'MD5' ? 'ha1_md5' : 'ha1_sha256'
    if (user[name] === undefined)
      report(`user[${index}].${name}`, `missing, while algorithms names ${algorithm}`, 'a hash for each algorithm')
  }
  const names = config.auth.algorithms.map(algorithm => (algorithm === 'MD5' ? 'ha1_md5' : 'ha1_sha256'))
  if (user.algorithms === undefined && !names.some(name => user[name] !== undefined))
    report(
      `user[${index}]`,
      'has no hash for any of auth.algorithms, so nobody could log in',
      `${names.join(' or ')}, or algorithms of its own`,
    )
}

function checkOrder(config: Config, report: Report): void {
  const { deferral, delivery } = config
  const isAtMost = (key: string, value: number, otherKey: string, other: number): void => {
    if (value > other) report(key, `${value} is more than ${otherKey} (${other})`, `at most ${other}`)
  }
  isAtMost('deferral.default_expiry_s', deferral.default_expiry_s, 'deferral.max_expiry_s', deferral.max_expiry_s)
  isAtMost('deferral.max_message_bytes', deferral.max_message_bytes, 'deferral.quota_bytes', deferral.quota_bytes)
  isAtMost('delivery.retry_min_s', delivery.retry_min_s, 'delivery.retry_max_s', delivery.retry_max_s)
}

function checkServiceUris(config: Config, report: Report): void {
  const { history } = config
  for (const key of ['uri', 'deferred_uri'] as const) {
    const match = SIP_URI.exec(history[key])
    const allowed = `a SIP URI with a user part in the domain, e.g. "sip:history@${config.domain}"`
    if (!match?.[1] || match[2]!.toLowerCase() !== config.domain)
      report(`history.${key}`, `"${history[key]}" is not an address in the domain`, allowed)
    else if (config.user.some(user => user.aor.toLowerCase() === history[key].toLowerCase()))
      report(`history.${key}`, `"${history[key]}" is an account`, 'an address that is nobody else’s')
  }
  if (history.uri.toLowerCase() === history.deferred_uri.toLowerCase())
    report('history.deferred_uri', `"${history.deferred_uri}" is history.uri too`, 'an address of its own')
  if (history.conference_factory_uri !== '' && !SIP_URI.test(history.conference_factory_uri))
    report('history.conference_factory_uri', 'not a SIP URI', 'e.g. "sip:conference@example.org", or ""')
}

export function checkConfig(config: Config): ConfigError[] {
  const errors: ConfigError[] = []
  const report: Report = (key, wrong, allowed) => errors.push({ key, wrong, allowed })
  checkNames(config, report)
  checkListen(config, report)
  checkPeers(config, report)
  for (const index of config.user.keys()) checkUser(config, index, report)
  checkOrder(config, report)
  checkServiceUris(config, report)
  return errors
}
