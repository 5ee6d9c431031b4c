import { type KeyValue, NeedsWrite, Overlay, readOnly } from './key-value.ts'
import {
  countBindings,
  dueBindings,
  getAccount,
  getBindings,
  listAccounts,
  locate,
  provision,
  putAccount,
  putBindings,
  removeAccount,
} from './keyed-accounts.ts'
import { listMailboxes, readMailbox, readStatus, trace } from './keyed-inspect.ts'
import {
  confirm,
  deleteUnread,
  expire,
  forget,
  keepClock,
  postpone,
  readPage,
  takeCustody,
  wasSeen,
} from './keyed-mailbox.ts'
import { Leases } from './leases.ts'
import type { RecordCache } from './record-cache.ts'
import { type Notice, repair } from './repair.ts'
import { Damage, type Surroundings, Tables } from './tables.ts'
import type { Reply, RequestOf, StoreFailure, StoreRequest, UploadVerb, Verb, Verbs } from './verbs.ts'

type Handler<V extends Verb> = (tables: Tables, request: Verbs[V]['request']) => Verbs[V]['reply']

const HANDLERS: { readonly [V in Exclude<Verb, 'lease' | 'release' | UploadVerb>]: Handler<V> } = {
  'account.get': getAccount,
  'account.put': putAccount,
  'account.remove': removeAccount,
  'account.list': listAccounts,
  'account.provision': provision,
  'bindings.get': getBindings,
  'bindings.put': putBindings,
  'bindings.due': dueBindings,
  'bindings.count': countBindings,
  locate,
  seen: wasSeen,
  custody: takeCustody,
  page: readPage,
  confirm,
  postpone,
  delete: deleteUnread,
  expire,
  forget,
  mailboxes: listMailboxes,
  mailbox: readMailbox,
  trace,
  status: readStatus,
  clock: keepClock,
}

/** Each round puts one record right; a medium that damages more than this within one request is past using. */
const REPAIRS_MAX = 1000

/** The disk refused; everything of the transaction is undone. Any other error concerns one request alone. */
export class DiskFailure extends Error {
  readonly failure: 'full' | 'io'
  constructor(failure: 'full' | 'io', detail: string) {
    super(detail)
    this.failure = failure
  }
}

export type Result = { readonly value: Reply } | StoreFailure

export interface Batch {
  /** One for each request, in order. Theirs to keep only once the transaction is on stable storage. */
  readonly results: readonly Result[]
  readonly notices: readonly Notice[]
  /** To be called when the transaction is on stable storage, before anything is read from the disk or the cache again. */
  settle(): void
}

/** The verbs over any ordered table of bytes. Holds no state but the leases, and what the cache knows of the disk. */
export class KeyedStore {
  readonly #surroundings: Surroundings
  readonly #cache: RecordCache | undefined
  readonly #leases = new Leases()

  /** `cache`: only where nobody else writes to the disk, and every batch that reaches it is settled. */
  constructor(surroundings: Surroundings, cache?: RecordCache) {
    this.#surroundings = surroundings
    this.#cache = cache
  }

  lease<V extends 'lease' | 'release'>(request: RequestOf<V>): Verbs['lease' | 'release']['reply'] {
    return request.verb === 'lease'
      ? this.#leases.lease(request as RequestOf<'lease'>)
      : this.#leases.release(request as RequestOf<'release'>)
  }

  /** Answers a read from a snapshot, or undefined when a damaged record has to be put right first: then it goes with the writes. */
  read(snapshot: Pick<KeyValue, 'get' | 'range'>, request: StoreRequest): { value: Reply } | undefined {
    try {
      return { value: this.#run(new Tables(readOnly(snapshot, this.#cache), this.#surroundings), request) }
    } catch (error) {
      if (error instanceof NeedsWrite || error instanceof Damage) return undefined
      throw error
    }
  }

  /** Runs requests one after the other inside one transaction; throws what the disk throws, and then all of it is undone. */
  write(transaction: KeyValue, requests: readonly StoreRequest[]): Batch {
    const overlay = new Overlay(transaction, this.#cache)
    const notices: Notice[] = []
    const results = requests.map(request => this.#writeOne(overlay, request, notices))
    overlay.flush()
    return { results, notices, settle: () => overlay.settle() }
  }

  #writeOne(overlay: Overlay, request: StoreRequest, notices: Notice[]): Result {
    const tables = new Tables(overlay, this.#surroundings)
    for (let repairs = 0; repairs <= REPAIRS_MAX; repairs++) {
      try {
        const value = this.#run(tables, request)
        overlay.accept()
        return { value }
      } catch (error) {
        overlay.reject()
        if (error instanceof DiskFailure) throw error
        if (!(error instanceof Damage)) return { failure: 'io', detail: String(error) }
        notices.push(repair(tables, error))
        overlay.accept()
      }
    }
    return { failure: 'io', detail: 'too many damaged records' }
  }

  #run(tables: Tables, request: StoreRequest): Reply {
    const handler = HANDLERS[request.verb as keyof typeof HANDLERS] as (tables: Tables, request: StoreRequest) => Reply
    return handler(tables, request)
  }
}
