import { Writable } from 'node:stream'
import t from 'tap'
import { taken } from './taken.ts'

/** An output of which each piece is taken when the test says. */
function slow() {
  const waiting: (() => void)[] = []
  const output = new Writable({ highWaterMark: 4, write: (_bytes, _encoding, done) => void waiting.push(done) })
  output.on('error', () => {})
  return { output, take: () => waiting.shift()?.() }
}

const settled = async (promise: Promise<void>): Promise<boolean> => {
  const late = new Promise<boolean>(resolve => setImmediate(resolve, false))
  return Promise.race([promise.then(() => true), late])
}

t.test('whoever writes waits until the reader has taken it, or has gone; nothing is left listening', async t => {
  const { output, take } = slow()
  t.ok(await settled(taken(output)), 'nothing was written')
  output.write('more than four')
  const full = taken(output)
  t.notOk(await settled(full))
  take()
  t.ok(await settled(full))
  output.write('more than four')
  const gone = taken(output)
  output.destroy()
  t.ok(await settled(gone))
  t.ok(await settled(taken(output)))
  t.same(
    ['drain', 'close'].map(event => output.listenerCount(event)),
    [0, 0],
  )
})
