/** An append-only log for wear.sh: FILE, how many records are outstanding, how many there are, and their size. One flush for all that wait. */
import { open } from 'node:fs/promises'

const [file = '', outstanding = '32', count = '1000', bytes = '1024'] = process.argv.slice(2)
const record = Buffer.alloc(Number(bytes), 65)
const log = await open(file, 'a')
let waiting: (() => void)[] = []
let isFlushing = false

async function flush(): Promise<void> {
  isFlushing = true
  // What comes in this turn of the loop goes with it.
  await new Promise(done => setImmediate(done))
  const answered = waiting
  waiting = []
  await log.write(Buffer.concat(answered.map(() => record)))
  await log.datasync()
  isFlushing = false
  for (const done of answered) done()
  if (waiting.length > 0 && !isFlushing) void flush()
}

const append = (): Promise<void> =>
  new Promise(done => {
    waiting.push(done)
    if (!isFlushing) void flush()
  })

let left = Number(count)
const produce = async (): Promise<void> => {
  while (left-- > 0) await append()
}
await Promise.all(Array.from({ length: Number(outstanding) }, produce))
await log.close()
