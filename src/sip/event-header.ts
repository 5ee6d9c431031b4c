import { ownText } from '../base/own-text.ts'
import { values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams } from '../sip-parser-lite/typed.ts'
import type { Refusal } from './refusal.ts'

/** RFC 6665 8.2.1: a token; this long it is kept for hours. */
const HEADER_LENGTH_MAX = 160
const TOKEN = /^[\w.!%*+`'~-]+$/

interface EventAsked<T> {
  /** Whoever serves that event. */
  readonly served: T
  /** As it has to come back: the name as it was spelled, byte by byte, and the id. */
  readonly header: string
}

/** RFC 6665 7.2 and 8.2.1: which of these events a request is about. Throws SipSyntaxError. */
export function readEvent<T>(request: SipRequest, served: ReadonlyMap<string, T>): EventAsked<T> | Refusal {
  const [text, another] = values(request, 'event')
  if (another !== undefined) return { status: 400, reason: 'More than one Event header' }
  if (text === undefined) return badEvent(served)
  const { value, params } = parseParams(text, 'Event')
  const found = served.get(value)
  if (!found) return badEvent(served)
  const id = params.get('id')
  const header = `${text.slice(0, value.length)}${id === undefined ? '' : `;id=${id}`}`
  if ((id !== undefined && !TOKEN.test(id)) || header.length > HEADER_LENGTH_MAX)
    return { status: 400, reason: 'Malformed Event id' }
  return { served: found, header: ownText(header) }
}

const badEvent = (served: ReadonlyMap<string, unknown>): Refusal => ({ status: 489, headers: [allowEvents(served)] })

export const allowEvents = (served: ReadonlyMap<string, unknown>): readonly [string, string] => [
  'Allow-Events',
  [...served.keys()].join(', '),
]

interface Intervals {
  readonly defaultExpiresS: number
  readonly minExpiresS: number
  readonly maxExpiresS: number
}

/** RFC 6665 4.2.1.1, RFC 3903 6 step 3: seconds that are granted, or 423. 0 stays what it is. */
export function grantedExpires(asked: number | undefined, limits: Intervals): number | Refusal {
  const seconds = asked ?? limits.defaultExpiresS
  if (seconds > 0 && seconds < limits.minExpiresS)
    return { status: 423, headers: [['Min-Expires', String(limits.minExpiresS)]] }
  return Math.min(seconds, limits.maxExpiresS)
}

/**
 * Why somebody has to come back later. Not 503, upon which a proxy turns away from the whole box (RFC 3261 21.5.4), and with it all
 * others whom it serves.
 */
export const comeBack = (seconds: number): Refusal => ({ status: 480, headers: [['Retry-After', String(seconds)]] })
