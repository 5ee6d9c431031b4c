import { hash } from 'node:crypto'
import { readU32, readU48 } from './keys.ts'
import { identityText } from './story.ts'
import type { MessageIdentity } from './verbs.ts'

/** What leads to the story of a message again, which then decides: 32 bits of its Call-ID, 32 of all that makes it the same one. */
export interface IdentityHash {
  readonly callId: number
  /** Never 0: that stands for no message. */
  readonly identity: number
}

/** Identities that share a record: messages of one or two commits of many senders, and half a kilobyte to write again. */
export const GROUP_MESSAGES = 64

/** The hashes of so many messages in a row, two numbers for each: Call-ID and identity. No typed array: it is copied too often. */
export type IdentityGroup = readonly number[]

export const groupOf = (seq: number): number => Math.floor(seq / GROUP_MESSAGES)

const slotIn = (seq: number): number => (seq % GROUP_MESSAGES) * 2

export function hashIn(group: IdentityGroup, seq: number): IdentityHash | undefined {
  const [callId, identity] = [group[slotIn(seq)]!, group[slotIn(seq) + 1]!]
  return identity === 0 ? undefined : { callId, identity }
}

/** A copy of the group, if there is one, with the hash of `seq`, or without. */
export function withHash(group: IdentityGroup | undefined, seq: number, of: IdentityHash | undefined): IdentityGroup {
  const changed = group ? group.slice() : new Array<number>(GROUP_MESSAGES * 2).fill(0)
  changed[slotIn(seq)] = of?.callId ?? 0
  changed[slotIn(seq) + 1] = of?.identity ?? 0
  return changed
}

/** Of a digest in which nobody can make many messages meet, so that each would have to look at all of them. */
const bits = (text: string): number => readU32(hash('sha256', text, 'binary'), 0)

/** Of the name of a sender, who mostly was the sender before too. */
export const nameHash = lastKept(name => readU48(hash('sha256', name, 'binary'), 0))

export const callIdHash = lastKept(bits)

/** Messages in a row often have it in common. */
function lastKept(digest: (text: string) => number): (text: string) => number {
  let [last, result] = ['', digest('')]
  return text => {
    if (text !== last) [last, result] = [text, digest(text)]
    return result
  }
}

type Identity = Omit<MessageIdentity, 'recipient'>

export const identityHash = (mailbox: number, of: Identity): IdentityHash => ({
  callId: callIdHash(of.callId),
  identity: bits(`${mailbox}\n${identityText(of)}`) || 1,
})

const FIRST_SLOTS = 1024
/** A counter that went wrong must not take the memory: 64 MiB. */
const EXPECTED_MAX = 2_000_000
/** Of the slots; past it they are doubled. */
const FILLED_MAX = 0.7

/**
 * From the hashes of messages to their sequences: what is on stable storage, in flat arrays of 16 bytes a slot, because a busy box
 * remembers hundreds of thousands. Open addressing with linear probing; a removal moves those behind it up.
 */
export class IdentityIndex {
  #callIds: Uint32Array
  #identities: Uint32Array
  /** 0: the slot is free. */
  #seqs: Float64Array
  #size = 0

  /** `expected`: so many will come, as far as is known. */
  constructor(expected = 0) {
    let slots = FIRST_SLOTS
    while (slots * FILLED_MAX < Math.min(expected, EXPECTED_MAX)) slots *= 2
    this.#callIds = new Uint32Array(slots)
    this.#identities = new Uint32Array(slots)
    this.#seqs = new Float64Array(slots)
  }

  get size(): number {
    return this.#size
  }

  get slots(): number {
    return this.#seqs.length
  }

