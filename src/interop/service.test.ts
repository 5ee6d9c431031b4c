import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type BoxOptions, BoxProcess } from './box.ts'
import { NotifyEar, PYTHON } from './notify-ear.ts'
import { isPassedOver } from './program.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** The box as a service manager has it. Under a real systemd: scripts/try-service. */

interface Managed {
  readonly box: BoxProcess
  readonly ear: NotifyEar
}

async function managed(t: Test, options: Partial<BoxOptions> = {}): Promise<Managed> {
  // Short: a socket's path has 107 characters at most.
  const dir = mkdtempSync(join(tmpdir(), 'restante-service-'))
  const ear = await NotifyEar.open(join(dir, 'notify'))
  const env = { NOTIFY_SOCKET: ear.socket, ...options.env }
  const box = await BoxProcess.make(join(dir, 'box'), { users: ['alice', 'bob'], ...options, env })
  t.teardown(async () => {
    await box.discard()
    await ear.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return { box, ear }
}

const isReady = ({ ear }: Managed): boolean => ear.texts.includes('READY=1')

t.test('a service: ready when messages are taken, what it does, reload, and stopping', async t => {
  if (isPassedOver(t, PYTHON)) return
  const service = await managed(t)
  const { box, ear } = service
  await box.start()
  await ear.has('READY=1')
  const alice = await RealPhone.open({ user: 'alice', transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => alice.close())
  t.equal((await alice.message({ to: 'sip:bob@example.org', body: 'hello' })).status, 202)
  const told = ear.texts.slice(0, ear.texts.indexOf('READY=1'))
  t.ok(
    told.some(text => /^EXTEND_TIMEOUT_USEC=\d+$/.test(text)),
    'a large store may take longer',
  )
  t.match(
    told.find(text => text.startsWith('STATUS=')),
    /^STATUS=starting, with the store in /,
  )
  await ear.has('STATUS=serving example.org: 2 accounts, 0 messages waiting')
  box.signal('SIGHUP')
  await until('read again', 10_000, () => ear.texts.filter(text => text === 'READY=1').length === 2)
  t.ok(ear.texts.some(text => text.startsWith('RELOADING=1')))
  t.equal((await box.health()).code, 200, 'it serves on')
  const { code } = await box.stop()
  t.equal(code, 0)
  await ear.has('STOPPING=1')
  t.equal(new Set(ear.heard.map(({ pid }) => pid)).size, 1, 'nobody else speaks for it')
})

t.test('under a service manager the passwords of the first start are not printed', async t => {
  if (isPassedOver(t, PYTHON)) return
  const service = await managed(t)
  const { box } = service
  await box.start()
  const file = join(box.dataDir, 'first-password')
  t.equal(statSync(file).mode & 0o777, 0o400)
  const [, password = ''] = /^admin (\S+)\n$/.exec(readFileSync(file, 'utf8')) ?? []
  t.ok(password.length >= 16)
  await until('it says where', 10_000, () => box.out.includes(file))
  t.notOk(`${box.out}${box.err}`.includes(password))
  await box.stop()
  await box.start()
  t.ok(existsSync(file), 'nobody has changed it yet')
  await box.stop()
})

t.test('a store that cannot be opened: never ready, it says why, and starts anew once the file is another', async t => {
  if (isPassedOver(t, PYTHON)) return
  const service = await managed(t)
  const { box, ear } = service
  const mailbox = join(box.dataDir, 'mailbox')
  mkdirSync(mailbox, { recursive: true })
  writeFileSync(join(mailbox, 'data.mdb'), 'no store at all'.repeat(1000))
  const ended = box.run()
  await until('it says why', 20_000, () => ear.texts.some(text => /^STATUS=.*data\.mdb is not a store/.test(text)))
  await until('its page too', 10_000, async () => (await box.health().catch(() => undefined))?.code === 503)
  rmSync(mailbox, { recursive: true })
  t.match(await ended, { code: 75 })
  t.notOk(isReady(service))
})

t.test('less room than is kept free: it serves, and is ready once there is room', async t => {
  if (isPassedOver(t, PYTHON)) return
  const service = await managed(t, { toml: '[deferral]\nreserve_bytes = 1000000000000000\n' })
  const { box, ear } = service
  await box.start()
  await until('it says why', 10_000, () => ear.texts.some(text => /^STATUS=not ready: \d+ bytes are free/.test(text)))
  await until('it asks for more time', 10_000, () => ear.texts.filter(text => text.startsWith('EXTEND')).length > 1)
  t.equal((await box.health()).code, 503, 'its page is there')
  t.notOk(isReady(service))
  const { code, ms } = await box.stop()
  t.equal(code, 0)
  t.ok(ms < 5000)
  t.notOk(isReady(service))
})
