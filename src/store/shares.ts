import { nameHash } from './identities.ts'
import type { CustodyLimits, MessageIdentity, RefusalReason } from './verbs.ts'

/** What one sender has waiting, in one mailbox or in all of them. Large messages that are still coming are among the messages. */
export interface Held {
  readonly messages: number
  readonly bytes: number
  /** Outside messages and bytes. */
  readonly receipts: number
}

/** Of one mailbox, under the key of the sender. */
export interface Share extends Held {
  readonly key: number
}

/** One message, or so many bytes more of one that is counted already. */
export type Wanted = Held

export const NOTHING: Held = { messages: 0, bytes: 0, receipts: 0 }

/** Senders counted for themselves in one mailbox: 20 bytes each of a record that every message of the mailbox writes. */
export const SHARES_MAX = 64

/** Those past that number, together: in their mailbox as one sender, over the box not at all. */
export const OTHERS = 0

/** Those who proved nothing, together, as anybody can be many of them. */
const UNPROVEN = 1

type Named = Pick<MessageIdentity, 'sender' | 'fromTag'>

/** 48 bits of a digest: whoever makes two names meet shares what one may have. */
export function senderKey({ sender, fromTag }: Named, limits: CustodyLimits): number {
  if (fromTag.startsWith(' ') && !limits.sender?.areNamesBelieved) return UNPROVEN
  return Math.max(UNPROVEN + 1, nameHash(sender))
}

/** Under which key a sender is counted in a mailbox with these shares. */
export function keyAmong(shares: readonly Share[], key: number): number {
  let own = 0
  for (const share of shares) {
    if (share.key === key) return key
    if (share.key !== OTHERS) own++
  }
  return own < SHARES_MAX ? key : OTHERS
}

export const heldIn = (shares: readonly Share[], key: number): Held =>
  shares.find(share => share.key === key) ?? NOTHING

export function withShare(shares: readonly Share[], key: number, by: Held): readonly Share[] {
  const changed = { key, ...sumOf(heldIn(shares, key), by) }
  const others = shares.filter(share => share.key !== key)
  if (!isNothing(changed)) others.push(changed)
  return others
}

export const sumOf = (held: Held, by: Held): Held => ({
  messages: held.messages + by.messages,
  bytes: held.bytes + by.bytes,
  receipts: held.receipts + by.receipts,
})

const isNothing = ({ messages, receipts }: Held): boolean => messages === 0 && receipts === 0

/** The same taken away again. */
export const less = ({ messages, bytes, receipts }: Held): Held => ({
  messages: -messages,
  bytes: -bytes,
  receipts: -receipts,
})

/**
 * Why the sender may not have so much more waiting. Who has nothing waiting may always have one message: a quota of bytes must not
 * refuse what the limit for one message allows.
 */
export function senderRefusal(
  limits: CustodyLimits,
  wanted: Wanted,
  inMailbox: Held,
  overAll: Held,
): RefusalReason | undefined {
  const { sender } = limits
  if (!sender) return undefined
  const share = {
    messages: shareOf(limits.quotaMessages, sender.sharePercent, sender.undivided.messages),
    bytes: shareOf(limits.quotaBytes, sender.sharePercent, sender.undivided.bytes),
  }
  if (isOver(inMailbox, wanted, share)) return 'sender share'
  const quota = {
    messages: Math.max(sender.quotaMessages, share.messages),
    bytes: Math.max(sender.quotaBytes, share.bytes),
  }
  return isOver(overAll, wanted, quota) ? 'sender quota' : undefined
}

const shareOf = (quota: number, percent: number, least: number): number =>
  Math.max(Math.floor((quota * percent) / 100), Math.min(quota, least))

function isOver(held: Held, wanted: Wanted, most: { messages: number; bytes: number }): boolean {
  if (wanted.receipts > 0) return held.receipts + wanted.receipts > most.messages
  const others = held.messages - (wanted.messages === 0 ? 1 : 0)
  if (others <= 0) return false
  return held.messages + wanted.messages > most.messages || held.bytes + wanted.bytes > most.bytes
}

/** A number past those of all mailboxes: whatever they have is counted. */
export const COUNTED_ALL = Number.POSITIVE_INFINITY

/**
 * What each sender has waiting over all mailboxes: counted from their heads, then with what is committed. At the start the heads are read
 * some at a time, in the order of their mailboxes; what changes in those not reached yet is counted with them.
 */
export class SenderSums {
  #sums = new Map<number, Held>()
  /** Mailboxes below it are counted. */
  countedTo = 0

  get size(): number {
    return this.#sums.size
  }

  of(key: number): Held {
    return this.#sums.get(key) ?? NOTHING
  }

  set(key: number, held: Held): void {
    if (isNothing(held)) this.#sums.delete(key)
    else this.#sums.set(key, held)
  }

  replace(sums: ReadonlyMap<number, Held>): void {
    this.#sums = new Map()
    for (const [key, held] of sums) this.set(key, held)
  }
}

interface Layer {
  /** Nothing below it counts any more. */
  readonly isWhole: boolean
  readonly sums: Map<number, Held>
  /** Undefined: as below it. */
  countedTo?: number
}

const lookUp = ({ isWhole, sums }: Layer, key: number): Held | undefined =>
  sums.get(key) ?? (isWhole ? NOTHING : undefined)

const emptyLayer = (): Layer => ({ isWhole: false, sums: new Map() })

/** The sums as one batch of requests sees them; they themselves learn only by `settle` what the batch changed. */
export class SenderChanges {
  readonly #sums: SenderSums
  #request = emptyLayer()
  #batch = emptyLayer()

  constructor(sums: SenderSums) {
    this.#sums = sums
  }

  of(key: number): Held {
    return lookUp(this.#request, key) ?? lookUp(this.#batch, key) ?? this.#sums.of(key)
  }

  /** Mailboxes below it are counted. */
  get countedTo(): number {
    return this.#request.countedTo ?? this.#batch.countedTo ?? this.#sums.countedTo
  }

  /** What changed in a mailbox. */
  add(mailbox: number, key: number, by: Held): void {
    if (mailbox < this.countedTo) this.#add(key, by)
  }

  /** What all mailboxes have from where it was left off to before `end`. */
  count(shares: Iterable<Share>, end: number): void {
    for (const share of shares) this.#add(share.key, share)
    this.#request.countedTo = end
  }

  #add(key: number, by: Held): void {
    if (key !== OTHERS) this.#request.sums.set(key, sumOf(this.of(key), by))
  }

  /** Counted anew, as a record that they were counted from was damaged. */
  replace(sums: Map<number, Held>): void {
    this.#request = { isWhole: true, sums, countedTo: COUNTED_ALL }
  }

  /** Keeps what the request changed. */
  accept(): void {
    const { isWhole, sums, countedTo } = this.#request
    if (isWhole) this.#batch = this.#request
    else for (const [key, held] of sums) this.#batch.sums.set(key, held)
    if (countedTo !== undefined) this.#batch.countedTo = countedTo
    this.reject()
  }

  /** Forgets what the request changed. */
  reject(): void {
    if (this.#request.isWhole || this.#request.countedTo !== undefined) this.#request = emptyLayer()
    else this.#request.sums.clear()
  }

  /** What the batch changed is on stable storage. */
  settle(): void {
    if (this.#batch.isWhole) this.#sums.replace(this.#batch.sums)
    else for (const [key, held] of this.#batch.sums) this.#sums.set(key, held)
    this.#sums.countedTo = this.countedTo
  }
}
