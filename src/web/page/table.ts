import { type Html, type HtmlValue, html } from './html.ts'

export interface Column<T> {
  readonly title: string
  readonly cell: (row: T) => HtmlValue
  /** Numbers stand at the right. */
  readonly isNumber?: boolean
}

/** On a narrow screen each row becomes a card; the titles stand before the values then. The first column names the row. */
export function table<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[], none: string): Html {
  if (rows.length === 0) return html`<p class="none">${none}</p>`
  return html`<div class="wide"><table><caption>${caption}</caption>
<thead><tr>${columns.map(({ title, isNumber }) => html`<th scope="col"${isNumber === true && html` class="number"`}>${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    row =>
      html`<tr>${columns.map(({ title, cell, isNumber }, index) =>
        index === 0
          ? html`<th scope="row">${cell(row)}</th>`
          : html`<td data-title="${title}"${isNumber === true && html` class="number"`}>${cell(row)}</td>`,
      )}</tr>\n`,
  )}</tbody></table></div>`
}

/** Terms and what they are, e.g. of one message. */
export const facts = (rows: readonly (readonly [name: string, value: HtmlValue] | undefined)[]): Html =>
  html`<dl class="facts">${rows.map(row => row && html`<div><dt>${row[0]}</dt><dd>${row[1]}</dd></div>`)}</dl>`

export const card = (title: string, content: Html, className = ''): Html =>
  html`<section class="card ${className}"><h2>${title}</h2>${content}</section>`
