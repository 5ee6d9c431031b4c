import { spawn, spawnSync } from 'node:child_process'
import { type EventEmitter, once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { SerialPort } from 'serialport'
import t, { type Test } from 'tap'
import { FLOW_CONTROLS, type FlowControl } from '../base/config-schema.ts'
import { Counters } from '../base/counters.ts'
import { SerialLine } from '../host/console/line.ts'
import { openSerialPort } from '../host/console/serial-port.ts'
import { shortFolder } from '../testing/short-folder.ts'
import { isPassedOver } from './program.ts'
import { PtyLine } from './pty-line.ts'
import { until } from './until.ts'

/** The serial line itself, on pseudo-terminals: what sits at it here notes what it is told. */

interface Noted {
  readonly events: string[]
  readonly logged: string[]
  readonly counters: Counters
  readonly line: SerialLine
  /** What `keys` is answered with. */
  isRoom: boolean
  room: () => void
  write: (text: string) => boolean
}

function lineOn(t: Test, device: string, flowControl: FlowControl = 'none'): Noted {
  const events: string[] = []
  const logged: string[] = []
  const counters = new Counters()
  const note = (msg: string, fields = {}): void => void logged.push(`${msg} ${JSON.stringify(fields)}`)
  const noted = { isRoom: true, room: () => {}, write: (_text: string) => true }
  const line = new SerialLine({
    ...{ device, baud: 9600, flowControl, againMinMs: 50 },
    log: { debug() {}, info: note, warn: note, error: note },
    counters: () => counters,
    session: (write, room) => {
      Object.assign(noted, { write, room })
      return {
        start: () => {
          events.push('start')
          write('login: ')
        },
        keys: bytes => {
          events.push(bytes.toString('latin1'))
          return noted.isRoom
        },
        drained: () => void events.push('drained'),
        hangUp: () => void events.push('hang up'),
        close: text => void write(text ?? ''),
      }
    },
  })
  t.teardown(() => line.close())
  line.start()
  return Object.assign(noted, { events, logged, counters, line })
}

/** What was to come in the meantime had its turn. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

async function plugged(t: Test, path: string): Promise<PtyLine> {
  const pty = await PtyLine.device(path)
  t.teardown(() => pty.unplug())
  return pty
}

t.test('a line that is not there yet, comes, goes and comes again: each time a session begins anew', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const { events, logged, counters, line } = lineOn(t, device)
  await until('it was missed', 5000, () => counters.get('console_line_failed') > 1)
  t.equal(line.troubleFor(0), 'there is no such device')
  t.equal(line.troubleFor(60_000), undefined, 'it was looked for a moment ago')
  t.equal(logged.length, 1, 'said once, however often it is looked for')
  for (let turn = 1; turn <= 3; turn++) {
    const pty = await plugged(t, device)
    await pty.expect(/login: /)
    t.equal(line.troubleFor(0), undefined)
    pty.type(`turn ${turn}\r`)
    await until('it was heard', 5000, () => events.at(-1) === `turn ${turn}\r`)
    await pty.unplug()
    await until('it is missed', 5000, () => events.at(-1) === 'hang up')
  }
  t.equal(events.filter(each => each === 'start').length, 3)
  t.equal(counters.get('console_line_lost'), 3)
})

t.test('BREAK and wrong speeds are read as NUL, and go no further; what else comes does, octet for octet', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const pty = await plugged(t, device)
  const { events, counters } = lineOn(t, device)
  await pty.expect(/login: /)
  pty.bytes(Buffer.alloc(3000))
  await until('the noise was counted', 5000, () => counters.get('console_line_noise') === 3000)
  t.same(events, ['start'], 'nobody typed')
  const all = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1))
  pty.bytes(all)
  await until('all came', 5000, () => events.slice(1).join('').length === 255)
  t.equal(events.slice(1).join(''), all.toString('latin1'))
})

t.test('whoever reads nothing keeps nothing growing: writing says so, and goes on when they read', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const pty = await plugged(t, device)
  const noted = lineOn(t, device)
  await pty.expect(/login: /)
  pty.lookAway()
  const screen = `${'x'.repeat(78)}\r\n`.repeat(24)
  const drained = (): number => noted.events.filter(each => each === 'drained').length
  const isRoom = (before: number): Promise<boolean> =>
    until('room', 500, () => drained() > before).then(
      () => true,
      () => false,
    )
  let screens = 0
  let before = 0
  do {
    before = drained()
    screens++
  } while (screens < 2000 && (noted.write(screen) || (await isRoom(before))))
  t.ok(screens < 2000, `it stood after ${screens} screens`)
  pty.look()
  await until('there is room again', 10_000, () => drained() > before)
  await until('all came', 10_000, () => pty.rest.length === screens * screen.length)
  t.equal(noted.counters.get('console_line_dropped_bytes'), 0)
})

t.test('two programs on one line: the second is told so, whichever it is', async t => {
  if (isPassedOver(t, 'socat', 'setpriv')) return
  const dir = shortFolder(t)
  chmodSync(dir, 0o755)
  const device = join(dir, 'tty')
  const pty = await plugged(t, device)
  const other = new SerialPort({ path: device, baudRate: 9600 })
  await once(other, 'open')
  const { logged, line } = lineOn(t, device)
  await until('it says so', 5000, () => line.troubleFor(0) === 'another program has it open')
  t.match(logged[0], /cannot be used/)
  await new Promise(resolve => other.close(resolve))
  await pty.expect(/login: /)
  const second = new SerialPort({ path: device, baudRate: 9600, autoOpen: false })
  const refused = await new Promise<Error | null>(resolve => second.open(resolve))
  t.match(refused?.message, /Cannot lock port/, 'who looks for the lock')
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', `cat < ${device}`]
  const cat = spawn('setpriv', nobody, { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  cat.stderr.on('data', bytes => (told += bytes))
  const [code] = await once(cat, 'close')
  t.not(code, 0)
  t.match(told, /busy|Permission denied|No such file/, 'who does not, but root')
})

t.test('closing says its last words, and waits for nobody', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const pty = await plugged(t, device)
  const { line, write } = lineOn(t, device)
  await pty.expect(/login: /)
  await line.close('It is over.')
  await pty.expect(/It is over\./)
  t.equal(write('more'), true, 'nothing goes anywhere any more')
})

/** More than the system keeps of a line (4 KiB), and than was read ahead. */
const PASTE = Buffer.from(Array.from({ length: 100_000 }, (_, at) => 32 + (at % 95)))

for (const flowControl of FLOW_CONTROLS.slice(1))
  t.test(
    `${flowControl}: what is too much waits outside, all of it comes, and nothing before there is room`,
    async t => {
      if (isPassedOver(t, 'socat')) return
      const device = join(shortFolder(t), 'tty')
      const pty = await plugged(t, device)
      const noted = lineOn(t, device, flowControl)
      await pty.expect(/login: /)
      noted.isRoom = false
      pty.bytes(PASTE)
      let pieces = 1
      for (let length = 0; length < PASTE.length; pieces++) {
        await until('a piece', 5000, () => noted.events.length > pieces)
        await turns(20)
        if (noted.events.length !== pieces + 1) break
        length += noted.events[pieces]!.length
        noted.room()
      }
      t.equal(noted.events.length, pieces, 'one piece each time')
      t.ok(PASTE.equals(Buffer.from(noted.events.slice(1).join(''), 'latin1')), 'octet for octet')
    },
  )

t.test('none: nobody outside waits, so what comes is handed on at once', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const pty = await plugged(t, device)
  const noted = lineOn(t, device)
  await pty.expect(/login: /)
  noted.isRoom = false
  pty.bytes(PASTE)
  await until('all came', 20_000, () => noted.events.slice(1).join('').length === PASTE.length)
})

