import type { Now } from '../../base/time.ts'
import type { HistoryHeads, HistoryPiece } from '../../store/history.ts'
import { MemoryStore } from '../../store/memory.ts'
import type { RequestOf, StoreClient, StoreRequest } from '../../store/verbs.ts'
import { HISTORY_LIMITS, sessionOpened } from '../../testing/history-items.ts'
import { accountPut, BOB_AOR, STORED_AT } from '../../testing/store-fixtures.ts'
import type { ItemChunk, ItemChunks } from './history-chunks.ts'
import { HistoryPieces } from './history-pieces.ts'
import type { SelectedItem } from './history-selection.ts'

const NOW = { at: 0, wall: STORED_AT, isWallTrusted: true } as Now

/** Bob's history in the reference model, and what is made of it for a client. */
export class GivenHistory {
  readonly now = NOW
  readonly model = new MemoryStore({ hostname: 'box' })
  /** In place of an answer of the model. */
  failure: 'busy' | undefined
  /** Before each question. */
  onAsk: (request: StoreRequest) => void = () => {}
  readonly store: StoreClient = {
    ask: (verb, request, done) => {
      const whole = { verb, ...request } as RequestOf<typeof verb>
      this.onAsk(whole as StoreRequest)
      if (this.failure) done(NOW, { failure: this.failure, detail: 'too many' })
      else done(NOW, { value: this.model.execute(whole) })
    },
  }

  constructor() {
    this.model.execute(accountPut(BOB_AOR))
  }

  /** A session or large message of these pieces; its reference. */
  session(
    pieces: readonly HistoryPiece[],
    opened: RequestOf<'history.open'> = sessionOpened(1),
    heads: HistoryHeads = {},
  ): string {
    const open = this.model.execute(opened)
    if (typeof open === 'string' || open.record === undefined) throw new Error(JSON.stringify(open))
    const { record } = open
    this.model.execute({ verb: 'history.append', record, pieces, limits: HISTORY_LIMITS })
    this.model.execute({ verb: 'history.close', record, at: STORED_AT, keep: true, heads })
    return this.references().at(-1)!
  }

  /** Oldest first. */
  references(): string[] {
    const request = { verb: 'history.list', aor: BOB_AOR, filter: {}, order: 'oldest', limit: 1000 } as const
    return this.model.execute(request).entries.map(({ reference }) => reference)
  }

  item(reference: string): SelectedItem {
    return this.model.execute({ verb: 'history.get', aor: BOB_AOR, reference })!
  }

  pieces(reference: string): HistoryPieces {
    return new HistoryPieces(this.store, BOB_AOR, reference)
  }

  /** All of them, and how it ended: `end`, or why it broke. `each` hears of every chunk before the next is asked for. */
  taken(chunks: ItemChunks, each: (chunk: ItemChunk) => void = () => {}): { chunks: ItemChunk[]; ended: string } {
    const all: ItemChunk[] = []
    let ended: string | undefined
    while (ended === undefined)
      chunks.take(NOW, (_now, taken) => {
        if (taken.kind !== 'chunk') ended = taken.kind === 'end' ? 'end' : taken.why
        else {
          all.push(taken.chunk)
          each(taken.chunk)
        }
      })
    return { chunks: all, ended }
  }
}

/** A SEND as it stands on the wire but for what is of one session: paths and transaction id. */
export function plain({ send }: ItemChunk): string {
  const body = send.body ? `\r\n${Buffer.concat([...send.body]).toString('latin1')}\r\n` : ''
  return `${send.headers}${body}${send.flag}`
}

/** The same of a piece, or several, as they were kept. */
export function plainPiece(...pieces: readonly HistoryPiece[]): string {
  const text = Buffer.concat(pieces.map(({ bytes }) => bytes)).toString('latin1')
  const id = text.split(' ')[1]!
  const inner = text.slice(text.indexOf('\r\n', text.indexOf('From-Path:')) + 2)
  return inner.slice(0, inner.lastIndexOf(`-------${id}`)) + text.at(-3)
}
