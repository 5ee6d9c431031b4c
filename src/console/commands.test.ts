import t from 'tap'
import type { CapturedMessage, CaptureWish, Diagnosis, TestStep } from '../services/diagnosis.ts'
import type { Delivering } from '../services/queue.ts'
import type { BoxStatus } from '../services/status.ts'
import type { TimeRefusal } from '../services/time.ts'
import { boxWith } from './box.fixture.ts'
import { Seat } from './screen.fixture.ts'
import type { ConsoleServices } from './services.ts'

/** A seat at a box with these parts, enabled, without pages. */
async function seated(parts: object) {
  const { box, logged } = boxWith(parts as Partial<ConsoleServices>)
  const seat = new Seat(box, { line: { rows: 0 } })
  await seat.enable()
  const answered = async (line: string, prompt: string, answer: string): Promise<string> => {
    const before = seat.screen.lines.length
    seat.press(`${line}\r`)
    await seat.until(prompt)
    seat.press(`${answer}\r`)
    await seat.until('edge1# ')
    return seat.screen.lines.slice(before, -1).join('\n')
  }
  return { seat, logged, answered }
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

const captured = (more: Partial<CapturedMessage>): CapturedMessage => ({
  ...{ at: 1.9e12, direction: 'in', transport: 'UDP', peer: '192.0.2.7:5060', bodyBytes: 0, dropped: 0 },
  head: 'OPTIONS sip:a@example.org SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.7',
  ...more,
})

t.test('SIP as it passes: heads, how much was missed, bodies where asked for, as many as wished', async t => {
  const wishes: CaptureWish[] = []
  const messages = [
    captured({ bodyBytes: 12 }),
    captured({ direction: 'out', dropped: 7, body: 'hi \x1b[2J\nthere' }),
    captured({}),
  ]
  let isFull = false
  const capture: Diagnosis['capture'] = wish => {
    wishes.push(wish)
    return isFull ? undefined : each(messages)
  }
  const { seat } = await seated({ diagnosis: { capture } })
  const all = await seat.run('capture sip')
  t.match(all, /<- 192\.0\.2\.7:5060 UDP ---\nOPTIONS sip:a@example\.org SIP\/2\.0\nVia: .*\n\(12 octets of body\)/)
  t.match(all, /--- 7 came too fast for this line ---\n--- .* -> /)
  t.match(all, '--- 3 captured ---')
  t.match(await seat.run('capture sip bodies count 2 matching Via: SIP'), /hi \\u001b\[2J\nthere\n--- 2 captured ---/)
  t.same(wishes[1], { withBodies: true, matching: 'Via: SIP' })
  isFull = true
  t.match(await seat.run('capture sip'), '% As many look on as may.')
})

t.test('tests on the spot say of each step what came of it', async t => {
  const asked: unknown[] = []
  const steps: TestStep[] = [
    { what: 'OPTIONS to 127.0.0.1:5060 over UDP', isOk: true, result: '200 OK after 3 ms' },
    { what: `a name ${'so long '.repeat(20)}`, isOk: false, result: 'no answer' },
  ]
  const told = (target: string | undefined) => {
    asked.push(target)
    return each(steps)
  }
  const { seat } = await seated({
    diagnosis: { testSip: told, testMsrp: told, testDisk: () => each(steps.slice(0, 1)) },
  })
  t.match(
    await seat.run('test sip sip:core.example.org'),
    /ok {6}OPTIONS[\s\S]*FAILED {2}a name[\s\S]*\n1 of 2 FAILED\./,
  )
  await seat.run('test msrp')
  t.same(asked, ['sip:core.example.org', undefined])
  t.match(await seat.run('test disk'), 'Passed.')
})

t.test('reload and factory reset: done after the right word, by whom stands in the log', async t => {
  const done: unknown[] = []
  let why: string | undefined
  const act = async (...asked: unknown[]): Promise<string | undefined> => {
    done.push(asked)
    return why
  }
  const diagnosis = { reload: act, factoryReset: act }
  const { answered, logged } = await seated({ diagnosis })
  t.match(await answered('reload', '[y/n] ', 'y'), 'The service restarts.')
  t.match(await answered('reload machine', '[y/n] ', 'YES'), 'The machine restarts.')
  t.match(await answered('factory-reset conf', 'to go on: ', 'edge1.example.org'), 'It is done at the next start')
  t.same(done, [
    ['service', 'admin'],
    ['machine', 'admin'],
    ['config', 'admin'],
  ])
  why = 'No unit is there to restart.'
  t.match(await answered('reload', '[y/n] ', 'y'), '% No unit is there to restart.')
  t.match(await answered('factory-reset full', 'to go on: ', 'edge1.example.org'), '% No unit is there to restart.')
  t.match(logged.join(), '"name":"admin","line":"/dev/ttyS1","command":"factory-reset config"')
})

t.test('the clock: set at once, far ahead after a question, or not', async t => {
  const asked: unknown[] = []
  let refusal: TimeRefusal | undefined
  const set = async (wall: number, { isAheadMeant }: { isAheadMeant: boolean }) => {
    asked.push([new Date(wall).toISOString(), isAheadMeant])
    return isAheadMeant ? undefined : refusal
  }
  const { seat, answered } = await seated({ time: { set } })
  t.match(await seat.run('clock set 2030-01-31T12:00:00'), 'The clock is set: 2030-01-31T12:00:00Z.')
  await seat.run('clock set 2030-01-31 12:00')
  refusal = { kind: 'far ahead' }
  t.match(await answered('clock set 2031-01-31T12:00Z', '[y/n] ', 'n'), 'Nothing was done.')
  t.match(await answered('clock set 2031-01-31T12:00Z', '[y/n] ', 'y'), 'The clock is set')
  for (const kind of ['not permitted', 'out of range'] as const) {
    refusal = { kind }
    t.match(await seat.run('clock set 2030-01-31T12:00:00'), /% (The box may not|No box can)/)
  }
  refusal = { kind: 'failed', why: 'Operation not permitted.' }
  t.match(await seat.run('clock set 2030-01-31T12:00:00'), '% Operation not permitted.')
  t.same(asked[1], ['2030-01-31T12:00:00.000Z', false])
  t.same(asked[4], ['2031-01-31T12:00:00.000Z', true])
})

t.test('a message that waits is tried now: every outcome in words', async t => {
  let outcome: Delivering = { outcome: 'asked', contacts: 2 }
  const { seat } = await seated({ queue: { deliver: async () => outcome } })
  t.match(await seat.run('deliver x'), 'It is tried now')
  outcome = { outcome: 'switched off' }
  t.match(await seat.run('deliver x'), 'does not want pushes')
  outcome = { outcome: 'not waiting' }
  t.match(await seat.run('deliver x'), 'It does not wait any more')
})

t.test('long work: listed with how far it is, ended after a question', async t => {
  const job = { id: 'j1', kind: 'backup', subject: 'all', state: 'running', done: 30, total: 60, startedAt: 1.9e12 }
  const removed: string[] = []
  const list = [job, { ...job, total: null }, { ...job, state: 'failed', reason: 'no room' }, { ...job, state: 'done' }]
  const jobs = { list: () => list, get: () => job, remove: async (id: string) => void removed.push(id) }
  const { seat, answered } = await seated({ jobs })
  t.match(
    await seat.run('show jobs'),
    /backup all: 50 %\n {2}id j1\n.*: 30 done\n[\s\S]*: failed: no room\n[\s\S]*: done/,
  )
  t.equal(JSON.parse(await seat.run('show jobs --json')).jobs[0].total, 60)
  t.match(await answered('jobs remove j1', '[y/n] ', ''), 'Nothing was done.')
  t.same(removed, [])
  t.match(await answered('jobs remove j1', '[y/n] ', 'y'), 'Done.')
  t.same(removed, ['j1'])
})

const STATUS = {
  ...{ at: 1.9e12, version: '1.2.3', domain: 'example.org', hostname: 'edge1.example.org', uptimeS: 90_061 },
  ...{ machineUptimeS: 1, problem: 'the store is not there', starts: 3, listeners: [] },
  board: { title: 'A board', name: 'b', console: { device: '', baud: 1 }, watchdog: undefined, keepsTime: false },
  custody: {
    waiting: 1,
    waitingBytes: 2048,
    oldestAt: 1.9e12,
    stored: 1,
    delivered: 0,
    refused: 0,
    refusedLastHour: 0,
  },
  peers: { accounts: 1, bindings: 1, sipStreams: 0, msrpConnections: 0, calls: 0, coreRoute: 'sip:core.example.org' },
  clock: { wall: 0, isTrusted: false, floor: 1.9e12, source: 'waiting' },
  flash: { freeBytes: 1, reserveBytes: 1, usedBytes: 1 },
  wear: {},
  progress: {
    ...{ condition: 'degraded', reason: 'the disk hangs', serviceS: 30 },
    device: { path: '/dev/watchdog', timeoutS: 60, problem: '' },
    selfTest: { result: 'failed', detail: 'no answer', failures: 2 },
  },
  resets: [
    { at: 1.9e12, isTrusted: true, kind: 'watchdog', detail: 'store: no answer', version: '1.2.3', ranS: 3600 },
    { at: 0, isTrusted: false, kind: 'first', detail: '', version: '1.2.2' },
  ],
  alarms: [{ id: 'clock', level: 'alarm', count: 1, detail: '' }],
} as unknown as BoxStatus

t.test('a box in trouble: no store, a clock that is wrong, watchdogs that bite, and alarms', async t => {
  const { seat } = await seated({
    status: { status: async () => STATUS, alarms: async () => STATUS.alarms },
    alarmWords: () => ({ text: 'The clock is behind.', todo: 'Set it.' }),
  })
  const status = await seat.run('show status')
  for (const line of [
    /Accepts messages +NO: the store is not there/,
    /up 1 d 01:01:01/,
    /Board +A board/,
    /Last start +2030-03-17T17:46:40Z; the run\s+before ended:\s+watchdog:\s+store: no answer/,
    /Condition +degraded: the disk hangs/,
    /Self-test +failed, no answer/,
    /Watchdogs +service manager, 30 s; \/dev\/watchdog/,
    /Clock +1970-01-01T00:00:00Z NOT TRUSTED, waiting/,
    /ALARM +The clock is behind\./,
  ])
    t.match(status, line)
  t.match(await seat.run('show alarms'), /^ALARM: The clock is behind\.\n {2}Set it\.$/)
  t.match(await seat.run('show resets'), /ran 01:00:00, ended: watchdog: store: no answer\n1970.*\(clock not trusted\)/)
  const json = JSON.parse(await seat.run('show resets --json'))
  t.match(json, { starts: 3, resets: [{ at: '2030-03-17T17:46:40.000Z', kind: 'watchdog', ran_s: 3600 }, {}] })
  t.equal(JSON.parse(await seat.run('show status --json')).custody.waiting_bytes, 2048)
  t.equal(JSON.parse(await seat.run('show alarms --json')).alarms[0].todo, 'Set it.')
})

t.test('a list that nobody waits for any more is not read to its end, also where nothing of it is shown', async t => {
  let pages = 0
  const queue = {
    totals: async () => ({ messages: 0, bytes: 0 }),
    mailboxes: async () => {
      pages++
      await new Promise(setImmediate)
      return { mailboxes: [{ aor: 'sip:a@example.org', count: 1, bytes: 1, receipts: 0 }], next: 'more' }
    },
  }
  const { seat } = await seated({ queue })
  for (const filter of ['count', 'include nothing']) {
    seat.press(`show queue | ${filter}\r`)
    await seat.settled()
    t.ok(pages > 1)
    seat.press('\x03')
    await seat.until('edge1# ')
    await seat.settled()
    const before = pages
    await seat.settled()
    t.equal(pages, before)
  }
})

t.test('what lists something has a document for programs, too', async t => {
  const { seat } = await seated({})
  t.equal(JSON.parse(await seat.run('administrator list --json')).administrators[0].name, 'admin')
  t.same(JSON.parse(await seat.run('who --json')), { sessions: [] })
})
