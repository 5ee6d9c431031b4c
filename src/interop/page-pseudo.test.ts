import { join } from 'node:path'
import t from 'tap'
import { FROM_SOURCE } from '../testing/program-under-test.ts'
import { CHROMIUM, openBrowser, Visitor } from './browser.ts'
import { livedIn } from './lived-in.ts'
import { walk } from './page-walk.ts'
import { isPassedOver } from './program.ts'

/** Pages whose texts are longer than any language makes them, on the narrowest windows, and enlarged. */

t.setTimeout(240_000)

const PSEUDO = join(import.meta.dirname, 'pseudo-child.ts')
const NARROW = { width: 320, height: 640 }
/** A window of 1280 px at 200 %, as a browser enlarges it. */
const ENLARGED = { width: 640, height: 400 }
/** The manual is written in English, and texts are read in other languages. */
const DOCUMENTS = /^\/about\//

/**
 * Texts that no catalogue made: words without an accent, where the pseudo-locale leaves none. What belongs to the box and to strangers (`bdi`,
 * `code`, fields, addresses) is theirs; names of protocols are the same everywhere, and spans of time are
 * written by the engine's own catalogue.
 */
const UNTRANSLATED = `(() => {
  const NAMES = /\\b(?:Restante|Deutsch|English|SIP|MSRP|TCP|UDP|TLS|XCAP|HTTPS?|WebSocket|WSS?|SHA|MD|UTC|GB|MB|kB|MiB|GiB|KiB|SBOM|CycloneDX|Linphone|ED|ECDSA|RSA|sha|admin|example|org|dora|bob|alice|carol|sip|tcp|udp|http|lmdb|LMDB|Node\\.js|linux|x64|arm64)\\b|\\d+ (?:second|minute|hour|day)s?/g
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode
    if (parentElement.closest('bdi, code, pre, time, .mono, svg, script, noscript, option, textarea, [hidden], .brand, .languages')) continue
    const words = data.replace(/\\b[a-z-]+\\.(?:json|txt|toml)\\b/g, ' ').replace(NAMES, ' ').match(/[A-Za-z]{3,}/g) ?? []
    if (words.length > 0 && !/[⟦åéïöüçñšÿž]/.test(data)) found.push(parentElement.tagName + ': ' + data.trim().slice(0, 80))
  }
  for (const each of document.querySelectorAll('[aria-label], [title], [placeholder], option')) {
    const text = each.getAttribute('aria-label') ?? each.getAttribute('title') ?? each.getAttribute('placeholder') ?? each.textContent
    const words = text.replace(/\\b[a-z-]+\\.(?:json|txt|toml)\\b/g, ' ').replace(NAMES, ' ').match(/[A-Za-z]{3,}/g) ?? []
    if (words.length > 0 && !/[⟦åéïöüçñšÿž]/.test(text) && !each.closest('svg, .languages')) found.push(each.tagName + ' says: ' + text.slice(0, 80))
  }
  return found
})()`

t.test('pseudo-locale: every text comes from the catalogue, none is cut off, nothing scrolls sideways', async t => {
  if (isPassedOver(t, CHROMIUM)) return
  // A binary takes no module from outside.
  const { box } = await livedIn(t, { program: FROM_SOURCE, env: { NODE_OPTIONS: `--import=${PSEUDO}` } })
  const visitor = await Visitor.open(await openBrowser(t), box, { viewport: NARROW })
  await visitor.signIn()
  const { page } = visitor
  const wrong: string[] = []
  const told = (path: string, how: string, found: readonly string[]): void => {
    wrong.push(...found.map(each => `${path}, ${how}: ${each}`))
  }
  const seen = await walk(visitor, async path => {
    for (const viewport of [NARROW, ENLARGED]) {
      await page.setViewportSize(viewport)
      told(path, `${viewport.width} px`, await visitor.tooWide())
      told(path, `${viewport.width} px`, await visitor.cutOff())
    }
    // Text alone enlarged, as some browsers do it.
    await page.evaluate(`document.documentElement.style.fontSize = '200%'`)
    told(path, 'text at 200 %', await visitor.tooWide())
    if (!DOCUMENTS.test(path)) told(path, 'not translated', await page.evaluate<string[]>(UNTRANSLATED))
  })
  t.ok(seen.size > 15, `${seen.size} kinds of page`)
  t.match(await visitor.text(), /⟦/)
  t.same(wrong, [])
  t.same(visitor.faults, [])
})
