import type { WallTime } from '../base/time.ts'
import type {
  HistoryChoice,
  HistoryEntry,
  HistoryItem,
  HistoryKept,
  HistoryLimits,
  HistoryOutcome,
  HistoryOwner,
  HistoryPiece,
  HistoryState,
  HistoryVerbs,
  NewHistory,
  PassedOver,
} from './history.ts'
import {
  boundedItem,
  boundedOwners,
  boundedParticipants,
  bytesOfPieces,
  checkHeads,
  checkPieces,
  clippedPeer,
  cursorOf,
  dayWith,
  EVICTED_MAX,
  fitsItem,
  type HistoryPlace,
  hasHeads,
  headsSize,
  historyMatcher,
  historyTime,
  historyVersion,
  isBefore,
  isHistoryWanted,
  LIST_MAX,
  LOOKED_MAX,
  NO_DAY,
  PIECES_BYTES_MAX,
  packed,
  passedOver,
  placeOfCursor,
  placeOfReference,
  REMOVED_MAX,
  referenceOf,
  roomMade,
} from './history-story.ts'
import { isOfAnother, NOT_ERASED } from './if-version.ts'
import { type Content, copied, entryOf, inOrderOfTime, type Owner, sizeOf } from './memory-history-items.ts'
import { inOrder } from './memory-order.ts'

interface Surroundings {
  readonly hostname: string
  freeBytes(): number
  clockFloor(): WallTime
  /** Undefined: no such account. */
  choice(aor: string): HistoryChoice | undefined
}

type Request<V extends keyof HistoryVerbs> = HistoryVerbs[V]['request']
type Reply<V extends keyof HistoryVerbs> = HistoryVerbs[V]['reply']
type Handlers = { readonly [V in keyof HistoryVerbs]: (request: Request<V>) => Reply<V> }

/** The histories of the reference model: one list of items, and who has which. */
export class MemoryHistory {
  readonly #around: Surroundings
  readonly #owners = new Map<string, Owner>()
  /** Of removed accounts, in the order in which these were made. */
  #gone: Owner[] = []
  #accounts = 0
  readonly #contents = new Map<number, Content>()
  /** Records of content that nobody has any more. */
  #leftovers: { readonly place: HistoryPlace; records: number }[] = []
  #last = 0

  constructor(around: Surroundings) {
    this.#around = around
  }

