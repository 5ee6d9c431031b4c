import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import type { BoxProcess } from './box.ts'
import { askApi, CHROMIUM, openBrowser, PASSWORD, Visitor } from './browser.ts'
import { livedIn } from './lived-in.ts'
import { isPassedOver } from './program.ts'
import { until } from './until.ts'

/** The configuration changed in a real browser: on trial, taken back, gone back by itself, kept; two tabs; the keyboard alone. */

t.setTimeout(240_000)

const QUOTA = '[name="deferral.quota_messages"]'
const RESTART_MS = 20_000

t.test('changes', async t => {
  if (isPassedOver(t, CHROMIUM)) return
  const { box } = await livedIn(t)
  const browser = await openBrowser(t)
  await t.test('on trial: kept, or taken back; the file says so', t => onTrial(t, browser, box))
  await t.test('nobody keeps it: it goes back by itself, and the page says so', t => goesBack(t, browser, box))
  await t.test('two tabs with the same form: the later one overwrites nothing', t => twoTabs(t, browser, box))
  await t.test('the keyboard alone: sign in, add a user, sign out', t => keyboard(t, browser, box))
})

async function change(visitor: Visitor, quota: number): Promise<void> {
  await visitor.open('/delivery')
  await visitor.page.fill(QUOTA, String(quota))
  await visitor.press('form[action="/delivery"] button')
}

/** By itself the page comes back as soon as the box does. */
async function apply(visitor: Visitor): Promise<void> {
  await visitor.press('form[action="/changes/apply"] button')
  await visitor.page.waitForSelector('form[action="/changes/confirm"]', { timeout: RESTART_MS })
}

async function onTrial(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const visitor = await Visitor.open(browser, box)
  const { page } = visitor
  await visitor.signIn()
  const before = readFileSync(box.file, 'utf8')

  await change(visitor, 501)
  t.match(await visitor.text('table.diff'), /deferral\.quota_messages.*501/s)
  await apply(visitor)
  t.same(await visitor.violations(), [])
  t.match(readFileSync(box.file, 'utf8'), 'quota_messages = 501')
  await visitor.open('/users')
  t.ok(Number.parseInt(await visitor.text('.countdown'), 10) > 60, 'every page counts down')
  await visitor.open('/changes')
  await visitor.press('form[action="/changes/revert"] button')
  await until('it is taken back', RESTART_MS, () => readFileSync(box.file, 'utf8') === before)
  await page.waitForURL('**/changes', { timeout: RESTART_MS })
  await visitor.open('/delivery')
  t.not(await page.inputValue(QUOTA), '501')

  await change(visitor, 502)
  await apply(visitor)
  await visitor.press('form[action="/changes/confirm"] button')
  t.equal(await page.locator('.told.done').count(), 1)
  await visitor.open('/delivery')
  t.equal(await page.inputValue(QUOTA), '502')
  t.equal(await page.locator('.countdown').count(), 0)
  t.match(readFileSync(box.file, 'utf8'), 'quota_messages = 502')
  t.same(visitor.faults, [])
  await visitor.close()
}

/** A trial as short as the API allows it: the page's own has 120 s. */
async function goesBack(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const visitor = await Visitor.open(browser, box)
  await visitor.signIn()
  const applied = await fetch(`http://127.0.0.1:${box.httpPort}/api/v1/config/apply`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
      'content-type': 'application/json',
      'if-match': '*',
    },
    body: JSON.stringify({ changes: { 'deferral.quota_messages': 503 }, confirm_s: 1 }),
  })
  t.equal(applied.status, 202)
  await until('the box serves, and it went back', RESTART_MS, async () => {
    await visitor.open('/').catch(() => undefined)
    // The page says so while the box that had the change still serves.
    const { is_starting } = (await askApi(box, '/config').catch(() => ({}))) as { is_starting?: boolean }
    if (is_starting !== false) return false
    return (await visitor.page.locator('.banner.alarm a[href="/changes"]').count()) === 1
  })
  t.match(readFileSync(box.file, 'utf8'), 'quota_messages = 502')
  await visitor.open('/changes')
  t.same(await visitor.violations(), [])
  await visitor.press('form[action="/changes/understood"] button')
  t.equal(await visitor.page.locator('.banner.alarm').count(), 0)
  t.same(visitor.faults, [])
  await visitor.close()
}

