import t from 'tap'
import { LmdbTable, openTable } from './lmdb-table.ts'

t.test(
  'what is peeked at is the value, whatever was peeked at before it, inside a transaction and outside',
  async t => {
    const database = openTable(t.testdir(), 2 ** 28)
    t.teardown(() => database.close())
    const table = new LmdbTable(database)
    const values = new Map(
      [70_000, 3, 65_512, 0, 300_000, 1, 65_512].map((length, at) => [`k${at}`, Buffer.alloc(length, at)]),
    )
    const check = (): void => {
      for (const [key, value] of values) {
        const peeked = table.peek(key)
        t.ok(peeked?.equals(value), `${key} of ${value.length}`)
        t.equal(peeked?.subarray(0).length, value.length, 'and no view of it sees more')
        t.equal(table.peek('absent'), undefined)
      }
    }
    await database.childTransaction(() => {
      for (const [key, value] of values) table.put(key, value)
      check()
    })
    check()
    const kept = table.get('k2')
    table.peek('k6')
    t.ok(kept?.equals(values.get('k2')!), 'what is got stays')
  },
)

t.test('what was put is copied at once: the memory may be used for the next', async t => {
  const database = openTable(t.testdir(), 2 ** 28)
  t.teardown(() => database.close())
  const table = new LmdbTable(database)
  const memory = Buffer.alloc(65_512)
  const lengths = [3, 1000, 5000, memory.length]
  await database.childTransaction(() => {
    for (const length of lengths) table.put(`k${length}`, memory.fill(length % 251).subarray(0, length))
  })
  memory.fill(255)
  for (const length of lengths) t.ok(table.get(`k${length}`)?.equals(Buffer.alloc(length, length % 251)), `${length}`)
})
