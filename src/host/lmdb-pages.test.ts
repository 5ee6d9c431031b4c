import { writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { areTreesWhole } from './lmdb-pages.ts'

const PAGE = 4096
const BRANCH = 0x01
const HEADER = 24

/** A page of a tree that leads to each of these. */
function branchPage(number: number, below: readonly number[]): Buffer {
  const page = Buffer.alloc(PAGE)
  page.writeBigUInt64LE(BigInt(number), 0)
  page.writeUInt16LE(BRANCH, 18)
  page.writeUInt16LE(2 * below.length, 20)
  for (const [index, each] of below.entries()) {
    const node = 1000 + 8 * index
    page.writeUInt16LE(node - HEADER, HEADER + 2 * index)
    page.writeUInt32LE(each, node)
  }
  return page
}

async function isWhole(t: Test, pages: readonly Buffer[], counted = pages.length): Promise<boolean> {
  const path = join(t.testdir(), 'data.mdb')
  writeFileSync(path, Buffer.concat(pages))
  const file = await open(path)
  try {
    return await areTreesWhole(file, [0n], { pageSize: PAGE, pages: counted, size: pages.length * PAGE })
  } finally {
    await file.close()
  }
}

t.test('a tree is whole where all that it leads to is in the file', async t => {
  t.equal(await isWhole(t, [branchPage(0, [1]), branchPage(1, [])]), true)
  t.equal(await isWhole(t, [branchPage(0, [2]), branchPage(1, [])], 3), false, 'a page behind the end')
  t.equal(await isWhole(t, [branchPage(0, [1]), branchPage(7, [])]), false, 'another page stands there')
})

t.test('pages that lead to each other are looked at no more often than there are pages', async t => {
  t.equal(await isWhole(t, [branchPage(0, [1]), branchPage(1, [0])]), false)
})