  readonly handlers: Handlers = {
    'history.keep': request => this.keep(request),
    'history.open': request => this.#open(request),
    'history.append': request => this.#append(request),
    'history.close': request => this.#close(request),
    'history.recover': ({ at }) => {
      const open = [...this.#contents.values()].filter(({ state }) => state === 'open')
      for (const content of open) this.#end(content, 'interrupted', at)
      return open.length
    },
    'history.list': request => this.#list(request),
    'history.get': ({ aor, reference }) => {
      const found = this.#find(aor, reference)
      if (!found) return undefined
      const { content, owner } = found
      return {
        entry: entryOf(content, owner, this.#around.hostname),
        heads: content.heads,
        participants: content.participants,
      }
    },
    'history.pieces': request => this.#pieces(request),
    'history.remove': ({ aor, reference, ...condition }) => {
      if (isOfAnother(this.#summary(aor)?.version, condition)) return 'changed'
      const found = this.#find(aor, reference)
      if (!found) return 'absent'
      this.#leave(found.content, found.owner)
      return 'removed'
    },
    'history.erase': ({ aor, before, limit, ...condition }) => {
      if (isOfAnother(this.#summary(aor)?.version, condition)) return NOT_ERASED
      const owner = this.#owners.get(aor)
      const due = owner ? this.#of(owner).filter(({ at }) => before === undefined || at < before) : []
      const removed = due.slice(0, Math.min(limit, REMOVED_MAX))
      for (const content of removed) this.#leave(content, owner!)
      return { removed: removed.length, isDone: removed.length === due.length }
    },
    'history.expire': ({ before, limit }) => {
      const due = inOrderOfTime([...this.#contents.values()]).filter(({ at }) => at < before)
      const expired = due.slice(0, Math.min(limit, REMOVED_MAX))
      for (const content of expired) this.#drop(content)
      return expired.length
    },
    'history.sweep': ({ limit }) => this.#sweep(Math.min(limit, REMOVED_MAX)),
    'history.summary': ({ aor }) => this.#summary(aor),
    'history.owners': ({ after, limit }) =>
      inOrder(this.#owners, after, Number.POSITIVE_INFINITY)
        .filter(([, owner]) => this.#of(owner).length > 0)
        .slice(0, Math.min(limit, LIST_MAX))
        .map(([aor, owner]) => ({ aor, items: this.#of(owner).length, bytes: this.#bytes(owner) })),
  }

  keep(history: NewHistory, clockFloor = this.#around.clockFloor()): HistoryKept {
    const { item, owners, piece, limits, isFromStranger = false } = history
    checkPieces([piece])
    const wanted = this.#wanted(item, owners, limits)
    if (wanted.size === 0) return []
    const bytes = Buffer.from(piece.bytes.subarray(0, limits.quotaBytes))
    if (this.#around.freeBytes() - bytes.length < limits.reserveBytes) return 'flash reserve'
    const state = bytes.length < piece.bytes.length ? 'cut short' : 'whole'
    const what = { state, heads: {}, limits, isFromStranger } as const
    return this.#begin(item, wanted, { ...what, pieces: [{ ...piece, bytes }] }, clockFloor).outcomes
  }

  addAccount(aor: string): void {
    if (this.#owners.has(aor)) return
    this.#owners.set(aor, { aor, number: ++this.#accounts, change: 0, day: NO_DAY, isGone: false })
  }

  /** What is recorded now ends; the rest goes by the sweep. */
  removeAccount(aor: string): void {
    const owner = this.#owners.get(aor)!
    for (const content of this.#of(owner)) if (content.state === 'open') this.#leave(content, owner)
    this.#owners.delete(aor)
    owner.isGone = true
    if (this.#of(owner).length > 0) this.#gone.push(owner)
    this.#gone.sort((a, b) => a.number - b.number)
  }

  #wanted(
    { kind }: HistoryItem,
    owners: readonly HistoryOwner[],
    { isActiveByDefault }: HistoryLimits,
    isAskedFor = false,
  ): Map<Owner, HistoryOwner> {
    const wanted = boundedOwners(owners).filter(({ aor }) => {
      const choice = this.#around.choice(aor)
      return choice && (isAskedFor || isHistoryWanted(choice, kind, isActiveByDefault))
    })
    return new Map(wanted.map(owner => [this.#owners.get(owner.aor)!, owner]))
  }

  #begin(
    item: HistoryItem,
    wanting: Map<Owner, HistoryOwner>,
    what: Pick<Content, 'state' | 'pieces' | 'heads' | 'isFromStranger'> & { readonly limits: HistoryLimits },
    clockFloor = this.#around.clockFloor(),
  ): { readonly id?: number; readonly outcomes: readonly HistoryOutcome[] } {
    const { state, pieces, heads, limits, isFromStranger } = what
    const at = historyTime(item.receivedAt, clockFloor)
    const size = bytesOfPieces(pieces) + headsSize(heads)
    const over = new Map([...wanting.keys()].map(owner => [owner, this.#over(owner, at, size, what)]))
    const passed = (owner: Owner): PassedOver | undefined => over.get(owner)
    const holders = new Map([...wanting].filter(([owner]) => passed(owner) === undefined))
    if (holders.size === 0)
      return { outcomes: [...wanting.keys()].map(owner => ({ aor: owner.aor, passedOver: passed(owner)! })) }
    const id = ++this.#last
    const evicted = new Map([...holders.keys()].map(owner => [owner, this.#makeRoom(owner, size, limits)]))
    for (const owner of holders.keys()) {
      owner.change = id
      owner.day = dayWith(owner.day, at, size)
    }
    const rest = {
      participants: [],
      state,
      records: 0,
      hasHeads: hasHeads(heads),
      heads: copied(heads),
      isFromStranger,
    }
    const content = { at, id, item: boundedItem(item), holders, pieces: [...pieces], ...rest }
    this.#contents.set(id, content)
    const reference = referenceOf(content, this.#around.hostname)
    const outcomes = [...wanting.keys()].map((owner): HistoryOutcome => {
      const [{ aor }, why, gone] = [owner, passed(owner), evicted.get(owner)]
      return why === undefined ? { aor, reference, ...(gone && { evicted: gone }) } : { aor, passedOver: why }
    })
    return { id, outcomes }
  }

  #over(
    owner: Owner,
    at: WallTime,
    size: number,
    { isFromStranger, limits }: { readonly isFromStranger: boolean; readonly limits: HistoryLimits },
  ): PassedOver | undefined {
    return passedOver({ bytes: this.#bytes(owner), day: owner.day }, { at, size, isFromStranger }, limits)
  }

  #open(request: Request<'history.open'>): Reply<'history.open'> {
    const { item, owners, heads, limits, isAskedFor, isFromStranger = false } = request
    checkHeads(heads)
    const wanted = this.#wanted(item, owners, limits, isAskedFor)
    if (wanted.size === 0) return 'unwanted'
    if (this.#around.freeBytes() - headsSize(heads) < limits.reserveBytes) return 'flash reserve'
    const what = { state: 'open', heads, limits, isFromStranger } as const
    const { id, outcomes } = this.#begin(item, wanted, { ...what, pieces: [] })
    return { ...(id !== undefined && { record: id }), outcomes }
  }

  #append({ record, pieces, limits }: Request<'history.append'>): Reply<'history.append'> {
    checkPieces(pieces)
    const content = this.#openOne(record)
    if (!content) return 'gone'
    if (pieces.length === 0) return 'kept'
    const bytes = bytesOfPieces(pieces)
    const has = { size: sizeOf(content), pieces: content.pieces.length }
    const isFull = this.#around.freeBytes() - bytes < limits.reserveBytes
    if (isFull || !fitsItem(has, pieces, limits.quotaBytes)) {
      this.#end(content, 'cut short', pieces.at(-1)!.at)
      return 'full'
    }
    const { isFromStranger } = content
    const at = historyTime(pieces.at(-1)!.at, this.#around.clockFloor())
    for (const owner of content.holders.keys()) {
      const why = this.#over(owner, at, bytes, { isFromStranger, limits })
      if (why === undefined) continue
      this.#end(content, 'cut short', pieces.at(-1)!.at)
      return { aor: owner.aor, passedOver: why }
    }
    let evicted = 0
    for (const owner of content.holders.keys()) {
      evicted += this.#makeRoom(owner, bytes, limits, content)
      owner.day = dayWith(owner.day, at, bytes)
    }
    content.pieces.push(...pieces.map(piece => ({ ...piece, bytes: Buffer.from(piece.bytes) })))
    content.records += packed(pieces).length
    return evicted > 0 ? { evicted } : 'kept'
  }

  #close({ record, at, keep, state, heads = {}, participants = [] }: Request<'history.close'>): Reply<'history.close'> {
    checkHeads(heads)
    const content = this.#openOne(record)
    if (!content) return 'gone'
    if (!keep) {
      this.#drop(content)
      return 'closed'
    }
    const before = headsSize(content.heads)
    content.heads = { ...content.heads, ...copied(heads) }
    const [more, then] = [headsSize(content.heads) - before, historyTime(at, this.#around.clockFloor())]
    for (const owner of more === 0 ? [] : content.holders.keys())
      owner.day = dayWith(owner.day, then, Math.max(0, more))
    content.participants = boundedParticipants(participants)
    content.hasHeads = hasHeads(content.heads) || content.participants.length > 0
    this.#end(content, state ?? 'whole', at)
    return 'closed'
  }

  #openOne(record: number): Content | undefined {
    const content = this.#contents.get(record)
    return content?.state === 'open' ? content : undefined
  }

  #end(content: Content, state: HistoryState, at: WallTime): void {
    content.state = state
    content.endedAt = at
    for (const owner of content.holders.keys()) if (!owner.isGone) owner.change = ++this.#last
  }

  #makeRoom(owner: Owner, size: number, { quotaBytes }: HistoryLimits, except?: Content): number {
    const target = roomMade(this.#bytes(owner), size, quotaBytes)
    if (target === undefined) return 0
    let evicted = 0
    const oldest = this.#of(owner).filter(content => content !== except)
    for (const content of oldest.slice(0, EVICTED_MAX)) {
      if (this.#bytes(owner) <= target) break
      this.#leave(content, owner)
      evicted++
    }
    return evicted
  }

  #leave(content: Content, owner: Owner): void {
    content.holders.delete(owner)
    if (!owner.isGone) owner.change = ++this.#last
    if (content.holders.size > 0) return
    this.#contents.delete(content.id)
    const records = content.records + (content.hasHeads ? 1 : 0)
    if (records > 0) this.#leftovers.push({ place: content, records })
  }

  #drop(content: Content): void {
    for (const owner of [...content.holders.keys()]) this.#leave(content, owner)
  }

  #sweep(limit: number): number {
    let left = limit
    this.#leftovers.sort((a, b) => (isBefore(a.place, b.place) ? -1 : 1))
    for (const leftover of this.#leftovers) {
      const removed = Math.min(left, leftover.records)
      leftover.records -= removed
      left -= removed
    }
    this.#leftovers = this.#leftovers.filter(({ records }) => records > 0)
    for (const owner of this.#gone) {
      for (const content of this.#of(owner).slice(0, left)) {
        this.#leave(content, owner)
        left--
      }
    }
    this.#gone = this.#gone.filter(owner => this.#of(owner).length > 0)
    return limit - left
  }

  #list({ aor, filter, order, after, limit }: Request<'history.list'>): Reply<'history.list'> {
    const owner = this.#owners.get(aor)
    const cursor = after === undefined ? undefined : placeOfCursor(after)
    if (!owner || (after !== undefined && !cursor)) return { entries: [] }
    const { since, until, peer } = filter
    const matches = historyMatcher(filter)
    const isPast = (place: HistoryPlace): boolean =>
      !cursor || (order === 'oldest' ? isBefore(cursor, place) : isBefore(place, cursor))
    const all = this.#of(owner).filter(
      content =>
        (since === undefined || content.at >= since) &&
        (until === undefined || content.at < until) &&
        (peer === undefined || content.holders.get(owner)!.peer === clippedPeer(peer)) &&
        isPast(content),
    )
    if (order === 'newest') all.reverse()
    const entries: HistoryEntry[] = []
    let looked = 0
    while (looked < Math.min(all.length, LOOKED_MAX) && entries.length < Math.min(limit, LIST_MAX)) {
      const content = all[looked++]!
      if (matches(content.item)) entries.push(entryOf(content, owner, this.#around.hostname))
    }
    const next = looked > 0 && looked < all.length ? { next: cursorOf(all[looked - 1]!) } : {}
    return { entries, ...next }
  }

  #pieces({ aor, reference, from, bytes }: Request<'history.pieces'>): Reply<'history.pieces'> {
    const found = this.#find(aor, reference)
    if (!found) return undefined
    const pieces: HistoryPiece[] = []
    const all = found.content.pieces
    let total = 0
    for (const piece of all.slice(from)) {
      total += piece.bytes.length
      if (pieces.length > 0 && total > Math.min(bytes, PIECES_BYTES_MAX)) break
      pieces.push(piece)
    }
    const next = from + pieces.length
    return { pieces, next, isLast: next >= all.length }
  }

  #summary(aor: string): Reply<'history.summary'> {
    const owner = this.#owners.get(aor)
    if (!owner) return undefined
    const all = this.#of(owner)
    const oldestAt = all[0]?.at
    const version = historyVersion(all.length, owner.change, oldestAt)
    return { items: all.length, bytes: this.#bytes(owner), version, ...(oldestAt !== undefined && { oldestAt }) }
  }

  #find(aor: string, reference: string): { content: Content; owner: Owner } | undefined {
    const owner = this.#owners.get(aor)
    const place = placeOfReference(reference)
    const content = place && this.#contents.get(place.id)
    return owner && content?.at === place?.at && content?.holders.has(owner) ? { content, owner } : undefined
  }

  #of(owner: Owner): Content[] {
    return inOrderOfTime([...this.#contents.values()].filter(({ holders }) => holders.has(owner)))
  }

  #bytes(owner: Owner): number {
    return this.#of(owner).reduce((sum, content) => sum + sizeOf(content), 0)
  }
}
