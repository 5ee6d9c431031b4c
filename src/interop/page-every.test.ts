import type { Browser, BrowserContextOptions } from 'playwright-core'
import t, { type Test } from 'tap'
import type { BoxProcess } from './box.ts'
import { CHROMIUM, openBrowser, Visitor } from './browser.ts'
import { livedIn } from './lived-in.ts'
import { walk } from './page-walk.ts'
import { isPassedOver } from './program.ts'

/** Every page of a real box in a real browser: in both languages, narrow and wide, light and dark, with script and without. */

t.setTimeout(240_000)

const PHONE = { width: 360, height: 740 }
const DESKTOP = { width: 1200, height: 800 }
const FIRST_PAGE_BYTES_MAX = 150_000
const NOWHERE = '/there-is-no-such-page'

const EXPECTED = [
  ...[
    '/',
    '/queue',
    '/users',
    '/history',
    '/delivery',
    '/network',
    '/certificates',
    '/time',
    '/backup',
    '/about',
    '/logs',
    '/support',
  ],
  ...['/account', '/changes', '/jobs', '/queue/…', '/users/…', '/users/…/remove', '/history/…', '/history/…/…'],
]
/** Nobody is led to some of them but by what they do; of the others the fullest is to be seen. */
const BEGINNINGS = ['/', '/changes', NOWHERE, '/users/bob', '/users/dora/remove', '/queue?user=bob']

/** Signed in, and about to change something, so that there are differences to be looked at. */
async function comeIn(browser: Browser, box: BoxProcess, options: BrowserContextOptions): Promise<Visitor> {
  const visitor = await Visitor.open(browser, box, { viewport: DESKTOP, ...options })
  await visitor.signIn()
  await visitor.open('/delivery')
  await visitor.page.fill('[name="deferral.quota_messages"]', '777')
  await visitor.press('form[action="/delivery"] button')
  return visitor
}

t.test('every page', async t => {
  if (isPassedOver(t, CHROMIUM)) return
  const { box } = await livedIn(t)
  const browser = await openBrowser(t)
  for (const language of ['en', 'de'] as const)
    await t.test(`in ${language}: WCAG 2.2 AA, 360 and 1200 px, light and dark, nothing from elsewhere`, t =>
      inLanguage(t, browser, box, language),
    )
  await t.test('without script: every page, and forms to their end', t => withoutScript(t, browser, box))
  await t.test('the first page takes less than 150 kB, with the sign-in before it', t => small(t, browser, box))
  await t.test('what these tests look for they find', t => finds(t, browser, box))
})

async function inLanguage(t: Test, browser: Browser, box: BoxProcess, language: 'en' | 'de'): Promise<void> {
  const visitor = await comeIn(browser, box, { locale: language })
  const { page } = visitor
  const wrong: string[] = []
  // All rules at one size of each language; what depends on colours also in the dark.
  const [whole, other] = language === 'en' ? [DESKTOP, PHONE] : [PHONE, DESKTOP]
  const look = async (path: string, how: string, ...found: readonly Promise<string[]>[]): Promise<void> => {
    for (const list of await Promise.all(found)) wrong.push(...list.map(each => `${path}, ${how}: ${each}`))
  }
  const seen = await walk(
    visitor,
    async (path, status) => {
      if (status !== (path === NOWHERE ? 404 : 200)) wrong.push(`${path}: ${status}`)
      if ((await page.getAttribute('html', 'lang')) !== language) wrong.push(`${path}: not in ${language}`)
      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize(other)
      await look(path, `${other.width} px`, visitor.tooWide(), visitor.cutOff(), visitor.brokenWords())
      await page.setViewportSize(whole)
      await look(
        path,
        `${whole.width} px`,
        visitor.tooWide(),
        visitor.cutOff(),
        visitor.brokenWords(),
        visitor.violations(),
      )
      await page.emulateMedia({ colorScheme: 'dark' })
      await look(path, 'dark', visitor.violations(['color-contrast']))
    },
    BEGINNINGS,
  )
  t.comment(`${seen.size} kinds of page: ${[...seen].join(' ')}`)
  t.same(wrong, [])
  t.same(
    EXPECTED.filter(path => !seen.has(path)),
    [],
    'the links lead everywhere',
  )
  t.same(visitor.faults, [])
  await visitor.close()
}

async function withoutScript(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const visitor = await comeIn(browser, box, { javaScriptEnabled: false })
  const wrong: string[] = []
  const look = async (path: string, status: number): Promise<void> => {
    if (status !== (path === NOWHERE ? 404 : 200)) wrong.push(`${path}: ${status}`)
    if ((await visitor.page.locator('main h1').count()) !== 1) wrong.push(`${path}: no heading`)
  }
  await walk(visitor, look, BEGINNINGS)
  t.same(wrong, [])
  await visitor.open('/users')
  await visitor.page.fill('[name=aor]', 'erin')
  await visitor.press('form[action="/users"][method=post] button')
  t.match(await visitor.text(), /erin@example\.org/)
  await visitor.open('/users/erin')
  await visitor.press('a[href$="/remove"]')
  await visitor.press('main form button')
  t.notMatch(await visitor.text('table'), /erin@/)
  await visitor.press('form[action="/logout"] button')
  t.equal(new URL(visitor.page.url()).pathname, '/login')
  t.same(visitor.faults, [])
  await visitor.close()
}

async function small(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const visitor = await Visitor.open(browser, box)
  await visitor.signIn()
  const first = await visitor.bytesSoFar()
  await visitor.open('/users')
  const next = await visitor.bytesSoFar()
  t.comment(`${first} octets, then ${next}`)
  t.ok(first > 5000 && first < FIRST_PAGE_BYTES_MAX, `${first} octets`)
  t.ok(next > 500 && next < first, 'what was fetched once is kept')
  t.same(visitor.faults, [])
}

async function finds(t: Test, browser: Browser, box: BoxProcess): Promise<void> {
  const visitor = await Visitor.open(browser, box)
  await visitor.open('/login')
  await visitor.page.evaluate(`(() => {
      document.querySelector('label').remove()
      document.querySelector('h1').style.cssText = 'width: 40px; overflow: hidden; white-space: nowrap; color: #ddd'
      document.querySelector('button').style.cssText = 'width: 20px; overflow-wrap: anywhere; padding: 0'
      document.querySelector('main').append(Object.assign(new Image(), { src: 'http://127.0.0.2:9/x.png' }))
      document.querySelector('.hint').style.cssText = 'width: 2000px; max-width: none'
      setTimeout(() => alert('here'))
      return new Promise(done => setTimeout(done, 50))
    })()`)
  const found = (await visitor.violations()).map(each => each.split(':')[0])
  for (const rule of ['label', 'color-contrast', 'image-alt']) t.ok(found.includes(rule), rule)
  t.match(await visitor.tooWide(), ['scrolls sideways'])
  t.match(await visitor.cutOff(), [/<h1/])
  t.match(await visitor.brokenWords(), ['broken: Sign'])
  t.match(visitor.faults.join('\n'), /a request to http:\/\/127\.0\.0\.2:9/)
  t.match(visitor.faults.join('\n'), /Content Security Policy/)
  t.match(visitor.faults.join('\n'), /a dialog: here/)
}
