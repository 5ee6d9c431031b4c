import type { WallTime } from '../base/time.ts'
import type { HistoryItem, HistoryLimits, HistoryOwner, HistoryPiece } from '../store/history.ts'
import type { RequestOf } from '../store/verbs.ts'
import { ALICE_AOR, BOB_AOR, STORED_AT } from './store-fixtures.ts'

/** Items of history that tests begin with: what bob has of alice. */

export const HISTORY_LIMITS: HistoryLimits = {
  quotaBytes: 1e9,
  dayBytes: 1e9,
  reserveBytes: 0,
  isActiveByDefault: true,
}

const OWNERS: readonly HistoryOwner[] = [{ aor: BOB_AOR, role: 'receiver', peer: ALICE_AOR }]

const after = (ms: number): WallTime => (STORED_AT + ms) as WallTime

const itemOf = (number: number, item: Partial<HistoryItem>): HistoryItem => ({
  kind: 'message',
  receivedAt: after(number * 1000),
  from: ALICE_AOR,
  to: BOB_AOR,
  subject: `subject ${number}`,
  callId: `call-${number}@192.0.2.9`,
  isAnonymous: false,
  ...item,
})

export interface MessageKept {
  readonly item?: Partial<HistoryItem>
  readonly bytes?: Buffer
  readonly owners?: readonly HistoryOwner[]
}

/** Message `number`, received so many seconds after `STORED_AT`. */
export function messageKept(number: number, kept: MessageKept = {}): RequestOf<'history.keep'> {
  const text = `message ${number}`
  const head = [
    `MESSAGE ${BOB_AOR} SIP/2.0`,
    `From: <${ALICE_AOR}>;tag=1`,
    `To: <${BOB_AOR}>`,
    `P-Asserted-Identity: <${ALICE_AOR}>`,
    `Call-ID: call-${number}@192.0.2.9`,
    'Content-Type: text/plain;charset=UTF-8',
    `Content-Length: ${text.length}`,
  ]
  const bytes = kept.bytes ?? Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`)
  const item = itemOf(number, kept.item ?? {})
  const piece: HistoryPiece = { at: item.receivedAt, from: 'caller', bytes, isEnd: true }
  return { verb: 'history.keep', item, owners: kept.owners ?? OWNERS, piece, limits: HISTORY_LIMITS }
}

/** A session that began so many seconds after `STORED_AT`. */
export const sessionOpened = (number: number, item: Partial<HistoryItem> = {}): RequestOf<'history.open'> => ({
  verb: 'history.open',
  item: itemOf(number, { kind: 'session', ...item }),
  owners: OWNERS,
  heads: {
    invite: Buffer.from(
      `INVITE ${BOB_AOR} SIP/2.0\r\nFrom: <${ALICE_AOR}>;tag=1\r\nTo: <${BOB_AOR}>\r\nP-Asserted-Identity: <${ALICE_AOR}>\r\n`,
    ),
    answer: Buffer.from(`SIP/2.0 200 OK\r\nFrom: <${ALICE_AOR}>;tag=1\r\nTo: <${BOB_AOR}>;tag=2\r\n`),
  },
  limits: HISTORY_LIMITS,
})

interface SendWritten {
  readonly messageId?: string
  readonly type?: string
  readonly range?: string
  readonly flag?: string
  readonly from?: HistoryPiece['from']
}

/** A SEND as it came over the wire; without text one that has no body. */
export function sendWritten(id: string, text: string | Buffer | undefined, written: SendWritten = {}): HistoryPiece {
  const { messageId = id, type = 'text/plain', range, flag = '$', from = 'caller' } = written
  const body = text === undefined ? undefined : Buffer.from(text)
  const lines = [
    `MSRP ${id} SEND`,
    'To-Path: msrp://bob.example.org:2855/b;tcp',
    'From-Path: msrp://alice.example.org:2855/a;tcp',
    `Message-ID: ${messageId}`,
    `Byte-Range: ${range ?? `1-${body?.length ?? 0}/${body?.length ?? 0}`}`,
    ...(body ? [`Content-Type: ${type}`, ''] : []),
  ]
  const end = Buffer.from(`${body ? '\r\n' : ''}-------${id}${flag}\r\n`)
  const bytes = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n`), body ?? Buffer.alloc(0), end])
  return { at: after(1000), from, bytes, isEnd: true }
}

/** The same octets in pieces of so many. */
export const inPieces = ({ bytes, ...piece }: HistoryPiece, size: number): HistoryPiece[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => {
    const from = at * size
    return { ...piece, bytes: bytes.subarray(from, from + size), isEnd: from + size >= bytes.length }
  })