  seqsOf({ callId, identity }: IdentityHash): number[] {
    const found: number[] = []
    for (let at = this.#home(identity); this.#seqs[at] !== 0; at = this.#next(at)) {
      if (this.#identities[at] === identity && this.#callIds[at] === callId) found.push(this.#seqs[at]!)
    }
    return found
  }

  /** Looks through all slots: about a millisecond for each million. */
  seqsOfCallId(callId: number): number[] {
    const found: number[] = []
    for (let at = 0; at < this.#seqs.length; at++) {
      if (this.#callIds[at] === callId && this.#seqs[at] !== 0) found.push(this.#seqs[at]!)
    }
    return found
  }

  add({ callId, identity }: IdentityHash, seq: number): void {
    this.#insert(callId, identity, seq)
  }

  #insert(callId: number, identity: number, seq: number): void {
    if (this.#size + 1 > this.#seqs.length * FILLED_MAX) this.#double()
    this.#put(callId, identity, seq)
    this.#size++
  }

  addGroup(number: number, group: IdentityGroup): void {
    const first = number * GROUP_MESSAGES
    for (let slot = 0; slot < GROUP_MESSAGES; slot++) {
      const identity = group[slot * 2 + 1]!
      if (identity !== 0) this.#insert(group[slot * 2]!, identity, first + slot)
    }
  }

  remove({ identity }: IdentityHash, seq: number): void {
    let free = this.#home(identity)
    while (this.#seqs[free] !== seq) {
      if (this.#seqs[free] === 0) return
      free = this.#next(free)
    }
    const mask = this.#seqs.length - 1
    for (let at = this.#next(free); this.#seqs[at] !== 0; at = this.#next(at)) {
      const fromHome = (at - this.#home(this.#identities[at]!)) & mask
      if (fromHome < ((at - free) & mask)) continue
      this.#callIds[free] = this.#callIds[at]!
      this.#identities[free] = this.#identities[at]!
      this.#seqs[free] = this.#seqs[at]!
      free = at
    }
    this.#seqs[free] = 0
    this.#size--
  }

  #double(): void {
    const [callIds, identities, seqs] = [this.#callIds, this.#identities, this.#seqs]
    this.#callIds = new Uint32Array(seqs.length * 2)
    this.#identities = new Uint32Array(seqs.length * 2)
    this.#seqs = new Float64Array(seqs.length * 2)
    for (let at = 0; at < seqs.length; at++) {
      if (seqs[at] !== 0) this.#put(callIds[at]!, identities[at]!, seqs[at]!)
    }
  }

  #put(callId: number, identity: number, seq: number): void {
    let at = this.#home(identity)
    while (this.#seqs[at] !== 0) at = this.#next(at)
    this.#callIds[at] = callId
    this.#identities[at] = identity
    this.#seqs[at] = seq
  }

  #home(identity: number): number {
    return identity & (this.#seqs.length - 1)
  }

  #next(at: number): number {
    return (at + 1) & (this.#seqs.length - 1)
  }
}

interface Change {
  readonly of: IdentityHash
  readonly seq: number
  readonly isAdded: boolean
}

/** The index as one batch of requests sees it; the index itself learns only by `settle` what the batch changed. */
export class IdentityChanges {
  readonly #index: IdentityIndex
  #request: Change[] = []
  readonly #batch: Change[] = []

  constructor(index: IdentityIndex) {
    this.#index = index
  }

  /** Sequences whose story may be that of the message; the story may be gone. */
  seqsOf(of: IdentityHash): number[] {
    const found = this.#index.seqsOf(of)
    for (const one of this.#changes()) {
      if (one.isAdded && one.of.identity === of.identity && one.of.callId === of.callId) found.push(one.seq)
    }
    return found
  }

  seqsOfCallId(callId: number): number[] {
    const found = this.#index.seqsOfCallId(callId)
    for (const one of this.#changes()) if (one.isAdded && one.of.callId === callId) found.push(one.seq)
    return found
  }

  add(of: IdentityHash, seq: number): void {
    this.#request.push({ of, seq, isAdded: true })
  }

  remove(of: IdentityHash, seq: number): void {
    this.#request.push({ of, seq, isAdded: false })
  }

  /** Keeps what the request changed. */
  accept(): void {
    for (const change of this.#request) this.#batch.push(change)
    this.#request = []
  }

  /** Forgets what the request changed. */
  reject(): void {
    this.#request = []
  }

  /** What the batch changed is on stable storage. */
  settle(): void {
    for (const { of, seq, isAdded } of this.#batch) {
      if (isAdded) this.#index.add(of, seq)
      else this.#index.remove(of, seq)
    }
  }

  #changes(): readonly Change[] {
    return this.#request.length === 0 ? this.#batch : [...this.#batch, ...this.#request]
  }
}
