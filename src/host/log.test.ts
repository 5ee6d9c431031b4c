import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LOG_LINES_MAX, type LogFilter } from '../services/logs.ts'
import { openLog } from './log.ts'
import { LINES_PER_WINDOW } from './log-limit.ts'

const START = Date.parse('2030-01-01T00:00:00Z')

/** A log under a clock of its own. */
function opened(t: Test) {
  const file = join(t.testdir({}), 'log')
  let at = START
  const waiting: { readonly at: number; readonly run: () => void }[] = []
  const later = (run: () => void, ms: number): unknown => waiting.push({ at: at + ms, run })
  const log = openLog('info', openSync(file, 'w'), { now: () => at, later })
  const pass = (ms: number): void => {
    at += ms
    for (const each of waiting.filter(one => one.at <= at)) {
      waiting.splice(waiting.indexOf(each), 1)
      each.run()
    }
  }
  const written = () =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
  const messages = (filter: LogFilter = {}): string[] => log.lines(filter, { limit: 100 }).lines.map(({ msg }) => msg)
  return { log, pass, written, messages }
}

t.test('one JSON object a line with level, time and msg, then the fields', async t => {
  const { log, written } = opened(t)
  log.debug('not at this level')
  log.info('two\nlines', { flow: 'udp', count: 3, nothing: undefined })
  log.error('bad')
  t.same(written(), [
    { level: 'info', time: '2030-01-01T00:00:00.000Z', flow: 'udp', count: 3, msg: 'two\nlines' },
    { level: 'error', time: '2030-01-01T00:00:00.000Z', msg: 'bad' },
  ])
  t.same(log.lines({}, { limit: 1 }), {
    lines: [{ seq: 2, at: START, level: 'error', msg: 'bad', fields: {} }],
    next: 2,
  })
})

t.test('a flood of one kind of line is counted instead of written', async t => {
  const { log, pass, written } = opened(t)
  for (let i = 0; i < 500; i++) log.warn('refused', { from: `192.0.2.${i % 250}` })
  log.info('something else')
  t.equal(written().length, LINES_PER_WINDOW + 1)
  pass(1000)
  t.match(written().at(-1), { level: 'warn', msg: 'refused', suppressed: 500 - LINES_PER_WINDOW })
  log.warn('refused', { from: 'again' })
  t.match(written().at(-1), { msg: 'refused', from: 'again' })
  pass(1000)
  t.equal(written().length, LINES_PER_WINDOW + 3, 'nothing is told of what was not left out')
})

t.test('a flood of as many kinds as lines is bounded too', async t => {
  const { log, pass, written } = opened(t)
  for (let i = 0; i < 5000; i++) log.warn(`kind ${i}`)
  t.ok(written().length < 300)
  pass(1000)
  t.match(written().at(-1), { msg: 'lines of many kinds' })
})

t.test('the last lines are kept, bounded in number and in size; a text is cut', async t => {
  const { log, pass } = opened(t)
  for (let i = 0; i < LOG_LINES_MAX + 50; i++) {
    if (i % LINES_PER_WINDOW === 0) pass(1000)
    log.info('line', { i })
  }
  const { lines } = log.lines({}, { limit: 10_000 })
  t.equal(lines.length, LOG_LINES_MAX)
  t.same(lines[0]!.fields, { i: LOG_LINES_MAX + 49 })
  for (let i = 0; i < 1000; i++) {
    if (i % LINES_PER_WINDOW === 0) pass(1000)
    log.info('long', { text: 'x'.repeat(100_000) })
  }
  const long = log.lines({}, { limit: 10_000 }).lines
  t.ok(long.length < 256 && long.length > 200, `${long.length}`)
  t.equal(String(long[0]!.fields.text).length, 4097)
})

t.test('filters: level, text, field and time; page by page', async t => {
  const { log, pass, messages } = opened(t)
  log.info('first', { flow: 'udp/1', from: 'ALICE' })
  pass(60_000)
  log.warn('second', { flow: 'tcp/2', full: true })
  pass(60_000)
  log.error('third')
  t.same(messages({ level: 'warn' }), ['third', 'second'])
  t.same(messages({ text: 'alice' }), ['first'])
  t.same(messages({ text: 'SECOND' }), ['second'])
  t.same(messages({ field: { name: 'flow' } }), ['second', 'first'])
  t.same(messages({ field: { name: 'flow', value: 'udp/1' } }), ['first'])
  t.same(messages({ field: { name: 'full', value: 'true' } }), ['second'])
  t.same(messages({ field: { name: 'toString' } }), [])
  t.same(messages({ since: START + 60_000, until: START + 120_000 }), ['second'])
  const first = log.lines({}, { limit: 2 })
  t.same(
    log.lines({}, { limit: 2, before: first.next! }).lines.map(({ msg }) => msg),
    ['first'],
  )
})

t.test('another level for a while, by somebody; then the usual one again', async t => {
  const { log, pass, messages } = opened(t)
  t.same(log.level(), { level: 'info', usual: 'info', leftS: undefined })
  log.setLevel('debug', 600_000, 'olga')
  log.debug('seen')
  t.same(log.level(), { level: 'debug', usual: 'info', leftS: 600 })
  log.setLevel('debug', 1_200_000, 'olga')
  pass(600_000)
  log.debug('still seen')
  pass(600_000)
  log.debug('not seen')
  t.same(log.level(), { level: 'info', usual: 'info', leftS: undefined })
  t.same(
    messages().filter(msg => msg.includes('seen')),
    ['still seen', 'seen'],
  )
  log.setLevel('error', 60_000, 'olga')
  log.warn('left out')
  log.setLevel('info', 0, 'olga')
  t.notOk(messages().includes('left out'))
  t.match(log.lines({ field: { name: 'by', value: 'olga' } }, { limit: 9 }).lines[0]?.fields, { at: 'info' })
})

t.test('as many listen as may, each to what it asked for', async t => {
  const { log } = opened(t)
  const heard: string[] = []
  const ends = Array.from({ length: 8 }, () => log.watch({ level: 'warn' }, ({ msg }) => heard.push(msg)))
  t.equal(
    log.watch({}, () => {}),
    undefined,
  )
  log.info('not this')
  log.warn('this')
  t.same(heard, Array(8).fill('this'))
  ends[0]!()
  t.ok(log.watch({}, () => {}))
})

t.test('a log that cannot be written stops nobody, and what is said is on the page still', async t => {
  const log = openLog('info', openSync('/dev/full', 'w'))
  for (let count = 0; count < 3; count++) t.doesNotThrow(() => log.info('said', { count }))
  t.equal(log.lines({ text: 'said' }, { limit: 10 }).lines.length, 3)
})
