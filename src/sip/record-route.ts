import { addFirst } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { encodeUri, parseUri } from '../sip-parser-lite/uri.ts'
import { leniently } from './session-headers.ts'

/**
 * RFC 3261 16.6 step 4: puts us on the way of the dialog to come. `ours` is our URI towards the caller and towards the callee; where
 * they differ, in transport or address, each side gets its own (RFC 5658 5). `token` is what we know the call by again.
 */
export function recordRoute(request: SipRequest, token: string, ours: { caller: string; callee: string }): void {
  const isSecure = /^sips:/i.test(request.uri)
  const inner = routeValue(ours.caller, token, isSecure)
  const outer = routeValue(ours.callee, token, isSecure)
  addFirst(request, 'Record-Route', inner)
  if (outer !== inner) addFirst(request, 'Record-Route', outer)
}

function routeValue(own: string, token: string, isSecure: boolean): string {
  const uri = parseUri(own)
  const params = new Map([...uri.params, ['lr', undefined] as const])
  return `<${encodeUri({ ...uri, scheme: isSecure ? 'sips' : uri.scheme, user: token, params })}>`
}

/** The user part of a Route, Record-Route or Request-URI value: where a token of ours stands. */
export const userOfRoute = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : leniently(() => parseUri(parseNameAddr(value).uri).user)
