import { after, type Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { StoreClient, StoreRequest, StoreResult, Verb, Verbs } from '../store/verbs.ts'

/** Long enough for the confirmations of a fast push to be told as one change, short enough for nobody to wait for it. */
const COALESCE_MS = 100

/** Uploads whose receiver is remembered: more than there are sessions. One that is forgotten is told with the next change. */
const UPLOADS_MAX = 4096

type Listener = (now: Now, aor: string) => void

/**
 * The one place where the layers above learn that something in the store is other than before: it looks at the replies to what the
 * engine asked, and is told what others did (a command, the API). Told only what is on stable storage, and after whoever asked.
 */
export class StoreChanges {
  readonly #timers: Timers
  readonly #mailboxListeners: Listener[] = []
  readonly #settingsListeners: Listener[] = []
  readonly #uploads = new Map<number, string>()
  #changed = new Set<string>()

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
    if (this.#changed.size === 0) {
      this.#timers.set('mailboxes changed', after(now, COALESCE_MS), then => this.#tell(then))
    }
    this.#changed.add(aor)
  }

  #tell(now: Now): void {
    const changed = this.#changed
    this.#changed = new Set()
    for (const aor of changed) for (const listener of this.#mailboxListeners) listener(now, aor)
  }

  #look(now: Now, request: StoreRequest, result: StoreResult<Verb>): void {
    if ('failure' in result) return
    const mailboxes = this.#changedBy(request, result.value)
    for (const aor of mailboxes) this.mailboxChanged(now, aor)
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

  #remember(begun: Verbs['upload.begin']['reply'], recipient: string): void {
    if (begun.outcome !== 'begun') return
    const [oldest] = this.#uploads.keys()
    if (oldest !== undefined && this.#uploads.size >= UPLOADS_MAX) this.#uploads.delete(oldest)
    this.#uploads.set(begun.upload, recipient)
  }

  #finished(upload: number, custody: Verbs['upload.finish']['reply']): readonly string[] {
    const recipient = this.#uploads.get(upload)
    this.#uploads.delete(upload)
    const isStored = custody !== 'gone' && custody.outcome === 'stored'
    return isStored && recipient !== undefined ? [recipient] : []
  }
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
])
