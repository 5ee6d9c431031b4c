import { hasMessageId, PUSHES_SEARCHED, seqOfStoreId } from './story.ts'
import type { LifeStory } from './verbs.ts'

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
