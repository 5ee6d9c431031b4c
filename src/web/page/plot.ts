import { type Html, html } from './html.ts'

interface Series {
  readonly name: string
  /** One for each step; undefined where nothing is known. */
  readonly values: readonly (number | undefined)[]
}

interface PlotOptions {
  readonly title: string
  readonly series: readonly [Series, Series?]
  /** Of each step, for people. */
  readonly labels: readonly string[]
  /** What the values are shown as. */
  readonly format: (value: number) => string
  /** Name of the table that says the same in numbers. */
  readonly tableTitle: string
}

/** Of the drawing, which is stretched to the room there is; text stands beside it, so that it stays readable on a phone. */
const WIDTH = 1000
const HEIGHT = 100

/** Lines over time as SVG made here: needs no script, which only shows the value under the pointer. */
export function plot({ title, series, labels, format, tableTitle }: PlotOptions): Html {
  const all = series.flatMap(each => each?.values ?? []).filter(value => value !== undefined)
  const top = roundUp(Math.max(1, ...all))
  const step = WIDTH / labels.length
  const x = (index: number): number => step * (index + 0.5)
  const y = (value: number): number => HEIGHT * (1 - value / top)
  const [first, second] = series
  return html`<figure class="card plot"><figcaption>${title}: ${legend(first, 'a')}${second && html`, ${legend(second, 'b')}`}</figcaption>
<div class="graph"><div class="y" aria-hidden="true">${[1, 0.5, 0].map(part => html`<span>${format(top * part)}</span>`)}</div>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}">
${[0, 0.5, 1].map(part => html`<path class="axis" d="M0 ${y(top * part)}h${WIDTH}"/>`)}
${second && html`<path class="b" d="${line(second, x, y)}"/>`}<path class="a" d="${line(first, x, y)}"/>
${labels.map((label, index) => html`<path class="hit" d="M${(step * index).toFixed(1)} 0h${step.toFixed(1)}v${HEIGHT}h-${step.toFixed(1)}z" data-tip="${tip(label, series, index, format)}"/>`)}
</svg>
<div class="x" aria-hidden="true">${[0, Math.floor((labels.length - 1) / 2), labels.length - 1].map(index => html`<span>${labels[index] ?? ''}</span>`)}</div></div><p class="tip" aria-hidden="true"></p>
<details><summary>${tableTitle}</summary><div class="wide"><table><thead><tr><td></td>${series.map(each => each && html`<th scope="col" class="number">${each.name}</th>`)}</tr></thead>
<tbody>${labels.map((label, index) => html`<tr><th scope="row">${label}</th>${series.map(each => each && html`<td class="number" data-title="${each.name}">${shown(each.values[index], format)}</td>`)}</tr>`)}</tbody></table></div></details></figure>`
}

const legend = ({ name }: Series, className: 'a' | 'b'): Html =>
  html`<span><svg class="key" width="28" height="8" aria-hidden="true"><path class="${className}" d="M0 4h28"/></svg> ${name}</span>`

const shown = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '–' : format(value)

const tip = (label: string, series: PlotOptions['series'], index: number, format: (value: number) => string): string =>
  `${label}: ${series
    .map(each => each && `${shown(each.values[index], format)} ${each.name}`)
    .filter(Boolean)
    .join(', ')}`

/** A gap where nothing is known; what is known between two gaps is a dot. */
function line({ values }: Series, x: (index: number) => number, y: (value: number) => number): string {
  let path = ''
  let isPen = false
  for (const [index, value] of values.entries()) {
    const isAlone = !isPen && values[index + 1] === undefined
    if (value !== undefined)
      path += `${isPen ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}${isAlone ? 'h0' : ''}`
    isPen = value !== undefined
  }
  return path
}

/** 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map(each => each * power).find(each => each >= value)!
}
