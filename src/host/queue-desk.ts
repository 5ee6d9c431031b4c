import type { Now } from '../base/time.ts'
import { shownMessage } from '../content/history-privacy.ts'
import type { Delivering, MessageView, QueueService, QueueTotals, WaitingRow } from '../services/queue.ts'
import { currentBindings } from '../sip/binding.ts'
import type { LifeStory, Verbs } from '../store/verbs.ts'
import type { ApiLink } from './admin-api.ts'
import { shownText } from './history-view.ts'

/** Messages read at once, and looked at for one page of a search: some hundreds of milliseconds on slow flash, in turns. */
const CHUNK = 100
const LOOKED_MAX = 2000

type Row = Verbs['mailbox']['reply'][number]

interface QueueOptions {
  readonly link: ApiLink
  readonly now: () => Now
  /** What the box does for whoever did not decide (DM-DLV-02). */
  readonly isPushActive: boolean
  /** What waits for that user is tried now. */
  readonly deliver: (aor: string) => void
}

/** What waits, as those who look after the box see it. */
export class QueueDesk implements QueueService {
  readonly #options: QueueOptions

  constructor(options: QueueOptions) {
    this.#options = options
  }

  async totals(): Promise<QueueTotals> {
    const { mailboxes, waiting, waitingBytes } = await this.#options.link.ask('status', {})
    return { mailboxes, messages: waiting, bytes: waitingBytes }
  }

  async mailboxes({ after, limit }: Parameters<QueueService['mailboxes']>[0]): ReturnType<QueueService['mailboxes']> {
    const place = after === undefined ? {} : { after }
    const found = await this.#options.link.ask('mailboxes', { ...place, limit: limit + 1 })
    const mailboxes = found.slice(0, limit)
    return { mailboxes, ...(found.length > limit && { next: mailboxes.at(-1)!.aor }) }
  }

  async messages(asked: Parameters<QueueService['messages']>[0]): ReturnType<QueueService['messages']> {
    const { aor, sender = '', limit } = asked
    const wanted = sender.trim().toLowerCase()
    const messages: WaitingRow[] = []
    let place = placeOf(asked.after, aor)
    for (let looked = 0; looked < LOOKED_MAX; ) {
      const of = place.aor
      if (of === undefined) return { messages }
      const rows = await this.#options.link.ask('mailbox', { aor: of, afterSeq: place.seq, limit: CHUNK })
      for (const row of rows) {
        const isFound = wanted === '' || shownText(row.sender).toLowerCase().includes(wanted)
        if (isFound && messages.length === limit) return { messages, next: textOf(place) }
        if (isFound) messages.push(rowOf(of, row))
        place = { aor: of, seq: row.seq }
      }
      // One for the mailbox, so that many with little in them end too.
      looked += rows.length + 1
      if (rows.length < CHUNK) place = aor === undefined ? await this.#nextMailbox(of) : { seq: 0 }
    }
    return { messages, ...(place.aor !== undefined && { next: textOf(place) }) }
  }

  async #nextMailbox(after: string): Promise<Place> {
    const [next] = await this.#options.link.ask('mailboxes', { after, limit: 1 })
    return next ? { aor: next.aor, seq: 0 } : { seq: 0 }
  }

  async trace(id: string, limit: number): Promise<readonly LifeStory[]> {
    const stories = await this.#options.link.ask('trace', { id: Buffer.from(id).toString('latin1'), limit })
    return stories.map(shownStory)
  }

  async message(id: string): Promise<MessageView | undefined> {
    const story = await this.#story(id)
    if (!story) return undefined
    const row = await this.#waiting(story, true)
    const { bindings } = await this.#options.link.ask('bindings.get', { aor: story.recipient })
    const contacts = currentBindings(bindings, this.#options.now()).length
    const head = row?.head && shownText(shownMessage(row.head, row.sender === 'anonymous').toString('latin1'))
    return {
      story: shownStory(story),
      ...(row && { waiting: rowOf(story.recipient, row) }),
      ...(head !== undefined && { head }),
      contacts,
    }
  }

  async deliver(id: string): Promise<Delivering> {
    const story = await this.#story(id)
    if (!story) return { outcome: 'unknown' }
    if (!(await this.#waiting(story, false))) return { outcome: 'not waiting' }
    const { bindings, offlineDelivery } = await this.#options.link.ask('locate', { aor: story.recipient })
    if (!(offlineDelivery ?? this.#options.isPushActive)) return { outcome: 'switched off' }
    const contacts = currentBindings(bindings, this.#options.now()).length
    if (contacts === 0) return { outcome: 'nobody registered' }
    this.#options.deliver(story.recipient)
    return { outcome: 'asked', contacts }
  }

  async remove(id: string, who: string): Promise<'deleted' | 'not waiting' | 'unknown'> {
    const story = await this.#story(id)
    if (!story) return 'unknown'
    const { recipient: aor, seq } = story
    const at = this.#options.now().wall
    const reply = await this.#options.link.ask('delete', { aor, seq, at, detail: `by ${who}` })
    return reply === 'deleted' ? 'deleted' : 'not waiting'
  }

  async #story(id: string): Promise<LifeStory | undefined> {
    const [story] = await this.#options.link.ask('trace', { id, limit: 1 })
    return story?.storeId === id ? story : undefined
  }

  async #waiting({ recipient, seq }: LifeStory, withHead: boolean): Promise<Row | undefined> {
    const [row] = await this.#options.link.ask('mailbox', { aor: recipient, afterSeq: seq - 1, limit: 1, withHead })
    return row?.seq === seq ? row : undefined
  }
}

/** After which message of which mailbox. Without a mailbox: there is no more. */
interface Place {
  readonly aor?: string
  readonly seq: number
}

const textOf = ({ aor, seq }: Place): string => `${seq} ${aor}`

/** Names sort behind the empty one. */
function placeOf(text: string | undefined, only: string | undefined): Place {
  const [, seq = '0', aor = ''] = /^(\d{1,15}) (.{1,1024})$/.exec(text ?? '') ?? []
  return { aor: only ?? aor, seq: Number(seq) }
}

const rowOf = (aor: string, { head: _, ...row }: Row): WaitingRow => ({
  ...row,
  aor,
  sender: shownText(row.sender),
  ...(row.lastFailure !== undefined && { lastFailure: shownText(row.lastFailure) }),
})

const shownStory = (story: LifeStory): LifeStory => ({
  ...story,
  sender: shownText(story.sender),
  callId: shownText(story.callId),
  ...(story.messageId !== undefined && { messageId: shownText(story.messageId) }),
  events: story.events.map(event => ('detail' in event ? { ...event, detail: shownText(event.detail) } : event)),
})
