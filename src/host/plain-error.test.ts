import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { reasonOf, refusedBySystem, storeError, troubleOf } from './plain-error.ts'

const errorOf = (work: () => void): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

const CODE = /\bE[A-Z]{3,}\b/

t.test('what the system refuses is told in words, with what to do', async t => {
  const dir = t.testdir({ file: '' })
  const folder = errorOf(() => readFileSync(dir))
  t.equal(troubleOf(folder), 'it is a folder. Name a file.')
  t.match(
    refusedBySystem(errorOf(() => statSync(join(dir, 'file', 'x'))))?.message,
    /file\/x: a part of the path is a file/,
  )
  t.equal(refusedBySystem(new RangeError('ours')), undefined)
  t.equal(refusedBySystem(undefined), undefined)
})

t.test('a code without words of ours is left out, its text is not', async t => {
  const error = Object.assign(new Error("EXDEV: cross-device link not permitted, rename '/a' -> '/b'"), {
    code: 'EXDEV',
  })
  t.equal(troubleOf(error), 'cross-device link not permitted.')
  const refused = await new Promise(resolve =>
    createServer()
      .once('error', resolve)
      .listen({ path: `/${'x'.repeat(200)}` }),
  )
  t.notMatch(reasonOf(refused), CODE)
  t.equal(reasonOf(new Error('plain words')), 'plain words')
})

t.test('each failure of the store has its words', async t => {
  for (const failure of ['full', 'io', 'closed', 'busy'] as const)
    t.match(
      storeError('/data', { failure, detail: 'EIO: i/o error, write' }).message,
      /^\/data: the store cannot be used: [^E]+\. [A-Z].+\.$/,
    )
  t.match(
    storeError('/data', { failure: 'io', detail: 'EIO: i/o error, write' }).message,
    'its medium failed (i/o error).',
  )
})
