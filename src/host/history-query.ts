import { uriHost } from '../base/config-uri.ts'
import { quoted } from '../base/quoted.ts'
import type { WallTime } from '../base/time.ts'
import type { HistoryQuery } from '../services/history.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { addressOfRecord } from '../sip-parser-lite/uri.ts'
import type { HistoryFilter, HistoryKind } from '../store/history.ts'
import { PlainError } from './plain-error.ts'

/** What a person or a program asks of a history. */

export type { HistoryQuery }

export const HISTORY_KINDS = ['message', 'large', 'session'] as const satisfies readonly HistoryKind[]

const TEXT_LENGTH_MAX = 1024
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Throws PlainError, with the name as it was given. */
export function filterOf(query: HistoryQuery, domain: string): HistoryFilter {
  const { peer, since, until, subject, kind } = query
  for (const [name, text] of Object.entries(query))
    if (text.length > TEXT_LENGTH_MAX) throw new PlainError(`${name}: longer than ${TEXT_LENGTH_MAX} characters.`)
  return {
    ...(peer !== undefined && { peer: peerOf(peer, domain) }),
    ...(since !== undefined && { since: timeOf('since', since) }),
    ...(until !== undefined && { until: timeOf('until', until) }),
    // The store has latin1 of UTF-8.
    ...(subject !== undefined && { subject: Buffer.from(subject).toString('latin1') }),
    ...(kind !== undefined && { kind: kindOf(kind) }),
  }
}

/** RFC 3339, in whole days (UTC) too. */
export function timeOf(name: string, text: string): WallTime {
  const at = DATE.test(text) ? Date.parse(text) : Number.NaN
  // A day that no month has is one of the next month to the runtime.
  const isDay =
    !Number.isNaN(at) && new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().startsWith(text.slice(0, 10))
  if (!isDay) throw new PlainError(`${name}: ${quoted(text)} is no time. Allowed: 2030-01-31, or 2030-01-31T12:00:00Z.`)
  return at as WallTime
}

function kindOf(text: string): HistoryKind {
  const kind = HISTORY_KINDS.find(known => known === text)
  if (!kind) throw new PlainError(`kind: ${quoted(text)} is none. Allowed: ${HISTORY_KINDS.join(', ')}.`)
  return kind
}

/** `bob`, `bob@example.net`, a URI, or `anonymous`, as the store has it. */
function peerOf(text: string, domain: string): string {
  if (text === 'anonymous') return text
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^sips?:/i.test(text)) return text
  const withHost = text.includes('@') || /^sips?:/i.test(text) ? text : `${text}@${uriHost(domain)}`
  try {
    return addressOfRecord(/^sips?:/i.test(withHost) ? withHost : `sip:${withHost}`)
  } catch (error) {
    if (error instanceof SipSyntaxError) throw new PlainError(`peer: ${quoted(text)} is no address.`)
    throw error
  }
}
