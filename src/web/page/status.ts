import type { Alarm, BoxStatus, SeriesView, Span } from '../../services/status.ts'
import { needs } from '../guard.ts'
import { alarmText } from './alarm-words.ts'
import { bytes, clockTime, duration, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { titleOf } from './layout.ts'
import { plot } from './plot.ts'
import type { PagePart } from './site.ts'
import { listenersCard, statusCards } from './status-cards.ts'
import { resetsCard } from './status-progress.ts'
import { card } from './table.ts'
import type { Visit } from './visit.ts'

const SPANS: readonly Span[] = ['hour', 'day', 'week']

/** How often the parts of the page are looked at anew, where there is script. */
const FIGURES_S = 10
const PLOTS_S = 60

/** Whether anything is lost, at a glance; then what there is to know of the box. */
export const statusPage: PagePart = (app, site) => {
  const { status } = site.services
  app.get<{ Querystring: { span?: unknown } }>('/', async (request, reply) => {
    needs(request, 'viewer')
    const visit = site.visit(request)
    const span = SPANS.find(each => each === request.query.span) ?? 'hour'
    const box = await status.status()
    const body = html`<div id="figures" data-refresh-s="${FIGURES_S}">${figures(visit, box)}</div>
<div id="plots" data-refresh-s="${PLOTS_S}">${plots(visit, status.series(span))}</div>
<div id="facts" data-refresh-s="${PLOTS_S}"><div class="columns">${statusCards(visit, box)}</div>${resetsCard(visit, box)}${listenersCard(visit, box)}</div>`
    return site.show(reply, visit, { title: visit.strings.shell.status, body })
  })
}

/** What has to be done at once stands before the figures, what can wait behind them. */
function figures(visit: Visit, box: BoxStatus): Html {
  const { status: words } = visit.strings
  const urgent = box.alarms.filter(({ level }) => level === 'alarm')
  const others = box.alarms.filter(({ level }) => level !== 'alarm')
  const well = html`<p class="told done">${others.length === 0 ? words.fine : words.taking}</p>`
  const manual =
    box.alarms.length > 0 && html`<p class="hint"><a href="/about/operations.md">${words.alarmsMore}</a></p>`
  return html`${urgent.length > 0 ? alarms(visit, words.alarmsTitle, urgent) : well}${custody(visit, box)}${others.length > 0 && alarms(visit, words.warningsTitle, others)}${manual}`
}

function alarms(visit: Visit, title: string, list: readonly Alarm[]): Html {
  const { status: words } = visit.strings
  const rows = list.map(alarm => {
    const { text, todo, page } = alarmText(visit, alarm)
    const name = titleOf(visit, page)
    const link = name !== undefined && html` <a href="${page}">${words.open(name)}</a>`
    return html`<li class="banner ${alarm.level}"><strong>${words.level[alarm.level]}:</strong> ${foreign(text, 600)} <span class="todo">${todo}${link}</span></li>`
  })
  return html`<section><h2>${title}</h2><ul class="alarms">${rows}</ul></section>`
}

function custody(visit: Visit, { custody: counts, at }: BoxStatus): Html {
  const { status: words, shell } = visit.strings
  const rate = (value: number | undefined): string => (value === undefined ? '–' : number(visit, value))
  const rateHint = (value: number | undefined, count: number): Html =>
    html`${value === undefined ? words.notYet : words.perMinute}; ${words.sinceStart(number(visit, count))}`
  const oldest =
    counts.oldestAt === undefined ? undefined : shell.ago(duration(visit, Math.max(0, at - counts.oldestAt)))
  return html`<div class="cards figures">${[
    big(words.waiting, number(visit, counts.waiting), words.waitingBytes(bytes(visit, counts.waitingBytes))),
    big(
      words.oldest,
      oldest ?? '–',
      counts.oldestAt === undefined
        ? counts.waiting === 0
          ? words.oldestNone
          : words.oldestUnknown
        : time(visit, counts.oldestAt),
    ),
    big(words.kept, rate(counts.storedPerMinute), rateHint(counts.storedPerMinute, counts.stored)),
    big(words.handedOver, rate(counts.deliveredPerMinute), rateHint(counts.deliveredPerMinute, counts.delivered)),
    big(
      words.refused,
      number(visit, counts.refusedLastHour),
      words.refusedHint,
      counts.refusedLastHour > 0 ? 'warning-text' : '',
    ),
  ]}</div><p class="soft">${words.under(number(visit, counts.delivering), number(visit, counts.queued))}</p>`
}

const big = (title: string, value: string, hint: Html | string, className = ''): Html =>
  card(title, html`<p class="big ${className}">${value}</p><p class="hint">${hint}</p>`)

function plots(visit: Visit, { span, steps }: SeriesView): Html {
  const { status: words } = visit.strings
  const labels = steps.map(({ at }) => clockTime(visit, at, span === 'week'))
  const common = { labels, format: (value: number) => number(visit, value), tableTitle: words.plotTable }
  const links = SPANS.map(
    each =>
      html`<li><a class="button" href="/?span=${each}"${each === span && html` aria-current="true"`}>${words.spans[each]}</a></li>`,
  )
  return html`<nav aria-label="${words.spanLabel}"><ul class="tabs">${links}</ul></nav>
${plot({
  ...common,
  title: words.plotTitle,
  series: [
    { name: words.plotStored, values: steps.map(({ stored }) => stored) },
    { name: words.plotDelivered, values: steps.map(({ delivered }) => delivered) },
  ],
})}${plot({
  ...common,
  title: words.plotWaiting,
  series: [{ name: words.plotWaitingSeries, values: steps.map(({ waiting }) => waiting) }],
})}<p class="hint">${words.plotHint}</p>`
}
