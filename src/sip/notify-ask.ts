import { value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams } from '../sip-parser-lite/typed.ts'
import { orRefusal, type Refusal } from './refusal.ts'
import type { Notice, SubscribeOptions } from './subscriber-types.ts'

/** A NOTIFY with nothing against it. */
export interface ToldNotice extends Omit<Notice, 'isFirst'> {
  /** Seconds that are left, if it says. */
  readonly expiresS?: number
  /** RFC 6665 4.1.3, lower case; empty if it does not say. */
  readonly reason: string
  readonly retryAfterS?: number
}

/** RFC 6665 4.1.3 and 8.2. */
export function readNotice(
  request: SipRequest,
  { event, accept }: Pick<SubscribeOptions, 'event' | 'accept'>,
): ToldNotice | Refusal {
  return orRefusal((): ToldNotice | Refusal => {
    const [told, another] = values(request, 'event')
    if (another !== undefined) return { status: 400, reason: 'More than one Event header' }
    if (told === undefined || parseParams(told, 'Event').value !== event)
      return { status: 489, headers: [['Allow-Events', event]] }
    const required = values(request, 'require')
    if (required.length > 0) return { status: 420, headers: [['Unsupported', required.join(', ')]] }
    const text = value(request, 'subscription-state')
    if (text === undefined) return { status: 400, reason: 'Missing Subscription-State header' }
    const { value: state, params } = parseParams(text, 'Subscription-State')
    const standing = state === 'terminated' || state === 'pending' ? state : 'active'
    const content = contentOf(request, accept)
    // Whatever it carries, it is the last.
    if (!content && standing !== 'terminated') return unwanted(accept)
    const [expiresS, retryAfterS] = [wholeOf(params.get('expires')), wholeOf(params.get('retry-after'))]
    return {
      standing,
      reason: (params.get('reason') ?? '').toLowerCase().slice(0, 64),
      ...(content ?? NOTHING),
      ...(expiresS !== undefined && standing !== 'terminated' && { expiresS }),
      ...(retryAfterS !== undefined && { retryAfterS }),
    }
  })
}

const NOTHING = { contentType: undefined, body: Buffer.alloc(0) }

/** RFC 3261 8.2.3: undefined for what nobody here understands. */
function contentOf(request: SipRequest, accept: readonly string[]): Pick<Notice, 'contentType' | 'body'> | undefined {
  const { body } = request
  if (body.length === 0) return NOTHING
  const type = value(request, 'content-type')
  const contentType = type === undefined ? '' : parseParams(type, 'Content-Type').value
  const isPlain = values(request, 'content-encoding').every(encoding => encoding.toLowerCase() === 'identity')
  return isPlain && accept.includes(contentType) ? { contentType, body } : undefined
}

const unwanted = (accept: readonly string[]): Refusal => ({
  status: 415,
  headers: [
    ['Accept', accept.join(', ')],
    ['Accept-Encoding', 'identity'],
  ],
})

const wholeOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
