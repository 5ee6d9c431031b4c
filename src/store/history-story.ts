import type { WallTime } from '../base/time.ts'
import type {
  HistoryChoice,
  HistoryCursor,
  HistoryFilter,
  HistoryHeads,
  HistoryItem,
  HistoryKind,
  HistoryLimits,
  HistoryOwner,
  HistoryParticipant,
  HistoryPiece,
  NewHistory,
  PassedOver,
} from './history.ts'

/** What every store decides alike of histories: names, bounds, what is wanted. Pure, so that the reference model and the real store share it. */

/** Where an item stands in every history that has it. */
export interface HistoryPlace {
  readonly at: WallTime
  /** In the order of keeping over the whole store, never reused. */
  readonly id: number
}

/** Of one piece, and so of one whole MESSAGE. */
export const HISTORY_PIECE_MAX = 65_536

/** Pieces are numbered in 32 bits, and the last of these numbers is the heads'; ten million are a SEND a second for months. */
const PIECES_MAX = 10_000_000

/** Sender, receiver and whoever had it recorded, and some to spare: each is written by the transaction of a message. */
const OWNERS_MAX = 8

/** Of names, subject and Call-ID as they are listed; the item itself has them whole. */
const TEXT_MAX = 1024

/** Far above any conference of people who write to each other. */
const PARTICIPANTS_MAX = 1000

/** Entries looked at for one page: some milliseconds. */
export const LOOKED_MAX = 2000

export const LIST_MAX = 1000

/** Bytes of pieces in one reply. */
export const PIECES_BYTES_MAX = 1024 * 1024

/** Items that give way to one message or one append: they are removed in its transaction. */
export const EVICTED_MAX = 32

/** Items removed by one request. */
export const REMOVED_MAX = 1000

/** Between the arrival of a message and its end as delivered pass at most minutes; a time farther back is that of a clock which was not set. */
const LATE_MS = 3_600_000

/** A clock that is not set must not make a new item the oldest one: retention would remove it at once. */
export const historyTime = (receivedAt: WallTime, clockFloor: WallTime): WallTime =>
  receivedAt < clockFloor - LATE_MS ? clockFloor : receivedAt

const textOf = ({ at, id }: HistoryPlace): string => `${at.toString(36)}-${id.toString(36)}`

const NUMBER = '(0|[1-9a-z][0-9a-z]{0,9})'
const REFERENCE = new RegExp(`^sip:h${NUMBER}-${NUMBER}@.`)
const CURSOR = new RegExp(`^${NUMBER}-${NUMBER}$`)

function placeIn(match: RegExpExecArray | null): HistoryPlace | undefined {
  if (!match) return undefined
  const [at, id] = [Number.parseInt(match[1]!, 36), Number.parseInt(match[2]!, 36)]
  return at < 2 ** 48 && id < 2 ** 48 ? { at: at as WallTime, id } : undefined
}

/** HIS-STO-06. Unlike any store id: those begin with a digit. */
export const referenceOf = (place: HistoryPlace, hostname: string): string =>
  `sip:h${textOf(place)}@${hostname.includes(':') ? `[${hostname}]` : hostname}`

/** Of any box; undefined when it is something else. */
export const placeOfReference = (reference: string): HistoryPlace | undefined => placeIn(REFERENCE.exec(reference))

export const cursorOf = (place: HistoryPlace): HistoryCursor => textOf(place)

export const placeOfCursor = (cursor: HistoryCursor): HistoryPlace | undefined => placeIn(CURSOR.exec(cursor))

/** A text of its own for each change of a history; the time tells two stores apart, where one was begun anew. */
export const historyVersion = (items: number, change: number, oldestAt: WallTime | undefined): string =>
  oldestAt === undefined ? '0' : `${items}-${change.toString(36)}-${oldestAt.toString(36)}`

const clipText = (text: string): string => (text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text)

export const clippedPeer = clipText

/** With its listed texts within their bounds. */
export function boundedItem(item: HistoryItem): Omit<HistoryItem, 'receivedAt'> {
  const { kind, from, to, subject, callId, isAnonymous, assertedIdentity, recordingName } = item
  return {
    kind,
    from: clipText(from),
    to: clipText(to),
    ...(subject !== undefined && { subject: clipText(subject) }),
    callId: clipText(callId),
    isAnonymous,
    ...(assertedIdentity !== undefined && { assertedIdentity: clipText(assertedIdentity) }),
    ...(recordingName !== undefined && { recordingName: clipText(recordingName) }),
  }
}

/** One entry for each account, the first that is named. */
export function boundedOwners(owners: readonly HistoryOwner[]): HistoryOwner[] {
  const seen = new Map<string, HistoryOwner>()
  for (const { aor, role, peer } of owners) {
    if (seen.size < OWNERS_MAX && !seen.has(aor)) seen.set(aor, { aor, role, peer: clipText(peer) })
  }
  return [...seen.values()]
}

