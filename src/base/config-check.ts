import { ipv4Of, parseAddress, parseCidr, parseEndpoint } from './address.ts'
import type { ConfigError, ConfigKeys } from './config-keys.ts'
import { type Config, configSchema, LISTEN_ALLOWED, type ListenKey } from './config-schema.ts'
import { accountAddress, accountKey, isHost, isSameHost, sipUri, uriHost } from './config-uri.ts'
import type { Endpoint } from './flow.ts'
import { quoted } from './quoted.ts'

/** What no schema can say: checks of syntax inside a text, and of one key against another. */

/** Why a file cannot be read, in plain words; undefined where it can. */
export type WhyUnreadable = (path: string) => string | undefined

interface Checked {
  /** Elements of lists may be of any type still, and a table [[user]] may lack any key. */
  readonly config: Config
  readonly keys: ConfigKeys
  readonly report: (key: string, wrong: string, allowed: string) => void
}

/** An error that involves a default is told of the key that was written. */
export function checkConfig(config: Config, keys: ConfigKeys, whyUnreadable: WhyUnreadable): ConfigError[] {
  const errors: ConfigError[] = []
  const report = (key: string, wrong: string, allowed: string): void => {
    errors.push({ key, wrong, allowed })
    keys.refuse(key)
  }
  const checked = { config, keys, report }
  checkNames(checked)
  checkListen(checked)
  checkTls(checked, whyUnreadable)
  checkPeers(checked)
  checkUsers(checked)
  checkOrder(checked)
  checkServiceUris(checked)
  checkXcap(checked)
  return errors
}

export const listOf = (value: string | readonly string[]): readonly string[] =>
  (typeof value === 'string' ? [value] : value).filter(entry => entry !== '')

function checkNames({ config, keys, report }: Checked): void {
  if (!keys.isRefused('domain') && !isHost(config.domain))
    report('domain', `${quoted(config.domain)} is not a domain`, 'a name like "example.org"')
  if (keys.isRefused('hostname') || isHost(config.hostname)) return
  const whose = keys.isWritten('hostname') ? '' : 'the system’s name '
  report('hostname', `${whose}${quoted(config.hostname)} is not a host`, 'a host name or a numeric address')
}

interface Listener {
  readonly name: ListenKey
  /** With the place in a list. */
  readonly key: string
  readonly kind: 'UDP' | 'TCP'
  readonly text: string
  readonly endpoint: Endpoint
}

const isWildcard = (address: string): boolean => parseAddress(address)!.every(byte => byte === 0)
const isIpv6 = (address: string): boolean => address.includes(':')

const doCollide = (a: Listener, b: Listener): boolean =>
  a.kind === b.kind &&
  a.endpoint.port !== 0 &&
  a.endpoint.port === b.endpoint.port &&
  isSameAddress(a.endpoint.address, b.endpoint.address)

const isSameAddress = (a: string, b: string): boolean =>
  isIpv6(a) === isIpv6(b) && (isWildcard(a) || isWildcard(b) || `${parseAddress(a)}` === `${parseAddress(b)}`)

function checkListen(checked: Checked): void {
  const { config, keys, report } = checked
  const names = Object.keys(configSchema.properties.listen.properties) as ListenKey[]
  // Where a refused value was, the default stands now.
  const own = names.filter(name => Array.isArray(config.listen[name]) || !keys.isRefused(`listen.${name}`))
  const sip = names.filter(name => name.startsWith('sip_'))
  if (!keys.isRefused('listen') && sip.every(name => listOf(config.listen[name]).length === 0))
    report('listen', `no SIP listener: ${sip.join(', ')} are all off`, 'at least one, e.g. sip_udp = "127.0.0.1:5060"')
  const found = own.flatMap(name => listenersOf(checked, name))
  for (const [index, one] of found.entries()) {
    const other = found.slice(0, index).find(known => doCollide(known, one))
    if (!other) continue
    const [wrong, holder] = keys.isWritten(`listen.${one.name}`) ? [one, other] : [other, one]
    const isDefault = keys.isWritten(`listen.${holder.name}`) ? '' : ' (default)'
    const where = `${holder.key} = ${quoted(holder.text)}${isDefault}`
    report(wrong.key, `${quoted(wrong.text)} is taken by ${where}`, `a ${one.kind} address and port of its own`)
  }
}

function listenersOf(checked: Checked, name: ListenKey): Listener[] {
  const value = checked.config.listen[name]
  const kind = name === 'sip_udp' ? 'UDP' : 'TCP'
  return [value].flat().flatMap((text, index) => {
    if (typeof text !== 'string' || text === '') return []
    const key = Array.isArray(value) ? `listen.${name}[${index}]` : `listen.${name}`
    const endpoint = endpointOf(checked, key, text)
    return endpoint ? [{ name, key, kind, text, endpoint }] : []
  })
}

