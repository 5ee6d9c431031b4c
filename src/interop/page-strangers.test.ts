import t, { type Test } from 'tap'
import { DOMAIN } from './box.ts'
import { CHROMIUM, openBrowser, Visitor } from './browser.ts'
import { livedIn } from './lived-in.ts'
import { kindOf, walk } from './page-walk.ts'
import { isPassedOver } from './program.ts'
import type { RealPhone } from './real-phone.ts'

/** What strangers wrote, on every page that shows it, in a real browser: text and nothing else. */

t.setTimeout(240_000)

const BOB = `sip:bob@${DOMAIN}`
const HOSTILE = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(2)>',
  '</title></bdi></td></table><svg onload=alert(3)>',
  `" autofocus onfocus=alert(4) x="`,
  `' onmouseover='alert(5)`,
  'javascript:alert(6)',
  '\u202egnp.exe\u2066 right to left',
  `{{constructor.constructor("alert(7)")()}} ${'$'}{alert(8)}`,
  '&lt;script&gt;alert(9)&lt;/script&gt; &amp;',
]

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

async function written(alice: RealPhone): Promise<number> {
  let accepted = 0
  for (const [index, text] of HOSTILE.entries()) {
    const { status } = await alice.message({
      to: BOB,
      body: `<h1>${text}</h1>`,
      contentType: index % 2 === 0 ? 'text/html' : 'text/plain',
      headers: [
        ['Subject', text],
        ['User-Agent', text],
        ['X-Note', text],
      ],
      from: `${quoted(text)} <sip:alice@${DOMAIN}>`,
      hasCredentials: true,
      callId: `${encodeURIComponent(text).replace(/[()']/g, '')}"<b>${index}`,
    })
    if (status === 202) accepted++
  }
  return accepted
}

const counted = (visitor: Visitor, selector: string): Promise<number> => visitor.page.locator(selector).count()

t.test('script in names, subjects, heads and contents of messages stays text on every page', async t => {
  if (isPassedOver(t, CHROMIUM)) return
  const { box, alice } = await livedIn(t)
  // A contact of hers, too: what a device says of itself.
  await alice.register({ contactParams: `;+sip.instance="<script>alert(10)</script>"` })
  const accepted = await written(alice)
  t.ok(accepted >= 5, `${accepted} messages were taken`)
  const visitor = await Visitor.open(await openBrowser(t), box)
  await visitor.signIn()
  const shown = new Set<string>()
  await walk(visitor, path => look(t, visitor, path, shown), ['/queue?user=bob', `/history/${encodeURIComponent(BOB)}`])
  const messages = await links(visitor, '/queue?user=bob', 'a[href^="/queue/"]')
  const items = await links(visitor, `/history/${encodeURIComponent(BOB)}`, 'a[href^="/history/"]')
  for (const path of new Set([...messages, ...items])) {
    await visitor.open(path)
    await look(t, visitor, path, shown)
  }
  for (const search of HOSTILE) {
    const query = encodeURIComponent(search)
    for (const path of [
      `/queue?user=${query}&sender=${query}&id=${query}`,
      `/users?search=${query}`,
      `/history?user=${query}`,
      `/login?back=${query}`,
    ]) {
      await visitor.open(path)
      await look(t, visitor, path, shown)
    }
  }
  t.ok(shown.size >= 3, `seen as text on ${[...shown].join(' ')}`)
  t.same(visitor.faults, [], 'no dialog, no error, nothing refused by the content security policy')
})

async function links(visitor: Visitor, path: string, selector: string): Promise<string[]> {
  await visitor.open(path)
  return visitor.page.evaluate<string[]>(
    `[...document.querySelectorAll('main ${selector}')].map(each => each.getAttribute('href')).filter(each => !each.includes('?'))`,
  )
}

/** Nothing of what was written has become an element or an attribute. */
async function look(t: Test, visitor: Visitor, path: string, shown: Set<string>): Promise<void> {
  const elements =
    'script:not([src^="/assets/"]), img, main svg[onload], main b, [onerror], [onload], [onfocus], [onmouseover], a[href^="javascript:"], [autofocus]'
  if ((await counted(visitor, elements)) > 0) t.fail(`${path}: became markup`)
  if ((await counted(visitor, 'main h1')) !== 1) t.fail(`${path}: its heading`)
  if (/alert\(\d/.test(await visitor.text())) shown.add(kindOf(path).replace(/\?.*/, ''))
}
