import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RESTANTE } from '../testing/program-under-test.ts'
import { shortFolder } from '../testing/short-folder.ts'
import { BoxProcess } from './box.ts'
import { ADMIN_PASSWORD, consoleOf, printedPassword, setUpAdmin, shownBy, signIn } from './console-person.ts'
import { isPassedOver } from './program.ts'
import { PtyLine } from './pty-line.ts'
import { until } from './until.ts'

/** The console as people have it: on a serial line, on a terminal, with the service and without. */

t.setTimeout(180_000)

let box: BoxProcess
/** Where the serial line of the box is, when it is plugged in. */
let device: string

t.before(async () => {
  if (isPassedOver(t, 'socat')) return
  const dir = shortFolder(t)
  device = join(dir, 'tty')
  const toml = `[console]\ndevice = "${device}"\nbaud = 9600`
  box = await BoxProcess.start(join(dir, 'box'), { users: ['alice'], toml })
  t.teardown(() => box.discard())
  const first = onTerminal(t)
  await setUpAdmin(first, printedPassword(box))
  await left(first)
})

function onTerminal(t: Test): PtyLine {
  const line = consoleOf(box)
  t.teardown(() => line.unplug())
  return line
}

async function plugged(t: Test): Promise<PtyLine> {
  const line = await PtyLine.device(device)
  t.teardown(() => line.unplug())
  return line
}

async function left(line: PtyLine): Promise<void> {
  line.enter('exit')
  await line.ended()
}