function endpointOf({ report }: Checked, key: string, text: string): Endpoint | undefined {
  const endpoint = parseEndpoint(text)
  const ipv4 = endpoint && ipv4Of(endpoint.address)
  if (endpoint && ipv4 === undefined) return endpoint
  if (endpoint) report(key, `${quoted(text)} is an IPv4 address written as IPv6`, `write "${ipv4}:${endpoint.port}"`)
  else report(key, `${quoted(text)} is not an address with a port`, LISTEN_ALLOWED)
  return undefined
}

function checkTls({ config: { tls }, keys, report }: Checked, whyUnreadable: WhyUnreadable): void {
  for (const [name, other] of [
    ['certificate', 'key'],
    ['key', 'certificate'],
    ['ca', undefined],
  ] as const) {
    const key = `tls.${name}`
    if (tls[name] === '' || keys.isRefused(key)) continue
    const reason = whyUnreadable(tls[name])
    if (reason) report(key, `${quoted(tls[name])} cannot be read: ${reason}`, 'a PEM file that this user may read')
    if (other && tls[other] === '' && !keys.isRefused(`tls.${other}`))
      report(key, `set, while ${keys.shown(`tls.${other}`, '""')}`, 'both, or neither for a self-signed pair')
  }
}

function checkPeers({ config, keys, report }: Checked): void {
  for (const [index, text] of config.auth.trusted_peers.entries()) {
    if (typeof text !== 'string' || parseCidr(text)) continue
    const [address = '', prefix] = text.split('/')
    const ipv4 = ipv4Of(address)
    const bits = prefix === undefined ? 128 : Number(prefix)
    const key = `auth.trusted_peers[${index}]`
    if (ipv4 !== undefined && bits >= 96 && bits <= 128)
      report(key, `${quoted(text)} is an IPv4 network written as IPv6`, `write "${ipv4}/${bits - 96}"`)
    else report(key, `${quoted(text)} is not a CIDR`, 'e.g. "192.0.2.0/24" or "2001:db8::/32"')
  }
  checkRoute({ config, keys, report })
}

function checkRoute({ config, keys, report }: Checked): void {
  const { route } = config.core
  if (route === '' || keys.isRefused('core.route')) return
  const isSecure = /^sips:|;transport=tls(;|$)/i.test(route)
  if (!sipUri(route)) report('core.route', `${quoted(route)} is not a SIP URI`, 'e.g. "sip:core.example.org;lr", or ""')
  else if (isSecure && listOf(config.listen.sip_tls).length === 0 && !keys.isRefused('listen.sip_tls'))
    report(
      'core.route',
      `goes by TLS, while ${keys.shown('listen.sip_tls', '""')}`,
      'a listener listen.sip_tls, or a route without TLS',
    )
}

function checkUsers(checked: Checked): void {
  const { config, keys, report } = checked
  const domain = keys.isRefused('domain') ? undefined : config.domain
  const first = new Map<string, string>()
  for (const [index, user] of config.user.entries()) {
    const key = `user[${index}].aor`
    if (typeof user.aor === 'string') {
      const address = accountAddress(user.aor)
      const allowed = `an address like "sip:alice@${uriHost(domain ?? 'example.org')}"`
      if (!address) report(key, `${quoted(user.aor)} is not an address-of-record`, allowed)
      else if (domain !== undefined && !isSameHost(address.host, domain))
        report(key, `${quoted(user.aor)} is not in the domain`, allowed)
      const known = address && first.get(accountKey(address))
      if (known) report(key, `${quoted(user.aor)} stands here twice, first as ${known}`, 'each account once')
      else if (address) first.set(accountKey(address), key)
    }
    checkSecret(checked, index)
  }
}

function checkSecret(checked: Checked, index: number): void {
  const user = checked.config.user[index]!
  const { keys, report } = checked
  const key = `user[${index}]`
  if (keys.isRefused(`${key}.password`)) return
  if (user.password === undefined) checkHashes(checked, index)
  else if ((user.ha1_md5 ?? user.ha1_sha256) !== undefined)
    report(`${key}.password`, 'set together with a hash', 'either password, or ha1_md5 and ha1_sha256')
}

const HASHES = { MD5: 'ha1_md5', 'SHA-256': 'ha1_sha256' } as const

