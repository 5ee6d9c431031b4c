import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DOMAIN } from './box.ts'
import { CHROMIUM, openBrowser, Visitor } from './browser.ts'
import { livedIn } from './lived-in.ts'
import { isPassedOver } from './program.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** A backup made, downloaded, uploaded and restored in a real browser. */

t.setTimeout(240_000)

const RESTART_MS = 30_000
const PASSPHRASE = 'under the third stone'
const WAITING = 6

t.test('a backup is made, downloaded and restored: what waited then waits again, and is delivered', async t => {
  if (isPassedOver(t, CHROMIUM)) return
  const { box } = await livedIn(t)
  const visitor = await Visitor.open(await openBrowser(t), box, { viewport: { width: 360, height: 740 } })
  const { page } = visitor
  await visitor.signIn()

  await visitor.open('/backup')
  await page.fill('form[action="/backup"] [name=passphrase]', PASSPHRASE)
  await page.fill('[name=again]', 'something else')
  await visitor.press('form[action="/backup"] button')
  t.equal(await page.getAttribute('#f-again', 'aria-invalid'), 'true')
  await page.fill('form[action="/backup"] [name=passphrase]', PASSPHRASE)
  await page.fill('[name=again]', PASSPHRASE)
  await visitor.press('form[action="/backup"] button')
  const link = await page.waitForSelector('a[href$="/result"]', { timeout: RESTART_MS })
  t.same(await visitor.violations(), [], 'the page of the work')
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  const file = join(box.dir, 'backup.age')
  await download.saveAs(file)
  t.ok(statSync(file).size > 1000)

  // What comes after the backup is gone with the restore.
  const bob = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort })
  t.teardown(() => bob.close())
  await bob.register({ isInstantMessaging: true })
  await until('what waited', RESTART_MS, () => bob.inbox.taken.length === WAITING)
  await bob.register({ isInstantMessaging: true, expiresS: 0 })
  await visitor.open('/users')
  await page.fill('[name=aor]', 'late')
  await visitor.press('form[action="/users"][method=post] button')

  const upload = async (passphrase: string) => {
    await visitor.open('/backup')
    await page.fill('#f-open', passphrase)
    await page.setInputFiles('[name=file]', file)
    await visitor.press('form[action="/backup/upload"] button')
  }
  await upload('not the passphrase')
  await until('it is refused', RESTART_MS, async () => /passphrase/i.test(await visitor.text()))
  await upload(PASSPHRASE)
  await page.waitForSelector('a.button[href="/backup"]', { timeout: RESTART_MS })
  await visitor.press('a.button[href="/backup"]')
  t.same(await visitor.violations(), [], 'what is in the backup, before it is restored')
  t.same(await visitor.tooWide(), [])
  t.match(await visitor.text(), DOMAIN)
  await page.fill('[name=typed]', 'wrong')
  await visitor.press('form[action="/backup/restore"] button')
  t.ok((await page.locator('[data-focus]').count()) > 0, 'the name has to be right')
  await page.fill('[name=typed]', '127.0.0.1')
  await visitor.press('form[action="/backup/restore"] button')

  await until('the box is there again and knows nobody', RESTART_MS, async () => {
    await visitor.open('/').catch(() => undefined)
    return new URL(page.url()).pathname === '/login'
  })
  await visitor.signIn()
  await visitor.open('/users')
  t.notMatch(await visitor.text('table'), 'late@')
  t.match(await visitor.text('table'), 'dora@')
  await visitor.open('/queue?user=bob')
  t.equal(await page.locator('main a[href^="/queue/"]').count(), WAITING)
  await visitor.open('/backup')
  t.same(await visitor.violations(), [], 'after the restore')
  const again = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort })
  t.teardown(() => again.close())
  await again.register({ isInstantMessaging: true })
  await until('what waited then', RESTART_MS, () => again.inbox.taken.length === WAITING)
  t.same(visitor.faults, [])
})
