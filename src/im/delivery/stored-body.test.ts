import t from 'tap'
import type { Now, WallTime } from '../../base/time.ts'
import { BLOCK_BYTES } from '../../store/blocks.ts'
import * as large from '../../testing/large-requests.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { StoredBody } from './stored-body.ts'

const NOW: Now = { at: 0 as Now['at'], wall: 0 as WallTime, isWallTrusted: true }

t.test('reads end with a block, so that none is read twice; all of it comes as it is', async t => {
  const content = large.bytes(5 * BLOCK_BYTES + 99)
  const [before, after] = [Buffer.from('before'), Buffer.from('after')]
  const asked: number[] = []
  const reader: Pick<MailboxReader, 'piece'> = {
    piece: ({ offset, length, memory }, done) => {
      asked.push(offset)
      const count = content.copy(memory!, 0, offset, offset + length)
      done(NOW, memory!.subarray(0, count))
    },
  }
  const body = new StoredBody(reader, { seq: 1, size: content.length }, before, after)
  const read: Buffer[] = []
  for (let offset = 0; offset < body.length; offset += read.at(-1)!.length)
    body.read(NOW, offset, 131_072, (_now, bytes) => read.push(bytes!), Buffer.alloc(131_072))
  t.ok(Buffer.concat(read).equals(Buffer.concat([before, content, after])))
  t.strictSame(asked, [0, 2 * BLOCK_BYTES, 4 * BLOCK_BYTES])
  t.notOk(body.hasFailed)
})

t.test('less than a block is read as it is asked for, from anywhere', async t => {
  const asked: object[] = []
  const reader: Pick<MailboxReader, 'piece'> = { piece: place => asked.push(place) }
  const body = new StoredBody(reader, { seq: 3, size: 3 * BLOCK_BYTES })
  body.read(NOW, 10, 1000, () => {})
  body.read(NOW, BLOCK_BYTES - 10, 1000, () => {})
  t.strictSame(asked, [
    { seq: 3, offset: 10, length: 1000 },
    { seq: 3, offset: BLOCK_BYTES - 10, length: 10 },
  ])
})