function checkHashes({ config, keys, report }: Checked, index: number): void {
  const user = config.user[index]!
  const key = `user[${index}]`
  const isThere = (name: 'ha1_md5' | 'ha1_sha256') => user[name] !== undefined || keys.isRefused(`${key}.${name}`)
  if (!isThere('ha1_md5') && !isThere('ha1_sha256'))
    return report(key, 'has no password', 'password, or ha1_md5 and ha1_sha256, or one of these')
  if (keys.isRefused(`${key}.algorithms`)) return
  for (const algorithm of user.algorithms ?? [])
    if (!isThere(HASHES[algorithm]))
      report(`${key}.${HASHES[algorithm]}`, `missing, while algorithms names ${algorithm}`, 'a hash for each algorithm')
  if (user.algorithms !== undefined || keys.isRefused('auth.algorithms')) return
  const { algorithms } = config.auth
  const names = algorithms.map(algorithm => HASHES[algorithm])
  if (names.some(isThere)) return
  const offered = keys.shown('auth.algorithms', JSON.stringify(algorithms))
  const wrong = `has no hash for any of ${offered}, so nobody could log in`
  report(key, wrong, `${names.join(' or ')}, or algorithms of its own`)
}

function checkOrder({ config: { deferral, delivery }, keys, report }: Checked): void {
  const isAtMost = (low: string, lowValue: number, high: string, highValue: number): void => {
    if (lowValue <= highValue || keys.isRefused(low) || keys.isRefused(high)) return
    if (keys.isWritten(low)) {
      const allowed = `at most ${highValue}, or more in ${high}`
      report(low, `${lowValue} is more than ${keys.shown(high, `${highValue}`)}`, allowed)
    } else {
      const allowed = `at least ${lowValue}, or less in ${low}`
      report(high, `${highValue} is less than ${keys.shown(low, `${lowValue}`)}`, allowed)
    }
  }
  const { default_expiry_s, max_expiry_s, max_message_bytes, quota_bytes } = deferral
  isAtMost('deferral.default_expiry_s', default_expiry_s, 'deferral.max_expiry_s', max_expiry_s)
  isAtMost('deferral.max_message_bytes', max_message_bytes, 'deferral.quota_bytes', quota_bytes)
  isAtMost('delivery.retry_min_s', delivery.retry_min_s, 'delivery.retry_max_s', delivery.retry_max_s)
}

function checkServiceUris(checked: Checked): void {
  const { config, keys, report } = checked
  const { history } = config
  for (const name of ['uri', 'deferred_uri'] as const) checkServiceUri(checked, name)
  const areRefused = keys.isRefused('history.uri') || keys.isRefused('history.deferred_uri')
  if (!areRefused && history.uri.toLowerCase() === history.deferred_uri.toLowerCase()) {
    const [wrong, other] = keys.isWritten('history.deferred_uri') ? ['deferred_uri', 'uri'] : ['uri', 'deferred_uri']
    const same = keys.shown(`history.${other}`, quoted(history.uri))
    report(`history.${wrong}`, `the same as ${same}`, 'an address of its own')
  }
  const factory = history.conference_factory_uri
  if (factory !== '' && !keys.isRefused('history.conference_factory_uri') && !sipUri(factory))
    report(
      'history.conference_factory_uri',
      `${quoted(factory)} is not a SIP URI`,
      'e.g. "sip:conference@example.org", or ""',
    )
}

function checkServiceUri({ config, keys, report }: Checked, name: 'uri' | 'deferred_uri'): void {
  const key = `history.${name}`
  if (keys.isRefused(key) || keys.isRefused('domain')) return
  const text = config.history[name]
  const uri = sipUri(text)
  const allowed = `a SIP URI with a user part in the domain, e.g. "sip:history@${uriHost(config.domain)}"`
  if (!uri?.user || !isSameHost(uri.host, config.domain))
    return report(key, `${quoted(text)} is not an address in the domain`, allowed)
  const account = config.user.findIndex(
    user => typeof user.aor === 'string' && user.aor.toLowerCase() === text.toLowerCase(),
  )
  if (account < 0) return
  const shown = keys.shown(key, quoted(text))
  if (keys.isWritten(key))
    report(key, `${quoted(text)} is an account, user[${account}]`, 'an address that is nobody else’s')
  else report(`user[${account}].aor`, `the service’s own address, ${shown}`, `another address, or another ${key}`)
}

function checkXcap({ config, keys, report }: Checked): void {
  const { xcap, xdms } = config
  for (const [key, root] of [
    ['xcap.root', xcap.root],
    ['xdms.root', xdms.root],
  ] as const)
    if (root !== '' && !keys.isRefused(key) && !isRoot(root))
      report(key, `${quoted(root)} is not such a URL`, 'e.g. "https://xcap.example.org/xcap/", or ""')
  if (keys.isRefused('xdms.user') || keys.isRefused('xdms.password')) return
  if ((xdms.user === '') !== (xdms.password === ''))
    report(xdms.user === '' ? 'xdms.user' : 'xdms.password', 'missing, while the other is set', 'both, or neither')
}

/** Nothing that a path behind it would have to go around. */
const isRoot = (text: string): boolean => /^https?:\/\/[^/?#@\s]+(\/[^/?#\s]+)*\/$/.test(text) && URL.canParse(text)
