import type { WallTime } from '../base/time.ts'
import type { CustodyLimits, LifeEvent, LifeStory, MessageIdentity, Verb } from './verbs.ts'

/**
 * The mailbox of the self-test. No address-of-record is like it, so nobody can have it, and it stands before all others in the order
 * of names; no list, total or count of the store has it.
 */
export const SELF_TEST_AOR = 'restante:self-test'

/** What every store decides alike: names, bounds and life stories. Pure, so that the reference model and the real store share it. */

/**
 * Numbers are given out in order and never again, so of one store the count and the newest number name the set: messages up to the
 * newest can only have gone. The time tells two stores apart, where one was begun anew.
 */
export const mailboxVersion = (
  count: number,
  newest: { readonly seq: number; readonly receivedAt: WallTime } | undefined,
): string => `${count}-${newest?.seq ?? 0}-${(newest?.receivedAt ?? 0).toString(36)}`

/** A line of text for a person; longer reasons are cut so that one mailbox cannot fill the flash with them. */
export const DETAIL_LENGTH_MAX = 200

/** A message retried each hour for thirty days would write 720 attempts; a person reads the first and the latest. */
export const EVENTS_MAX = 32

/** Enough for the header fields a person looks for; SIP headers beyond it are not shown. */
const HEAD_BYTES_MAX = 4096

/** Keys of LMDB hold 1978 bytes; no address-of-record in use comes near this. */
export const AOR_BYTES_MAX = 1024

/** Of a kept subscription: several times what one of a real client takes. */
export const SUBSCRIPTION_LENGTH_MAX = 16_384

/** Answered at once from the latest commit; a lease lives in memory, so it is one of them. */
const READS: ReadonlySet<Verb> = new Set<Verb>([
  'account.get',
  'account.list',
  'bindings.get',
  'bindings.due',
  'bindings.count',
  'locate',
  'seen',
  'room',
  'page',
  'piece',
  'mailboxes',
  'mailbox',
  'trace',
  'notices',
  'status',
  'settings.get',
  'settings.expired',
  'subscription.list',
  'summary',
  'mailbox.version',
  'history.list',
  'history.get',
  'history.pieces',
  'history.summary',
  'history.owners',
])

const MEMORY_ONLY: ReadonlySet<Verb> = new Set<Verb>(['lease', 'release'])

export const isRead = (verb: Verb): boolean => READS.has(verb)

export const isMemoryOnly = (verb: Verb): boolean => MEMORY_ONLY.has(verb)

/** Messages among which one is looked for by an MSRP Message-ID: some tens of milliseconds. */
export const PUSHES_SEARCHED = 20_000

/** What the detail of a delivery over MSRP ends with. */
export const pushedAsDetail = (messageId: string): string => `Message-ID ${messageId}`

/** By the MSRP Message-ID with which it came, if it is a large message, or that of the push that delivered it. */
export const hasMessageId = (story: LifeStory, messageId: string): boolean =>
  story.messageId === messageId ||
  story.events.some(event => event.event === 'delivered' && event.detail.endsWith(` ${pushedAsDetail(messageId)}`))

/** DM-STO-08. */
export const storeIdOf = (seq: number, hostname: string): string =>
  `sip:${seq}@${hostname.includes(':') ? `[${hostname}]` : hostname}`

/** The sequence in a store id of any box, or undefined when `id` is something else (a Call-ID). */
export function seqOfStoreId(id: string): number | undefined {
  const match = /^sip:([1-9]\d{0,14})@./.exec(id)
  return match ? Number(match[1]) : undefined
}

export const clip = (detail: string): string =>
  detail.length > DETAIL_LENGTH_MAX ? detail.slice(0, DETAIL_LENGTH_MAX) : detail

/** Adds at the end; past the bound the second event goes, so the first (`stored`) and the latest stay. */
export function withEvent(events: readonly LifeEvent[], event: LifeEvent): LifeEvent[] {
  const all = [...events, event]
  if (all.length > EVENTS_MAX) all.splice(1, 1)
  return all
}

export type Ending = 'delivered' | 'expired' | 'deleted' | 'damaged'

export const ending = (event: Ending, at: WallTime, detail: string): LifeEvent => ({ at, event, detail: clip(detail) })

/** Notices that may wait to be sent: some 50 MB, and half an hour's work. Those beyond are counted and not sent. */
export const NOTICES_MAX = 100_000

/** For a person. */
export const WHY_STORED = 'kept until the recipient is back'

/** For a person; undefined where the message reached somebody. */
export function whyFailed({ event, ...rest }: LifeEvent): string | undefined {
  if (event === 'expired') return 'not delivered: nobody came for it in time'
  if (event === 'damaged') return 'not delivered: it was damaged in storage'
  if (event !== 'deleted') return undefined
  const isRemoved = 'detail' in rest && rest.detail === ACCOUNT_REMOVED
  return isRemoved ? 'not delivered: the account was removed' : 'not delivered: it was deleted unread'
}

/** What ends the messages of an account that goes. */
export const ACCOUNT_REMOVED = 'account removed'

/** Of quotas: from here on a mailbox is nearly full, and once that was told it is not told again before it was below the second. */
export const NEARLY_FULL_PERCENT = 80
export const RELIEVED_PERCENT = 60

export const percentOf = (
  count: number,
  bytes: number,
  limits: Pick<CustodyLimits, 'quotaMessages' | 'quotaBytes'>,
): number => Math.floor(Math.max((count * 100) / limits.quotaMessages, (bytes * 100) / limits.quotaBytes))

/** The header part of a message, for looking in from outside. */
export function headOf(bytes: Buffer): Buffer {
  const end = bytes.subarray(0, HEAD_BYTES_MAX).indexOf('\r\n\r\n')
  return Buffer.from(bytes.subarray(0, end < 0 ? HEAD_BYTES_MAX : end + 4))
}

/** What makes two requests, or two messages of one session, the same; the separator is not legal in any of the parts. */
export const identityText = ({
  callId,
  cseq,
  fromTag,
  sender,
  messageId,
}: Omit<MessageIdentity, 'recipient'>): string =>
  `${callId}\n${cseq}\n${fromTag}\n${sender}${messageId === undefined ? '' : `\n${messageId}`}`
