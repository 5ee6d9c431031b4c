import t from 'tap'
import { silentLog } from '../base/log.ts'
import { boxWith } from './box.fixture.ts'
import { CATALOGUE } from './catalogue.ts'
import { Seat } from './screen.fixture.ts'
import type { ReducedServices } from './services.ts'

const WHY = 'the service is stopped'

/** What is left of a box; whatever the test does not give cannot be had. */
function stoppedWith(parts: Partial<ReducedServices> = {}): ReducedServices {
  const { box } = boxWith()
  return {
    reduced: WHY,
    facts: async () => [
      { name: 'store', label: 'Store', value: 'can be opened' },
      { name: 'is_locked', label: 'In use', value: false },
    ],
    access: box.access,
    log: silentLog,
    hostname: 'edge1.example.org',
    domain: 'example.org',
    version: '1.2.3',
    ...parts,
  }
}

t.test('everything that is shown says that the box is reduced, for people and programs', async t => {
  const seat = new Seat(stoppedWith())
  await seat.signIn()
  t.match(seat.screen.text, 'Reduced: the service is stopped.')
  t.equal(
    await seat.run('show status'),
    '(reduced: the service is stopped)\nStore                   can be opened\nIn use                  no',
  )
  t.same(JSON.parse(await seat.run('show status --json')), { reduced: WHY, store: 'can be opened', is_locked: false })
  t.match(await seat.run('show version'), '(reduced: the service is stopped)')
  t.match(await seat.run('show tech-support | count'), /^\d+$/)
})

t.test('storage, starts and alarms: what lies on disk, and that the rest is not known', async t => {
  const start = { at: 1.9e12, isTrusted: true, version: '1.2.3', boot: 'b', machineS: 1 }
  const onDisk = {
    starts: () => ({ starts: 7, resets: [{ ...start, kind: 'factory-reset' as const, detail: 'full' }] }),
    storage: async () => [{ name: 'free_bytes', label: 'Flash free', value: 3 * 2 ** 30, unit: 'bytes' as const }],
    alarms: async () => [{ id: 'damaged' as const, level: 'alarm' as const, count: 1, detail: '' }],
    alarmWords: () => ({ text: 'One is damaged.', todo: 'Look.' }),
  }
  const seat = new Seat(stoppedWith({ onDisk }))
  await seat.signIn()
  t.match(await seat.run('show resets'), /Starts +7\n2030-\S+Z {2}1\.2\.3 {2}ended: factory-reset: full$/)
  t.match(await seat.run('show storage'), /Flash free +3\.0 GiB\nHow the flash wears is known/)
  t.match(await seat.run('show alarms'), /ALARM: One is damaged\.\n {2}Look\.\nAll that is counted/)
  t.match(JSON.parse(await seat.run('show storage --json')), { reduced: WHY, free_bytes: 3 * 2 ** 30 })
  const bare = new Seat(stoppedWith())
  await bare.signIn()
  t.equal(await bare.run('show alarms'), '% Not possible: the service is stopped.')
})

t.test('what takes the service says so, in any tier; help has only what works', async t => {
  const seat = new Seat(stoppedWith(), { line: { rows: 0 } })
  await seat.signIn()
  await seat.run('enable')
  for (const { words, elements, isReduced, tier } of CATALOGUE) {
    if (isReduced || tier === 'configure') continue
    const given = elements.filter(({ isOptional }) => !isOptional).map(() => '5')
    const typed = [...words, ...(words.includes('level') ? ['debug'] : given)].join(' ')
    t.equal(await seat.run(typed), '% Not possible: the service is stopped.', typed)
  }
  const help = await seat.run('help')
  t.notMatch(help, 'show registrations')
  t.match(help, 'show queue')
})

t.test('a part that cannot be had, e.g. of a damaged store, is said to be so', async t => {
  const seat = new Seat(stoppedWith(), { line: { rows: 0 } })
  await seat.signIn()
  await seat.run('enable')
  for (const typed of [
    'show queue',
    'trace x',
    'show log',
    'show clock',
    'show jobs',
    'show config',
    'configure',
    'test disk',
  ])
    t.equal(await seat.run(typed), '% Not possible: the service is stopped.', typed)
  const locked = new Seat(stoppedWith({ access: undefined }))
  await locked.until('login: ')
  locked.press('admin\rright\r')
  await locked.until('login: ')
  t.match(locked.screen.text, '% Not possible: the service is stopped.')
})

t.test('an address is taken as it is typed, and a queue is read', async t => {
  const asked: (string | undefined)[] = []
  const queue = {
    totals: async () => ({ mailboxes: 0, messages: 0, bytes: 0 }),
    mailboxes: async () => ({ mailboxes: [] }),
    messages: async ({ aor }: { aor?: string }) => {
      asked.push(aor)
      return { messages: [] }
    },
    trace: async () => [],
    message: async () => undefined,
  }
  const seat = new Seat(stoppedWith({ queue }))
  await seat.signIn()
  t.match(await seat.run('show queue'), 'Nothing waits.')
  t.equal(JSON.parse(await seat.run('show queue --json')).reduced, WHY)
  for (const typed of ['alice', 'alice@example.org', 'sip:alice@example.org']) await seat.run(`show queue ${typed}`)
  t.same(asked, ['sip:alice@example.org', 'sip:alice@example.org', 'sip:alice@example.org'])
})

function recovering(presenceLeftS: number) {
  const lines: string[] = []
  const diagnosis = {
    presenceLeftS: async () => presenceLeftS,
    recoverPassword: async (line: string) => {
      lines.push(line)
      return presenceLeftS > 0
        ? { password: 'made-anew-1234' }
        : { refused: 'Nobody is known to stand before this box.' }
    },
  } as unknown as NonNullable<ReducedServices['diagnosis']>
  return { lines, diagnosis }
}

t.test('a lost password: on the serial line alone, by whoever stands before the box, after a question', async t => {
  const { lines, diagnosis } = recovering(200)
  const seat = new Seat(stoppedWith({ diagnosis }))
  await seat.until('login: ')
  seat.press('recover\rn\r')
  await seat.until('login: ')
  t.same(lines, [])
  seat.press('recover\ry\r')
  await seat.until('login: ')
  t.match(seat.screen.text, 'Password of admin, shown this once: made-anew-1234')
  t.same(lines, ['/dev/ttyS1'])

  const nobody = new Seat(stoppedWith({ diagnosis: recovering(0).diagnosis }))
  await nobody.until('login: ')
  nobody.press('recover\r')
  await nobody.until('login: ')
  t.match(nobody.screen.text, '% Nobody is known to stand before this box.')

  const far = new Seat(stoppedWith({ diagnosis }), { isPhysical: false })
  await far.until('login: ')
  far.press('recover\r')
  await far.until('login: ')
  t.match(far.screen.text, '% A password is recovered on the serial line of the box alone.')
  t.equal(lines.length, 1)
})
