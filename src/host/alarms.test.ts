import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { ALARM_IDS } from '../services/status.ts'
import { LANGUAGES } from '../web/page/strings/languages.ts'
import { type Condition, CounterAlarms, conditionAlarms, RULES, sortedAlarms } from './alarms.ts'

const WELL: Condition = {
  problem: undefined,
  freeBytes: 1000,
  reserveBytes: 100,
  isClockTrusted: true,
  lifeUsedPercent: undefined,
  spare: undefined,
  certificateDays: undefined,
  damaged: 0,
  noticesLost: 0,
  progress: undefined,
  consoleTrouble: undefined,
  uncleanStarts: { count: 0, kind: '' },
  backupDays: undefined,
  isRecovered: false,
  isPlainPage: false,
  hasDigest: true,
}

t.test('a counter that grows is an alarm for an hour', async t => {
  const counters = new Counters()
  counters.count('internal_errors', '', 7)
  const alarms = new CounterAlarms(counters)
  t.same(alarms.list(), [], 'what was counted before is history')
  counters.count('internal_errors')
  const expected = [{ id: 'internal-errors', level: 'alarm', count: 1, detail: '' }]
  t.same(alarms.list(), expected, 'at once, not after the minute')
  for (let minute = 0; minute < 60; minute++) {
    alarms.minute()
    t.same(alarms.list(), expected)
  }
  alarms.minute()
  t.same(alarms.list(), [])
})

t.test('what belongs to every day is worth a word only in numbers, over all of its counters', async t => {
  const counters = new Counters()
  const alarms = new CounterAlarms(counters)
  counters.count('auth_refused', 'wrong credentials', 10)
  alarms.minute()
  counters.count('relay_refused', '', 9)
  t.same(alarms.list(), [])
  counters.count('auth_refused', 'another identity')
  t.match(alarms.list(), [{ id: 'doors', count: 20 }])
  counters.count('push_ended', 'delivered', 100)
  counters.count('push_ended', 'kept', 9)
  t.match(alarms.list(), [{ id: 'doors' }], 'other labels of the same counter do not count')
})

t.test('what is so now', async t => {
  const ids = (more: Partial<Condition>) => conditionAlarms({ ...WELL, ...more }).map(({ id, level }) => [id, level])
  t.same(ids({}), [])
  t.same(ids({ freeBytes: 199 }), [['flash-low', 'warning']])
  t.same(ids({ freeBytes: 99, problem: '99 bytes are free' }), [['flash-low', 'alarm']], 'told once')
  t.same(ids({ problem: 'the store cannot write' }), [['store-failing', 'alarm']])
  const progress = {
    condition: 'degraded' as const,
    reason: 'the store is slow: 12 s',
    listeners: undefined,
    device: undefined,
  }
  t.same(ids({ progress }), [['slow-progress', 'warning']])
  const device = { path: '/dev/watchdog', timeoutS: undefined, problem: 'EBUSY' }
  t.same(ids({ progress: { ...progress, condition: 'ready', device } }), [['watchdog-device', 'alarm']])
  t.same(ids({ uncleanStarts: { count: 2, kind: 'power' } }), [['unclean-start', 'warning']])
  t.same(ids({ isClockTrusted: false }), [['clock', 'alarm']])
  t.same(ids({ backupDays: 30 }), [])
  t.same(ids({ backupDays: 31 }), [['backup-old', 'warning']])
  t.same(ids({ lifeUsedPercent: 70, spare: 'normal' }), [])
  t.same(ids({ lifeUsedPercent: 80 }), [['wear', 'warning']])
  t.same(ids({ lifeUsedPercent: 100 }), [['wear', 'alarm']])
  t.same(ids({ spare: 'warning' }), [['wear', 'warning']])
  t.same(ids({ spare: 'urgent' }), [['wear', 'alarm']])
  t.same(ids({ certificateDays: 21 }), [])
  t.same(ids({ certificateDays: 20 }), [['certificate-ends', 'warning']])
  t.same(ids({ certificateDays: -1 }), [['certificate-ended', 'alarm']])
  t.same(ids({ damaged: 1 }), [['damaged', 'alarm']])
  t.same(ids({ consoleTrouble: '/dev/ttyS1: there is no such device' }), [['console-line', 'warning']])
  t.same(ids({ isRecovered: true }), [['password-recovered', 'alarm']])
  t.same(ids({ isPlainPage: true, hasDigest: false }), [
    ['plain-page', 'warning'],
    ['no-digest', 'warning'],
  ])
})

t.test('alarms come before warnings, and one of a kind', async t => {
  const sorted = sortedAlarms([
    { id: 'mailbox-full', level: 'warning', count: 1, detail: '' },
    { id: 'notices-lost', level: 'warning', count: 1, detail: '' },
    { id: 'xdms', level: 'alarm', count: 1, detail: '' },
    { id: 'clock', level: 'alarm', count: 0, detail: '' },
    { id: 'notices-lost', level: 'warning', count: 2, detail: '' },
  ])
  t.same(
    sorted.map(({ id, count }) => [id, count]),
    [
      ['clock', 0],
      ['xdms', 1],
      ['mailbox-full', 1],
      ['notices-lost', 3],
    ],
  )
})

t.test('every counter that docs/operations.md says is worth an alarm is one, and no other', async t => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')
  const table = text.split('\n## ').find(part => part.startsWith('Counters worth an alarm'))!
  const rows = table.split('\n').filter(line => line.startsWith('| `restante_'))
  const named = rows.flatMap(row =>
    [...row.split(' | ')[0]!.matchAll(/restante_(\w+?)_total/g)].map(([, name]) => name!),
  )
  const counted = RULES.flatMap(({ counters }) => counters.map(([name]) => name))
  t.ok(named.length > 15)
  t.same([...new Set(counted)].sort(), [...new Set(named)].sort())
})

t.test('every alarm has a sentence and what to do, in every language', async t => {
  for (const [language, { strings }] of Object.entries(LANGUAGES))
    for (const id of ALARM_IDS) {
      const { text, todo } = strings.alarms[id]
      t.match(text('1', 'because'), /\.$/, `${language} ${id}`)
      t.match(todo, /\.$/)
      t.not(text('1', 'x'), '', id)
    }
  const { en } = LANGUAGES
  t.equal(
    en.strings.alarms['messages-refused'].text('1', ''),
    '1 message was not kept within the last hour; their senders were told.',
  )
})
