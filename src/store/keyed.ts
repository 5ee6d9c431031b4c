import { Damage, whole } from './damage.ts'
import { IdentityChanges, IdentityIndex } from './identities.ts'
import { isOfAnother, NOT_ERASED } from './if-version.ts'
import { type KeyValue, NeedsWrite, Overlay, readOnly, type Snapshot } from './key-value.ts'
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
import { keepHistory } from './keyed-history.ts'
import { eraseHistory, expireHistory, removeHistory, sweepHistory } from './keyed-history-ends.ts'
import { getHistory, historyOwners, historySummary, listHistory, readPieces } from './keyed-history-list.ts'
import { listMailboxes, readMailbox, readStatus, trace, versionOfMailbox } from './keyed-inspect.ts'
import {
  attempted,
  confirm,
  deleteUnread,
  expire,
  forget,
  keepClock,
  readPage,
  summary,
  takeCustody,
  wasSeen,
} from './keyed-mailbox.ts'
import { endNotice, listNotices } from './keyed-notices.ts'
import { appendHistory, closeHistory, openHistory, recoverHistory } from './keyed-recordings.ts'
import { redate } from './keyed-redate.ts'
import { expiredSettings, getSettings, putSettings } from './keyed-settings.ts'
import { listSubscriptions, putSubscription, removeSubscription } from './keyed-subscriptions.ts'
import {
  appendUpload,
  beginUpload,
  clearUploads,
  dropUpload,
  findRoom,
  finishUpload,
  keepWhole,
  readPiece,
} from './keyed-uploads.ts'
import { readU48 } from './keys.ts'
import { Leases } from './leases.ts'
import type { RecordCache } from './record-cache.ts'
import { decodeIdentities } from './records.ts'
import { type Notice, repair, scan } from './repair.ts'
import { countSenders } from './repair-shares.ts'
import { COUNTED_ALL, SenderChanges, SenderSums } from './shares.ts'
import { sweep } from './sweep.ts'
import { type Surroundings, Tables } from './tables.ts'
import type { Reply, RequestOf, StoreFailure, StoreRequest, Verb, Verbs } from './verbs.ts'

type Handler<V extends Verb> = (tables: Tables, request: Verbs[V]['request']) => Verbs[V]['reply']

const HANDLERS: { readonly [V in Exclude<Verb, 'lease' | 'release'>]: Handler<V> } = {
  'account.get': getAccount,
  'account.put': putAccount,
  'account.remove': removeAccount,
  'account.list': listAccounts,
  'account.provision': provision,
  'bindings.get': getBindings,
  'bindings.put': putBindings,
  'bindings.due': dueBindings,
  'bindings.count': countBindings,
  'settings.get': getSettings,
  'settings.put': putSettings,
  'settings.expired': expiredSettings,
  'subscription.put': putSubscription,
  'subscription.remove': removeSubscription,
  'subscription.list': listSubscriptions,
  summary,
  'mailbox.version': versionOfMailbox,
  locate,
  seen: wasSeen,
  custody: takeCustody,
  room: findRoom,
  'upload.begin': beginUpload,
  'upload.append': appendUpload,
  'upload.finish': finishUpload,
  'upload.whole': keepWhole,
  'upload.drop': dropUpload,
  'upload.clear': clearUploads,
  sweep,
  piece: readPiece,
  page: readPage,
  confirm,
  attempted,
  delete: (tables, request) =>
    isOfAnother(versionOfMailbox(tables, request)?.version, request) ? 'changed' : deleteUnread(tables, request),
  expire,
  redate,
  forget,
  mailboxes: listMailboxes,
  mailbox: readMailbox,
  notices: listNotices,
  'notice.done': endNotice,
  trace,
  status: readStatus,
  clock: keepClock,
  'history.keep': keepHistory,
  'history.open': openHistory,
  'history.append': appendHistory,
  'history.close': closeHistory,
  'history.recover': recoverHistory,
  'history.list': listHistory,
  'history.get': getHistory,
  'history.pieces': readPieces,
  'history.remove': (tables, request) =>
    isOfAnother(historySummary(tables, request)?.version, request) ? 'changed' : removeHistory(tables, request),
  'history.erase': (tables, request) =>
    isOfAnother(historySummary(tables, request)?.version, request) ? NOT_ERASED : eraseHistory(tables, request),
  'history.expire': expireHistory,
  'history.sweep': sweepHistory,
  'history.summary': historySummary,
  'history.owners': historyOwners,
}

/** Mailboxes that the start and each batch after it count for the sums of senders, until all are counted: a millisecond or two. */
const COUNTED_EACH = 256

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

export interface Loaded {
  readonly notices: readonly Notice[]
  /** To be called when the transaction is on stable storage, before anything is read from the disk or the cache again. */
  settle(): void
}

export interface Batch extends Loaded {
  /** One for each request, in order. Theirs to keep only once the transaction is on stable storage. */
  readonly results: readonly Result[]
}

