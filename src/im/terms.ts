import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams, parseSeconds, parseSipDate } from '../sip-parser-lite/typed.ts'

/** What the sender says about how a message is to be kept. */
export interface Terms {
  /** Seconds. */
  readonly expiresS: number | undefined
  /** Epoch ms; undefined where there is no Date, or none that can be read. */
  readonly sentAt: number | undefined
  /** Lower case, without parameters. */
  readonly mediaType: string | undefined
  readonly isUrgent: boolean
}

/** Read before anything is begun for the message, as it throws SipSyntaxError where a header is malformed. */
export function readTerms(request: SipRequest): Terms {
  const expires = value(request, 'expires')
  const date = value(request, 'date')
  const type = value(request, 'content-type')
  const priority = value(request, 'priority')?.toLowerCase()
  return {
    expiresS: expires === undefined ? undefined : parseSeconds(expires, 'Expires'),
    sentAt: date === undefined ? undefined : parseSipDate(date),
    mediaType: type === undefined ? undefined : parseParams(type, 'Content-Type').value,
    isUrgent: priority === 'urgent' || priority === 'emergency',
  }
}
