import { UNDATED, type WallTime } from '../base/time.ts'
import { SELF_TEST_AOR } from './story.ts'
import type { StoredMessage, Verbs } from './verbs.ts'

/** Entries in order of their names, as a disk has them. */
export const inOrder = <T>(map: ReadonlyMap<string, T>, after: string | undefined, limit: number): [string, T][] =>
  [...map]
    .filter(([name]) => after === undefined || name > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit)

/** All but the self-test. */
export const usersInOrder: typeof inOrder = (map, after, limit) => inOrder(map, after ?? SELF_TEST_AOR, limit)

export const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)

interface Message extends StoredMessage {
  readonly content?: object
  readonly share: number
  readonly receipt?: object
}

/** As many of these waiting messages, in order, as are asked for at once. */
export function pageOf(
  messages: readonly Message[],
  { limit, bytes, at, isWallTrusted }: Verbs['page']['request'],
): StoredMessage[] {
  const page: StoredMessage[] = []
  let total = 0
  for (const message of messages) {
    if (isWallTrusted && message.expiresAt <= at) continue
    total += message.bytes.length
    if (page.length >= limit || (page.length > 0 && total > bytes)) break
    const { content: _, share: __, receipt: ___, ...stored } = message
    page.push(stored)
  }
  return page
}

export function redate(
  mailboxes: ReadonlyMap<string, { messages: ReadonlyMap<number, { seq: number; expiresAt: WallTime }> }>,
  { wall, limit }: Verbs['redate']['request'],
): number {
  const undated = [...mailboxes.values()]
    .flatMap(({ messages }) => [...messages.values()])
    .filter(({ expiresAt }) => expiresAt >= UNDATED)
    .sort((a, b) => a.expiresAt - b.expiresAt || a.seq - b.seq)
    .slice(0, limit)
  for (const message of undated) message.expiresAt = (wall + message.expiresAt - UNDATED) as WallTime
  return undated.length
}
