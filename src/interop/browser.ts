import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import type { BoxProcess } from './box.ts'
import { installedAt } from './program.ts'

/** As Debian names the program; `isPassedOver` asks for it. */
export const CHROMIUM = 'chromium'

const ACTION_MS = 15_000
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WCAG_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
/** A box that is had anew ends its connections, and a form that is refused is answered 4xx: the browser tells both as errors. */
const EXPECTED = /^Failed to load resource: (?:net::ERR_|the server responded with a status of (?:4\d\d|503) )/

/** `--no-sandbox`: root has none, and nothing but the box's own page is opened. */
export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: installedAt(CHROMIUM)!, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** Closed at the end of the test. */
export async function openBrowser(t: Test): Promise<Browser> {
  const browser = await launch()
  t.teardown(() => browser.close())
  return browser
}

/** The password of `admin` that the box printed at its first start. */
export const printedPassword = (box: BoxProcess): string => /^ +admin +(\S+)$/m.exec(box.out)![1]!

/** What `admin` has instead after the first run. */
export const PASSWORD = 'heron on the weir'

/** Ends the first run as a script does. */
export async function finishSetup(box: BoxProcess): Promise<void> {
  const old = printedPassword(box)
  await askApi(box, '/password', { method: 'PUT', body: { old, new: PASSWORD }, password: old })
  await askApi(box, '/setup/finish', { method: 'POST', body: {} })
}

interface Asked {
  readonly method?: string
  readonly body?: object
  readonly password?: string
}

/** Asks the API as `admin`; gives the JSON of the answer, if it has any. */
export async function askApi(
  box: Pick<BoxProcess, 'httpPort'>,
  path: string,
  { method = 'GET', body, password = PASSWORD }: Asked = {},
): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${box.httpPort}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** One person with a browser window of their own; what must not happen in it is written down in `faults`. */
export class Visitor {
  readonly page: Page
  /** Dialogs, errors of scripts and of the content security policy, requests to anywhere but the box. */
  readonly faults: string[] = []
  readonly #at: () => string
  /** Octets of bodies on the wire since `page` was opened or `countFrom` called. */
  #bytes: Promise<number>[] = []

  private constructor(page: Page, at: () => string) {
    this.page = page
    this.#at = at
  }

