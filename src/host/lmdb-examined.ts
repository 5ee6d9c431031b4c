import type { FileHandle } from 'node:fs/promises'
import { latestMeta, type Meta, NO_PAGE, type Tree } from './lmdb-meta.ts'

/**
 * What the library takes for granted and ends the process where it is not so (lmdb 3.5.6, mdb.c): each page of a tree is there once, in its
 * place, of a commit that was; what lies in it lies within it, in order; the counts are right; and no page is free and in use at once.
 */

const PAGE_HEADER_BYTES = 24
const TRANSACTION_AT = 8
const FLAGS_AT = 18
const LOWER_AT = 20
const UPPER_AT = 22
const OVERFLOW_PAGES_AT = 20
const BRANCH = 0x01
const LEAF = 0x02
const OVERFLOW = 0x04
const NODE_HEADER_BYTES = 8
const NODE_FLAGS_AT = 4
const NODE_KEY_BYTES_AT = 6
const BIG_DATA = 0x01
/** Where a leaf has the number of the pages of a large record: that of the first, the commit, how many. */
const BIG_DATA_BYTES = 24
const BIG_DATA_PAGES_AT = 16
const INTEGER_KEYS = 0x08
const NUMBER_BYTES = 8
/** The library's own stack of pages. */
const DEPTH_MAX = 32
/** The library's own; none of these may ask for memory that nobody has. */
const PAGE_BYTES_MIN = 256
const PAGE_BYTES_MAX = 64 * 1024
/** More than this program maps (open-store.ts). */
const FILE_BYTES_MAX = 2 ** 41
/** Read at once of a large record, which is not looked at: a medium that cannot read it says so here, and not in the library's map. */
const PIECE_BYTES = 1024 * 1024
/** Between two words to whoever waits. */
const TOLD_PAGES = 1024

/** Thrown within; what it says is for the log. */
class Fault extends Error {}

