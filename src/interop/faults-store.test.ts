import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RESTANTE } from '../testing/program-under-test.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { NotifyEar, PYTHON } from './notify-ear.ts'
import { isPassedOver } from './program.ts'
import { PtyLine } from './pty-line.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** A store that cannot be opened, or that ends the process: what a service then is, and how it is helped. */

t.setTimeout(150_000)

const USERS = ['alice', 'bob']
/** Of LMDB. */
const PAGE_BYTES = 4096
const HEADER_BYTES = 24
const LEAF = 0x02
const PASSPHRASE = 'under the third stone'
/** Their pages are more than one. */
const KEPT = 12
const AGAIN = 75

interface Managed {
  readonly dir: string
  readonly box: BoxProcess
  readonly ear: NotifyEar
  /** What systemd leaves of the end of a run, for the next one. */
  readonly ended: (signal: NodeJS.Signals | null) => void
}

async function managed(t: Test, env: (dir: string) => NodeJS.ProcessEnv = () => ({})): Promise<Managed> {
  // A socket's path has 107 characters at most.
  const dir = mkdtempSync(join(tmpdir(), 'restante-store-'))
  const memory = join(dir, 'memory')
  mkdirSync(memory)
  const ear = await NotifyEar.open(join(dir, 'notify'))
  const own = { NOTIFY_SOCKET: ear.socket, RUNTIME_DIRECTORY: memory }
  const toml = `[console]\ndevice = ${JSON.stringify(join(dir, 'tty'))}`
  const box = await BoxProcess.make(join(dir, 'box'), { users: USERS, toml, env: { ...own, ...env(dir) } })
  t.teardown(async () => {
    await box.discard()
    await ear.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const ended = (signal: NodeJS.Signals | null): void =>
    writeFileSync(join(memory, 'result'), `core-dump dumped ${signal?.slice(3)}\n`)
  return { dir, box, ear, ended }
}

async function keepOne(t: Test, box: BoxProcess): Promise<void> {
  const alice = await RealPhone.open({ user: 'alice', transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => alice.close())
  for (let i = 0; i < KEPT; i++)
    t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `number ${i} ${'x'.repeat(900)}` })).status, 202)
}

/** Every record of a leaf says that it goes on far behind the file. */
function spoil(file: string): void {
  const bytes = readFileSync(file)
  for (let page = 2 * PAGE_BYTES; page < bytes.length; page += PAGE_BYTES) {
    if (bytes.readUInt16LE(page + 18) !== LEAF) continue
    const nodes = bytes.readUInt16LE(page + 20) / 2
    for (let at = 0; at < nodes; at++)
      bytes.writeUInt16LE(0x3fff, page + HEADER_BYTES + bytes.readUInt16LE(page + HEADER_BYTES + 2 * at) + 2)
  }
  writeFileSync(file, bytes)
}

async function restore(box: BoxProcess, file: string): Promise<{ code: number | null; err: string }> {
  const [program, ...first] = RESTANTE
  const args = [...first, 'restore', file, '--yes', '--passphrase-stdin', '--config', box.file]
  const child = spawn(program!, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.on('data', bytes => (err += bytes))
  child.stdin.end(`${PASSPHRASE}\n`)
  const [code] = await once(child, 'close')
  return { code, err }
}

async function backUp(box: BoxProcess, file: string): Promise<void> {
  const [program, ...first] = RESTANTE
  const args = [...first, 'backup', file, '--passphrase-stdin', '--config', box.file]
  const child = spawn(program!, args, { stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.end(`${PASSPHRASE}\n`)
  await once(child, 'close')
}

/** Its page opens a moment after the manager was told. */
const healthOf = (box: BoxProcess) => until('its page', 10_000, () => box.health().catch(() => undefined))

t.test('pages that end the process: it ends so once, then says what to do, and serves when that is done', async t => {
  if (isPassedOver(t, PYTHON, 'socat')) return
  const { dir, box, ear, ended } = await managed(t)
  await box.start()
  await keepOne(t, box)
  const backup = join(dir, 'box.backup.age')
  await backUp(box, backup)
  await box.stop()
  const store = join(box.dataDir, 'mailbox', 'data.mdb')
  spoil(store)
  const { signal } = await box.run()
  t.match(signal, /SIGABRT|SIGSEGV|SIGBUS/, 'the library ends the process')
  ended(signal)

  const standing = box.run()
  await until('it says why', 20_000, () => ear.texts.some(text => /^STATUS=cannot take messages.*damaged/.test(text)))
  t.match(box.err, /looked through before it is opened/)
  t.match(await healthOf(box), { code: 503, text: /pages of \S+data\.mdb are damaged .*restante restore FILE/ })
  const page = await fetch(`http://127.0.0.1:${box.httpPort}/`)
  t.equal(page.status, 503)
  t.match(await page.text(), /takes no messages[\s\S]*damaged[\s\S]*restore FILE/)
  t.notOk(ear.texts.slice(ear.texts.lastIndexOf('STOPPING=1')).includes('READY=1'))
  const line = await PtyLine.device(join(dir, 'tty'))
  t.teardown(() => line.unplug())
  await line.expect(/login: /)
  t.match(
    await box.restante('queue'),
    { code: 1, err: /the store is not opened: pages/ },
    'nobody else opens it either',
  )

  t.match(await restore(box, backup), { code: 0, err: /What is here now cannot be told/ })
  t.match(await standing, { code: AGAIN }, 'and it starts anew by itself')
  ended(null)
  await box.start()
  t.equal(await box.metric('restante_messages_waiting'), KEPT)
  t.match(await box.stop(), { code: 0 })
})

t.test('a run that was ended otherwise: a store that is well is opened', async t => {
  if (isPassedOver(t, PYTHON)) return
  const { box, ended } = await managed(t)
  await box.start()
  await keepOne(t, box)
  await box.kill()
  ended('SIGSEGV')
  await box.start()
  t.match(box.err, /nothing is wrong with the store/)
  t.equal(await box.metric('restante_messages_waiting'), KEPT)
  t.match(await box.stop(), { code: 0 })
})

t.test('a medium that fails at the start: it says so at once, and SIGTERM ends it', async t => {
  if (isPassedOver(t, PYTHON, 'gcc')) return
  let disk: FaultyDisk | undefined
  const { box, ear } = await managed(t, dir => {
    disk = new FaultyDisk(dir, join(dir, 'box', 'data', 'mailbox'))
    return disk.env
  })
  await box.start()
  await box.stop()
  for (const [name, words] of [
    ['EIO', /the medium failed/],
    ['EROFS', /read-only/],
  ] as const) {
    disk!.fail(constants.errno[name])
    ear.heard.length = 0
    const standing = box.run()
    await until(`${name}: the manager is told`, 20_000, () =>
      ear.texts.some(text => text.startsWith('STATUS=cannot take messages') && words.test(text)),
    )
    t.match(await healthOf(box), { code: 503, text: words }, name)
    await until('it asks for time', 10_000, () => ear.texts.filter(text => text.startsWith('EXTEND')).length > 1)
    box.signal('SIGTERM')
    t.match(await standing, { code: 0 })
  }
  disk!.fail(0)
  await box.start()
  t.equal((await box.health()).code, 200)
  t.match(await box.stop(), { code: 0 })
})