t.test('unplugged while it waits: the line is lost at once, and the next one reads', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const pty = await plugged(t, device)
  const noted = lineOn(t, device, 'xonxoff')
  await pty.expect(/login: /)
  noted.isRoom = false
  pty.bytes(PASTE)
  await until('it waits', 5000, () => noted.events.length === 2)
  await turns(20)
  await pty.unplug()
  await until('it is missed', 5000, () => noted.events.at(-1) === 'hang up')
  const again = await plugged(t, device)
  await again.expect(/login: /)
  again.type('x')
  await until('it was heard', 5000, () => noted.events.at(-1) === 'x')
})

t.test('what each kind of flow control sets of the line', async t => {
  if (isPassedOver(t, 'socat', 'stty')) return
  const set: Record<string, string[]> = {}
  for (const flowControl of FLOW_CONTROLS) {
    const device = join(shortFolder(t), 'tty')
    await plugged(t, device)
    const port = await openSerialPort(device, 9600, flowControl)
    const { fd } = port.port as unknown as { fd: number }
    const { stdout } = spawnSync('stty', ['-a'], { stdio: [fd, 'pipe', 'inherit'], encoding: 'utf8' })
    set[flowControl] = stdout.split(/[\s;]+/).filter(each => /^(crtscts|ixon|ixoff|ixany)$/.test(each))
    await new Promise(resolve => port.close(resolve))
  }
  t.same(set, { none: [], rtscts: ['crtscts'], xonxoff: ['ixon', 'ixoff'] })
})

t.test('what lies there unread keeps nobody busy, also after the line was slow', async t => {
  if (isPassedOver(t, 'socat')) return
  const device = join(shortFolder(t), 'tty')
  const pty = await plugged(t, device)
  const port = await openSerialPort(device, 9600, 'rtscts')
  t.teardown(() => new Promise(resolve => port.close(resolve)))
  port.on('data', () => port.pause())
  pty.lookAway()
  const { poller } = port.port as unknown as { poller: EventEmitter }
  const events = { readable: 0, writable: 0 }
  for (const event of ['readable', 'writable'] as const) poller.on(event, () => events[event]++)
  for (let screen = 0; screen < 200; screen++) port.write('x'.repeat(2000))
  await until('the line took what it takes', 5000, () => port.writableNeedDrain)
  pty.look()
  await until('all came', 10_000, () => pty.shown.length === 400_000)
  t.ok(events.writable > 0, 'it was waited for')
  pty.bytes(PASTE)
  await until('it is paused, and has read ahead', 5000, () => port.isPaused() && port.readableLength >= 2048)
  await turns(100)
  const before = { ...events }
  await turns(1000)
  t.same(events, before)
})
