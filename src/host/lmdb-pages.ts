import type { FileHandle } from 'node:fs/promises'
import { NO_PAGE, TREE_ROOT_AT } from './lmdb-meta.ts'

/** Where the library notes what (lmdb 3.5.6, mdb.c: MDB_page_header, MDB_node, MDB_db, MDB_ovpage). */
const PAGE_HEADER_BYTES = 24
const PAGE_FLAGS_AT = 18
const PAGE_LOWER_AT = 20
const BRANCH = 0x01
const LEAF = 0x02
const NODE_HEADER_BYTES = 8
const NODE_FLAGS_AT = 4
const NODE_KEY_BYTES_AT = 6
const BIG_DATA = 0x01
const SUB_TREE = 0x02
const OVERFLOW_PAGES_AT = 16

interface Extent {
  readonly pageSize: number
  /** Pages that a transaction counts; more than these cannot be led to. */
  readonly pages: number
  /** Bytes of the file. */
  readonly size: number
}

/**
 * Whether every page that the trees lead to lies within the file and is the one that is looked for. What stands in the pages of large
 * records is not looked at. Reads every page of the trees once, so this is for files that give reason to doubt.
 */
export async function areTreesWhole(file: FileHandle, roots: readonly bigint[], extent: Extent): Promise<boolean> {
  const open = roots.filter(root => root !== NO_PAGE)
  const page = Buffer.alloc(extent.pageSize)
  for (let looked = 0; open.length > 0; looked++) {
    const number = open.pop()!
    if (looked > extent.pages || !isInside(number, 1n, extent)) return false
    const { bytesRead } = await file.read(page, 0, extent.pageSize, Number(number) * extent.pageSize)
    const below = bytesRead === extent.pageSize && page.readBigUInt64LE(0) === number && pagesBelow(page, extent)
    if (!below) return false
    for (const each of below) open.push(each)
  }
  return true
}

const isInside = (first: bigint, count: bigint, { pageSize, size }: Extent): boolean =>
  (first + count) * BigInt(pageSize) <= BigInt(size)

/** Those that it leads to; undefined where it is no page of a tree, or leads out of the file. */
function pagesBelow(page: Buffer, extent: Extent): bigint[] | undefined {
  const flags = page.readUInt16LE(PAGE_FLAGS_AT)
  const lower = page.readUInt16LE(PAGE_LOWER_AT)
  if ((flags & (BRANCH | LEAF)) === 0 || PAGE_HEADER_BYTES + lower > page.length) return undefined
  const found: bigint[] = []
  for (let at = PAGE_HEADER_BYTES; at < PAGE_HEADER_BYTES + lower; at += 2) {
    const node = PAGE_HEADER_BYTES + page.readUInt16LE(at)
    if (node + NODE_HEADER_BYTES > page.length) return undefined
    if (flags & BRANCH) found.push(branchOf(page, node))
    else if (!leafLeads(page, node, extent, found)) return undefined
  }
  return found
}

/** The number of the page stands where a leaf has the size of its data and flags. */
const branchOf = (page: Buffer, node: number): bigint =>
  BigInt(page.readUInt32LE(node)) | (BigInt(page.readUInt16LE(node + NODE_FLAGS_AT)) << 32n)

function leafLeads(page: Buffer, node: number, extent: Extent, found: bigint[]): boolean {
  const flags = page.readUInt16LE(node + NODE_FLAGS_AT)
  const data = node + NODE_HEADER_BYTES + page.readUInt16LE(node + NODE_KEY_BYTES_AT)
  if (flags & BIG_DATA) {
    if (data + OVERFLOW_PAGES_AT + 8 > page.length) return false
    return isInside(page.readBigUInt64LE(data), page.readBigUInt64LE(data + OVERFLOW_PAGES_AT), extent)
  }
  if (flags & SUB_TREE) {
    if (data + TREE_ROOT_AT + 8 > page.length) return false
    const root = page.readBigUInt64LE(data + TREE_ROOT_AT)
    if (root !== NO_PAGE) found.push(root)
  }
  return true
}
