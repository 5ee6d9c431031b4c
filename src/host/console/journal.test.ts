import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Journal, lineOf } from './journal.ts'

const entry = (message: unknown, more = {}): string =>
  JSON.stringify({ __REALTIME_TIMESTAMP: '1790000000000000', PRIORITY: '6', MESSAGE: message, ...more })

t.test('a line of our own log in the journal is that line again', async t => {
  const own = JSON.stringify({ level: 'warn', time: '2026-11-21T10:00:00.000Z', msg: 'the flash is full', bytes: 7 })
  t.same(lineOf(entry(own), 3), {
    seq: 3,
    at: Date.UTC(2026, 10, 21, 10),
    level: 'warn',
    msg: 'the flash is full',
    fields: { bytes: 7 },
  })
})

t.test('what systemd says of the service, by its priority', async t => {
  t.match(lineOf(entry('Main process exited, code=killed', { PRIORITY: '4' }), 1), {
    at: 1_790_000_000_000,
    level: 'warn',
    msg: 'Main process exited, code=killed',
  })
  t.match(lineOf(entry('failed', { PRIORITY: '3' }), 1), { level: 'error' })
  t.match(lineOf(entry('{"level":"x","msg":"odd","time":"never"}'), 1), { level: 'info', at: 1_790_000_000_000 })
})

t.test('what is no text is passed over', async t => {
  for (const text of ['', 'null', '[]', '{"MESSAGE":[1,2]}', entry(null), '{']) t.equal(lineOf(text, 1), undefined)
})

t.test('a machine without a journal of the service is not said to have logged nothing', async t => {
  const before = process.env.PATH
  t.teardown(() => {
    process.env.PATH = before
  })
  const folder = (text: string): string => {
    const dir = t.testdir({ journalctl: `#!/bin/sh\n${text}\n` })
    chmodSync(join(dir, 'journalctl'), 0o755)
    return dir
  }
  process.env.PATH = `${folder('exit 0')}:${before}`
  t.throws(() => new Journal().lines({}, { limit: 10 }), { message: /^No journal of restante\.service was found/ })
  process.env.PATH = `${folder(`echo '${entry('Started')}'`)}:${before}`
  t.match(new Journal().lines({}, { limit: 10 }).lines, [{ msg: 'Started' }])
  t.same(new Journal().lines({ level: 'error' }, { limit: 10 }).lines, [])
})
