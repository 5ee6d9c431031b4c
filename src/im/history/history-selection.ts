import type { Now } from '../../base/time.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { parseUri } from '../../sip-parser-lite/uri.ts'
import type { HistoryCursor, HistoryEntry, HistoryFilter, HistoryHeads, HistoryKind } from '../../store/history.ts'
import { cursorOf, placeOfReference } from '../../store/history-story.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { type Answer, unavailable } from '../answers.ts'
import { namedReferences } from '../fetch/fetch-references.ts'
import { readSelection } from './history-uri.ts'

/** What an INVITE to the history function asks for, and in which form it wants sessions. */
export type Selection = { readonly isWrapped: boolean } & (
  | { readonly references: readonly string[] }
  | { readonly kinds: ReadonlySet<HistoryKind>; readonly filter: HistoryFilter; readonly after?: HistoryCursor }
)

/** One item of a history but for its pieces. */
export interface SelectedItem {
  readonly entry: HistoryEntry
  readonly heads: HistoryHeads
}

type Found =
  | { readonly kind: 'item'; readonly item: SelectedItem }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly why: string }

const KINDS: Readonly<Record<'session' | 'pager' | 'all', ReadonlySet<HistoryKind>>> = {
  session: new Set(['session']),
  pager: new Set(['message', 'large']),
  all: new Set(['message', 'large', 'session']),
}

/** Read ahead: entries only, a kilobyte or two each. */
const PAGE = 16

/** A list names the items; without one the parameters of the Request-URI do (docs/protocol.md). */
export function selectionOf(request: SipRequest): Selection | Answer {
  const isWrapped = isWrappedWanted(request.uri)
  if (typeof isWrapped !== 'boolean') return isWrapped
  const references = namedReferences(request, withScheme)
  if (references && 'refusal' in references) return references.refusal
  if (references) return { isWrapped, references }
  const params = readSelection(request.uri)
  if ('status' in params) return params
  const { type, since, until, peer, after } = params
  const place = after === undefined ? undefined : placeOfReference(after)
  if (after !== undefined && !place) return { status: 404, reason: 'No Such History Reference' }
  const kinds = KINDS[type]
  const filter = {
    ...(type === 'session' && { kind: type }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(peer !== undefined && { peer }),
  }
  return { isWrapped, kinds, filter, ...(place && { after: cursorOf(place) }) }
}

function isWrappedWanted(uri: string): boolean | Answer {
  const form = parseUri(uri).params.get('history-form')?.toLowerCase() ?? 'received'
  if (form !== 'wrapped' && form !== 'received')
    return { status: 400, reason: 'Parameter history-form is not received or wrapped' }
  return form === 'wrapped'
}

/** Seen without it. */
const withScheme = (reference: string): string => (/^sip:/i.test(reference) ? reference : `sip:${reference}`)

/** 404 for a reference that is not in this user's history, be it somebody else's: nobody learns what others have. */
export function findItems(
  now: Now,
  store: StoreClient,
  aor: string,
  references: readonly string[],
  done: (now: Now, found: ReadonlySet<HistoryKind> | Answer) => void,
): void {
  const kinds = new Set<HistoryKind>()
  const next = (then: Now, at: number): void => {
    const reference = references[at]
    if (reference === undefined) return done(then, kinds)
    store.ask('history.get', { aor, reference }, (later, result) => {
      if ('failure' in result) return done(later, unavailable(5))
      if (!result.value) return done(later, { status: 404, reason: 'No Such History Reference' })
      kinds.add(result.value.entry.kind)
      next(later, at + 1)
    })
  }
  next(now, 0)
}

/** The items of one selection, read as they are wanted: those named in the order of their naming, else the oldest first. */
export class SelectedItems {
  readonly #store: StoreClient
  readonly #aor: string
  readonly #selection: Selection
  /** Named or listed, and not looked at yet. */
  #references: string[]
  #cursor: HistoryCursor | undefined
  #isListed: boolean
  #back: Found | undefined

  constructor(store: StoreClient, aor: string, selection: Selection) {
    this.#store = store
    this.#aor = aor
    this.#selection = selection
    const isNamed = 'references' in selection
    this.#references = isNamed ? [...selection.references] : []
    this.#cursor = isNamed ? undefined : selection.after
    this.#isListed = isNamed
  }

  /** What `take` has given comes once more. */
  putBack(found: Found): void {
    this.#back = found
  }

  /** The next one that is still there; one call at a time. */
  take(now: Now, done: (now: Now, found: Found) => void): void {
    const back = this.#back
    this.#back = undefined
    if (back) return done(now, back)
    const reference = this.#references.shift()
    if (reference === undefined) return this.#isListed ? done(now, { kind: 'end' }) : this.#list(done)
    this.#store.ask('history.get', { aor: this.#aor, reference }, (then, result) => {
      if ('failure' in result) done(then, { kind: 'failed', why: `storage: ${result.detail}` })
      else if (result.value) done(then, { kind: 'item', item: result.value })
      else this.take(then, done)
    })
  }

  #list(done: (now: Now, found: Found) => void): void {
    if ('references' in this.#selection) return
    const { filter, kinds } = this.#selection
    const after = this.#cursor === undefined ? {} : { after: this.#cursor }
    const request = { aor: this.#aor, filter, order: 'oldest', limit: PAGE, ...after } as const
    this.#store.ask('history.list', request, (now, result) => {
      if ('failure' in result) return done(now, { kind: 'failed', why: `storage: ${result.detail}` })
      const { entries, next } = result.value
      this.#cursor = next
      this.#isListed = next === undefined
      // What is being recorded comes when it is whole.
      const wanted = entries.filter(({ kind, state }) => kinds.has(kind) && state !== 'open')
      this.#references = wanted.map(({ reference }) => reference)
      this.take(now, done)
    })
  }
}
