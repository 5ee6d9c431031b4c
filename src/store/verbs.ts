import type { Now, WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import type { Account, DigestAlgorithm } from './account.ts'
import type { HistoryChoice, HistoryKept, HistoryVerbs, NewHistory } from './history.ts'
import type { SettingsRecord } from './settings.ts'

/**
 * The verbs of the store: requests leave the engine as values, replies come back as inputs when what they changed is on stable
 * storage. Each verb is atomic, carries its own preconditions and is answered with what was decided. Text is latin1 or ASCII.
 */

export type { Account, DigestAlgorithm }

/** Under which duplicates are recognised, across restarts. */
export interface MessageIdentity {
  readonly recipient: string
  /** Address-of-record or URI the sender is known by; `anonymous` when Privacy asked for it (DM-STO-04). */
  readonly sender: string
  readonly callId: string
  readonly cseq: number
  /** Marked where the sender proved nothing, so that nobody's message passes for that of somebody who did. */
  readonly fromTag: string
  /** MSRP Message-ID of a large message: several may come by one INVITE. */
  readonly messageId?: string
}

/** A message about to be taken into custody (DM-STO-01..04). */
export interface NewMessage extends MessageIdentity {
  /** The whole request as it shall be pushed: sanitised headers and untouched body. */
  readonly bytes: Buffer
  readonly receivedAt: WallTime
  /** Absolute; DM-STO-10..12. */
  readonly expiresAt: WallTime
  readonly isUrgent: boolean
  /** Absent: nobody is told anything. */
  readonly receipt?: ReceiptTerms
  /** A receipt itself: never told about, and outside the count of messages, with a bound of its own. */
  readonly isReceipt?: boolean
}

/** What the sender asked to be told of this message (RFC 5438), and what a notice about it must say. */
export interface ReceiptTerms {
  /** imdn.Message-ID. */
  readonly messageId: string
  readonly dateTime: string
  /** CPIM From and To header values, as received. */
  readonly from: string
  readonly to: string
  /** URI of imdn.Original-To, if there is one. */
  readonly originalTo?: string
  readonly wantsStored: boolean
  readonly wantsFailed: boolean
}

/** Something that a sender asked to be told of a message. Written with what it tells, and there until `notice.done`. */
export interface Notice {
  /** In the order of the events, never reused. */
  readonly id: number
  readonly kind: 'stored' | 'failed'
  /** In plain words. */
  readonly why: string
  readonly at: WallTime
  /** URI to send it to. */
  readonly sender: string
  /** Address-of-record that the message was for. */
  readonly recipient: string
  readonly receipt: ReceiptTerms
  /** Of the message. */
  readonly storeId: string
}

/** A large message whose bytes are about to come (DM-STO-05..07). */
export interface NewUpload extends MessageIdentity {
  readonly messageId: string
  /** Start line and kept headers of the INVITE as a sipfrag: ends with CRLF, no empty line (DM-STO-05). */
  readonly head: Buffer
  readonly receivedAt: WallTime
  readonly expiresAt: WallTime
  readonly isUrgent: boolean
  readonly receipt?: ReceiptTerms
  /** A receipt itself: never told about. It counts as any large message. */
  readonly isReceipt?: boolean
}

/** What one sender may have waiting. */
export interface SenderLimits {
  /** Of the quotas of one mailbox, 1 to 100. */
  readonly sharePercent: number
  /** A mailbox no larger than this is one sender's if that one comes first. */
  readonly undivided: { readonly messages: number; readonly bytes: number }
  /** Over all mailboxes; never less than what one mailbox allows. */
  readonly quotaMessages: number
  readonly quotaBytes: number
  /** Whether those who proved nothing are told apart by the name they give; else they count as one sender. */
  readonly areNamesBelieved: boolean
}

export interface CustodyLimits {
  readonly quotaMessages: number
  readonly quotaBytes: number
  readonly reserveBytes: number
  /** Absent: one sender is bounded by the quotas alone. */
  readonly sender?: SenderLimits
}

export type RefusalReason =
  | 'unknown recipient'
  | 'message quota'
  | 'byte quota'
  | 'receipt quota'
  | 'sender share'
  | 'sender quota'
  | 'flash reserve'

export type Custody =
  | {
      readonly outcome: 'stored'
      readonly seq: number
      readonly storeId: string
      readonly waiting: number
      /** How full the mailbox is now, in percent of its quota; there when it came past 80 for the first time since it was below 60. */
      readonly fullPercent?: number
      /** What became of `history`, where it was asked for and within its bounds. */
      readonly history?: HistoryKept
    }
  | { readonly outcome: 'duplicate'; readonly seq: number; readonly storeId: string }
  | { readonly outcome: 'refused'; readonly reason: RefusalReason }

/** What goes into the msrpfrag of a large message, whose bytes are read piece by piece (DM-STO-06). */
export interface LargeBody {
  readonly size: number
  readonly messageId: string
  readonly contentType: string
  /** Of the first SEND. */
  readonly transactionId: string
}

/** What is known of a waiting message without reading its bytes. */
export interface Waiting {
  /** Arrival order over the whole store, never reused; what orders a mailbox. */
  readonly seq: number
  /** `sip:SEQ@hostname` (DM-STO-08). */
  readonly storeId: string
  readonly size: number
  readonly receivedAt: WallTime
  readonly expiresAt: WallTime
  readonly isUrgent: boolean
  readonly attempts: number
  /** Why the last attempt did not end in delivery, in plain words. */
  readonly lastFailure?: string
  readonly isLarge?: true
  /** Nothing that a person waits for. */
  readonly isReceipt?: true
}

export interface StoredMessage extends Waiting {
  /** The whole request; of a large message its head alone. */
  readonly bytes: Buffer
  readonly large?: LargeBody
}

export interface MailboxSummary {
  readonly aor: string
  /** Without receipts. */
  readonly count: number
  readonly bytes: number
  readonly receipts: number
  /** Of the messages and receipts. */
  readonly oldestReceivedAt?: WallTime
}

export type LifeEvent =
  | { readonly at: WallTime; readonly event: 'stored' }
  | { readonly at: WallTime; readonly event: 'attempt'; readonly detail: string }
  | { readonly at: WallTime; readonly event: 'delivered' | 'expired' | 'deleted' | 'damaged'; readonly detail: string }

/** The life story of one message; kept for a bounded time after its end, without its body. */
export interface LifeStory {
  readonly seq: number
  readonly storeId: string
  readonly recipient: string
  readonly sender: string
  readonly callId: string
  /** Of a large message, as MSRP had it. */
  readonly messageId?: string
  readonly size: number
  readonly events: readonly LifeEvent[]
}

/** Of no meaning to the store. */
export interface KeptSubscription {
  readonly id: string
  readonly value: string
}

export interface StoreStatus {
  readonly accounts: number
  readonly mailboxes: number
  readonly waiting: number
  readonly waitingBytes: number
  readonly freeBytes: number
  readonly damaged: number
  /** Notices that are still to be sent, and those for which there was no room. */
  readonly notices: number
  readonly noticesLost: number
  /** The latest wall time ever written; a clock before it is not trusted. */
  readonly clockFloor: WallTime
}

/** Verb name to its request and its reply. `read` verbs see every commit replied before; the others reply after the flush. */
export interface Verbs extends HistoryVerbs {
  // accounts
  'account.get': { request: { aor: string }; reply: Account | undefined }
  'account.put': { request: { account: Account; mustBe?: 'new' | 'existing' }; reply: 'put' | 'exists' | 'absent' }
  /** Removes the account, its bindings and its mailbox. `file` accounts are refused with `provisioned`. */
  'account.remove': { request: { aor: string; at: WallTime }; reply: 'removed' | 'absent' | 'provisioned' }
  'account.list': { request: { after?: string; limit: number }; reply: readonly Account[] }
  /**
   * Makes the `file` accounts exactly these; a `store` account of the same name that has credentials is left as it is and reported.
   * A `file` account that is no longer among them goes as with `account.remove`, its mailbox with it.
   */
  'account.provision': { request: { accounts: readonly Account[] }; reply: { shadowed: readonly string[] } }

  // registrar: compare and set
  'bindings.get': { request: { aor: string }; reply: { version: number; bindings: readonly Binding[] } }
  'bindings.put': {
    request: { aor: string; version: number; bindings: readonly Binding[] }
    reply: 'saved' | 'conflict' | 'unknown'
  }
  /** Addresses-of-record that have bindings and waiting messages, in order of name: where delivery resumes after a start. */
  'bindings.due': { request: { after?: string; limit: number }; reply: readonly string[] }
  /** Contacts bound, over all addresses-of-record, lapsed ones included until they are written over. */
  'bindings.count': { request: Record<never, never>; reply: number }

  // settings of the service: compare and set
  /** Undefined: there is no such account. */
  'settings.get': { request: { aor: string }; reply: SettingsRecord | undefined }
  'settings.put': {
    request: { aor: string; version: number; settings: Omit<SettingsRecord, 'version'> }
    reply: 'saved' | 'conflict' | 'unknown'
  }
  /** Accounts with publications whose time has come, oldest first. They count until a `settings.put` without them. */
  'settings.expired': { request: { at: WallTime; limit: number }; reply: readonly string[] }

  // subscriptions (RFC 6665), for a restart
  /** In place of what is kept under that id, ASCII; both together at most 16384 characters. At most `max` are kept. */
  'subscription.put': { request: KeptSubscription & { max: number }; reply: 'kept' | 'full' }
  'subscription.remove': { request: { id: string }; reply: 'removed' | 'absent' }
  /** In order of their ids. */
  'subscription.list': { request: { after?: string; limit: number }; reply: readonly KeptSubscription[] }

  // mailbox
  /** What message waiting tells (RFC 3842), in constant time; of an unknown account all is 0. Receipts are not counted. */
  summary: {
    request: { aor: string }
    reply: { newCount: number; oldCount: number; urgentNew: number; urgentOld: number; bytes: number }
  }
  /**
   * Names the set of messages and receipts that wait now, in constant time: another text whenever it is another set. `newestSeq` is 0 of an
   * empty mailbox. Undefined: there is no such account.
   */
  'mailbox.version': { request: { aor: string }; reply: { version: string; newestSeq: number } | undefined }
  /** One read that decides forward or custody. */
  locate: {
    /** `sender`: somebody who may be a user of ours, and have a history. */
    request: { aor: string; sender?: string }
    /** `offlineDelivery` as it stands now (DM-DLV-02..04); absent: nobody decided. */
    reply: {
      isKnown: boolean
      bindings: readonly Binding[]
      waiting: number
      offlineDelivery?: boolean
      senderHistory?: HistoryChoice
    } & HistoryChoice
  }
  /** Whether exactly this message was taken into custody before, as far back as its story is kept. */
  seen: { request: MessageIdentity; reply: boolean }
  /** `history`: kept with it in the same transaction, once it is stored; what history refuses changes nothing of the custody. */
  custody: { request: { message: NewMessage; limits: CustodyLimits; history?: NewHistory }; reply: Custody }
  // large messages: the bytes come while the message is not there yet
  /** Whether a message of so many bytes would be begun now; nothing is reserved. `from`: so that the sender's own limits count. */
  room: {
    request: { aor: string; bytes: number; limits: CustodyLimits; from?: Pick<MessageIdentity, 'sender' | 'fromTag'> }
    reply: RefusalReason | 'room'
  }
  /** `expectedBytes`: of the body, if the sender said how many, else 0. Room is reserved from here on, against the quotas and the flash. */
  'upload.begin': {
    request: { message: NewUpload; expectedBytes: number; limits: CustodyLimits }
    reply:
      | { readonly outcome: 'begun'; readonly upload: number }
      | { readonly outcome: 'duplicate'; readonly seq: number; readonly storeId: string }
      | { readonly outcome: 'refused'; readonly reason: RefusalReason }
  }
  /** Any offset, any overlap: the later write wins. The bytes are the store's until it has replied. More than expected is reserved as it comes; refused bytes leave nothing behind. */
  'upload.append': {
    request: { upload: number; offset: number; bytes: Buffer; limits: CustodyLimits }
    reply: 'kept' | 'gone' | { readonly refused: RefusalReason }
  }
  /**
   * All bytes are there: the message stands in the mailbox, in one transaction (DM-STO-07). `receipt`: what its content asked for, where
   * the beginning did not say. `limits`: how full the mailbox gets, as there is room for the message already.
   */
  'upload.finish': {
    request: {
      upload: number
      size: number
      contentType: string
      transactionId: string
      at: WallTime
      receipt?: ReceiptTerms
      limits: CustodyLimits
    }
    reply: Custody | 'gone'
  }
  /** All of a large message at once, in one transaction: begun, appended and finished. */
  'upload.whole': {
    request: {
      message: NewUpload
      content: Buffer
      contentType: string
      transactionId: string
      at: WallTime
      limits: CustodyLimits
    }
    reply: Custody
  }
  'upload.drop': { request: { upload: number }; reply: 'dropped' | 'absent' }
  /** At start: uploads that no process holds any more are dropped. How many. */
  'upload.clear': { request: Record<never, never>; reply: number }
  /** Removes blocks of messages and uploads that have ended, at most `limit`. How many; 0: nothing is left. */
  sweep: { request: { limit: number }; reply: number }
  /**
   * Bytes of a large message that waits, at most 1 MiB, fewer at its end; undefined: it is gone or damaged. They may be put into `memory`,
   * which is the store's until it has replied.
   */
  piece: {
    request: { aor: string; seq: number; offset: number; length: number; memory?: Buffer }
    reply: Buffer | undefined
  }
  /** One delivery per mailbox at a time; a lease not renewed for `forMs` is free again. Not persistent: gone with the process that held it. */
  lease: { request: { aor: string; holder: string; at: WallTime; forMs: number }; reply: 'granted' | 'busy' }
  release: { request: { aor: string; holder: string }; reply: 'released' }
  /** Waiting messages after `afterSeq` in order, not expired (when `isWallTrusted`), at most so many and about so many bytes (of large messages the heads count), at least one if there is one. */
  page: {
    request: { aor: string; afterSeq: number; limit: number; bytes: number; at: WallTime; isWallTrusted: boolean }
    reply: readonly StoredMessage[]
  }
  /** The receiver's success: the message and its index, counters and expiry go in one transaction. */
  confirm: {
    request: { aor: string; seq: number; at: WallTime; detail: string }
    reply: { wasWaiting: boolean; waiting: number }
  }
  /** An attempt that did not end in success; the message stays. */
  attempted: { request: { aor: string; seq: number; at: WallTime; detail: string }; reply: 'noted' | 'absent' }
  /** Deleted unread by its owner or the administrator. With `ifVersion` only if that is the version of the mailbox still. */
  delete: {
    request: { aor: string; seq: number; at: WallTime; detail: string; ifVersion?: string }
    reply: 'deleted' | 'absent' | 'changed'
  }
  /** Ends messages whose time has come, oldest first, at most `limit`. Never asked while the clock is not trusted. */
  expire: { request: { at: WallTime; limit: number }; reply: readonly (Waiting & { readonly aor: string })[] }
  /** Gives messages whose end is `UNDATED` or later the end that counts from `wall` instead, at most `limit`. How many. */
  redate: { request: { wall: WallTime; limit: number }; reply: number }
  /** Forgets life stories and identities of messages that ended before `before`, at most `limit`. */
  forget: { request: { before: WallTime; keep: number; limit: number }; reply: number }

  // what senders asked to be told: `stored` with custody, `failed` with expiry, deletion and damage, one of each kind at most
  /** In order of their ids, after `afterId`. */
  notices: { request: { limit: number; afterId: number }; reply: readonly Notice[] }
  /** Told, or given up. */
  'notice.done': { request: { id: number }; reply: 'done' | 'absent' }

  // looking in from outside
  /** Mailboxes with waiting messages, in order of name. */
  mailboxes: { request: { after?: string; limit: number }; reply: readonly MailboxSummary[] }
  /** `sender` as the life story has it (`anonymous` where privacy was asked for); `head` is start line and headers, if asked for. */
  mailbox: {
    request: { aor: string; afterSeq: number; limit: number; withHead?: boolean }
    reply: readonly (Waiting & { readonly sender: string; readonly head?: Buffer })[]
  }
  /** By store id, Call-ID or MSRP Message-ID; several messages may share a Call-ID: the newest first. */
  trace: { request: { id: string; limit: number }; reply: readonly LifeStory[] }
  status: { request: Record<never, never>; reply: StoreStatus }
  /** Raises the floor below which the wall clock is not trusted. */
  clock: { request: { wall: WallTime }; reply: 'kept' }
}

export type Verb = keyof Verbs

export type UploadVerb = Extract<Verb, `upload.${string}`> | 'sweep' | 'piece' | 'room'

export type RequestOf<V extends Verb> = { readonly verb: V } & Verbs[V]['request']

export type Reply = Verbs[Verb]['reply']

export type StoreRequest = { [V in Verb]: { readonly verb: V } & Verbs[V]['request'] }[Verb]

/** The world failed: nothing of the request is on stable storage. `full`: no space; `io`: the medium; `closed`: shutting down; `busy`: too many outstanding. */
export interface StoreFailure {
  readonly failure: 'full' | 'io' | 'closed' | 'busy'
  readonly detail: string
}

export type StoreResult<V extends Verb> = { readonly value: Verbs[V]['reply'] } | StoreFailure

/** How the layers above ask: the continuation runs as an input of its own, once, later. */
export interface StoreClient {
  ask<V extends Verb>(verb: V, request: Verbs[V]['request'], done: (now: Now, result: StoreResult<V>) => void): void
}
