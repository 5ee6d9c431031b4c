import t from 'tap'
import { BoxProcess } from './box.ts'
import { CHROMIUM, openBrowser, PASSWORD, printedPassword, Visitor } from './browser.ts'
import { isPassedOver } from './program.ts'
import { until } from './until.ts'

/** The first run in a real browser, from the printed password to the end, on a phone, with what is shown looked at by axe. */

t.setTimeout(240_000)

const PHONE = { width: 360, height: 740 }
const RESTART_MS = 20_000

for (const hasScript of [true, false])
  t.test(
    `the first run, ${hasScript ? 'with' : 'without'} script, from the printed password to the first page`,
    async t => {
      if (isPassedOver(t, CHROMIUM)) return
      const box = await BoxProcess.start(t.testdir({}), { users: [] })
      t.teardown(() => box.discard())
      const options = { viewport: PHONE, javaScriptEnabled: hasScript }
      const visitor = await Visitor.open(await openBrowser(t), box, options)
      const { page } = visitor
      const isAt = (path: string) => t.equal(new URL(page.url()).pathname, path)
      const looked = async (step: string) => {
        t.same(await visitor.tooWide(), [], `${step}: as wide as the window`)
        if (hasScript) t.same(await visitor.violations(), [], `${step}: WCAG 2.2 AA`)
      }
      await visitor.open('/users')
      isAt('/login')
      await looked('sign-in')
      await visitor.signIn(printedPassword(box))
      isAt('/setup/password')
      await visitor.open('/setup/users')
      isAt('/setup/password')
      await page.fill('[name=password]', PASSWORD)
      await page.fill('[name=again]', `${PASSWORD}?`)
      await visitor.press('main form button')
      t.equal(await page.getAttribute('#f-again', 'aria-invalid'), 'true')
      await looked('password refused')
      await page.fill('[name=password]', PASSWORD)
      await page.fill('[name=again]', PASSWORD)
      await visitor.press('main form button')

      isAt('/setup/network')
      await looked('network')
      await page.fill('[name=domain]', 'not a domain')
      await visitor.press('main form button')
      t.equal(await page.getAttribute('#f-domain', 'aria-invalid'), 'true')
      await page.fill('[name=domain]', 'example.com')
      await visitor.press('main form button')
      isAt('/setup/applied')
      await until('the box serves with it', RESTART_MS, async () => {
        if (!hasScript) await visitor.open('/setup/applied').catch(() => undefined)
        return (await page.locator('#applied a.button').count()) === 1
      })
      await visitor.press('#applied a.button')

      isAt('/setup/users')
      await page.fill('[name=names]', 'erin\nfrank\nnot a name')
      await visitor.press('main form button')
      t.match(await visitor.text(), /erin@example\.com/)
      await looked('users')
      await page.fill('[name=names]', '')
      await visitor.press('a.button[href="/setup/summary"]')
      await looked('summary')
      t.match(await visitor.text(), /example\.com/)
      await visitor.press('form[action="/setup/finish"] button')
      isAt('/')
      t.equal(await visitor.open('/setup/password'), 404, 'closed for good')

      await visitor.press('form[action="/logout"] button')
      await page.fill('[name=password]', printedPassword(box))
      await visitor.press('form[action="/login"] button')
      isAt('/login')
      await visitor.signIn()
      t.same(visitor.faults, [])
    },
  )
