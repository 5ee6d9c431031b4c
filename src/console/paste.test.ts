import t from 'tap'
import { boxWith } from './box.fixture.ts'
import { Seat } from './screen.fixture.ts'

async function seated() {
  const seat = new Seat(boxWith().box, { line: { rows: 0 } })
  await seat.signIn()
  return seat
}

const lengths = (seat: Seat): string[] =>
  [...seat.screen.text.matchAll(/> terminal length (\d+)$/gm)].map(([, n]) => n!)

t.test('a long paste is taken as fast as it is done: who brings it is told to wait, and when to go on', async t => {
  const seat = await seated()
  const lines = Array.from({ length: 2000 }, (_, number) => `terminal length ${number % 512}\r`)
  const all = lines.join('')
  let [most, rooms] = [0, 0]
  for (let at = 0; at < all.length; ) {
    let isRoom = true
    const from = at
    for (; isRoom && at < all.length; at += 100) isRoom = seat.press(all.slice(at, at + 100))
    most = Math.max(most, at - from)
    rooms = seat.rooms
    while (!isRoom && seat.rooms === rooms) await new Promise(setImmediate)
  }
  await seat.until(/edge1> $/)
  await seat.settled()
  t.equal(lengths(seat).length, 2000, 'every line was done')
  t.equal(lengths(seat).at(-1), `${1999 % 512}`)
  t.ok(most <= 8192, `never more than ${most} keys at once`)
})

t.test('a line that waits for nobody: what is too much is lost in whole lines, and that is told', async t => {
  const seat = await seated()
  const line = `show version | include ${'x'.repeat(300)}\r`
  const brought = 300
  seat.press(line.repeat(brought))
  seat.press('garbage without end'.repeat(10))
  seat.press('of a line\r')
  const isTold = () => /are lost\. Paste less at once\.\nedge1> $/.test(seat.screen.lines.slice(-2).join('\n'))
  for (let turns = 0; turns < 100_000 && !isTold(); turns++) await new Promise(setImmediate)
  t.notMatch(seat.screen.text, 'garbage')
  const lost = Number(/% (\d+) characters came too fast/.exec(seat.screen.text)![1])
  t.ok(
    lost > brought * line.length - 65_536 && lost < (brought * line.length) / 2,
    `${lost} of ${brought * line.length}`,
  )
  t.match(await seat.run('show version'), 'Node 24', 'it goes on')
})

t.test('^C ends what runs and drops what was typed ahead', async t => {
  const seat = await seated()
  await seat.run('terminal length 5')
  seat.press('help\r')
  await seat.until('--More--')
  seat.press(`${'x'.repeat(5000)}`)
  t.equal(seat.press('\x03'), true, 'there is room at once')
  await seat.until('edge1> ')
  t.notMatch(seat.screen.last, 'x')
})
