import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { VERSION } from '../../base/product.ts'
import type { Now, WallTime } from '../../base/time.ts'
import { RESET_KINDS } from '../../services/status.ts'
import { OWN_RESTARTS_MAX, RunBook, type Traces, uncleanStarts } from './run-book.ts'

const WALL = 1_900_000_000_000
const served = (wall = WALL, isWallTrusted = true): Pick<Now, 'wall' | 'isWallTrusted'> => ({
  wall: wall as WallTime,
  isWallTrusted,
})
const here: Traces = { boot: 'one' }

/** A start that came to serve. */
function start(dir: string, traces: Traces = here, wall?: number, isTrusted?: boolean): RunBook {
  const book = new RunBook(dir, traces, silentLog)
  book.serves(served(wall, isTrusted))
  return book
}

const latest = (book: RunBook) => book.resets[0]!

t.test('how the run before ended, as it said itself', async t => {
  const dir = t.testdir({})
  const first = start(dir)
  t.match(latest(first), { kind: 'first', at: WALL, isTrusted: true, version: VERSION })
  first.ending('stop', 'SIGTERM')
  first.ending('defect', 'said too late')
  const second = start(dir, { boot: 'two' }, WALL + 1000, false)
  t.match(latest(second), { kind: 'stop', detail: 'SIGTERM', isTrusted: false }, 'in order, though the machine was off')
  t.type(latest(second).ranS, 'number')
  second.ending('defect', 'x'.repeat(10_000))
  const third = start(dir)
  t.match(latest(third), { kind: 'defect', detail: 'x'.repeat(200) })
  t.equal(third.starts, 3)
  t.same(
    third.resets.map(({ kind }) => kind),
    ['defect', 'stop', 'first'],
  )
  third.ending('stop', 'SIGTERM')
  const reset = start(dir, { ...here, factoryReset: 'config' })
  t.match(latest(reset), { kind: 'factory-reset', detail: 'config' })
  t.type(latest(reset).ranS, 'number', 'it ended in order')
})

t.test('how it ended where it could not say: by what is left in memory and by the start of the machine', async t => {
  const machineS = Math.floor(uptime()) - 100
  const beat = { machineS: machineS + 60, condition: 'fault', reason: 'the store is slow' }
  for (const [name, traces, expected] of [
    ['power', { boot: 'two' }, { kind: 'power' }],
    ['kept its power', { boot: 'two', keptItsPower: true }, { kind: 'reset' }],
    ['both', { boot: 'two', keptItsPower: true, wasResetByDevice: true }, { kind: 'hardware-watchdog' }],
    ['device', { boot: 'two', wasResetByDevice: true }, { kind: 'hardware-watchdog' }],
    [
      'hung',
      { boot: 'one', word: { result: 'watchdog', code: 'dumped', status: 'ABRT' }, beat },
      { kind: 'hung', detail: /the store is slow/, ranS: 60 },
    ],
    [
      'blocked',
      { boot: 'one', wasBlocked: true, beat },
      { kind: 'blocked', detail: /ended itself; its last word: fault, the store is slow/, ranS: 60 },
    ],
    ['blocked, then the power failed', { boot: 'two', wasBlocked: true }, { kind: 'blocked' }],
    [
      'memory',
      { boot: 'one', word: { result: 'oom-kill', code: 'killed', status: 'KILL' } },
      { kind: 'killed', detail: /oom-kill killed KILL/ },
    ],
    ['nothing known', { boot: 'one' }, { kind: 'killed', detail: /did not tell/ }],
    [
      'a word of an older run',
      { boot: 'one', beat: { ...beat, machineS: machineS - 5 } },
      { kind: 'killed', detail: /^the system did not tell how$/ },
    ],
  ] as const) {
    const dir = t.testdir({})
    start(dir, { boot: 'one', machineS })
    t.match(latest(start(dir, traces)), expected, name)
  }
  const dir = t.testdir({})
  start(dir)
  const after = start(dir, { boot: 'two' })
  after.resetByDevice()
  t.equal(latest(after).kind, 'hardware-watchdog', 'as the opened device says')
  t.equal(JSON.parse(readFileSync(join(dir, 'runs.json'), 'utf8')).resets[0].kind, 'hardware-watchdog')
})

