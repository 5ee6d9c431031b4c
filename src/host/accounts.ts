import type { Config } from '../base/config.ts'
import { accountAddress, isSameHost, uriHost } from '../base/config-uri.ts'
import { ha1 } from '../sip/digest.ts'
import { addressOfRecord, parseUri } from '../sip-parser-lite/uri.ts'
import type { Account } from '../store/verbs.ts'

/** The bound of the configuration file's `password`. */
export const PASSWORD_CHARACTERS_MAX = 256

/** Where a password has a control character, which clients cannot send; less than 0: nowhere. */
export const controlIn = (password: string): number => password.search(/[\x00-\x1f\x7f-\x9f]/)

/** `alice`, `alice@example.org` or `sip:alice@example.org` as the store has it; undefined: nothing that an account of the domain is called. */
export function accountAor(text: string, domain: string): string | undefined {
  const withHost = text.includes('@') ? text : `${text}@${uriHost(domain)}`
  const uri = /^sip:/i.test(withHost) ? withHost : `sip:${withHost}`
  const address = accountAddress(uri)
  if (!address || !isSameHost(address.host, domain)) return undefined
  try {
    return addressOfRecord(uri)
  } catch {
    return undefined
  }
}

/** The service's own addresses answer to nobody's password. */
export const isOwnAddress = (aor: string, { history }: Pick<Config, 'history'>): boolean =>
  [history.uri, history.deferred_uri].some(uri => uri.toLowerCase() === aor.toLowerCase())

type Origin = Account['origin']

/**
 * RFC 7616 3.4.2: the keys of both algorithms, so that the site's choice may change without new passwords, of the name alone and of the whole
 * address. Realm is the domain.
 */
export function accountWithPassword(aor: string, password: string, domain: string, origin: Origin): Account {
  const key = addressOfRecord(aor)
  const user = unescaped(parseUri(key).user ?? '')
  const ha1Md5 = ha1(user, domain, password, 'MD5')
  const ha1Sha256 = ha1(user, domain, password, 'SHA-256')
  const address = `${user}${key.slice(key.lastIndexOf('@'))}`
  const ha1Md5Address = ha1(address, domain, password, 'MD5')
  const ha1Sha256Address = ha1(address, domain, password, 'SHA-256')
  return { aor: key, ha1Md5, ha1Sha256, ha1Md5Address, ha1Sha256Address, origin }
}

/** What a person types into a client; escapes that spell no text stay as they are. */
export const unescaped = (user: string): string => {
  try {
    return decodeURIComponent(user)
  } catch {
    return user
  }
}

/** The tables [[user]] as accounts of the store. */
export const accountsOfFile = (config: Config): Account[] =>
  config.user.map(user => {
    const algorithms = user.algorithms ? { algorithms: user.algorithms } : {}
    if (user.password !== undefined)
      return { ...accountWithPassword(user.aor, user.password, config.domain, 'file'), ...algorithms }
    const account: Account = { aor: addressOfRecord(user.aor), origin: 'file', ...algorithms }
    const ha1Md5 = user.ha1_md5?.toLowerCase()
    const ha1Sha256 = user.ha1_sha256?.toLowerCase()
    return { ...account, ...(ha1Md5 ? { ha1Md5 } : {}), ...(ha1Sha256 ? { ha1Sha256 } : {}) }
  })
