import { shownHeads, shownMessage } from '../content/history-privacy.ts'
import type { HistoryEntry, HistoryHeads, HistoryParticipant } from '../store/history.ts'
import type { Verbs } from '../store/verbs.ts'
import { type HistoryLink, piecesOf } from './history-file.ts'

/** How a person or a program is shown a history. Who asked for privacy is not named (RFC 3323). */

export type HistoryFound = NonNullable<Verbs['history.get']['reply']>

/** The octets as they were received. */
export async function* contentOf(
  link: HistoryLink,
  aor: string,
  { kind, reference, isAnonymous }: HistoryEntry,
): AsyncGenerator<Buffer> {
  const message: Buffer[] = []
  for await (const { bytes } of piecesOf(link, aor, reference))
    if (kind === 'message') message.push(bytes)
    else yield bytes
  // A page-mode message is 64 KiB at most.
  if (message.length > 0) yield shownMessage(Buffer.concat(message), isAnonymous)
}

/** Latin1 of what mostly is UTF-8. */
export const shownText = (text: string): string => Buffer.from(text, 'latin1').toString('utf8')

const timeText = (at: number): string => new Date(at).toISOString()

const orNull = (text: string | undefined): string | null => (text === undefined ? null : shownText(text))

/** An item in JSON. */
export const entryView = (entry: HistoryEntry) => ({
  reference: entry.reference,
  kind: entry.kind,
  role: entry.role,
  peer: shownText(entry.peer),
  from: shownText(entry.from),
  to: shownText(entry.to),
  subject: orNull(entry.subject),
  received: timeText(entry.receivedAt),
  ended: entry.endedAt === undefined ? null : timeText(entry.endedAt),
  state: entry.state,
  bytes: entry.size,
  requests: entry.count,
  call_id: shownText(entry.callId),
  anonymous: entry.isAnonymous,
  asserted_identity: orNull(entry.assertedIdentity),
  recording_name: orNull(entry.recordingName),
})

const participantView = ({ uri, displayName, joinedAt, leftAt }: HistoryParticipant) => ({
  uri: shownText(uri),
  display_name: orNull(displayName),
  joined: timeText(joinedAt),
  left: leftAt === undefined ? null : timeText(leftAt),
})

/** Without what was said: that is read apart. */
export const itemView = ({ entry, heads, participants }: HistoryFound) => ({
  ...entryView(entry),
  heads: headsView(shownHeads(heads, entry.isAnonymous)),
  participants: participants.map(participantView),
})

const headsView = ({ invite, answer, bye }: HistoryHeads) => ({
  invite: invite?.toString() ?? null,
  answer: answer?.toString() ?? null,
  bye: bye?.toString() ?? null,
})