t.test('another version after an end in order is an update', async t => {
  const dir = t.testdir({})
  start(dir).ending('stop', 'SIGTERM')
  const path = join(dir, 'runs.json')
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(`"version":"${VERSION}"`, '"version":"0.0.1"'))
  t.match(latest(start(dir)), { kind: 'update', detail: `0.0.1 to ${VERSION}` })
})

t.test('a start that never came to serve leaves its own word, and else that of the run before', async t => {
  const dir = t.testdir({})
  start(dir).ending('watchdog', 'the store has not answered for 90 s')
  new RunBook(dir, here, silentLog)
  const failed = new RunBook(dir, here, silentLog)
  t.match(latest(failed), { kind: 'watchdog' }, 'the one between was killed before it served')
  failed.ending('failed', 'the port is taken')
  t.match(latest(start(dir)), { kind: 'failed', detail: 'the port is taken' })
})

t.test(
  'the clock of a start that failed before the store said anything is trusted unless it is behind a time that is known',
  async t => {
    const dir = t.testdir({})
    new RunBook(dir, here, silentLog).ending('failed', 'the port is taken')
    const second = start(dir)
    t.match(second.resets[1], { kind: 'first', isTrusted: true })
    second.ending('stop')
    start(dir, here, Date.now() + 86_400_000).ending('stop')
    new RunBook(dir, here, silentLog).ending('failed', 'the port is taken')
    t.match(start(dir).resets[1], { kind: 'stop', isTrusted: false }, 'a day behind the run before')
  },
)

t.test('of its own accord it begins anew three times an hour, whatever the wall clock says', async t => {
  const dir = t.testdir({})
  const nowS = Math.floor(uptime())
  for (let count = 0; count < OWN_RESTARTS_MAX; count++) {
    const book = start(dir, { boot: 'one', machineS: nowS - 60 }, WALL + count * 86_400_000)
    t.equal(book.mayRestart, true, `${count} before`)
    book.ending('watchdog', 'the self-test failed')
  }
  const late = start(dir, { boot: 'one', machineS: nowS }, WALL + 1e10)
  t.equal(late.mayRestart, false, 'a clock that jumped')
  late.ending('stop', 'SIGTERM')
  t.equal(start(dir, { boot: 'two', machineS: nowS }, WALL + 2 * 86_400_000).mayRestart, true, 'days later')

  const calm = t.testdir({})
  for (let count = 0; count < OWN_RESTARTS_MAX; count++)
    start(calm, { boot: 'one', machineS: nowS - 4000 }).ending('watchdog', 'the self-test failed')
  t.equal(start(calm, { boot: 'one', machineS: nowS - 3600 }).mayRestart, true, 'an hour later, the machine was on')
})

t.test('twenty are kept, and a file that cannot be read or written ends nothing', async t => {
  const dir = t.testdir({})
  for (let count = 0; count < 25; count++) start(dir).ending('stop', String(count))
  const book = start(dir)
  t.equal(book.resets.length, 20)
  t.equal(book.starts, 26)
  t.match(latest(book).detail, '24')
  const path = join(dir, 'runs.json')
  for (const text of ['', '{', '[]', 'null', '{"starts":"7"}', '{"starts":1,"run":{},"resets":[]}', '\0'.repeat(50)]) {
    writeFileSync(path, text)
    t.match(latest(start(dir)), { kind: 'first' }, JSON.stringify(text))
  }
  writeFileSync(path, readFileSync(path, 'utf8').replace('"resets":[', '"resets":[7,{"kind":"made up"},'))
  t.equal(start(dir).resets.length, 2, 'what is no start is left out')
  const gone = join(dir, 'gone')
  mkdirSync(gone)
  const lost = new RunBook(gone, here, silentLog)
  chmodSync(gone, 0)
  lost.serves(served())
  lost.ending('stop')
  t.equal(lost.starts, 1)
  chmodSync(gone, 0o700)
})

t.test('ends out of order are told for a day', async t => {
  const dir = t.testdir({})
  start(dir, here, WALL)
  const book = start(dir, { boot: 'two' }, WALL)
  t.same(uncleanStarts(book.resets, WALL + 1000), { count: 1, kind: 'power' })
  t.same(uncleanStarts(book.resets, WALL + 2 * 86_400_000), { count: 0, kind: '' })
  t.equal(new Set(RESET_KINDS).size, RESET_KINDS.length)
})
