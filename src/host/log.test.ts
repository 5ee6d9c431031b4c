import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openLog } from './log.ts'

t.test('one JSON object a line with level, time and msg, then the fields', async t => {
  const file = join(t.testdir({}), 'log')
  const log = openLog('info', openSync(file, 'w'))
  log.debug('not at this level')
  log.info('two\nlines', { flow: 'udp', count: 3 })
  log.error('bad')
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  t.equal(lines.length, 2)
  t.match(JSON.parse(lines[0]!), { level: 'info', msg: 'two\nlines', flow: 'udp', count: 3 })
  t.match(JSON.parse(lines[0]!).time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.match(JSON.parse(lines[1]!), { level: 'error', msg: 'bad' })
})