async function twoTabs(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const one = await Visitor.open(browser, box)
  await one.signIn()
  const other = await Visitor.open(browser, box)
  await other.signIn()
  await one.open('/delivery')
  await other.open('/delivery')
  await one.page.fill(QUOTA, '601')
  await one.press('form[action="/delivery"] button')
  await apply(one)
  await one.press('form[action="/changes/confirm"] button')
  await other.page.fill(QUOTA, '602')
  await other.press('form[action="/delivery"] button')
  t.equal(new URL(other.page.url()).pathname, '/delivery', 'the form is shown again')
  t.equal((await other.page.locator('.banner.warning, .told.failed, .error-summary, [data-focus]').count()) > 0, true)
  t.equal(await other.page.inputValue(QUOTA), '602', 'with what was typed')
  t.same(await other.violations(), [])
  t.match(readFileSync(box.file, 'utf8'), 'quota_messages = 601')

  const tab = await one.tab()
  await one.open('/users/dora')
  await tab.open('/users/dora')
  for (const [each, isLate] of [
    [one, false],
    [tab, true],
  ] as const) {
    await each.press('form[action$="/settings"] button')
    t.equal((await each.page.locator('[data-focus]').count()) > 0, isLate, 'of two the later is asked again')
  }
  t.same([...one.faults, ...other.faults, ...tab.faults], [])
  await one.close()
  await other.close()
}

async function keyboard(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const visitor = await Visitor.open(browser, box, { viewport: { width: 1200, height: 800 } })
  const { page } = visitor
  const { keyboard: keys } = page
  /** Tab by tab, as far as the element; what has the focus is seen. */
  const to = async (selector: string): Promise<void> => {
    for (let tabs = 0; tabs < 60; tabs++) {
      await keys.press('Tab')
      const [isThere, isSeen] = await page.evaluate<[boolean, boolean]>(
        `(({ activeElement: it }) => { const style = getComputedStyle(it); return [it.matches(${JSON.stringify(selector)}), style.outlineStyle !== 'none' || style.boxShadow !== 'none'] })(document)`,
      )
      if (!isSeen) t.fail(`the focus is not seen on the way to ${selector}`)
      if (isThere) return
    }
    t.fail(`not reached: ${selector}`)
  }
  const enter = () => Promise.all([page.waitForEvent('load'), keys.press('Enter')])
  await visitor.open('/login')
  await to('[name=password]')
  await keys.type(PASSWORD)
  await enter()
  t.equal(new URL(page.url()).pathname, '/')
  await to('.skip')
  await keys.press('Enter')
  t.equal(await page.evaluate(`document.activeElement.id`), 'content', 'past the navigation')
  await visitor.open('/')
  await to('nav a[href="/users"]')
  await enter()
  await to('form[action="/users"] [name=aor]')
  await keys.type('not a name')
  await enter()
  t.ok(await page.evaluate(`document.activeElement.matches('[data-focus]')`), 'what is wrong has the focus')
  await to('[data-focus] a, form[action="/users"] [name=aor]')
  if (await page.evaluate(`document.activeElement.matches('a')`)) await keys.press('Enter')
  t.equal(await page.evaluate(`document.activeElement.name`), 'aor')
  await keys.press('Control+A')
  await keys.type('grace')
  await enter()
  t.match(await visitor.text(), /grace@example\.org/)
  await to('a[href="/users/sip%3Agrace%40example.org"]')
  await enter()
  t.match(await visitor.text('h1'), /grace/)
  await visitor.open('/')
  await to('form[action="/logout"] button')
  await enter()
  t.equal(new URL(page.url()).pathname, '/login')
  t.same(visitor.faults, [])
  await visitor.close()
}