/** What is wrong with a file that nobody has open; undefined: nothing that is known to matter. Rejects where it cannot be read. */
export async function faultIn(file: FileHandle, told: () => void = () => {}): Promise<string | undefined> {
  const meta = await latestMeta(file)
  if (!meta) return 'its beginning is not of a store'
  if (!isPossible(meta)) return 'its first pages are damaged'
  try {
    await new Examination(file, meta, told).run()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

function isPossible({ pageSize, lastPage }: Meta): boolean {
  const isPageSize = pageSize >= PAGE_BYTES_MIN && pageSize <= PAGE_BYTES_MAX && (pageSize & (pageSize - 1)) === 0
  return isPageSize && (lastPage + 1) * pageSize <= FILE_BYTES_MAX
}

interface Place {
  readonly number: bigint
  readonly depth: number
}

interface Counted {
  branches: bigint
  leaves: bigint
  overflows: bigint
  entries: bigint
}

/** Reads each page once. Its memory is a bit for each page of the file, and a few pages. */
class Examination {
  readonly #file: FileHandle
  readonly #meta: Meta
  readonly #told: () => void
  readonly #page: Buffer
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES)
  /** A bit for each page that something leads to. */
  readonly #seen: Uint8Array
  #looked = 0

  constructor(file: FileHandle, meta: Meta, told: () => void) {
    this.#file = file
    this.#meta = meta
    this.#told = told
    this.#page = Buffer.alloc(meta.pageSize)
    this.#seen = new Uint8Array((meta.lastPage >> 3) + 1)
  }

  async run(): Promise<void> {
    const { free, records } = this.#meta
    if (records.flags !== 0 || free.flags !== INTEGER_KEYS) throw new Fault('its first pages are damaged')
    await this.#tree(records, false)
    await this.#tree(free, true)
  }

  async #tree(tree: Tree, isFree: boolean): Promise<void> {
    if (tree.root === NO_PAGE) return
    if (tree.depth === 0 || tree.depth > DEPTH_MAX) throw new Fault(`a tree of depth ${tree.depth}`)
    const counted: Counted = { branches: 0n, leaves: 0n, overflows: 0n, entries: 0n }
    const open: Place[] = [{ number: tree.root, depth: 1 }]
    for (let place = open.pop(); place; place = open.pop()) {
      await this.#read(place.number)
      if (place.depth < tree.depth) this.#branch(place, counted, open, isFree)
      else await this.#leaf(place.number, counted, isFree)
    }
    for (const name of ['branches', 'leaves', 'overflows', 'entries'] as const)
      if (counted[name] !== tree[name]) throw new Fault(`a tree has ${counted[name]} ${name} and counts ${tree[name]}`)
  }

  async #read(number: bigint): Promise<void> {
    this.#take(number)
    await this.#fill(this.#page, Number(number) * this.#meta.pageSize)
    this.#head(this.#page, number)
  }

  /** Each page is for one thing. */
  #take(number: bigint): void {
    if (number < 2n || number > BigInt(this.#meta.lastPage)) throw new Fault(`page ${number} is none of the file`)
    const at = Number(number)
    const bit = 1 << (at & 7)
    if (this.#seen[at >> 3]! & bit) throw new Fault(`page ${number} is in two places`)
    this.#seen[at >> 3]! |= bit
    if (++this.#looked % TOLD_PAGES === 0) this.#told()
  }

  #head(page: Buffer, number: bigint): void {
    if (page.readBigUInt64LE(0) !== number) throw new Fault(`page ${number} is another one`)
    // What is of a later commit the library takes for its own to write to.
    if (page.readBigUInt64LE(TRANSACTION_AT) > this.#meta.transaction) throw new Fault(`page ${number} is of no commit`)
  }

  #branch({ number, depth }: Place, counted: Counted, open: Place[], isFree: boolean): void {
    const nodes = this.#nodes(number, BRANCH)
    if (nodes.length < (isFree ? 1 : 2)) throw new Fault(`page ${number} leads nowhere`)
    counted.branches++
    for (const [index, node] of nodes.entries()) {
      this.#key(node, number)
      if (index > 1) this.#inOrder(nodes[index - 1]!, node, number, isFree)
      const below =
        BigInt(this.#page.readUInt32LE(node)) | (BigInt(this.#page.readUInt16LE(node + NODE_FLAGS_AT)) << 32n)
      open.push({ number: below, depth: depth + 1 })
    }
  }

  async #leaf(number: bigint, counted: Counted, isFree: boolean): Promise<void> {
    const nodes = this.#nodes(number, LEAF)
    if (nodes.length === 0) throw new Fault(`page ${number} is empty`)
    counted.leaves++
    counted.entries += BigInt(nodes.length)
    const large: { first: bigint; pages: bigint; bytes: number }[] = []
    for (const [index, node] of nodes.entries()) {
      const key = this.#key(node, number)
      if (isFree && key.length !== NUMBER_BYTES) throw new Fault(`page ${number} has a key of ${key.length} bytes`)
      if (index > 0) this.#inOrder(nodes[index - 1]!, node, number, isFree)
      const found = this.#data(node, number)
      if ('first' in found) large.push(found)
      else if (isFree) this.#freed(found.bytes)
    }
    for (const each of large) counted.overflows += await this.#large(each, isFree)
  }

  /** Where each of what lies in the page begins. */
  #nodes(number: bigint, kind: number): number[] {
    const page = this.#page
    const lower = page.readUInt16LE(LOWER_AT)
    const upper = page.readUInt16LE(UPPER_AT)
    const isPage = page.readUInt16LE(FLAGS_AT) === kind && lower % 2 === 0 && lower <= upper
    if (!isPage || PAGE_HEADER_BYTES + upper > page.length) throw new Fault(`page ${number} is no page of a tree`)
    return Array.from({ length: lower / 2 }, (_, index) => {
      const at = page.readUInt16LE(PAGE_HEADER_BYTES + 2 * index)
      if (at < upper || at % 2 !== 0 || PAGE_HEADER_BYTES + at + NODE_HEADER_BYTES > page.length)
        throw new Fault(`page ${number} leads out of itself`)
      return PAGE_HEADER_BYTES + at
    })
  }

  #key(node: number, number: bigint): Buffer {
    const end = node + NODE_HEADER_BYTES + this.#page.readUInt16LE(node + NODE_KEY_BYTES_AT)
    if (end > this.#page.length) throw new Fault(`page ${number} has a key that goes on behind it`)
    return this.#page.subarray(node + NODE_HEADER_BYTES, end)
  }

  #inOrder(before: number, node: number, number: bigint, isFree: boolean): void {
    const [one, next] = [this.#key(before, number), this.#key(node, number)]
    const isAfter = isFree ? numberOf(one) < numberOf(next) : one.compare(next) < 0
    if (!isAfter) throw new Fault(`page ${number} is in disorder`)
  }

  #data(node: number, number: bigint): { bytes: Buffer } | { first: bigint; pages: bigint; bytes: number } {
    const page = this.#page
    const bytes = page.readUInt16LE(node) | (page.readUInt16LE(node + 2) << 16)
    const flags = page.readUInt16LE(node + NODE_FLAGS_AT)
    const at = node + NODE_HEADER_BYTES + page.readUInt16LE(node + NODE_KEY_BYTES_AT)
    if (flags !== 0 && flags !== BIG_DATA) throw new Fault(`page ${number} has what this program never writes`)
    if (at + (flags === BIG_DATA ? BIG_DATA_BYTES : bytes) > page.length || bytes < 0)
      throw new Fault(`page ${number} has a record that goes on behind it`)
    if (flags === 0) return { bytes: page.subarray(at, at + bytes) }
    return { first: page.readBigUInt64LE(at), pages: page.readBigUInt64LE(at + BIG_DATA_PAGES_AT), bytes }
  }

  async #large(
    { first, pages, bytes }: { first: bigint; pages: bigint; bytes: number },
    isFree: boolean,
  ): Promise<bigint> {
    const { pageSize, lastPage } = this.#meta
    if (pages < 1n || first + pages - 1n > BigInt(lastPage) || PAGE_HEADER_BYTES + bytes > Number(pages) * pageSize)
      throw new Fault(`pages ${first} to ${first + pages - 1n} are not of one record`)
    for (let each = first; each < first + pages; each++) this.#take(each)
    for (let at = 0; at < Number(pages) * pageSize; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, Number(pages) * pageSize - at)
      await this.#fill(this.#piece.subarray(0, length), Number(first) * pageSize + at)
      if (at === 0) this.#headOfLarge(first, pages)
    }
    if (isFree) {
      const list = Buffer.alloc(bytes)
      await this.#fill(list, Number(first) * pageSize + PAGE_HEADER_BYTES)
      this.#freed(list)
    }
    return pages
  }

  async #fill(into: Buffer, at: number): Promise<void> {
    const { bytesRead } = await this.#file.read(into, 0, into.length, at)
    if (bytesRead !== into.length) throw new Fault(`page ${Math.floor(at / this.#meta.pageSize)} is not there`)
  }

  #headOfLarge(first: bigint, pages: bigint): void {
    const page = this.#piece
    this.#head(page, first)
    if (page.readUInt16LE(FLAGS_AT) !== OVERFLOW || BigInt(page.readUInt32LE(OVERFLOW_PAGES_AT)) !== pages)
      throw new Fault(`page ${first} is none of a large record`)
  }

  /** How many there are, then their numbers; below zero: that many in a row begin with the number behind it; zero is nothing. */
  #freed(bytes: Buffer): void {
    if (bytes.length < NUMBER_BYTES || bytes.length % NUMBER_BYTES !== 0) throw new Fault('a list of free pages is cut')
    const count = bytes.readBigInt64LE(0)
    if (count < 0n || count > BigInt(bytes.length / NUMBER_BYTES - 1))
      throw new Fault('a list of free pages is too long')
    let row = 1n
    for (let index = 1n; index <= count; index++) {
      const value = bytes.readBigInt64LE(Number(index) * NUMBER_BYTES)
      if (value < 0n) row = -value
      else {
        if (value > 0n) this.#freeRow(value, row)
        row = 1n
      }
    }
  }

  #freeRow(first: bigint, row: bigint): void {
    if (first + row - 1n > BigInt(this.#meta.lastPage)) throw new Fault('a list of free pages is damaged')
    for (let each = first; each < first + row; each++) this.#take(each)
  }
}

const numberOf = (key: Buffer): bigint => (key.length === NUMBER_BYTES ? key.readBigUInt64LE(0) : -1n)
