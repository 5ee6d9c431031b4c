import t from 'tap'
import type { Now } from '../base/time.ts'
import { CapturingReceiver } from './capture.ts'
import { frameTo, PeerTrial, statusesIn } from './peer.fixture.ts'
import { headersIn } from './simulated.fixture.ts'

/** A session whose SENDs are captured, its pieces, and what makes them safe. */
function capturing() {
  const pieces: { bytes: Buffer; isEnd: boolean; safe: (now: Now) => void }[] = []
  const held: boolean[] = []
  const receiver = new CapturingReceiver({
    onPiece: (_now, { bytes, isEnd }, safe) => void pieces.push({ bytes, isEnd, safe }),
    onHold: (now, isHeld) => {
      held.push(isHeld)
      trial.owner.session.hold(now, isHeld)
    },
  })
  const trial: PeerTrial = new PeerTrial({}, { receiver })
  return { trial, pieces, held, octets: () => Buffer.concat(pieces.map(({ bytes }) => bytes)) }
}

t.test('HIS-STO-04 each SEND in pieces as it was received, answered when the last of them is safe', async t => {
  const { trial, pieces, octets } = capturing()
  const frame = frameTo(trial.path, { lines: 'X-Any:  1 \t', range: '1-*/100000', body: Buffer.alloc(100_000, 'ab') })
  const heard = [...Array(11).keys()].map(at => trial.say(frame.subarray(at * 10_000, (at + 1) * 10_000))).join('')
  t.equal(heard, '')
  t.same(octets(), frame)
  t.ok(pieces.every(({ bytes }) => bytes.length > 0 && bytes.length <= 65_536))
  t.same(
    pieces.map(({ isEnd }) => isEnd),
    [false, false, false, true],
  )
  const [last, ...rest] = [...pieces].reverse()
  for (const { safe } of rest) safe(trial.side.now)
  t.equal(trial.side.heard(), '')
  last!.safe(trial.side.now)
  last!.safe(trial.side.now)
  t.same(statusesIn(trial.side.heard()), ['200'])
})

t.test('success is reported once, of the whole message, when all of it is safe', async t => {
  const { trial, pieces } = capturing()
  const lines = 'Success-Report: yes'
  trial.say(frameTo(trial.path, { lines, range: '1-*/6', body: 'abc', flag: '+' }))
  trial.say(frameTo(trial.path, { id: 'tran2', lines, range: '4-6/6', body: 'def' }))
  for (const { safe } of pieces) safe(trial.side.now)
  const heard = trial.side.heard()
  t.same(statusesIn(heard), ['200', '200'])
  t.same(headersIn(heard, 'Byte-Range'), ['1-6/6'])
  t.same(headersIn(heard, 'Status'), ['000 200 OK'])
})

t.test('no success is reported of a message that was abandoned or never whole', async t => {
  const { trial, pieces } = capturing()
  const lines = 'Success-Report: yes'
  trial.say(frameTo(trial.path, { lines, range: '1-*/6', body: 'abc', flag: '+' }))
  trial.say(frameTo(trial.path, { id: 'tran2', lines, range: '4-*/6', flag: '#' }))
  trial.say(frameTo(trial.path, { id: 'tran3', lines, range: '4-6/6', body: 'def' }))
  for (const { safe } of pieces) safe(trial.side.now)
  const heard = trial.side.heard()
  t.same(statusesIn(heard), ['200', '200', '200'])
  t.same(headersIn(heard, 'Status'), [])
  t.equal(pieces.length, 3)
})

t.test('a listener that is behind holds the sender, and lets go at half', async t => {
  const { trial, pieces, held } = capturing()
  for (let at = 0; at < 128; at++) trial.say(frameTo(trial.path, { id: `tran${at}`, body: 'x' }))
  t.same([held, trial.side.held], [[true], [['peer', true]]])
  for (const { safe } of pieces.slice(0, 63)) safe(trial.side.now)
  t.same(held, [true])
  for (const { safe } of pieces.slice(63)) safe(trial.side.now)
  t.same(
    [held, trial.side.held.at(-1)],
    [
      [true, false],
      ['peer', false],
    ],
  )
  t.equal(statusesIn(trial.side.heard()).length, 128)
  pieces.length = 0
  trial.say(frameTo(trial.path, { body: Buffer.alloc(1024 * 1024) }))
  t.same(held, [true, false, true])
  for (const { safe } of pieces) safe(trial.side.now)
  t.same(held, [true, false, true, false])
})

t.test('a session that ends in the middle: what was given stays without an end, and nobody is held', async t => {
  const { trial, pieces, held } = capturing()
  const frame = frameTo(trial.path, { body: Buffer.alloc(60_000) })
  trial.say(frame.subarray(0, 50_000))
  trial.side.endpoint.flowClosed(trial.side.now, trial.flow, 'reset')
  for (const { safe } of pieces) safe(trial.side.now)
  t.same([pieces.map(({ isEnd }) => isEnd), held, trial.side.heard()], [[false], [], ''])
})
