import type { WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { PIECE_BYTES_MAX } from './blocks.ts'
import type { HistoryVerbs } from './history.ts'
import { isWithinBounds } from './history-story.ts'
import { isOfAnother } from './if-version.ts'
import { Leases } from './leases.ts'
import { MemoryHistory } from './memory-history.ts'
import { MemoryNotices } from './memory-notices.ts'
import { inOrder, pageOf, redate, sum, usersInOrder } from './memory-order.ts'
import {
  countsOf,
  fullPercent,
  type MemoryMailbox,
  MemoryRoom,
  type Message,
  summaryOf,
  totalsOf,
  versionOf,
  waitingOf,
} from './memory-room.ts'
import { MemorySettings } from './memory-settings.ts'
import { MemorySubscriptions } from './memory-subscriptions.ts'
import { forgetEnded, traced } from './memory-trace.ts'
import { type LargeContent, MemoryUploads } from './memory-uploads.ts'
import type { Held } from './shares.ts'
import { ACCOUNT_REMOVED, clip, type Ending, ending, headOf, identityText, storeIdOf, withEvent } from './story.ts'
import type {
  Account,
  Custody,
  CustodyLimits,
  LifeStory,
  MessageIdentity,
  NewMessage,
  RefusalReason,
  RequestOf,
  StoreStatus,
  Verb,
  Verbs,
} from './verbs.ts'

/** What is stored: a whole message, or the head of a large one with its bytes beside it. */
type Kept = NewMessage & { readonly content?: LargeContent }

interface Mailbox extends MemoryMailbox {
  readonly messages: Map<number, Message>
  /** Identity to seq; kept after the end of the message until its story is forgotten. */
  readonly identities: Map<string, number>
}

interface Story {
  readonly story: LifeStory & { events: LifeStory['events'] }
  readonly mailbox: Mailbox
  readonly identity: string
  endedAt?: WallTime
}

type Handlers = { [V in Verb]: (request: Verbs[V]['request']) => Verbs[V]['reply'] }

/**
 * The reference model: every verb as plainly as it can be said, over maps in memory. What a store on a disk answers is right
 * when this answers the same.
 */
export class MemoryStore {
  readonly #hostname: string
  readonly #freeBytes: () => number
  readonly #accounts = new Map<string, Account>()
  readonly #bindings = new Map<string, { version: number; bindings: readonly Binding[] }>()
  readonly #mailboxes = new Map<string, Mailbox>()
  readonly #stories = new Map<number, Story>()
  readonly #leases = new Leases()
  readonly #handlers: Handlers
  readonly #uploads: MemoryUploads
  readonly #room: MemoryRoom
  readonly #notices = new MemoryNotices()
  readonly #settings = new MemorySettings()
  readonly #history: MemoryHistory
  #seq = 0
  #clockFloor = 0 as WallTime

  constructor(options: { hostname: string; freeBytes?: () => number }) {
    this.#hostname = options.hostname
    this.#freeBytes = options.freeBytes ?? (() => Number.MAX_SAFE_INTEGER)
    this.#uploads = new MemoryUploads(this.#freeBytes)
    this.#room = new MemoryRoom(this.#mailboxes, this.#uploads)
    this.#history = new MemoryHistory({
      hostname: options.hostname,
      freeBytes: () => this.#uploads.freeBytes(),
      clockFloor: () => this.#clockFloor,
      choice: aor => (this.#accounts.has(aor) ? this.#settings.history(aor) : undefined),
    })
    this.#handlers = { ...this.#ownHandlers, ...this.#history.handlers }
  }

  execute<V extends Verb>(request: RequestOf<V>): Verbs[V]['reply'] {
    const handler = this.#handlers[request.verb] as (request: Verbs[V]['request']) => Verbs[V]['reply']
    return handler(request)
  }

  /** What a restart does to a store: everything but the leases stays. */
  restart(): void {
    this.#leases.clear()
  }

  readonly #ownHandlers: Omit<Handlers, keyof HistoryVerbs> = {
    'account.get': ({ aor }) => this.#accounts.get(aor),
    'account.put': request => this.#putAccount(request),
    'account.remove': ({ aor, at }) => {
      const account = this.#accounts.get(aor)
      if (!account) return 'absent'
      if (account.origin === 'file') return 'provisioned'
      this.#removeAccount(aor, at)
      return 'removed'
    },
    'account.list': ({ after, limit }) => usersInOrder(this.#accounts, after, limit).map(([, account]) => account),
    'account.provision': ({ accounts }) => this.#provision(accounts),
    'bindings.get': ({ aor }) => this.#bindings.get(aor) ?? { version: 0, bindings: [] },
    'bindings.put': ({ aor, version, bindings }) => {
      if (!this.#accounts.has(aor)) return 'unknown'
      if ((this.#bindings.get(aor)?.version ?? 0) !== version) return 'conflict'
      this.#bindings.set(aor, { version: version + 1, bindings })
      return 'saved'
    },
    'bindings.due': ({ after, limit }) =>
      inOrder(this.#mailboxes, after, Number.POSITIVE_INFINITY)
        .filter(([aor, box]) => box.messages.size > 0 && (this.#bindings.get(aor)?.bindings.length ?? 0) > 0)
        .slice(0, limit)
        .map(([aor]) => aor),
    'bindings.count': () => sum([...this.#bindings.values()].map(({ bindings }) => bindings.length)),
    locate: ({ aor, sender }) => ({
      isKnown: this.#accounts.has(aor),
      bindings: this.#bindings.get(aor)?.bindings ?? [],
      waiting: this.#mailboxes.get(aor)?.messages.size ?? 0,
      ...this.#settings.decided(aor),
      ...(sender !== undefined && this.#accounts.has(sender) && { senderHistory: this.#settings.history(sender) }),
    }),
    'settings.get': ({ aor }) => (this.#accounts.has(aor) ? this.#settings.get(aor) : undefined),
    'settings.put': request => (this.#accounts.has(request.aor) ? this.#settings.put(request) : 'unknown'),
    'settings.expired': request => this.#settings.expired(request),
    ...new MemorySubscriptions().handlers,
    summary: ({ aor }) => summaryOf(this.#mailboxes.get(aor)),
    'mailbox.version': ({ aor }) => versionOf(this.#mailboxes.get(aor)),
    seen: identity => this.#mailboxes.get(identity.recipient)?.identities.has(identityText(identity)) ?? false,
    custody: request => this.#custody(request),
    room: ({ aor, bytes, limits, from }) => {
      const box = this.#mailboxes.get(aor)
      if (!box) return 'unknown recipient'
      const share = from && this.#room.shareOf(box, from, limits)
      return this.#room.refuse(box, share, limits)({ messages: 1, bytes, receipts: 0 }) ?? 'room'
    },
    'upload.begin': request => this.#beginUpload(request),
    'upload.append': request => {
      const found = this.#uploads.get(request.upload)
      if (!found) return 'gone'
      return this.#uploads.append(request, this.#room.refuse(found.box as Mailbox, found.share, request.limits))
    },
    'upload.finish': request => this.#finishUpload(request),
    'upload.whole': request => this.#takeWhole(request),
    'upload.drop': ({ upload }) => this.#uploads.drop(upload),
    'upload.clear': () => this.#uploads.dropAll(),
    sweep: ({ limit }) => this.#uploads.sweep(limit),
    piece: ({ aor, seq, offset, length }) => {
      const body = this.#mailboxes.get(aor)?.messages.get(seq)?.content?.body
      return body?.subarray(offset, offset + Math.min(length, PIECE_BYTES_MAX))
    },
    lease: request => this.#leases.lease(request),
    release: request => this.#leases.release(request),
    page: request => pageOf(this.#waitingAfter(request.aor, request.afterSeq), request),
    confirm: ({ aor, seq, at, detail }) => {
      const wasWaiting = this.#end(aor, seq, 'delivered', at, detail)
      return { wasWaiting, waiting: this.#mailboxes.get(aor)?.messages.size ?? 0 }
    },
    attempted: ({ aor, seq, at, detail }) => {
      const message = this.#mailboxes.get(aor)?.messages.get(seq)
      if (!message) return 'absent'
      message.attempts++
      message.lastFailure = clip(detail)
      this.#note(seq, { at, event: 'attempt', detail: clip(detail) })
      return 'noted'
    },
    delete: ({ aor, seq, at, detail, ...condition }) => {
      if (isOfAnother(versionOf(this.#mailboxes.get(aor))?.version, condition)) return 'changed'
      return this.#end(aor, seq, 'deleted', at, detail) ? 'deleted' : 'absent'
    },
    expire: ({ at, limit }) => this.#expire(at, limit),
    redate: request => redate(this.#mailboxes, request),
    forget: request => forgetEnded(this.#stories, request),
    mailboxes: ({ after, limit }) =>
      usersInOrder(this.#mailboxes, after, Number.POSITIVE_INFINITY)
        .filter(([, box]) => box.messages.size > 0)
        .slice(0, limit)
        .map(([aor, box]) => ({
          aor,
          ...countsOf(box),
          oldestReceivedAt: [...box.messages.values()][0]!.receivedAt,
        })),
    mailbox: ({ aor, afterSeq, limit, withHead }) =>
      this.#waitingAfter(aor, afterSeq)
        .slice(0, limit)
        .map(message => ({
          ...waitingOf(message),
          sender: this.#stories.get(message.seq)!.story.sender,
          ...(withHead && { head: headOf(message.bytes) }),
        })),
    notices: ({ limit, afterId }) => this.#notices.after(afterId, limit),
    'notice.done': ({ id }) => this.#notices.end(id),
    trace: ({ id, limit }) => traced([...this.#stories.values()], this.#seq, id, limit),
    status: () => this.#status(),
    clock: ({ wall }) => {
      this.#raiseClock(wall)
      return 'kept'
    },
  }

  #putAccount({ account, mustBe }: Verbs['account.put']['request']): Verbs['account.put']['reply'] {
    const isThere = this.#accounts.has(account.aor)
    if (mustBe === 'new' && isThere) return 'exists'
    if (mustBe === 'existing' && !isThere) return 'absent'
    this.#setAccount(account)
    return 'put'
  }

  #setAccount(account: Account): void {
    this.#accounts.set(account.aor, account)
    this.#history.addAccount(account.aor)
    if (!this.#mailboxes.has(account.aor)) {
      this.#mailboxes.set(account.aor, { messages: new Map(), identities: new Map(), isNearlyFull: false })
    }
  }

  #removeAccount(aor: string, at: WallTime): void {
    for (const seq of [...this.#mailboxes.get(aor)!.messages.keys()]) {
      this.#end(aor, seq, 'deleted', at, ACCOUNT_REMOVED)
    }
    this.#uploads.dropAll(this.#mailboxes.get(aor)!)
    this.#mailboxes.delete(aor)
    this.#bindings.delete(aor)
    this.#settings.remove(aor)
    this.#history.removeAccount(aor)
    this.#accounts.delete(aor)
  }

  #provision(accounts: readonly Account[]): Verbs['account.provision']['reply'] {
    const wanted = new Set(accounts.map(account => account.aor))
    for (const [aor, account] of inOrder(this.#accounts, undefined, Number.POSITIVE_INFINITY)) {
      if (account.origin === 'file' && !wanted.has(aor)) this.#removeAccount(aor, this.#clockFloor)
    }
    const shadowed: string[] = []
    for (const account of accounts) {
      const current = this.#accounts.get(account.aor)
      if (current?.origin === 'store' && (current.ha1Md5 || current.ha1Sha256)) shadowed.push(account.aor)
      else this.#setAccount(account)
    }
    return { shadowed }
  }

  #custody({ message, limits, history }: Verbs['custody']['request']): Custody {
    const bytes = message.bytes.length
    const wanted = message.isReceipt ? { messages: 0, bytes, receipts: 1 } : { messages: 1, bytes, receipts: 0 }
    const clockFloor = this.#clockFloor
    const custody = this.#take(message, wanted, { at: message.receivedAt, limits }, () => message)
    if (custody.outcome !== 'stored' || !history || !isWithinBounds(history)) return custody
    return { ...custody, history: this.#history.keep(history, clockFloor) }
  }

  #takeWhole(request: Verbs['upload.whole']['request']): Custody {
    const { message } = request
    const { head: bytes } = message
    const wanted = { messages: 1, bytes: bytes.length + request.content.length, receipts: 0 }
    return this.#take(message, wanted, request, () => ({ ...message, bytes, content: this.#uploads.whole(request) }))
  }

  #take(
    identity: MessageIdentity,
    wanted: Held,
    { at, limits }: { at: WallTime; limits: CustodyLimits },
    message: () => Kept,
  ): Custody {
    const box = this.#mailboxes.get(identity.recipient)
    if (!box) return refused('unknown recipient')
    const share = this.#room.shareOf(box, identity, limits)
    const known = this.#duplicateOf(box, identity)
    const reason = known ? undefined : this.#room.refuse(box, share, limits)(wanted)
    return known ?? (reason ? refused(reason) : this.#store(box, message(), { share, at, limits }))
  }

  #duplicateOf(box: Mailbox, message: MessageIdentity): Extract<Custody, { outcome: 'duplicate' }> | undefined {
    const seq = box.identities.get(identityText(message))
    return seq === undefined ? undefined : { outcome: 'duplicate', seq, storeId: this.#stories.get(seq)!.story.storeId }
  }

  #beginUpload(request: Verbs['upload.begin']['request']): Verbs['upload.begin']['reply'] {
    const box = this.#mailboxes.get(request.message.recipient)
    if (!box) return { outcome: 'refused', reason: 'unknown recipient' }
    const { message, limits } = request
    const share = this.#room.shareOf(box, message, limits)
    const refuse = this.#room.refuse(box, share, limits)
    return this.#duplicateOf(box, message) ?? this.#uploads.begin(box, share, request, refuse)
  }

  #finishUpload(request: Verbs['upload.finish']['request']): Custody | 'gone' {
    const upload = this.#uploads.get(request.upload)
    if (!upload) return 'gone'
    const { message, share } = upload
    const { at, limits, receipt } = request
    const box = this.#mailboxes.get(message.recipient)!
    const known = this.#duplicateOf(box, message)
    if (known) {
      this.#uploads.drop(request.upload)
      return known
    }
    const kept = {
      ...(receipt && { receipt }),
      ...message,
      bytes: message.head,
      content: this.#uploads.finish(request),
    }
    return this.#store(box, kept, { share, at, limits })
  }

  #store(box: Mailbox, message: Kept, how: { share: number; at: WallTime; limits: CustodyLimits }): Custody {
    const { share, at, limits } = how
    const before = countsOf(box)
    const seq = ++this.#seq
    const storeId = storeIdOf(seq, this.#hostname)
    const { receivedAt, expiresAt, isUrgent, recipient, sender, callId, messageId, content } = message
    const size = message.bytes.length + (content?.body.length ?? 0)
    const identity = identityText(message)
    const bytes = Buffer.from(message.bytes)
    const large = content && { isLarge: true as const, large: content.large, content }
    const receipt = message.isReceipt ? undefined : message.receipt
    const kind = { ...(message.isReceipt && !content && { isReceipt: true as const }), ...(receipt && { receipt }) }
    const times = { receivedAt, expiresAt }
    box.messages.set(seq, { seq, storeId, size, ...times, isUrgent, attempts: 0, bytes, share, ...kind, ...large })
    box.identities.set(identity, seq)
    const events = [{ at, event: 'stored' as const }]
    const story = { seq, storeId, recipient, sender, callId, ...(messageId && { messageId }), size, events }
    this.#stories.set(seq, { story, mailbox: box, identity })
    this.#raiseClock(at)
    if (receipt?.wantsStored) this.#notices.stored(story, receipt, at)
    const told = box.messages.get(seq)!.isReceipt ? undefined : fullPercent(box, before, limits)
    return { outcome: 'stored', seq, storeId, waiting: box.messages.size, ...told }
  }

  #waitingAfter(aor: string, afterSeq: number): Message[] {
    return [...(this.#mailboxes.get(aor)?.messages.values() ?? [])].filter(({ seq }) => seq > afterSeq)
  }

  #end(aor: string, seq: number, event: Ending, at: WallTime, detail: string): boolean {
    const box = this.#mailboxes.get(aor)
    const message = box?.messages.get(seq)
    if (!box || !message) return false
    box.messages.delete(seq)
    if (message.content) this.#uploads.toSweep(message.content)
    const end = ending(event, at, detail)
    this.#note(seq, end)
    if (message.receipt) this.#notices.ended(this.#stories.get(seq)!.story, message.receipt, end)
    this.#stories.get(seq)!.endedAt = at
    return true
  }

  #note(seq: number, event: LifeStory['events'][number]): void {
    const { story } = this.#stories.get(seq)!
    story.events = withEvent(story.events, event)
    this.#raiseClock(event.at)
  }

  #expire(at: WallTime, limit: number): Verbs['expire']['reply'] {
    const due = [...this.#mailboxes].flatMap(([aor, box]) =>
      [...box.messages.values()].map(message => ({ aor, message })),
    )
    return due
      .filter(({ message }) => message.expiresAt <= at)
      .sort((a, b) => a.message.expiresAt - b.message.expiresAt || a.message.seq - b.message.seq)
      .slice(0, limit)
      .map(({ aor, message }) => {
        this.#end(aor, message.seq, 'expired', at, '')
        return { ...waitingOf(message), aor }
      })
  }

  #status(): StoreStatus {
    return {
      ...totalsOf(this.#mailboxes),
      freeBytes: this.#freeBytes(),
      damaged: 0,
      notices: this.#notices.size,
      noticesLost: this.#notices.lost,
      clockFloor: this.#clockFloor,
    }
  }

  #raiseClock(wall: WallTime): void {
    if (wall > this.#clockFloor) this.#clockFloor = wall
  }
}

const refused = (reason: RefusalReason): Custody => ({ outcome: 'refused', reason })