  static async open(browser: Browser, box: BoxProcess, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ locale: 'en-GB', ...options })
    context.setDefaultTimeout(ACTION_MS)
    const visitor = new Visitor(await context.newPage(), () => `http://127.0.0.1:${box.httpPort}`)
    visitor.#watch()
    return visitor
  }

  /** A second tab of the same person. */
  async tab(): Promise<Visitor> {
    const visitor = new Visitor(await this.page.context().newPage(), this.#at)
    visitor.#watch()
    return visitor
  }

  /**
   * Opens a path of the box; gives the status of the answer. A page that waits for the box to be there again may go elsewhere just then: once
   * it is there, the path is opened.
   */
  async open(path: string, isAgain = false): Promise<number> {
    try {
      return (await this.page.goto(`${this.#at()}${path}`, { waitUntil: 'load' }))!.status()
    } catch (error) {
      if (isAgain || !String(error).includes('interrupted by another navigation')) throw error
      await this.page.waitForLoadState('load')
      return this.open(path, true)
    }
  }

  async signIn(password = PASSWORD, name = 'admin'): Promise<void> {
    await this.open('/login')
    await this.page.fill('[name=name]', name)
    await this.page.fill('[name=password]', password)
    await this.press('form[action="/login"] button')
    await this.page.waitForSelector('form[action="/logout"], .steps')
  }

  /** Presses what leads to another page, and is there when this resolves. */
  async press(selector: string): Promise<void> {
    await Promise.all([this.page.waitForEvent('load'), this.page.click(selector)])
  }

  /** What is written there. */
  async text(of = 'main'): Promise<string> {
    return (await this.page.textContent(of)) ?? ''
  }

  /** What axe-core finds against WCAG 2.2 A and AA, one line for each element. */
  async violations(only?: readonly string[]): Promise<string[]> {
    await this.page.evaluate(AXE)
    const options = only ? { runOnly: { type: 'rule', values: only } } : { runOnly: { type: 'tag', values: WCAG_TAGS } }
    return this.page.evaluate<
      string[]
    >(`axe.run(document, { resultTypes: ['violations'], ...${JSON.stringify(options)} })
      .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => \`\${id}: \${target}: \${failureSummary}\`)))`)
  }

  /** Elements that reach out of the window to the right, where nothing of their own scrolls; empty where the page does not scroll sideways. */
  tooWide(): Promise<string[]> {
    return this.page.evaluate<string[]>(`(() => {
      const width = document.documentElement.clientWidth
      if (document.documentElement.scrollWidth <= width) return []
      const scrolls = each => each && each !== document.body && (/auto|scroll|hidden|clip/.test(getComputedStyle(each).overflowX) || scrolls(each.parentElement))
      const out = [...document.body.querySelectorAll('*')].filter(each =>
        each.getBoundingClientRect().right > width + 1 && !scrolls(each.parentElement))
      return ['scrolls sideways', ...out.slice(-3).map(each => each.outerHTML.slice(0, 200))]
    })()`)
  }

  /** Elements whose text is longer than their box, and cut off there. */
  cutOff(): Promise<string[]> {
    return this.page.evaluate<string[]>(`[...document.body.querySelectorAll('*')].filter(each => {
      const { overflowX, overflowY, position } = getComputedStyle(each)
      if (each.closest('svg, input, textarea, select, .skip, [hidden]') || each.clientWidth < 4 || position === 'absolute') return false
      return (/hidden|clip/.test(overflowX) && each.scrollWidth > each.clientWidth + 1)
        || (/hidden|clip/.test(overflowY) && each.scrollHeight > each.clientHeight + 1)
        || (each.tagName === 'BUTTON' && each.scrollWidth > each.clientWidth + 1)
    }).map(each => each.outerHTML.slice(0, 200))`)
  }

  /** Words that are broken within, without a hyphen; what strangers and files say may be broken anywhere. */
  brokenWords(): Promise<string[]> {
    return this.page.evaluate<string[]>(`(() => {
      const found = []
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      const range = document.createRange()
      while (walker.nextNode()) {
        const { currentNode: node } = walker
        if (node.parentElement.closest('bdi, code, pre, .mono, svg, script, noscript, option, textarea, [hidden]')) continue
        if (getComputedStyle(node.parentElement).hyphens === 'auto') continue
        for (const { 0: word, index } of node.data.matchAll(/\\p{L}{2,20}/gu)) {
          range.setStart(node, index)
          range.setEnd(node, index + word.length)
          if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) found.push('broken: ' + word)
        }
      }
      return found
    })()`)
  }

  /** Octets that came over the wire, heads and bodies, for everything since the last time this was called. */
  async bytesSoFar(): Promise<number> {
    const sizes = await Promise.all(this.#bytes)
    this.#bytes = []
    return sizes.reduce((sum, each) => sum + each, 0)
  }

  async close(): Promise<void> {
    await this.page.context().close()
  }

  #watch(): void {
    const { page, faults } = this
    page.on('dialog', dialog => {
      faults.push(`a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('pageerror', error => faults.push(`an error of a script: ${error.message}`))
    page.on('console', message => {
      const isFault = ['error', 'warning'].includes(message.type()) && !EXPECTED.test(message.text())
      if (isFault) faults.push(`${page.url()}: ${message.text()}`)
    })
    page.on('request', request => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== this.#at() && protocol !== 'data:') faults.push(`a request to ${request.url()}`)
    })
    page.on('requestfinished', request => {
      this.#bytes.push(
        request.sizes().then(
          sizes => sizes.responseBodySize + sizes.responseHeadersSize,
          () => 0,
        ),
      )
    })
  }
}