/** A program of the command line with that input, as in a script. */
async function piped(input: string): Promise<{ code: number | null; out: string }> {
  const [program, ...first] = RESTANTE
  const child = spawn(program, [...first, 'console', '--config', box.file], { stdio: ['pipe', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', bytes => (out += bytes))
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  return { code, out }
}

const isOnScreen = (shown: string): boolean =>
  shown.split('\r\n').every(line => line.length <= 79) && /^[\x07\x08\r\n\x1b\x20-\x7e]*$/.test(shown)

t.test(
  '`restante console`: several at once, and no more than four; what one does is not seen by the others',
  async t => {
    if (isPassedOver(t, 'socat')) return
    const lines = [1, 2, 3, 4].map(() => onTerminal(t))
    await Promise.all(lines.map(signIn))
    const fifth = onTerminal(t)
    await fifth.expect(/Reduced console: 4 consoles are open already/)
    t.match(await shownBy(lines[0]!, 'show version'), /Restante/)
    t.notMatch(lines[1]!.rest, /Restante/)
    await left(lines[3]!)
    const another = onTerminal(t)
    await signIn(another)
    t.ok(lines.slice(0, 3).every(line => line.isOpen))
  },
)

t.test('in a script: lines of the input are typed, and what is shown comes as lines', async t => {
  if (isPassedOver(t, 'socat')) return
  const script = `admin\n${ADMIN_PASSWORD}\nshow version --json\nshow queue\nexit\n`
  const { code, out } = await piped(script)
  t.equal(code, 0)
  t.match(out, /"version": ?"/)
  t.match(out, /Nothing waits/)
  t.notMatch(out, /[\r\x1b]/)
  t.notMatch(out, ADMIN_PASSWORD)
  await box.stop()
  const alone = await piped(script.replace('exit\n', ''))
  t.equal(alone.code, 0, 'the end of the input leaves too')
  t.match(alone.out, /Reduced console: the service is not running/)
  t.match(alone.out, /Nothing waits/)
  await box.start()
  const within = `admin\n${ADMIN_PASSWORD}\nenable\n`
  const unfinished = ['admin\nwrong\nshow version\n', `${within}configure\n`, `${within}reload\n`]
  const ends = await Promise.all(unfinished.map(piped))
  t.same(
    ends.map(end => end.code),
    [0, 0, 0],
    'it ends also at a question, and within the configuration',
  )
})

t.test('a terminal is as it was, however the console ends', async t => {
  if (isPassedOver(t, 'socat', 'stty')) return
  const quoted = [...RESTANTE, 'console', '--config', box.file].map(each => `'${each}'`).join(' ')
  const endedBy = async (end: 'SIGTERM' | 'SIGHUP' | 'exit'): Promise<void> => {
    const shell = `stty -g; ${quoted} & wait_for=$!; echo "pid $wait_for"; fg >/dev/null; stty -g; echo over`
    const line = PtyLine.program(['bash', '-i', '-m', '-c', shell])
    t.teardown(() => line.unplug())
    const before = (await line.expect(/([0-9a-f]+(?::[0-9a-f]+)+)\r\n/)).match[1]
    const pid = Number((await line.expect(/pid (\d+)/)).match[1])
    await signIn(line)
    if (end === 'exit') line.enter('exit')
    else process.kill(pid, end)
    t.equal((await line.expect(/([0-9a-f]+(?::[0-9a-f]+)+)\r\nover/)).match[1], before, end)
  }
  await Promise.all([endedBy('SIGTERM'), endedBy('SIGHUP'), endedBy('exit')])
})

t.test(
  'the box is killed: within a second a line says so, and a prompt is there; it comes back, and Ctrl-] leads to it',
  async t => {
    if (isPassedOver(t, 'socat')) return
    const line = onTerminal(t)
    await signIn(line)
    line.enter('show log follow')
    await line.expect(/console login/)
    await box.kill()
    await line.expect(/\*\*\* The service broke off\./, 3000)
    await line.expect(/Reduced console: the service is not running/)
    await signIn(line)
    const status = await shownBy(line, 'show status')
    t.match(status, /reduced: the service is not running/)
    t.match(status, /Folder in use +no/)
    t.match(status, /Store +can be opened/)
    t.match(await shownBy(line, 'show queue'), /Nothing waits/)
    t.match(await shownBy(line, 'show registrations'), /Not possible: the service is not running/)

    await box.start()
    await line.expect(/The service answers again: Ctrl-\] leads to it/)
    line.type('\x1d')
    await signIn(line)
    t.match(await shownBy(line, 'show registrations'), /registration|contact|Nobody/i)
  },
)

t.test('a box that stands still is told from one that serves, also in the middle of a session', async t => {
  if (isPassedOver(t, 'socat')) return
  const line = onTerminal(t)
  await signIn(line)
  box.signal('SIGSTOP')
  t.teardown(() => box.isRunning && box.signal('SIGCONT'))
  await line.expect(/\*\*\* The service does not answer any more\./)
  await signIn(line)
  const status = await shownBy(line, 'show status')
  t.match(status, /Folder in use +yes/)
  t.match(status, /Which is +stopped/, 'the process that holds the folder')
  t.match(await shownBy(line, 'show queue'), /in use by process \d+, which is stopped/)
  const late = onTerminal(t)
  await late.expect(/Reduced console: the service does not answer/)
  await signIn(late)
  box.signal('SIGCONT')
  await line.expect(/The service answers again/)
})

t.test('a serial line of 9600 baud: login, status, unplugged in the middle of a command, garbage', async t => {
  if (isPassedOver(t, 'socat')) return
  await until('the box misses its line', 10_000, () => box.err.includes('"reason":"there is no such device"'))
  let line = await plugged(t)
  await signIn(line)
  const status = await shownBy(line, 'show status')
  t.match(status, /Version|version/)
  t.ok(isOnScreen(line.shown), 'plain ASCII, at most 79 columns')

  line.enter('show log follow')
  await line.expect(/console login/)
  await line.unplug()
  await until('the box notices', 10_000, () => box.err.includes('line was lost'))
  line = await plugged(t)
  await signIn(line)
  t.notMatch(line.shown, /console login/, 'what ran before runs no more, and nobody was signed in')

  line.bytes(Buffer.concat([Buffer.alloc(5000), Buffer.from([0xff, 0xfe, 0x80, 0x1b, 0x5b]), Buffer.alloc(100)]))
  line.type('\x15\r')
  await line.expect(/127.0.0.1> $/)
  for (let burst = 0; burst < 20; burst++)
    line.bytes(Buffer.from(Array.from({ length: 500 }, (_, at) => (at * 7 + burst) % 256)))
  t.equal((await box.health()).code, 200, 'the box serves on')
  await line.unplug()
  line = await plugged(t)
  await signIn(line)
  t.match(await shownBy(line, 'show version'), /Restante/)
  t.ok(await box.metric('restante_console_line_noise_total'), 'the noise was counted')

  const stopped = box.stop()
  await line.expect(/The service is being stopped\./)
  t.equal((await stopped).code, 0)
})

t.test('a configuration that nobody can read is mended on the console, and the box starts with it', async t => {
  if (isPassedOver(t, 'socat')) return
  await box.stop()
  const before = readFileSync(box.file, 'utf8')
  const broken = before
    .replace(/^http = .*$/m, 'http = "127.0.0.1:')
    .replace(/^msrp_tcp = .*$/m, 'msrp_tcp = "nowhere"\nmrsp_tls = ""')
  writeFileSync(box.file, broken)
  const line = onTerminal(t)
  await line.expect(/Reduced console/)
  await line.expect(/restante\.toml:\d+:\d+:\s[\s\S]*TOML/, 10_000)
  await signIn(line)
  await shownBy(line, 'enable').catch(() => {})
  line.enter('configure')
  await line.expect(/\(config\)# $/)
  line.enter(`set listen.http 127.0.0.1:${box.httpPort}`)
  await line.expect(/\(config\)# $/)
  line.enter(`set listen.msrp_tcp 127.0.0.1:${box.msrpPort}`)
  await line.expect(/\(config\)# $/)
  line.enter('commit')
  await line.expect(/\[y\/n\] $/)
  line.enter('y')
  await line.expect(/Written\. It counts from the next start/)
  t.equal(readFileSync(`${box.file}.broken`, 'utf8'), broken, 'what stood there is kept')
  await box.start()
  t.equal((await box.health()).code, 200)
})

t.test('a change on trial is kept by whoever made it: the console stays while the box starts anew', async t => {
  if (isPassedOver(t, 'socat')) return
  const line = onTerminal(t)
  await signIn(line)
  await shownBy(line, 'enable')
  line.enter('configure')
  await line.expect(/\(config\)# $/)
  line.enter('set delivery.retry_min_s 31')
  await line.expect(/\(config\)# $/)
  line.enter('commit confirmed 120')
  await line.expect(/\(config\)# $/)
  await until('the box has it', 20_000, () => box.err.includes('"keys":"delivery.retry_min_s"'))
  await until('it is confirmed', 20_000, async () => {
    line.enter('confirm')
    const { text } = await line.expect(/\(config\)# $/)
    return !/starting|not yet|yet/i.test(text)
  })
  t.match(readFileSync(box.file, 'utf8'), /^retry_min_s = 31$/m)
  t.ok(line.isOpen)
})

t.test('`restante console --device`: the line of a service of its own, with the box and without', async t => {
  if (isPassedOver(t, 'socat')) return
  const own = `${device}-own`
  const [program, ...first] = RESTANTE
  const how = ['--baud', '9600', '--flow-control', 'xonxoff']
  const args = [...first, 'console', '--config', box.file, '--device', own, ...how]
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let logged = ''
  child.stderr.on('data', bytes => (logged += bytes))
  await until('it misses its line', 20_000, () => logged.includes('there is no such device'))
  let line = await PtyLine.device(own)
  t.teardown(() => line.unplug())
  await signIn(line)
  t.match(await shownBy(line, 'show registrations'), /registration|contact|Nobody/i)
  await line.unplug()
  line = await PtyLine.device(own)
  await signIn(line)
  await box.kill()
  await line.expect(/The service broke off/)
  await signIn(line)
  t.match(await shownBy(line, 'show status'), /reduced: the service is not running/)
  child.kill('SIGTERM')
  const [code] = await once(child, 'close')
  t.equal(code, 0)
  t.match(logged, /the console of the line ends/)
})
