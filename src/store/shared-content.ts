import { whole } from './damage.ts'
import type { HistoryPiece } from './history.ts'
import type { ContentRecord } from './history-records.ts'
import type { HistoryPlace } from './history-story.ts'
import { bodyKey, contentKey, indexKey } from './keys.ts'
import { decodeBody } from './records.ts'
import { EMPTY, type Tables } from './tables.ts'

/**
 * A message that waits in a mailbox and is kept in histories differs in a few header lines at most, so its bytes are there once: the
 * content of the item has what differs and names the body, which stays as long as one of both needs it. Whoever goes last removes it.
 */

/** Where the body of a message is, or was. */
export interface BodyPlace {
  readonly mailbox: number
  readonly seq: number
}

/** How many bytes of the body an item begins and ends with; its own stand between them. */
export interface SharedBytes {
  readonly prefix: number
  readonly suffix: number
}

/** Compared at once from the end: the content of most messages, so that they are not looked at byte by byte. */
const STRIDE = 512

export function sharedBytes(body: Buffer, received: Buffer): SharedBytes {
  const most = Math.min(body.length, received.length)
  let prefix = 0
  while (prefix < most && body[prefix] === received[prefix]) prefix++
  const [bodyEnd, end, left] = [body.length, received.length, most - prefix]
  let suffix = 0
  while (suffix + STRIDE <= left && isSameStride(body, received, suffix)) suffix += STRIDE
  while (suffix < left && body[bodyEnd - suffix - 1] === received[end - suffix - 1]) suffix++
  return { prefix, suffix }
}

function isSameStride(a: Buffer, b: Buffer, fromEnd: number): boolean {
  const [endA, endB] = [a.length - fromEnd, b.length - fromEnd]
  return a.compare(b, endB - STRIDE, endB, endA - STRIDE, endA) === 0
}

/** Of a MESSAGE; undefined: its pieces stand in records of their own. */
export function wholePiece(tables: Tables, place: HistoryPlace, content: ContentRecord): HistoryPiece | undefined {
  const { piece, shared } = content
  if (!piece || !shared) return piece
  const key = bodyKey(shared.seq)
  const value = tables.kv.get(key)
  const { bytes } = whole(value && decodeBody(key, value), { table: 'history content', place }, key, value ?? EMPTY)
  const [start, end] = [bytes.subarray(0, shared.prefix), bytes.subarray(bytes.length - shared.suffix)]
  return { ...piece, bytes: Buffer.concat([start, piece.bytes, end]) }
}

/** Bytes of a MESSAGE in all. */
export const sizeOfContent = ({ piece, shared }: ContentRecord): number =>
  (piece?.bytes.length ?? 0) + (shared ? shared.prefix + shared.suffix : 0)

/** No history has it any more. */
export function releaseBody(tables: Tables, { mailbox, seq }: BodyPlace): void {
  if (!tables.kv.get(indexKey(mailbox, seq))) tables.kv.remove(bodyKey(seq))
}

/** It waits no more. Whether a history keeps it. */
export function leaveBody(tables: Tables, seq: number, history: HistoryPlace | undefined): boolean {
  const isKept = history !== undefined && tables.kv.get(contentKey(history.at, history.id)) !== undefined
  if (!isKept) tables.kv.remove(bodyKey(seq))
  return isKept
}
