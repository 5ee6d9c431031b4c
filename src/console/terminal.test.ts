import t from 'tap'
import { boxWith } from './box.fixture.ts'
import { KeyReader } from './keys.ts'
import { LINE_LENGTH_MAX } from './line-editor.ts'
import { Seat } from './screen.fixture.ts'

const [UP, DOWN, LEFT, RIGHT, HOME, END, DELETE] = ['[A', '[B', '[D', '[C', '[H', 'OF', '[3~'].map(key => `\x1b${key}`)

async function seated() {
  const seat = new Seat(boxWith().box)
  await seat.signIn()
  /** What stands behind the prompt once all keys are taken. */
  const typed = async (keys: string): Promise<string> => {
    seat.press(keys)
    await seat.settled()
    return seat.screen.last.replace(/^edge1> /, '').trimEnd()
  }
  return { seat, typed }
}

t.test('what is typed is put right in place', async t => {
  const { seat, typed } = await seated()
  t.equal(await typed('shaw version'), 'shaw version')
  t.equal(await typed(`${HOME}${RIGHT}${RIGHT}${DELETE}o`), 'show version')
  t.equal(await typed(`${END}\x08\x7f`), 'show versi')
  t.equal(await typed(`${LEFT}${LEFT}\x0b`), 'show ver')
  t.equal(await typed('\x17'), 'show')
  t.equal(await typed('\x15'), '')
  t.equal(await typed('show x\x01\x05y\x02\x06'), 'show xy')
  t.equal(await typed('\x0c'), 'show xy', 'drawn anew')
  await seat.run('\x15show version')
  t.match(seat.screen.text, 'Node 24')
})

t.test('^C drops the line, ^D deletes within one', async t => {
  const { seat, typed } = await seated()
  await typed('show clock')
  await seat.run('\x03')
  t.match(seat.screen.text, 'show clock^C')
  t.equal(await typed('abc\x01\x04'), 'bc')
})

t.test('CR, LF and CR LF are one Enter; a BREAK, noise and unknown keys do nothing', async t => {
  const reader = new KeyReader()
  const read = (text: string) => reader.read(Buffer.from(text, 'latin1'))
  t.same(read('a\rb\nc\r\nd\r\re'), ['a', 'enter', 'b', 'enter', 'c', 'enter', 'd', 'enter', 'enter', 'e'])
  t.same(read('\r'), ['enter'])
  t.same(read('\x00\n'), [], 'the LF of the CR before')
  t.same(read('\x1b[200;1Rx\x1bOPy\x1bxz'), ['x', 'y', 'z'])
  t.same(read(`\x1b[${'1'.repeat(16)}`), [])
  t.same(read('1a'), ['a'], 'no end of a sequence is waited for for ever')
  t.same(read('\x1b[\rq'), ['enter', 'q'])
  const { typed } = await seated()
  t.equal(await typed('sh\xff\x80\x00\xe9\x07\x1b[99zow'), 'show')
})

t.test('no more of a line is taken than a command is long; a line wider than the screen is shown in part', async t => {
  const { seat, typed } = await seated()
  const text = await typed('x'.repeat(600))
  t.ok(text.length < 79)
  await seat.run(' ')
  await typed(UP!)
  t.same([seat.screen.last.length > 0, LINE_LENGTH_MAX], [true, 512])
  const { typed: other } = await seated()
  const digits = Array.from({ length: 30 }, (_, index) => `${index}`.padStart(4, '-')).join('')
  t.match(await other(digits), /--29$/)
  t.match(await other('\x01'), /^---0---1---2/)
  t.match(await other('\x05'), /--29$/)
})

t.test('earlier lines come back, and what was typed itself', async t => {
  const { seat, typed } = await seated()
  await seat.run('show version')
  await seat.run('terminal length 30')
  await seat.run('terminal length 30')
  t.equal(await typed(`half${UP}`), 'terminal length 30')
  t.equal(await typed(UP!), 'show version')
  t.equal(await typed(UP!), 'show version')
  t.equal(await typed(DOWN!), 'terminal length 30')
  t.equal(await typed(DOWN!), 'half')
  t.equal(await typed(DOWN!), 'half')
})

