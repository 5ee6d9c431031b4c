import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BoxProcess, DOMAIN } from './box.ts'
import { arm64Emulator } from './emulator.ts'
import { NotifyEar, PYTHON } from './notify-ear.ts'
import { installedAt } from './program.ts'
import { PtyLine } from './pty-line.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** The program as it is built for arm64, under an emulator: what depends on the machine, once through (`./scripts/test --arm64 FILE`). */

t.setTimeout(300_000)

/** Some ten times as slow as the machine that emulates. */
const READY_MS = 90_000
const PUSHED_MS = 60_000

/** The emulator notes every page that may be addressed; 16 GiB more than it needs are enough for the store. */
const ADDRESSABLE_BYTES = 2 ** 34

const AWAY = ['bob', 'carol', 'dave', 'erin', 'frank', 'grace']
const EACH = 20

async function phone(t: Test, box: BoxProcess, user: string, transport: 'udp' | 'tcp'): Promise<RealPhone> {
  const opened = await RealPhone.open({ user, transport, boxPort: box.sipPort })
  t.teardown(() => opened.close())
  return opened
}

/** Everything that waits for them, in order. */
async function pushed(t: Test, box: BoxProcess, user: string, isInstantMessaging: boolean): Promise<string[]> {
  const there = await phone(t, box, user, 'tcp')
  t.equal(await there.register({ isInstantMessaging }), 200)
  await until(`all for ${user}`, PUSHED_MS, () => there.inbox.taken.length >= EACH)
  return there.inbox.taken.map(({ body }) => String(body))
}

t.test(
  'arm64: stores, starts again, pushes in order, serves the page, answers on a serial line, tells a service manager',
  async t => {
    const { RESTANTE_ARM64: built } = process.env
    const emulator = arm64Emulator()
    const missing = [
      ...(built === undefined ? ['a program for arm64 (RESTANTE_ARM64)'] : []),
      ...(emulator === undefined && process.arch !== 'arm64' ? ['qemu-user-static with libstdc++6-arm64-cross'] : []),
      ...['prlimit', 'socat', PYTHON].filter(name => installedAt(name) === undefined),
    ]
    if (built === undefined || missing.length > 0)
      return t.pass(`${missing.join(', ')}: not here, so this is passed over`)
    const device = join(t.testdir({}), 'tty')
    const line = await PtyLine.device(device)
    t.teardown(() => line.unplug())
    const ear = await NotifyEar.open(`@restante-arm64-${process.pid}`)
    t.teardown(() => ear.close())
    const box = await BoxProcess.start(join(t.testdirName, 'box'), {
      users: ['alice', ...AWAY],
      toml: `[delivery]\nretry_min_s = 1\n[console]\ndevice = "${device}"`,
      program: [...(emulator ? ['prlimit', `--as=${ADDRESSABLE_BYTES}`, ...emulator] : []), built],
      env: { NOTIFY_SOCKET: ear.socket },
      readyMs: READY_MS,
    })
    t.teardown(() => box.discard())
    await until('the service manager is told', PUSHED_MS, () => ear.texts.some(text => /^READY=1$/m.test(text)))

    const alice = await phone(t, box, 'alice', 'tcp')
    const bodies = (user: string) => Array.from({ length: EACH }, (_, at) => `${user} ${at}`)
    for (const user of AWAY)
      for (const body of bodies(user))
        t.equal((await alice.message({ to: `sip:${user}@${DOMAIN}`, body })).status, 202, body)
    t.match(await box.stop(), { code: 0, signal: null })
    await box.start()
    t.same(await pushed(t, box, 'bob', true), bodies('bob'), 'over MSRP')
    t.same(await pushed(t, box, 'carol', false), bodies('carol'), 'over SIP')

    await page(t, box)
    await line.expect(/login: /, PUSHED_MS)

    await box.stop()
    const { out } = await box.restante('queue')
    t.match(out, new RegExp(`^${(AWAY.length - 2) * EACH} messages, `), 'from the store itself')
  },
)

async function page(t: Test, box: BoxProcess): Promise<void> {
  const at = `http://127.0.0.1:${box.httpPort}`
  t.equal((await box.health()).code, 200)
  const login = await fetch(`${at}/login`)
  const text = await login.text()
  t.equal(login.status, 200)
  t.match(text, /<form[^>]+action="\/login"/)
  const assets = [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path)
  t.ok(assets.length >= 3)
  for (const path of assets) {
    const asset = await fetch(`${at}${path}`)
    t.equal(asset.status, 200, `${path}`)
    t.ok((await asset.arrayBuffer()).byteLength > 100)
  }
}
