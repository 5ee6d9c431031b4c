import type { WallTime } from '../base/time.ts'
import { hasMessageId, PUSHES_SEARCHED, seqOfStoreId } from './story.ts'
import type { LifeStory, Verbs } from './verbs.ts'

/** The verb `trace` of the reference model. `last`: the latest sequence given out. */
export function traced(told: readonly { story: LifeStory }[], last: number, id: string, limit: number): LifeStory[] {
  const all = told.map(({ story }) => story)
  const seq = seqOfStoreId(id)
  const named = all.find(story => story.seq === seq)
  if (named?.storeId === id) return limit > 0 ? [{ ...named }] : []
  const sameCall = all.filter(story => story.callId === id)
  const latest = all.filter(story => story.seq > last - PUSHES_SEARCHED && hasMessageId(story, id))
  return (sameCall.length > 0 ? sameCall : latest)
    .sort((a, b) => b.seq - a.seq)
    .slice(0, limit)
    .map(story => ({ ...story }))
}

interface EndedStory {
  readonly story: LifeStory
  readonly mailbox: { readonly identities: Map<string, number> }
  readonly identity: string
  readonly endedAt?: WallTime
}

/** Stories and identities go, the longest ended first. How many. */
export function forgetEnded(
  stories: Map<number, EndedStory>,
  { before, keep, limit }: Verbs['forget']['request'],
): number {
  const ended = [...stories.values()]
    .filter(story => story.endedAt !== undefined)
    .sort((a, b) => a.endedAt! - b.endedAt! || a.story.seq - b.story.seq)
  let forgotten = 0
  for (const { endedAt, story, mailbox, identity } of ended) {
    if (forgotten >= limit || (endedAt! >= before && ended.length - forgotten <= keep)) break
    stories.delete(story.seq)
    if (mailbox.identities.get(identity) === story.seq) mailbox.identities.delete(identity)
    forgotten++
  }
  return forgotten
}
