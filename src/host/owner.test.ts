import { chmodSync } from 'node:fs'
import t from 'tap'
import { boxOrLock } from './owner.ts'

/** Somebody else's folder, as far as the system is concerned: root gives its rights away for as long as `work` lasts. */
async function withoutRights(dir: string, work: () => Promise<unknown>): Promise<void> {
  const isRoot = process.geteuid!() === 0
  chmodSync(dir, isRoot ? 0o700 : 0o000)
  if (isRoot) process.seteuid!(65534)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid!(0)
    chmodSync(dir, 0o700)
  }
}

t.test('a folder of another user: the message says as whom to run the command', async t => {
  const dir = t.testdir({})
  const uid = process.getuid!()
  const start = `data_dir: ${dir} is another user's, as whom the box runs (user number ${uid}). Run this as that user`
  await withoutRights(dir, async () => {
    const error = await boxOrLock(dir).catch(error => error)
    t.equal(error.name, 'PlainError')
    t.ok(error.message.startsWith(start), error.message)
  })
})
