import { ownText } from '../base/own-text.ts'
import { has, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams, parseSeconds, toTag } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { contactUri, Dialog, type DialogState } from './dialog.ts'
import { grantedExpires, readEvent } from './event-header.ts'
import { isRefusal, orRefusal, type Refusal } from './refusal.ts'
import type { EventPackage } from './subscription-types.ts'

/** Subscriptions are kept by the thousand for hours: several times what real ones have, with all their proxies. */
const CONTACT_LENGTH_MAX = 1024
const DIALOG_LENGTH_MAX = 3072

/** A SUBSCRIBE with nothing against it. */
export interface AskedSubscription {
  readonly package: EventPackage
  readonly eventHeader: string
  /** Granted; 0 to end it, or to look once. */
  readonly expiresS: number
  readonly accept: readonly string[]
  readonly asked: string
}

/** RFC 6665 4.2.1.1, first and later ones alike. */
export function readSubscribe(
  request: SipRequest,
  packages: ReadonlyMap<string, EventPackage>,
): AskedSubscription | Refusal {
  return orRefusal(() => {
    const refusal = contactRefusal(request)
    if (refusal) return refusal
    const event = readEvent(request, packages)
    if (isRefusal(event)) return event
    const { served, header } = event
    const expires = value(request, 'expires')
    const expiresS = grantedExpires(expires === undefined ? undefined : parseSeconds(expires), served)
    if (typeof expiresS !== 'number') return expiresS
    const accept = acceptedTypes(request, served.accept)
    if (accept.length === 0) return { status: 406 }
    const asked = served.read ? served.read(request) : bodyRefusal(request)
    if (typeof asked !== 'string') return asked
    return { package: served, eventHeader: header, expiresS, accept, asked: ownText(asked) }
  })
}

/** RFC 6665 4.1.2.1: where NOTIFY goes; a refresh that does not say leaves it. */
function contactRefusal(request: SipRequest): Refusal | undefined {
  const contact = contactUri(request)
  if (contact === undefined)
    return toTag(request) === undefined ? { status: 400, reason: 'Missing Contact header' } : undefined
  if (contact.length > CONTACT_LENGTH_MAX) return { status: 400, reason: 'Contact too long' }
  return /^sips?$/.test(parseUri(contact).scheme) ? undefined : { status: 400, reason: 'Contact is no SIP URI' }
}

/** RFC 3261 12.1.1: the dialog that a SUBSCRIBE makes. */
export function dialogOf(request: SipRequest, localTag: string): DialogState | Refusal {
  return orRefusal(() => {
    const { state } = Dialog.ofServer(request, localTag)
    const texts = [state.callId, state.local, state.remote, state.remoteTag, ...state.routeSet]
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    return length > DIALOG_LENGTH_MAX ? { status: 400, reason: 'Dialog headers too long' } : state
  })
}

/** RFC 3261 8.2.3: a filter that nobody looks at would tell more than was asked for. */
const bodyRefusal = (request: SipRequest): '' | Refusal => (request.body.length === 0 ? '' : { status: 415 })

/** RFC 3261 20.1: of these types. Without Accept all of them; the closest range decides. */
function acceptedTypes(request: SipRequest, types: readonly string[]): readonly string[] {
  if (!has(request, 'accept')) return types
  const ranges = new Map(values(request, 'accept').map(text => rangeOf(text)))
  return types.filter(type => ranges.get(type) ?? ranges.get(type.replace(/\/.*/, '/*')) ?? ranges.get('*/*') ?? false)
}

function rangeOf(text: string): [range: string, isTaken: boolean] {
  const { value: range, params } = parseParams(text, 'Accept')
  return [range, Number(params.get('q') ?? 1) !== 0]
}
