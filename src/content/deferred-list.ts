import { knownEnd, type Now, type WallTime } from '../base/time.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { parseNameAddr, parseSipDate } from '../sip-parser-lite/typed.ts'
import { headFields } from './head-fields.ts'
import { dateTime, element, group, listed } from './list-xml.ts'

/** What waits for a user, as OMA IM XDM 1.0 shows it (DM-STO-14). */

export const DEFERRED_LIST_TYPE = 'application/vnd.oma.im.deferred-list+xml'

/** What the store says of one message. */
interface ListedMessage {
  readonly storeId: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  readonly expiresAt: number
  /** `anonymous` where privacy was asked for. */
  readonly sender: string
  /** Start line and headers. */
  readonly head: Buffer
}

/** Receipts are nothing that a user waits for, and what has expired is as good as gone. */
export const isListed = (
  { isReceipt, expiresAt }: { readonly isReceipt?: true; readonly expiresAt: WallTime },
  now: Now,
): boolean => !isReceipt && !(now.isWallTrusted && expiresAt <= now.wall)

export function listEntry({ storeId, size, receivedAt, expiresAt, sender, head }: ListedMessage): string {
  const fields = headFields(head)
  const uri = (key: string): string | undefined => uriIn(fields.get(key))
  const end = knownEnd(expiresAt)
  const date = parseSipDate(fields.get('date') ?? '')
  // DM-STO-04: who asked for privacy is not named, whatever a header should still say.
  const asserted = sender === 'anonymous' ? undefined : uri('p-asserted-identity')
  const who = [
    element('time-stamp', dateTime(receivedAt), 6),
    element('from', uri('from'), 6),
    element('to', uri('to'), 6),
    element('auth-id', asserted, 6),
  ]
  return listed(storeId, [
    group('pager', who, 4),
    element('size', String(size), 4),
    element('expiry', end === undefined ? undefined : dateTime(end), 4),
    element('subject', fields.get('subject'), 4),
    element('date', date === undefined ? undefined : dateTime(date), 4),
  ])
}

function uriIn(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  try {
    return parseNameAddr(value).uri
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}
