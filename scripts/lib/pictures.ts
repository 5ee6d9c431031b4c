/** Takes the pictures of the documentation; started by scripts/pictures, which says how. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BoxProcess, passwordOf } from '../../src/interop/box.ts'
import { askApi, CHROMIUM, launch, PASSWORD, printedPassword, Visitor } from '../../src/interop/browser.ts'
import { installedAt } from '../../src/interop/program.ts'
import { RealPhone } from '../../src/interop/real-phone.ts'
import { until } from '../../src/interop/until.ts'

const SIZES = { desktop: { width: 1200, height: 860 }, phone: { width: 360, height: 740 } }
const BYTES_MAX = 120_000
const WAIT_MS = 60_000
const DOMAIN = 'example.org'
const HERE = ['alice', 'carol', 'dave']
const AWAY = ['bob', 'erin', 'frank']

const [minutes = '4', folder = 'docs/pictures'] = process.argv.slice(2)
if (installedAt(CHROMIUM) === undefined) {
  console.error(`${CHROMIUM} is not installed: apt-get install ${CHROMIUM}`)
  process.exit(1)
}
mkdirSync(folder, { recursive: true })
const dir = mkdtempSync(join(tmpdir(), 'restante-pictures-'))
const box = await BoxProcess.start(dir, { users: [], toml: '[history]\nactive_default = true\n' })
const browser = await launch()
try {
  const visitor = await Visitor.open(browser, box)
  await firstRun(visitor)
  await write()
  await visitor.open('/')
  await take(visitor, 'status')
  await visitor.open('/queue')
  await take(visitor, 'queue')
  await visitor.open('/users')
  await take(visitor, 'users')
  await visitor.open('/delivery')
  await visitor.page.fill('[name="deferral.quota_messages"]', '5000')
  await visitor.page.fill('[name="deferral.default_expiry_s"]', '604800')
  await visitor.press('form[action="/delivery"] button')
  await take(visitor, 'changes')
} finally {
  await browser.close()
  await box.discard()
  rmSync(dir, { recursive: true, force: true })
}

async function take({ page }: Visitor, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport)
    const path = join(folder, `${name}-${size}.png`)
    await page.screenshot({ path, animations: 'disabled' })
    const { size: bytes } = statSync(path)
    console.log(`${path}: ${Math.round(bytes / 1000)} kB`)
    if (bytes > BYTES_MAX) throw new Error(`${path} is larger than ${BYTES_MAX} octets`)
  }
}

async function firstRun(visitor: Visitor): Promise<void> {
  const { page } = visitor
  await visitor.signIn(printedPassword(box))
  await page.fill('[name=password]', PASSWORD)
  await page.fill('[name=again]', PASSWORD)
  await visitor.press('main form button')
  await take(visitor, 'setup')
  await visitor.open('/setup/summary')
  await visitor.press('form[action="/setup/finish"] button')
}

/** Some are there and some are not; of these one comes and goes. Every few seconds somebody writes. */
async function write(): Promise<void> {
  for (const user of [...HERE, ...AWAY])
    await askApi(box, '/users', { method: 'POST', body: { aor: user, password: passwordOf(user) } })
  const open = (user: string) => RealPhone.open({ user, transport: 'tcp', boxPort: box.sipPort })
  const here = await Promise.all(HERE.map(open))
  for (const phone of here) await phone.register({ isInstantMessaging: true })
  const bob = await open('bob')
  const end = performance.now() + Number(minutes) * 60_000
  for (let count = 0; performance.now() < end; count++) {
    const to = `sip:${AWAY[count % AWAY.length]}@${DOMAIN}`
    await here[count % here.length]!.message({ to, body: `Message ${count}` })
    if (count % 40 === 30) await bob.register({ isInstantMessaging: true })
    if (count % 40 === 39) await bob.register({ isInstantMessaging: true, expiresS: 0 })
    const next = performance.now() + 250 + 1200 * Math.abs(Math.sin(count / 30))
    await until('the next message', WAIT_MS, () => performance.now() > next)
  }
  await Promise.all([...here, bob].map(phone => phone.close()))
}
