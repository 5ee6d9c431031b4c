import t from 'tap'
import { lineOf } from './journal.ts'

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
