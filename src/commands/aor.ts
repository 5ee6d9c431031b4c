import type { Config } from '../base/config.ts'
import { accountAddress, isSameHost, uriHost } from '../base/config-uri.ts'
import { quoted } from '../base/quoted.ts'
import { PlainError } from '../host/plain-error.ts'
import { addressOfRecord, parseUri } from '../sip-parser-lite/uri.ts'

/** `sip:alice@example.org`, or in short `alice@example.org` or `alice`, as the store's key. */
export function aorOf(text: string, { domain }: Config): string {
  const here = uriHost(domain)
  const allowed = `Allowed: alice, alice@${here}, or sip:alice@${here}.`
  const short = text.includes('@') ? `sip:${text}` : `sip:${text}@${here}`
  const key = keyOf(/^sip:/i.test(text) ? text : short)
  if (key === undefined) throw new PlainError(`${quoted(text)} is not an address of an account. ${allowed}`)
  if (!isSameHost(parseUri(key).host, domain))
    throw new PlainError(`${quoted(text)} is not in the domain of this box. ${allowed}`)
  return key
}

function keyOf(uri: string): string | undefined {
  if (!accountAddress(uri)) return undefined
  try {
    return addressOfRecord(uri)
  } catch {
    return undefined
  }
}
