import { foreign, type Html, html } from './html.ts'

/** Several lines that strangers wrote, e.g. headers: each set apart for itself, and no more of them than a person reads. */

const LINES_MAX = 400
const LINE_LENGTH_MAX = 1000
const LENGTH_MAX = 65_536

export function foreignLines(text: string): Html {
  const all = text
    .slice(0, LENGTH_MAX)
    .trimEnd()
    .split(/\r\n|\r|\n/)
  const lines = all.slice(0, LINES_MAX).map(line => html`${foreign(line.replace(/\t/g, '    '), LINE_LENGTH_MAX)}\n`)
  const isCut = all.length > LINES_MAX || text.length > LENGTH_MAX
  return html`<pre class="foreign">${lines}${isCut && '…'}</pre>`
}
