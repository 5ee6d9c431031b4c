import type { WallTime } from '../base/time.ts'
import { NOTICES_MAX, WHY_STORED, whyFailed } from './story.ts'
import type { LifeEvent, LifeStory, Notice, ReceiptTerms } from './verbs.ts'

/** What senders asked to be told and were not told yet: part of the reference model. */
export class MemoryNotices {
  #notices: Notice[] = []
  #last = 0
  lost = 0

  get size(): number {
    return this.#notices.length
  }

  stored(story: LifeStory, receipt: ReceiptTerms, at: WallTime): void {
    this.#add('stored', WHY_STORED, story, receipt, at)
  }

  ended(story: LifeStory, receipt: ReceiptTerms, event: LifeEvent): void {
    const why = whyFailed(event)
    if (receipt.wantsFailed && why !== undefined) this.#add('failed', why, story, receipt, event.at)
  }

  after(id: number, limit: number): Notice[] {
    return this.#notices.filter(notice => notice.id > id).slice(0, limit)
  }

  end(id: number): 'done' | 'absent' {
    const before = this.size
    this.#notices = this.#notices.filter(notice => notice.id !== id)
    return this.size < before ? 'done' : 'absent'
  }

  #add(kind: Notice['kind'], why: string, story: LifeStory, receipt: ReceiptTerms, at: WallTime): void {
    const { sender, recipient, storeId } = story
    if (this.size >= NOTICES_MAX) this.lost++
    else this.#notices.push({ id: ++this.#last, kind, why, at, sender, recipient, receipt, storeId })
  }
}