t.test('Tab completes as far as there is one way, and lists the ways; ? tells what may come', async t => {
  const { seat, typed } = await seated()
  t.equal(await typed('sh\t'), 'show')
  t.equal(await typed('vers\t'), 'show version')
  t.equal(await typed('\x15show st\t'), 'show st')
  t.match(seat.screen.text, /\n {2}status\n {2}storage\n/)
  t.equal(await typed('o?'), 'show sto')
  t.match(seat.screen.text, /\n {2}storage {14}room, and how the flash wears\n/)
  t.equal(await typed('\x15?'), '')
  t.match(seat.screen.text, /\n {2}enable {15}the commands of administrators, too\n/)
  t.equal(await typed('show log level ?'), 'show log level')
  t.match(seat.screen.text, /\n {2}debug {16}everything\n {2}info {17}what happens/)
  t.equal(await typed('\x15terminal length ?'), 'terminal length')
  t.match(seat.screen.text, /\n {2}N {20}lines, 0 to 512\n/)
  t.equal(await typed('9 ?'), 'terminal length 9')
  t.match(seat.screen.text, /<Enter> +that is all/)
  t.equal(await typed('\x15nothing ?'), 'nothing')
  t.match(seat.screen.text, '% There is no such word here')
  t.equal(await typed('\x15"a?'), '"a?', 'a character within quotes')
})

t.test('what is typed ahead waits for its turn', async t => {
  const { seat } = await seated()
  seat.press('show version\rterminal length 20\rshow vers')
  await seat.until('show vers')
  t.match(seat.screen.text, /Node 24[\s\S]*edge1> terminal length 20\nedge1> show vers/)
})

t.test('a page at a time: a line by Enter, no more by q; without pages with length 0', async t => {
  const { seat } = await seated()
  await seat.run('terminal length 5')
  await seat.run('help', '--More--')
  t.equal(seat.screen.lines.length - seat.screen.lines.lastIndexOf('edge1> help') - 1, 5)
  const { length } = seat.screen.lines
  seat.press('\r')
  await seat.until('--More--')
  t.equal(seat.screen.lines.length, length + 1)
  seat.press('x ')
  await seat.settled()
  t.equal(seat.screen.lines.length, length + 5)
  seat.press('q')
  await seat.until('edge1> ')
  t.notMatch(seat.screen.text, 'More', 'the word is taken away again')
  await seat.run('terminal length 0')
  await seat.run('help')
  t.match(seat.screen.text, /trace ID/)
})

t.test('what comes behind a pipe', async t => {
  const { seat } = await seated()
  t.equal(await seat.run('show version | include DOMAIN'), 'Domain                  example.org')
  t.notMatch(await seat.run('show version | exclude runtime'), 'Node')
  t.match(await seat.run('show version | begin Hostname'), /^Hostname.*\nDomain.*$/)
  t.equal(await seat.run('show version | count'), '4')
  t.match(await seat.run('show version |'), /\n? +\^\n% More is needed:\n {2}include/)
  t.match(await seat.run('show version | zz'), '% Not one of what is allowed:')
  t.match(await seat.run('show version | include'), '% A text to look for is wanted.')
  t.match(await seat.run('show version | exclude a | count'), '% One filter alone.')
  t.equal(await seat.run('show version | include "|"'), '')
  t.match(await seat.run('show version --json | count'), '% A document for programs is not filtered.')
  const json = JSON.parse(await seat.run('show version --json'))
  t.same(json, { version: '1.2.3', runtime: 'Node 24', hostname: 'edge1.example.org', domain: 'example.org' })
  t.match(await seat.run('help --json'), '% Only what shows something has this.')
})

t.test('what is wrong is pointed at, and what is allowed is told', async t => {
  const { seat } = await seated()
  const shown = await seat.run('show versoin')
  t.match(shown, /^ {12}\^\n% There is no such word here\. Did you mean:\n {2}version .*$/)
  t.match(await seat.run('show zzzzz'), /^ {12}\^\n% There is no such word here; "\?" shows all\.$/)
  t.match(await seat.run('terminal wide'), /% There is no such word here:\n {2}length/)
  t.match(await seat.run('show st'), /\^\n% More than one word begins so:\n {2}status.*\n {2}storage/)
  t.match(await seat.run('show'), /% More is needed:\n {2}alarms/)
  t.match(await seat.run('terminal length 1000'), '% A whole number from 0 to 512 is wanted here.')
  t.match(await seat.run('show log level loud'), /% Not one of what is allowed:\n {2}debug/)
  t.match(await seat.run('show version now'), '% Nothing of this kind may stand here.')
  t.match(await seat.run('show "version'), '% This quote is not closed.')
  t.match(await seat.run(`show queue ${'a'.repeat(100)} b`), /^a{39} b\n {40}\^\n/)
})

t.test('a slow line is never sent more than it takes; ^C comes through', async t => {
  let isTaken = true
  const seat = new Seat(boxWith().box, { takes: () => isTaken })
  await seat.signIn()
  isTaken = false
  const before = seat.written.length
  seat.press('help\rhelp\r')
  await seat.settled()
  t.ok(seat.written.length - before <= 1024)
  for (let i = 0; i < 8; i++) {
    seat.session.drained()
    await seat.settled()
  }
  isTaken = true
  seat.press('\x03')
  seat.session.drained()
  await seat.until('edge1> ')
  t.notMatch(seat.screen.text.split('> help').at(-1)!, 'trace ID', 'what ran is over')
})
