import t from 'tap'
import type { Alarm, AlarmLevel } from '../services/status.ts'
import { boxWith } from './box.fixture.ts'
import { Seat } from './screen.fixture.ts'
import type { ConsoleServices } from './services.ts'

const alarmOf = (id: 'clock' | 'xdms', level: AlarmLevel): Alarm => ({ id, level, count: 0, detail: '' })

async function seated() {
  const now = {
    alarms: [] as Alarm[],
    pending: undefined as object | undefined,
    lastFailure: undefined as string | undefined,
  }
  const { box } = boxWith({
    status: { alarms: async () => now.alarms },
    alarmWords: ({ id }: Alarm) => ({ text: `Something is wrong with ${id}.`, todo: 'Look at it.' }),
    configuration: { view: () => ({ ...now, keys: [] }), candidates: { of: () => undefined } },
  } as unknown as Partial<ConsoleServices>)
  const seat = new Seat(box)
  const passed = async (): Promise<void> => {
    await seat.settled()
    seat.clock.pass(3000)
    await seat.settled()
  }
  return { seat, now, passed }
}

t.test(
  'an alarm that comes is told above the line that is typed, which stands there again; once, and when it is over',
  async t => {
    const { seat, now, passed } = await seated()
    now.alarms = [alarmOf('xdms', 'alarm')]
    await seat.signIn('viewer')
    await passed()
    t.notMatch(seat.screen.text, 'xdms', 'what was there before is in "show alarms"')
    seat.press('show vers')
    now.alarms = [alarmOf('clock', 'alarm'), alarmOf('xdms', 'warning')]
    await passed()
    await passed()
    const told = [
      '*** ALARM: Something is wrong with clock. "show alarms" says what to do.',
      '*** Over: Something is wrong with xdms.',
      'edge1> show vers',
    ]
    t.same(
      seat.screen.lines.slice(-3).map(line => line.trimEnd()),
      told,
    )
    t.match(await seat.run('ion'), 'Node 24', 'what was typed is still there')
  },
)

t.test(
  'what comes while a command runs waits for the prompt; warnings are not told; nor is anything to whoever says so',
  async t => {
    const { seat, now, passed } = await seated()
    await seat.signIn()
    await seat.run('terminal length 5')
    await seat.run('help', '--More--')
    now.alarms = [alarmOf('clock', 'alarm')]
    await passed()
    t.notMatch(seat.screen.text, 'ALARM')
    seat.press('q')
    await seat.until('edge1> ')
    t.match(seat.screen.text, /ALARM: [^\n]*\n.*edge1> $/)
    now.alarms = [alarmOf('clock', 'warning')]
    await passed()
    t.match(seat.screen.text, 'Over: ')
    await seat.run('terminal monitor off')
    now.alarms = [alarmOf('clock', 'alarm')]
    await passed()
    t.equal(seat.screen.text.split('ALARM').length, 2)
    seat.press('exit\r')
    await seat.until('login: ')
    now.alarms = []
    await passed()
    t.equal(seat.screen.last, 'edge1 login: ', 'nobody is there any more')
  },
)

t.test('a change on trial: told before it goes back, and when it did, to administrators', async t => {
  const { seat, now, passed } = await seated()
  now.lastFailure = 'of long ago'
  await seat.signIn()
  now.pending = { who: 'admin', leftS: 31 }
  await passed()
  t.notMatch(seat.screen.text, '***')
  now.pending = { who: 'admin', leftS: 28 }
  await passed()
  await passed()
  t.equal(seat.screen.text.split('*** The change on trial goes back in 28 s: "confirm" keeps it.').length, 2)
  now.pending = undefined
  now.lastFailure = 'nobody confirmed it'
  await passed()
  t.match(seat.screen.text, '*** The configuration went back: nobody confirmed it')
  t.equal(seat.screen.last, 'edge1> ')
})
