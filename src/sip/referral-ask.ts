import { has, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { type NameAddr, parseNameAddr, parseParams } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { contactUri } from './dialog.ts'
import type { ReferredMethod } from './referral-types.ts'
import { orRefusal, type Refusal } from './refusal.ts'
import { withoutHeaders } from './request-uri.ts'
import { allowed } from './session-headers.ts'

/** Of a URI in practice, several times over; what is longer would have to fit into requests of ours. */
const URI_LENGTH_MAX = 1024

/** A REFER with nothing against it. */
export interface AskedReferral {
  readonly referTo: string
  readonly method: ReferredMethod
  readonly contact: string
  readonly allow: readonly string[]
  readonly isWatched: boolean
}

/** RFC 3515 2.4.2, RFC 4488 4. */
export function readRefer(request: SipRequest): AskedReferral | Refusal {
  return orRefusal(() => {
    if (request.uri.length > URI_LENGTH_MAX) return { status: 414 }
    const contact = contactUri(request)
    if (contact === undefined) return { status: 400, reason: 'Missing Contact header' }
    if (contact.length > URI_LENGTH_MAX) return { status: 400, reason: 'Contact too long' }
    if (!/^sips?:/i.test(contact)) return { status: 400, reason: 'Contact is no SIP URI' }
    const isWatched = wantsProgress(request)
    if (isWatched === undefined) return { status: 400, reason: 'Malformed Refer-Sub header' }
    const target = referredTo(request)
    if ('status' in target) return target
    return { ...target, contact, allow: allowed(request) ?? [], isWatched }
  })
}

/** RFC 4488 4: true where it does not say; undefined where nobody can tell. */
function wantsProgress(request: SipRequest): boolean | undefined {
  if (!has(request, 'refer-sub')) return true
  const [text = '', another] = values(request, 'refer-sub')
  if (another !== undefined) return undefined
  const wanted = parseParams(text, 'Refer-Sub').value
  return wanted === 'true' || wanted === 'false' ? wanted === 'true' : undefined
}

function referredTo(request: SipRequest): Pick<AskedReferral, 'referTo' | 'method'> | Refusal {
  const [text, another] = values(request, 'refer-to')
  if (text === undefined) return { status: 400, reason: 'Missing Refer-To header' }
  if (another !== undefined) return { status: 400, reason: 'More than one Refer-To header' }
  const { uri, params } = oneAddress(text)
  if (!/^sips?:/i.test(uri)) return { status: 416, reason: 'Refer-To Is No SIP URI' }
  if (uri.length > URI_LENGTH_MAX) return { status: 400, reason: 'Refer-To too long' }
  // RFC 3261 20.10: outside angle brackets it is a parameter of the header, and says nothing; somebody who means a stop gets none.
  if (params.has('method')) return { status: 400, reason: 'Refer-To with a method needs angle brackets' }
  const method = (parseUri(uri).params.get('method') ?? 'INVITE').toUpperCase()
  if (method !== 'INVITE' && method !== 'BYE') return { status: 405, reason: 'Refer-To Method Not Allowed' }
  return { referTo: withoutHeaders(uri), method }
}

/** RFC 3515 2.1: no list. Two addresses between one comma are malformed as one address is. */
const oneAddress = (text: string): NameAddr => parseNameAddr(text, 'Refer-To')
