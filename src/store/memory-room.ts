import type { WallTime } from '../base/time.ts'
import type { LargeContent, MemoryUploads, Refuse } from './memory-uploads.ts'
import { type Held, keyAmong, NOTHING, OTHERS, type Share, senderKey, senderRefusal, sumOf } from './shares.ts'
import { mailboxVersion, NEARLY_FULL_PERCENT, percentOf, RELIEVED_PERCENT, SELF_TEST_AOR } from './story.ts'
import type {
  CustodyLimits,
  MessageIdentity,
  ReceiptTerms,
  StoredMessage,
  StoreStatus,
  Verbs,
  Waiting,
} from './verbs.ts'

export interface Message extends StoredMessage {
  expiresAt: WallTime
  attempts: number
  lastFailure?: string
  readonly content?: LargeContent
  readonly share: number
  readonly receipt?: ReceiptTerms
}

/** What counts of a mailbox. */
export interface MemoryMailbox {
  readonly messages: ReadonlyMap<
    number,
    Pick<Waiting, 'seq' | 'size' | 'receivedAt' | 'isUrgent' | 'isReceipt'> & { readonly share: number }
  >
  /** Somebody was told, and it has not been well below since. */
  isNearlyFull: boolean
}

/** Quotas and shares, counted each time from what is there: part of the reference model. */
export class MemoryRoom {
  readonly #mailboxes: ReadonlyMap<string, MemoryMailbox>
  readonly #uploads: MemoryUploads

  constructor(mailboxes: ReadonlyMap<string, MemoryMailbox>, uploads: MemoryUploads) {
    this.#mailboxes = mailboxes
    this.#uploads = uploads
  }

  shareOf(box: MemoryMailbox, from: Pick<MessageIdentity, 'sender' | 'fromTag'>, limits: CustodyLimits): number {
    const keys = new Set(this.#sharesOf(box).map(({ key }) => key))
    const shares = [...keys].map(key => ({ key, ...NOTHING }))
    return keyAmong(shares, senderKey(from, limits))
  }

  refuse(box: MemoryMailbox, share: number | undefined, limits: CustodyLimits): Refuse {
    return wanted => {
      const shares = this.#sharesOf(box)
      const all = shares.reduce(sumOf, NOTHING)
      if (wanted.receipts > 0) {
        if (all.receipts + wanted.receipts > limits.quotaMessages) return 'receipt quota'
      } else {
        if (wanted.messages > 0 && all.messages + wanted.messages > limits.quotaMessages) return 'message quota'
        if (all.bytes + wanted.bytes > limits.quotaBytes) return 'byte quota'
      }
      if (share !== undefined) {
        const everywhere = share === OTHERS ? [] : [...this.#mailboxes.values()].flatMap(one => this.#sharesOf(one))
        const reason = senderRefusal(limits, wanted, heldBy(shares, share), heldBy(everywhere, share))
        if (reason) return reason
      }
      return this.#uploads.freeBytes() - wanted.bytes < limits.reserveBytes ? 'flash reserve' : undefined
    }
  }

  /** Everything of a mailbox that somebody has room for. */
  #sharesOf(box: MemoryMailbox): Share[] {
    const waiting = [...box.messages.values()].map(({ share, size, isReceipt }) => ({
      key: share,
      ...(isReceipt ? { ...NOTHING, receipts: 1 } : { messages: 1, bytes: size, receipts: 0 }),
    }))
    const coming = this.#uploads.reserved.filter(upload => upload.box === box)
    return [...waiting, ...coming.map(({ share, bytes }) => ({ key: share, messages: 1, bytes, receipts: 0 }))]
  }
}

/** Receipts are beside the messages. */
export function countsOf(box: MemoryMailbox): { count: number; bytes: number; receipts: number } {
  const all = [...box.messages.values()]
  const messages = all.filter(({ isReceipt }) => !isReceipt)
  const bytes = messages.reduce((total, { size }) => total + size, 0)
  return { count: messages.length, bytes, receipts: all.length - messages.length }
}

/** What message waiting tells. */
export function summaryOf(box: MemoryMailbox | undefined): Verbs['summary']['reply'] {
  const messages = [...(box?.messages.values() ?? [])].filter(({ isReceipt }) => !isReceipt)
  const bytes = messages.reduce((total, { size }) => total + size, 0)
  const urgentNew = messages.filter(({ isUrgent }) => isUrgent).length
  return { newCount: messages.length, oldCount: 0, urgentNew, urgentOld: 0, bytes }
}

export function versionOf(box: MemoryMailbox | undefined): Verbs['mailbox.version']['reply'] {
  if (!box) return undefined
  const newest = [...box.messages.values()].sort((a, b) => b.seq - a.seq)[0]
  return { version: mailboxVersion(box.messages.size, newest), newestSeq: newest?.seq ?? 0 }
}

const heldBy = (shares: readonly Share[], key: number): Held =>
  shares.filter(share => share.key === key).reduce(sumOf, NOTHING)

/** Told once, until it was well below in between. */
export function fullPercent(
  box: MemoryMailbox,
  before: { count: number; bytes: number },
  limits: CustodyLimits,
): { fullPercent: number } | undefined {
  const wasTold = box.isNearlyFull && percentOf(before.count, before.bytes, limits) >= RELIEVED_PERCENT
  const { count, bytes } = countsOf(box)
  const percent = percentOf(count, bytes, limits)
  box.isNearlyFull = wasTold || percent >= NEARLY_FULL_PERCENT
  return box.isNearlyFull && !wasTold ? { fullPercent: percent } : undefined
}

/** Without the self-test's. */
export function totalsOf(
  mailboxes: ReadonlyMap<string, MemoryMailbox>,
): Pick<StoreStatus, 'accounts' | 'mailboxes' | 'waiting' | 'waitingBytes'> {
  const all = [...mailboxes].filter(([aor]) => aor !== SELF_TEST_AOR).map(([, box]) => box)
  const counts = all.filter(({ messages }) => messages.size > 0).map(countsOf)
  const sum = (of: 'count' | 'bytes'): number => counts.reduce((total, each) => total + each[of], 0)
  return { accounts: all.length, mailboxes: counts.length, waiting: sum('count'), waitingBytes: sum('bytes') }
}

export function waitingOf({
  bytes: _,
  large: __,
  content: ___,
  share: ____,
  receipt: _____,
  ...waiting
}: Message): Waiting {
  return waiting
}
