import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shortFolder } from '../testing/short-folder.ts'
import { BoxProcess } from './box.ts'
import { consoleOf, printedPassword, setUpAdmin, shownBy, signIn } from './console-person.ts'
import { isPassedOver } from './program.ts'
import type { PtyLine } from './pty-line.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** A technician resets a box from its console; the same process begins as a new one. */

t.setTimeout(120_000)

const MARKER = 'remember the marmalade'
const CHANGED = '# changed on the page\n'

/** Set up by somebody, with a user of the store for whom a message waits. */
let box: BoxProcess
let line: PtyLine
let starts = 1

t.before(async () => {
  if (isPassedOver(t, 'socat')) return
  const dir = shortFolder(t)
  const shipped = join(dir, 'shipped.toml')
  box = await BoxProcess.make(dir, { users: ['alice'], env: { RESTANTE_SHIPPED_CONFIG: shipped } })
  copyFileSync(box.file, shipped)
  writeFileSync(box.file, CHANGED + readFileSync(box.file, 'utf8'))
  await box.start()
  t.teardown(() => box.discard())
  t.equal((await box.restante('user', 'add', 'dora')).code, 0)
  const alice = await RealPhone.open({ user: 'alice', transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => alice.close())
  t.equal((await alice.message({ to: 'sip:dora@example.org', body: MARKER })).status, 202)
  line = anotherLine()
  await setUpAdmin(line, printedPassword(box))
  await shownBy(line, 'enable')
})

function anotherLine(): PtyLine {
  const opened = consoleOf(box)
  t.teardown(() => opened.unplug())
  return opened
}

async function servesAgain(): Promise<void> {
  starts++
  await until('it serves again', 60_000, () => box.err.split('"msg":"serving"').length === starts + 1)
  await line.unplug()
  line = anotherLine()
}

async function reset(level: string): Promise<void> {
  line.enter(`factory-reset ${level}`)
  await line.expect(/to go on: $/)
  line.enter('127.0.0.1')
  await line.expect(/at the next start/)
  await servesAgain()
}

/** In any file of the folder of the box. */
const isLeft = (): boolean =>
  readdirSync(box.dataDir, { recursive: true })
    .map(name => join(box.dataDir, `${name}`))
    .some(path => statSync(path).isFile() && readFileSync(path).includes(MARKER))

const firstPasswords = (): string[] => [...box.out.matchAll(/^ {2}admin +(\S+)$/gm)].map(([, one]) => one!)

t.test('reload: the program takes its own place, and everything stays', async t => {
  if (isPassedOver(t, 'socat')) return
  line.enter('reload')
  await line.expect(/\? .*$/)
  line.enter('y')
  await servesAgain()
  t.equal(firstPasswords().length, 1)
  await signIn(line)
  t.match(await shownBy(line, 'show queue'), /dora/)
  await shownBy(line, 'enable')
})

t.test('config: administrators and configuration are new, users and what waits are kept', async t => {
  if (isPassedOver(t, 'socat')) return
  await reset('config')
  t.notMatch(readFileSync(box.file, 'utf8'), CHANGED)
  t.match((await box.restante('queue')).out, /dora/)
  t.ok(isLeft())
  const [before, after] = firstPasswords()
  t.ok(after !== undefined && after !== before, 'another password was printed')
  await setUpAdmin(line, after!)
  t.match(await shownBy(line, 'show resets'), /factory-reset/)
  await shownBy(line, 'enable')
})

t.test('full: a message, a user and an administrator are really gone', async t => {
  if (isPassedOver(t, 'socat')) return
  writeFileSync(box.file, CHANGED + readFileSync(box.file, 'utf8'))
  await reset('full')
  t.notMatch(readFileSync(box.file, 'utf8'), CHANGED)
  t.equal(firstPasswords().length, 3)
  t.notMatch((await box.restante('user', 'list')).out, /dora/)
  t.notMatch((await box.restante('queue')).out, /dora/)
  t.notOk(isLeft())
  t.match(await box.stop(), { code: 0 })
})