export const boundedParticipants = (participants: readonly HistoryParticipant[]): HistoryParticipant[] =>
  participants.slice(0, PARTICIPANTS_MAX).map(({ uri, displayName, joinedAt, leftAt }) => ({
    uri: clipText(uri),
    ...(displayName !== undefined && { displayName: clipText(displayName) }),
    joinedAt,
    ...(leftAt !== undefined && { leftAt }),
  }))

/** Page mode of any size is one setting, session mode the other. */
export const isHistoryWanted = (choice: HistoryChoice, kind: HistoryKind, isActiveByDefault: boolean): boolean =>
  (kind === 'session' ? choice.sessionHistory : choice.pagerHistory) ?? isActiveByDefault

export const headsSize = ({ invite, answer, bye }: HistoryHeads): number =>
  (invite?.length ?? 0) + (answer?.length ?? 0) + (bye?.length ?? 0)

export const hasHeads = ({ invite, answer, bye }: HistoryHeads): boolean => (invite ?? answer ?? bye) !== undefined

export const bytesOfPieces = (pieces: readonly HistoryPiece[]): number =>
  pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)

export const endsIn = (pieces: readonly HistoryPiece[]): number => pieces.filter(({ isEnd }) => isEnd).length

/** Throws where a piece is longer than one may be. */
export function checkPieces(pieces: readonly HistoryPiece[]): void {
  if (pieces.some(({ bytes }) => bytes.length > HISTORY_PIECE_MAX))
    throw new RangeError(`a piece of more than ${HISTORY_PIECE_MAX} bytes`)
}

/** What goes with a message must not fail it: what is out of bounds is not kept. */
export const isWithinBounds = ({ piece }: NewHistory): boolean => piece.bytes.length <= HISTORY_PIECE_MAX

/** What an owner has had new in a day. */
export interface HistoryDay {
  readonly since: WallTime
  readonly bytes: number
}

export const NO_DAY: HistoryDay = { since: 0 as WallTime, bytes: 0 }

const DAY_MS = 86_400_000

/** The same with so much more. A clock that goes back begins no new day. */
export const dayWith = (day: HistoryDay, at: WallTime, bytes: number): HistoryDay =>
  at >= day.since + DAY_MS ? { since: at, bytes } : { since: day.since, bytes: day.bytes + bytes }

/** Why nothing of that size is added for this owner, or undefined: it is. */
export function passedOver(
  has: { readonly bytes: number; readonly day: HistoryDay },
  more: { readonly at: WallTime; readonly size: number; readonly isFromStranger: boolean },
  { quotaBytes, dayBytes }: HistoryLimits,
): PassedOver | undefined {
  if (more.isFromStranger && has.bytes + more.size > quotaBytes) return 'no room for strangers'
  return dayWith(has.day, more.at, more.size).bytes > dayBytes ? 'daily limit' : undefined
}

/** Throws where heads are longer than any that the parser passes on. */
export function checkHeads(heads: HistoryHeads): void {
  if (headsSize(heads) > HISTORY_PIECE_MAX * 3) throw new RangeError('heads of more than 196608 bytes')
}

/** Whether an item may have so much more. */
export const fitsItem = (
  has: { readonly size: number; readonly pieces: number },
  more: readonly HistoryPiece[],
  quotaBytes: number,
): boolean => has.size + bytesOfPieces(more) <= quotaBytes && has.pieces + more.length <= PIECES_MAX

/** Pieces that stand in one record: as many as come to the size of the largest piece. */
export function packed(pieces: readonly HistoryPiece[]): HistoryPiece[][] {
  const packs: HistoryPiece[][] = []
  let bytes = 0
  for (const piece of pieces) {
    const pack = packs.at(-1)
    bytes += piece.bytes.length
    if (pack && bytes <= HISTORY_PIECE_MAX) pack.push(piece)
    else {
      packs.push([piece])
      bytes = piece.bytes.length
    }
  }
  return packs
}

/**
 * What the oldest items of an owner have to come down to so that one of `size` has room, or undefined: there is. Some more than needed
 * goes at a time, so that not every message of a full history has to look for the oldest.
 */
export const roomMade = (bytes: number, size: number, quotaBytes: number): number | undefined =>
  bytes + size <= quotaBytes ? undefined : quotaBytes - Math.floor(quotaBytes / 32) - size

const lowered = (text: string): string => text.replace(/[A-Z]+/g, upper => upper.toLowerCase())

/** All but the time and the peer, by which entries are found. */
export function historyMatcher({
  kind,
  subject,
}: HistoryFilter): (item: { kind: HistoryKind; subject?: string }) => boolean {
  const wanted = subject === undefined ? undefined : lowered(subject)
  return item =>
    (kind === undefined || item.kind === kind) &&
    (wanted === undefined || (item.subject !== undefined && lowered(item.subject).includes(wanted)))
}

export const isBefore = (a: HistoryPlace, b: HistoryPlace): boolean => a.at < b.at || (a.at === b.at && a.id < b.id)
