import fc from 'fast-check'
import t from 'tap'
import { boxWith } from './box.fixture.ts'
import { Seat } from './screen.fixture.ts'

/** What terminals, modems and broken cables send, in any order. */
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 24 }).map(bytes => Buffer.from(bytes).toString('latin1')) },
  fc.constantFrom('\r', '\n', '\r\n', '\t', '?', ' ', '\x03', '\x04', '\x1b[A', '\x1b[B', '\x1b[D', '\x1b[H', '\x15'),
  fc.constantFrom('show ', 'version', 'help', '| include ', '"', '\\', 'configure', 'enable', 'terminal length ', '7'),
  fc.constantFrom('exit\r', 'help\r', 'show version --json\r', 'x'.repeat(200), 'admin\rright\r', '\x00'.repeat(50)),
)

t.test('whatever is typed, nothing but plain text of 79 columns comes back, and the console stays', async t => {
  let pieces = 0
  const stays = fc.asyncProperty(fc.array(piece, { minLength: 10, maxLength: 40 }), async typed => {
    const { box, logged } = boxWith()
    // The screen throws at any other character, and at a line that is too long; that would be logged as a failure.
    const seat = new Seat(box)
    await seat.signIn()
    for (const keys of typed) {
      pieces++
      seat.press(keys)
      if (keys.length % 3 === 0) await new Promise(setImmediate)
    }
    seat.press('\x03\x03q\x15\x03')
    await seat.settled()
    seat.clock.pass(700_000)
    await seat.until('edge1 login: ')
    return seat.ends.length === 0 && !logged.some(line => line.includes('failed'))
  })
  await fc.assert(stays, { numRuns: 150 })
  t.ok(pieces > 1000)
})

t.test('a line that takes nothing holds no more than a piece of output, however much is typed', async t => {
  let isTaken = true
  const seat = new Seat(boxWith().box, { takes: () => isTaken, line: { rows: 0 } })
  await seat.signIn()
  isTaken = false
  const { length } = seat.written
  const typed = 900
  for (let i = 0; i < typed; i++) seat.press('help\r')
  await seat.settled()
  t.ok(seat.written.length - length <= 1024)
  isTaken = true
  seat.session.drained()
  for (let before = 0; before !== seat.written.length; ) {
    before = seat.written.length
    await seat.settled()
  }
  const times = seat.screen.text.split('edge1> help\n').length - 1
  t.equal(times, typed, 'nothing of it was lost')
})
