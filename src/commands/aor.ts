import type { Config } from '../base/config.ts'
import { PlainError } from '../host/plain-error.ts'
import { addressOfRecord, parseUri } from '../sip-parser-lite/uri.ts'

/** `sip:alice@example.org`, or in short `alice@example.org` or `alice`, as the store's key. */
export function aorOf(text: string, config: Config): string {
  const long = /^sips?:/i.test(text) ? text : `sip:${text.includes('@') ? text : `${text}@${config.domain}`}`
  let key: string
  try {
    key = addressOfRecord(long)
  } catch {
    throw new PlainError(`"${text}" is not an address. Allowed: one like sip:alice@${config.domain}.`)
  }
  const { user, host } = parseUri(key)
  if (!user || host !== config.domain)
    throw new PlainError(`"${text}" is not in the domain of this box. Allowed: one like sip:alice@${config.domain}.`)
  return key
}
