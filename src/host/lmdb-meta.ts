import type { FileHandle } from 'node:fs/promises'

/** What the library notes at the beginning of its file (lmdb 3.5.6, mdb.c: MDB_meta, MDB_db). */
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const META_BYTES = 160
const MAGIC_AT = 24
const PAGE_FLAGS_AT = 18
const META_PAGE_FLAG = 0x08
const PAGE_SIZE_AT = 48
const FREE_TREE_AT = 48
const RECORD_TREE_AT = 96
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152

const TREE_FLAGS_AT = 4
const TREE_DEPTH_AT = 6
const TREE_BRANCHES_AT = 8
const TREE_LEAVES_AT = 16
const TREE_OVERFLOWS_AT = 24
const TREE_ENTRIES_AT = 32
export const TREE_ROOT_AT = 40

/** An empty tree. */
export const NO_PAGE = 0xffff_ffff_ffff_ffffn

export interface Tree {
  readonly flags: number
  readonly depth: number
  readonly branches: bigint
  readonly leaves: bigint
  readonly overflows: bigint
  readonly entries: bigint
  /** The page that leads to all others; `NO_PAGE` where nothing is in it. */
  readonly root: bigint
}

export interface Meta {
  readonly pageSize: number
  /** Of pages that may be used again. */
  readonly free: Tree
  readonly records: Tree
  readonly lastPage: number
  readonly transaction: bigint
}

const treeAt = (bytes: Buffer, at: number): Tree => ({
  flags: bytes.readUInt16LE(at + TREE_FLAGS_AT),
  depth: bytes.readUInt16LE(at + TREE_DEPTH_AT),
  branches: bytes.readBigUInt64LE(at + TREE_BRANCHES_AT),
  leaves: bytes.readBigUInt64LE(at + TREE_LEAVES_AT),
  overflows: bytes.readBigUInt64LE(at + TREE_OVERFLOWS_AT),
  entries: bytes.readBigUInt64LE(at + TREE_ENTRIES_AT),
  root: bytes.readBigUInt64LE(at + TREE_ROOT_AT),
})

/** Of the latest commit; undefined where the beginning is not of this library. */
export async function latestMeta(file: FileHandle): Promise<Meta | undefined> {
  const first = await readMeta(file, 0)
  const second = first && (await readMeta(file, first.pageSize))
  if (!first || !second) return undefined
  return first.transaction > second.transaction ? first : second
}

async function readMeta(file: FileHandle, at: number): Promise<Meta | undefined> {
  const bytes = Buffer.alloc(META_BYTES)
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, at)
  const isMeta =
    bytesRead === META_BYTES &&
    (bytes.readUInt16LE(PAGE_FLAGS_AT) & META_PAGE_FLAG) !== 0 &&
    bytes.readUInt32LE(MAGIC_AT) === MAGIC &&
    bytes.readUInt32LE(MAGIC_AT + 4) === DATA_VERSION
  if (!isMeta) return undefined
  return {
    pageSize: bytes.readUInt32LE(PAGE_SIZE_AT),
    free: treeAt(bytes, FREE_TREE_AT),
    records: treeAt(bytes, RECORD_TREE_AT),
    lastPage: Number(bytes.readBigUInt64LE(LAST_PAGE_AT)),
    transaction: bytes.readBigUInt64LE(TRANSACTION_AT),
  }
}
