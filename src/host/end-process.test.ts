import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { native } from './native.ts'

const CHILD = join(import.meta.dirname, '../testing/exit-child.ts')
const LATE_MS = 30_000

const calls = native()
const skip = 'missing' in calls ? calls.missing : false

t.test(
  'a process ends with its code in the midst of a transaction of LMDB, whose thread waits for it',
  { skip },
  async t => {
    const child = spawn(process.execPath, [CHILD, t.testdir({})], { stdio: ['ignore', 'inherit', 'inherit'] })
    const late = setTimeout(() => child.kill('SIGKILL'), LATE_MS)
    t.same(await once(child, 'exit'), [7, null])
    clearTimeout(late)
  },
)
