import t from 'tap'
import { checkRoom } from './backup-write.ts'

const MIB = 1024 * 1024

t.test('a small machine without room refuses a backup in words, as the system would end the box', async t => {
  t.throws(() => checkRoom(32 * MIB, true, () => 20 * MIB), {
    message: /^A backup needs 32 MiB of memory, and 20 MiB are free\. Try again/,
  })
  t.doesNotThrow(() => checkRoom(32 * MIB, true, () => 32 * MIB))
  t.doesNotThrow(() => checkRoom(32 * MIB, false, () => 0), 'elsewhere nobody counts')
})
