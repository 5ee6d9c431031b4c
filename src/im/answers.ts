import type { Now } from '../base/time.ts'
import type { Refusal } from '../sip/refusal.ts'

/** Our own answer: status, and what goes with it. No Contact and no body in a 2xx to MESSAGE (RFC 3428 7). */
export type Answer = Refusal

/** Gives the answer that refuses; what is not refused is answered further on. */
export type Refuse = (now: Now, answer: Answer) => void

/** RFC 3261 20.43, code 399: a sentence for a person. Our own words only, so nothing needs quoting. */
export const warning = (hostname: string, text: string): [string, string] => [
  'Warning',
  `399 ${hostname.includes(':') ? `[${hostname}]` : hostname} "${text}"`,
]

/** RFC 3261 21.5.4: come back in so many seconds. */
export const unavailable = (seconds: number): Answer => ({ status: 503, headers: [['Retry-After', String(seconds)]] })

/** What is wrong with a document, in a status line. A name from the document may be among it, of any length. */
export const asReason = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 120)
