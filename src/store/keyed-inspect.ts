import { callIdHash } from './identities.ts'
import { waitingAfter } from './keyed-accounts.ts'
import { waitingOf } from './keyed-mailbox.ts'
import type { LifeRecord } from './records.ts'
import { hasMessageId, headOf, mailboxVersion, PUSHES_SEARCHED, SELF_TEST_AOR, seqOfStoreId } from './story.ts'
import { type Do, type Tables, waitingIn } from './tables.ts'
import type { LifeStory } from './verbs.ts'

export const listMailboxes: Do<'mailboxes'> = (tables, { after = SELF_TEST_AOR, limit }) =>
  waitingAfter(tables, after, limit).flatMap(aor => {
    const box = tables.box(aor)
    if (!box) return []
    const { count, bytes, receipts } = tables.head(box)
    const oldest = tables.indexAfter(box, 0, 1)[0]?.entry.receivedAt
    return [{ aor, count, bytes, receipts, ...(oldest !== undefined && { oldestReceivedAt: oldest }) }]
  })

export const readMailbox: Do<'mailbox'> = (tables, { aor, afterSeq, limit, withHead }) => {
  const box = tables.box(aor)
  if (!box) return []
  return tables.indexAfter(box, afterSeq, limit).map(({ seq, entry }) => {
    const body = tables.body(box, seq)
    const sender = tables.life(seq)?.sender ?? ''
    return { ...waitingOf(entry, seq, body.storeId), sender, ...(withHead && { head: headOf(body.bytes) }) }
  })
}

export const versionOfMailbox: Do<'mailbox.version'> = (tables, { aor }) => {
  const box = tables.box(aor)
  if (!box) return undefined
  const newest = tables.newest(box)
  const version = mailboxVersion(waitingIn(tables.head(box)), newest && { ...newest.entry, seq: newest.seq })
  return { version, newestSeq: newest?.seq ?? 0 }
}

export const trace: Do<'trace'> = (tables, { id, limit }) => {
  const seq = seqOfStoreId(id)
  const named = seq === undefined ? undefined : tables.life(seq)
  if (named?.storeId === id) return limit > 0 ? [storyOf(named)] : []
  const stories: LifeStory[] = []
  for (const one of tables.identities.seqsOfCallId(callIdHash(id)).sort((a, b) => b - a)) {
    if (stories.length >= limit) break
    const life = tables.life(one)
    if (life?.callId === id) stories.push(storyOf(life))
  }
  return stories.length > 0 ? stories : withMessageId(tables, id, limit)
}

/** By an MSRP Message-ID, among the latest. */
function withMessageId(tables: Tables, id: string, limit: number): LifeStory[] {
  const stories: LifeStory[] = []
  const last = tables.totals().seq
  for (let seq = last; seq > 0 && seq > last - PUSHES_SEARCHED && stories.length < limit; seq--) {
    const life = tables.life(seq)
    if (life && hasMessageId(life, id)) stories.push(storyOf(life))
  }
  return stories
}

function storyOf({ mailbox: _, cseq: __, fromTag: ___, receipt: ____, ...story }: LifeRecord): LifeStory {
  return story
}

export const readStatus: Do<'status'> = tables => {
  const { accounts, mailboxes, waiting, waitingBytes, damaged, clockFloor } = tables.totals()
  const own = ownOf(tables)
  const freeBytes = tables.surroundings.freeBytes()
  const { waiting: notices, lost: noticesLost } = tables.noticeTotals()
  return {
    accounts: accounts - own.accounts,
    mailboxes: mailboxes - own.mailboxes,
    waiting: waiting - own.waiting,
    waitingBytes: waitingBytes - own.waitingBytes,
    ...{ freeBytes, damaged, notices, noticesLost, clockFloor },
  }
}

/** What of the totals is the self-test's. */
function ownOf(tables: Tables) {
  const box = tables.box(SELF_TEST_AOR)
  if (!box) return { accounts: 0, mailboxes: 0, waiting: 0, waitingBytes: 0 }
  const head = tables.head(box)
  const { count, bytes } = head
  return { accounts: 1, mailboxes: waitingIn(head) > 0 ? 1 : 0, waiting: count, waitingBytes: bytes }
}