/**
 * The verbs over any ordered table of bytes. Holds no state but the leases, the index of identities, and what the cache knows of the
 * disk. Every batch that reaches the disk has to be settled.
 */
export class KeyedStore {
  readonly #surroundings: Surroundings
  readonly #cache: RecordCache | undefined
  readonly #leases = new Leases()
  readonly #senders = new SenderSums()
  #identities = new IdentityIndex()

  /** `cache`: only where nobody else writes to the disk. */
  constructor(surroundings: Surroundings, cache?: RecordCache) {
    this.#surroundings = surroundings
    this.#cache = cache
  }

  /** To be called first over a disk that holds anything: reads what no message can do without. Throws when it cannot be had. */
  load(transaction: KeyValue): Loaded {
    const batch = this.#begin(transaction)
    const { overlay, memory, notices } = batch
    const result = this.#attempt(batch, readIdentities)
    if (!('value' in result)) throw new Error(result.detail)
    this.#identities = result.value
    this.#countOn(batch)
    overlay.flush()
    const settle = (): void => {
      overlay.settle()
      memory.senders.settle()
    }
    return { notices, settle }
  }

  /** Whether every batch, be it empty, has something left to read of what the start put off. */
  get isBehind(): boolean {
    return this.#senders.countedTo < COUNTED_ALL
  }

  lease<V extends 'lease' | 'release'>(request: RequestOf<V>): Verbs['lease' | 'release']['reply'] {
    return request.verb === 'lease'
      ? this.#leases.lease(request as RequestOf<'lease'>)
      : this.#leases.release(request as RequestOf<'release'>)
  }

  /** Answers a read from a snapshot, or undefined when a damaged record has to be put right first: then it goes with the writes. */
  read(snapshot: Snapshot, request: StoreRequest): { value: Reply } | undefined {
    // It needs the sums of senders, which a write counts once and for all.
    if (request.verb === 'room' && this.isBehind) return undefined
    try {
      const tables = new Tables(readOnly(snapshot, this.#cache), this.#surroundings, this.#memory())
      return { value: this.#run(tables, request) }
    } catch (error) {
      if (error instanceof NeedsWrite || error instanceof Damage) return undefined
      throw error
    }
  }

  /** Runs requests one after the other inside one transaction; throws what the disk throws, and then all of it is undone. */
  write(transaction: KeyValue, requests: readonly StoreRequest[]): Batch {
    const batch = this.#begin(transaction)
    const { overlay, memory, notices } = batch
    this.#countOn(batch)
    const results = requests.map(request => this.#attempt(batch, tables => this.#run(tables, request)))
    overlay.flush()
    const settle = (): void => {
      overlay.settle()
      memory.identities.settle()
      memory.senders.settle()
    }
    return { results, notices, settle }
  }

  #countOn(batch: Unsettled): void {
    if (this.isBehind) this.#attempt(batch, tables => countSenders(tables, COUNTED_EACH))
  }

  #begin(transaction: KeyValue): Unsettled {
    return { overlay: new Overlay(transaction, this.#cache), memory: this.#memory(), notices: [] }
  }

  #memory(): Memory {
    return { identities: new IdentityChanges(this.#identities), senders: new SenderChanges(this.#senders) }
  }

  /** Again and again until no record it reads is damaged. */
  #attempt<T>(
    { overlay, memory, notices }: Unsettled,
    run: (tables: Tables) => T,
  ): { readonly value: T } | StoreFailure {
    const { identities, senders } = memory
    const tables = new Tables(overlay, this.#surroundings, memory)
    for (let repairs = 0; repairs <= REPAIRS_MAX; repairs++) {
      try {
        const value = run(tables)
        overlay.accept()
        identities.accept()
        senders.accept()
        return { value }
      } catch (error) {
        overlay.reject()
        identities.reject()
        senders.reject()
        if (error instanceof DiskFailure) throw error
        if (!(error instanceof Damage)) return { failure: 'io', detail: String(error) }
        notices.push(repair(tables, error))
        overlay.accept()
        senders.accept()
      }
    }
    return { failure: 'io', detail: 'too many damaged records' }
  }

  #run(tables: Tables, request: StoreRequest): Reply {
    const handler = HANDLERS[request.verb as keyof typeof HANDLERS] as (tables: Tables, request: StoreRequest) => Reply
    return handler(tables, request)
  }
}

interface Unsettled {
  readonly overlay: Overlay
  readonly memory: Memory
  readonly notices: Notice[]
}

/** What is kept in memory of the disk, as a batch sees it. */
interface Memory {
  readonly identities: IdentityChanges
  readonly senders: SenderChanges
}

/** Totals first: damaged ones are put right before a repair counts in them. */
function readIdentities(tables: Tables): IdentityIndex {
  const { waiting, ended } = tables.totals()
  const index = new IdentityIndex(waiting + ended)
  for (const { key, value } of scan(tables, 'd')) {
    const group = readU48(key, 1)
    index.addGroup(group, whole(decodeIdentities(key, value), { table: 'identities', group }, key, value))
  }
  return index
}
