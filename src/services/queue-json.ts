import { knownEnd } from '../base/time.ts'
import type { LifeStory, MailboxSummary } from '../store/verbs.ts'
import type { WaitingRow } from './queue.ts'

/** What waits, for programs: the same from the API, the console and the command line. Times are RFC 3339, what is not known is null. */

const timeText = (wall: number | undefined): string | null => (wall === undefined ? null : new Date(wall).toISOString())

export const mailboxJson = ({ aor, count, bytes, receipts, oldestReceivedAt }: MailboxSummary) => ({
  ...{ aor, count, bytes, receipts },
  oldest: timeText(oldestReceivedAt),
})

export const waitingJson = (row: WaitingRow) => ({
  id: row.storeId,
  from: row.sender === '' ? null : row.sender,
  to: row.aor,
  received: timeText(row.receivedAt),
  expires: timeText(knownEnd(row.expiresAt)),
  bytes: row.size,
  urgent: row.isUrgent,
  receipt: row.isReceipt ?? false,
  attempts: row.attempts,
  last_failure: row.lastFailure ?? null,
})

export const storyJson = (story: LifeStory) => ({
  id: story.storeId,
  call_id: story.callId,
  message_id: story.messageId ?? null,
  from: story.sender,
  to: story.recipient,
  bytes: story.size,
  events: story.events.map(event => ({
    at: timeText(event.at),
    event: event.event,
    detail: 'detail' in event ? event.detail : null,
  })),
})
