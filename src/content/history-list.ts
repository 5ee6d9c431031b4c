import { dateTime, element, group, listed } from './list-xml.ts'

/** What was said by and to a user, as OMA IM XDM 1.0 shows it. */

export const HISTORY_LIST_TYPE = 'application/vnd.oma.im.history-list+xml'

/** What the store says of one item; times in milliseconds since 1970. */
interface HistoryListed {
  readonly reference: string
  readonly kind: 'message' | 'large' | 'session'
  readonly size: number
  readonly receivedAt: number
  /** Absent while it goes on. */
  readonly endedAt?: number
  /** `anonymous` where privacy was asked for. */
  readonly from: string
  readonly to: string
  readonly subject?: string
  readonly assertedIdentity?: string
  readonly recordingName?: string
}

interface ListedParticipant {
  readonly uri: string
  readonly displayName?: string
}

/** `retentionS`: how long an item is kept. `participants`: of a session; where nobody told who they were, those of its INVITE. */
export function historyEntry(
  item: HistoryListed,
  retentionS: number,
  participants: readonly ListedParticipant[] = [],
): string {
  return listed(item.reference, [
    item.kind === 'session' ? conference(item, participants) : pager(item),
    element('size', String(item.size), 4),
    element('expiry', dateTime(item.receivedAt + retentionS * 1000), 4),
    element('subject', item.subject, 4),
  ])
}

const pager = ({ receivedAt, from, to, assertedIdentity }: HistoryListed): string =>
  group(
    'pager',
    [
      element('time-stamp', dateTime(receivedAt), 6),
      element('from', from, 6),
      element('to', to, 6),
      element('auth-id', assertedIdentity, 6),
    ],
    4,
  )

function conference(item: HistoryListed, participants: readonly ListedParticipant[]): string {
  const who = participants.length > 0 ? participants : [{ uri: item.from }, { uri: item.to }]
  const entries = who.map(({ uri, displayName }) =>
    group('entry', [element('uri', uri, 10), element('display-name', displayName, 10)], 8),
  )
  return group(
    'conference',
    [
      element('time-start', dateTime(item.receivedAt), 6),
      element('time-end', item.endedAt === undefined ? undefined : dateTime(item.endedAt), 6),
      element('recording-name', item.recordingName, 6),
      group('conf-list', entries, 6),
    ],
    4,
  )
}
