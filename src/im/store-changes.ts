import { after, type Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { HistoryKept } from '../store/history.ts'
import type { StoreClient, StoreRequest, StoreResult, Verb, Verbs } from '../store/verbs.ts'

/** Long enough for the confirmations of a fast push to be told as one change, short enough for nobody to wait for it. */
const COALESCE_MS = 100

/** Uploads and recordings whose owners are remembered: more than there are sessions. One that is forgotten is told with the next change. */
const REMEMBERED_MAX = 4096

type Listener = (now: Now, aor: string) => void

/**
 * The one place where the layers above learn that something in the store is other than before: it looks at the replies to what the
 * engine asked, and is told what others did (a command, the API). Told only what is on stable storage, and after whoever asked.
 */
export class StoreChanges {
  readonly #timers: Timers
  readonly #mailboxListeners: Listener[] = []
  readonly #settingsListeners: Listener[] = []
  readonly #historyListeners: Listener[] = []
  readonly #uploads = new Map<number, string>()
  readonly #recordings = new Map<number, readonly string[]>()
  #changed = new Set<string>()
  #changedHistories = new Set<string>()

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Messages joined or left that mailbox, or it went with its account. Once in a tenth of a second for each mailbox. */
  onMailboxChanged(listener: Listener): void {
    this.#mailboxListeners.push(listener)
  }

  /** Somebody wrote that user's settings. At once, each time. */
  onSettingsChanged(listener: Listener): void {
    this.#settingsListeners.push(listener)
  }

  /** Items joined or left that history, or one is over. Once in a tenth of a second for each; what goes by its age alone is told with the next. */
  onHistoryChanged(listener: Listener): void {
    this.#historyListeners.push(listener)
  }

  /** The store through which everything of the engine asks. */
  watching(store: StoreClient): StoreClient {
    return {
      ask: (verb, request, done) => {
        if (!WATCHED.has(verb)) return store.ask(verb, request, done)
        store.ask(verb, request, (now, result) => {
          done(now, result)
          this.#look(now, { verb, ...request } as unknown as StoreRequest, result)
        })
      },
    }
  }

  /** What somebody else asked of the store, and the reply. */
  outside(now: Now, request: StoreRequest, result: StoreResult<Verb>): void {
    if (WATCHED.has(request.verb)) this.#look(now, request, result)
  }

  /** A change that no verb of the store tells. */
  mailboxChanged(now: Now, aor: string): void {
    if (this.#mailboxListeners.length === 0) return
    this.#tellSoon(now)
    this.#changed.add(aor)
  }

  #historyChanged(now: Now, aor: string): void {
    if (this.#historyListeners.length === 0) return
    this.#tellSoon(now)
    this.#changedHistories.add(aor)
  }

  #tellSoon(now: Now): void {
    if (this.#changed.size > 0 || this.#changedHistories.size > 0) return
    this.#timers.set('mailboxes changed', after(now, COALESCE_MS), then => this.#tell(then))
  }

  #tell(now: Now): void {
    const [changed, histories] = [this.#changed, this.#changedHistories]
    this.#changed = new Set()
    this.#changedHistories = new Set()
    for (const aor of changed) for (const listener of this.#mailboxListeners) listener(now, aor)
    for (const aor of histories) for (const listener of this.#historyListeners) listener(now, aor)
  }

  #look(now: Now, request: StoreRequest, result: StoreResult<Verb>): void {
    if ('failure' in result) return
    const mailboxes = this.#changedBy(request, result.value)
    for (const aor of mailboxes) this.mailboxChanged(now, aor)
    for (const aor of this.#historiesOf(request, result.value)) this.#historyChanged(now, aor)
    const isSettings = request.verb === 'settings.put' && result.value === 'saved'
    if (isSettings) for (const listener of this.#settingsListeners) listener(now, request.aor)
  }

  #changedBy(request: StoreRequest, value: unknown): readonly string[] {
    switch (request.verb) {
      case 'custody':
      case 'upload.whole':
        return (value as Verbs['custody']['reply']).outcome === 'stored' ? [request.message.recipient] : []
      case 'upload.begin':
        this.#remember(value as Verbs['upload.begin']['reply'], request.message.recipient)
        return []
      case 'upload.finish':
        return this.#finished(request.upload, value as Verbs['upload.finish']['reply'])
      case 'upload.drop':
        this.#uploads.delete(request.upload)
        return []
      case 'confirm':
        return (value as Verbs['confirm']['reply']).wasWaiting ? [request.aor] : []
      case 'delete':
        return value === 'deleted' ? [request.aor] : []
      case 'account.remove':
        return value === 'removed' ? [request.aor] : []
      case 'expire':
        return (value as Verbs['expire']['reply']).map(({ aor }) => aor)
      default:
        return []
    }
  }

  /** Whose histories are others than before. Owners who keep none are told of for nothing: their document is as it was. */
  #historiesOf(request: StoreRequest, value: unknown): readonly string[] {
    switch (request.verb) {
      case 'custody':
        return keepersOf((value as { history?: HistoryKept }).history)
      case 'history.keep':
        return keepersOf(value as HistoryKept)
      case 'history.open': {
        const begun = value as Verbs['history.open']['reply']
        if (typeof begun === 'string' || begun.record === undefined) return []
        const owners = keepersOf(begun.outcomes)
        remember(this.#recordings, begun.record, owners)
        return owners
      }
      case 'history.close': {
        const owners = this.#recordings.get(request.record) ?? []
        this.#recordings.delete(request.record)
        return owners
      }
      case 'history.remove':
        return value === 'removed' ? [request.aor] : []
      case 'history.erase':
        return (value as Verbs['history.erase']['reply']).removed > 0 ? [request.aor] : []
      default:
        return []
    }
  }

  #remember(begun: Verbs['upload.begin']['reply'], recipient: string): void {
    if (begun.outcome === 'begun') remember(this.#uploads, begun.upload, recipient)
  }

  #finished(upload: number, custody: Verbs['upload.finish']['reply']): readonly string[] {
    const recipient = this.#uploads.get(upload)
    this.#uploads.delete(upload)
    const isStored = custody !== 'gone' && custody.outcome === 'stored'
    return isStored && recipient !== undefined ? [recipient] : []
  }
}

function remember<T>(table: Map<number, T>, id: number, value: T): void {
  const [oldest] = table.keys()
  if (oldest !== undefined && table.size >= REMEMBERED_MAX) table.delete(oldest)
  table.set(id, value)
}

const WATCHED: ReadonlySet<Verb> = new Set<Verb>([
  'custody',
  'upload.whole',
  'upload.begin',
  'upload.finish',
  'upload.drop',
  'confirm',
  'delete',
  'expire',
  'account.remove',
  'settings.put',
  'history.keep',
  'history.open',
  'history.close',
  'history.remove',
  'history.erase',
])

/** Those who have it now. */
const keepersOf = (kept: HistoryKept = []): string[] =>
  kept === 'flash reserve' ? [] : kept.flatMap(outcome => ('reference' in outcome ? [outcome.aor] : []))
