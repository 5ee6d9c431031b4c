import { waitingAfter } from './keyed-accounts.ts'
import { callIdPrefix, pastPrefix, readU32, u32 } from './keys.ts'
import { decodeSeq, type LifeRecord } from './records.ts'
import { headOf, isPushedAs, PUSHES_SEARCHED, seqOfStoreId } from './story.ts'
import { type Tables, whole } from './tables.ts'
import type { LifeStory, Verbs } from './verbs.ts'

/** Messages of one Call-ID looked at in one mailbox; a client that never changes its Call-ID would otherwise make a trace a long scan. */
const SAME_CALL_ID_MAX = 1000

type Do<V extends keyof Verbs> = (tables: Tables, request: Verbs[V]['request']) => Verbs[V]['reply']

export const listMailboxes: Do<'mailboxes'> = (tables, { after, limit }) =>
  waitingAfter(tables, after, limit).flatMap(aor => {
    const box = tables.box(aor)
    if (!box) return []
    const head = tables.head(box)
    const oldest = tables.indexAfter(box, 0, 1)[0]?.entry.receivedAt
    return [{ ...head, ...(oldest !== undefined && { oldestReceivedAt: oldest }) }]
  })

export const readMailbox: Do<'mailbox'> = (tables, { aor, afterSeq, limit, withHead }) => {
  const box = tables.box(aor)
  if (!box) return []
  return tables.indexAfter(box, afterSeq, limit).map(({ seq, entry }) => {
    const body = tables.body(box, seq)
    const sender = tables.life(seq)?.sender ?? ''
    return { ...entry, seq, storeId: body.storeId, sender, ...(withHead && { head: headOf(body.bytes) }) }
  })
}

export const trace: Do<'trace'> = (tables, { id, limit }) => {
  const seq = seqOfStoreId(id)
  const named = seq === undefined ? undefined : tables.life(seq)
  if (named?.storeId === id) return limit > 0 ? [storyOf(named)] : []
  const stories: LifeStory[] = []
  for (const one of seqsOfCallId(tables, id).sort((a, b) => b - a)) {
    if (stories.length >= limit) break
    const life = tables.life(one)
    if (life?.callId === id) stories.push(storyOf(life))
  }
  return stories.length > 0 ? stories : pushedAs(tables, id, limit)
}

/** By the MSRP Message-ID of the push that delivered it, among the latest. */
function pushedAs(tables: Tables, id: string, limit: number): LifeStory[] {
  const stories: LifeStory[] = []
  const last = tables.totals().seq
  for (let seq = last; seq > 0 && seq > last - PUSHES_SEARCHED && stories.length < limit; seq--) {
    const life = tables.life(seq)
    if (life && isPushedAs(life, id)) stories.push(storyOf(life))
  }
  return stories
}

/** One look into each mailbox: duplicate keys begin with the hash of the Call-ID. */
function seqsOfCallId(tables: Tables, callId: string): number[] {
  const seqs: number[] = []
  for (let mailbox = 0; ; mailbox++) {
    const next = tables.kv.range(`m${u32(mailbox)}`, pastPrefix('m'), { limit: 1 })[0]
    if (!next) return seqs
    mailbox = readU32(next.key, 1)
    const prefix = callIdPrefix(mailbox, callId)
    for (const { key, value } of tables.kv.range(prefix, pastPrefix(prefix), { limit: SAME_CALL_ID_MAX })) {
      seqs.push(whole(decodeSeq(key, value), { table: 'identity' }, key, value))
    }
  }
}

function storyOf({ mailbox: _, cseq: __, fromTag: ___, ...story }: LifeRecord): LifeStory {
  return story
}

export const readStatus: Do<'status'> = tables => {
  const { accounts, mailboxes, waiting, waitingBytes, damaged, clockFloor } = tables.totals()
  return { accounts, mailboxes, waiting, waitingBytes, freeBytes: tables.surroundings.freeBytes(), damaged, clockFloor }
}
