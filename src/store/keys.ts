import type { WallTime } from '../base/time.ts'
import { AOR_BYTES_MAX } from './story.ts'

/**
 * Keys of the store. The first byte names the table; `m` holds a mailbox and everything of it under one prefix; `s` comes last so
 * that what arrives is appended to the end of the tree.
 *
 *   !                         schema version, totals, counters of uploads and of notices
 *   a aor                     account, with the number of its mailbox
 *   b aor                     bindings
 *   c upload number           block of a large message: so many of its bytes
 *   d group                   identities of 64 messages in a row, hashed: by them a message that comes again is recognised
 *   e endedAt seq             stories that have ended, in order of their end
 *   g upload                  blocks of a large message that has ended, to be removed: how many
 *   h mailbox                 histories of removed accounts, to be removed
 *   i at id                   pieces of an item that no history has any more, to be removed
 *   j id                      item of histories whose pieces are still coming
 *   k id                      subscriptions to events, for a restart
 *   l                         number of subscriptions
 *   m mailbox f peer at id    history of the owner by peer, hashed; the newest entries are not there yet
 *   m mailbox i seq           index: what is known of a waiting message without its bytes
 *   m mailbox j               head: count and bytes, while messages wait or come; beside the newest index entry, with which it changes
 *   m mailbox k               history: number and bytes of its items, while it has any
 *   m mailbox l at id         history: what is listed of an item, the newest first, beside what else changes with a new message
 *   n number                  notices that senders asked for, still to be sent
 *   o aor                     settings that the owner decided, with their documents
 *   p expiresAt aor           accounts with published settings, by the end of the first publication
 *   q number                  quarantine: records that failed their checksum
 *   r at id                   item of histories: who has it, and of a MESSAGE its bytes; once for all of them
 *   r at id number            pieces of it, from the one of that number; the last number there is: heads and participants
 *   t seq                     how a message ended whose body a history keeps, so that its life story beside it is not written again
 *   u upload                  large message whose bytes are still coming
 *   v aor                     accounts that have a history
 *   w aor                     mailboxes that have messages waiting
 *   x expiresAt seq           expiry
 *   s seq b                   body, in order of arrival
 *   s seq l                   life story, beside the body so that both share a page
 */

/** An account's mailbox: its name, and the number its keys begin with. */
export interface Box {
  readonly aor: string
  readonly mailbox: number
}

export const SCHEMA_KEY = '!schema'
export const TOTALS_KEY = '!totals'
export const UPLOAD_TOTALS_KEY = '!uploads'
export const NOTICE_TOTALS_KEY = '!notices'
export const SUBSCRIPTION_COUNT_KEY = 'l'
export const HISTORY_TOTALS_KEY = '!history'

/** Shorter than any other of a mailbox; that of its history is as long. */
const HEAD_KEY_BYTES = 6

/** Bytes of a key as numbers, big-endian, so that keys sort as the numbers do. */
const u16 = (value: number): string => String.fromCharCode((value >>> 8) & 255, value & 255)
export const u32 = (value: number): string => u16(value >>> 16) + u16(value & 65535)
export const u48 = (value: number): string => u16(Math.floor(value / 4294967296)) + u32((value % 4294967296) | 0)

/** The largest of six bytes. What is taken from it sorts the other way round. */
export const NUMBER_MAX = 2 ** 48 - 1

export function readU48(key: string, at: number): number {
  let value = 0
  for (let i = at; i < at + 6; i++) value = value * 256 + key.charCodeAt(i)
  return value
}

export const readU32 = (key: string, at: number): number => {
  let value = 0
  for (let i = at; i < at + 4; i++) value = value * 256 + key.charCodeAt(i)
  return value
}

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

/** A name as key bytes: UTF-8, so that names that differ never meet. */
const nameBytes = (aor: string): string => (isAscii(aor) ? aor : Buffer.from(aor, 'utf8').toString('latin1'))

/** Of a key of one letter and a name. */
export const nameOf = (key: string): string => nameFrom(key, 1)

/** Of a key that `expiringKey` made. */
export const expiringName = (key: string): string => nameFrom(key, 7)

const nameFrom = (key: string, at: number): string => {
  const bytes = key.slice(at)
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

export const isNameTooLong = (aor: string): boolean =>
  aor.length > AOR_BYTES_MAX || nameBytes(aor).length > AOR_BYTES_MAX

export const accountKey = (aor: string): string => `a${nameBytes(aor)}`
export const bindingsKey = (aor: string): string => `b${nameBytes(aor)}`
export const waitingKey = (aor: string): string => `w${nameBytes(aor)}`
export const identitiesKey = (group: number): string => `d${u48(group)}`
export const endedKey = (at: WallTime, seq: number): string => `e${u48(at)}${u48(seq)}`
export const expiryKey = (at: WallTime, seq: number): string => `x${u48(at)}${u48(seq)}`
export const headKey = (mailbox: number): string => `m${u32(mailbox)}j`
export const indexKey = (mailbox: number, seq: number): string => `m${u32(mailbox)}i${u48(seq)}`
export const blockKey = (upload: number, number: number): string => `c${u48(upload)}${u32(number)}`
export const sweepKey = (upload: number): string => `g${u48(upload)}`
export const uploadKey = (upload: number): string => `u${u48(upload)}`
export const noticeKey = (id: number): string => `n${u48(id)}`
export const subscriptionKey = (id: string): string => `k${id}`
export const settingsKey = (aor: string): string => `o${nameBytes(aor)}`
export const expiringKey = (at: WallTime, aor: string): string => `p${u48(at)}${nameBytes(aor)}`
export const quarantineKey = (number: number): string => `q${u48(number)}`
export const historyHeadKey = (mailbox: number): string => `m${u32(mailbox)}k`
export const historyKey = (mailbox: number, at: number, id: number): string =>
  `m${u32(mailbox)}l${u48(NUMBER_MAX - at)}${u48(NUMBER_MAX - id)}`
export const historyPeerKey = (mailbox: number, peer: number, at: number, id: number): string =>
  `m${u32(mailbox)}f${u48(peer)}${u48(at)}${u48(id)}`
export const historyNameKey = (aor: string): string => `v${nameBytes(aor)}`
export const historyGoneKey = (mailbox: number): string => `h${u32(mailbox)}`
export const contentKey = (at: number, id: number): string => `r${u48(at)}${u48(id)}`
export const piecesKey = (at: number, id: number, number: number): string => `r${u48(at)}${u48(id)}${u32(number)}`
export const leftoverKey = (at: number, id: number): string => `i${u48(at)}${u48(id)}`
export const recordingKey = (id: number): string => `j${u48(id)}`
export const bodyKey = (seq: number): string => `s${u48(seq)}b`
export const lifeKey = (seq: number): string => `s${u48(seq)}l`
export const endKey = (seq: number): string => `t${u48(seq)}`

/** Whether the record under it is one that the verbs keep as a value: schema and totals, account, bindings, heads, upload, recording. */
export function isKeptAsValue(key: string): boolean {
  const table = key[0]
  return table === 'm'
    ? key.length === HEAD_KEY_BYTES
    : table === '!' || table === 'a' || table === 'b' || table === 'j' || table === 'u'
}

/** The first key past every key that begins with `prefix`, which never is all of byte 255. */
export function pastPrefix(prefix: string): string {
  let end = prefix.length
  while (prefix.charCodeAt(end - 1) === 255) end--
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1)
}

/** The first key after `key`. */
export const justAfter = (key: string): string => `${key}\0`
