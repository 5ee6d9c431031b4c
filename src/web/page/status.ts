import { needs } from '../guard.ts'
import type { Alarm, BoxStatus, SeriesView, Span } from '../services/status.ts'
import { alarmText } from './alarm-words.ts'
import { bytes, clockTime, duration, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { mayOpen } from './layout.ts'
import { plot } from './plot.ts'
import type { PagePart } from './site.ts'
import { listenersCard, statusCards } from './status-cards.ts'
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
    const body = html`<div id="figures" data-refresh-s="${FIGURES_S}">${alarms(visit, box.alarms)}${custody(visit, box)}</div>
<div id="plots" data-refresh-s="${PLOTS_S}">${plots(visit, status.series(span))}</div>
<div id="facts" data-refresh-s="${PLOTS_S}"><div class="columns">${statusCards(visit, box)}</div>${listenersCard(visit, box)}</div>`
    return site.show(reply, visit, { title: visit.strings.shell.status, body })
  })
}

function alarms(visit: Visit, list: readonly Alarm[]): Html {
  const { status: words } = visit.strings
  if (list.length === 0) return html`<p class="told done">${words.fine}</p>`
  const rows = list.map(alarm => {
    const { text, todo, page } = alarmText(visit, alarm)
    const link = mayOpen(visit, page) && html` <a href="${page}">${words.open}</a>`
    return html`<li class="banner ${alarm.level}"><strong>${words.level[alarm.level]}:</strong> ${foreign(text, 600)} <span class="todo">${todo}${link}</span></li>`
  })
  return html`<section aria-labelledby="to-do"><h2 id="to-do">${words.alarmsTitle}</h2><ul class="alarms">${rows}</ul><p class="hint"><a href="/about/operations.md">${words.alarmsMore}</a></p></section>`
}

function custody(visit: Visit, { custody: figures, at }: BoxStatus): Html {
  const { status: words, shell } = visit.strings
  const rate = (value: number | undefined): string => (value === undefined ? '–' : number(visit, value))
  const rateHint = (value: number | undefined, count: number): Html =>
    html`${value === undefined ? words.notYet : words.perMinute}; ${words.sinceStart(number(visit, count))}`
  const oldest =
    figures.oldestAt === undefined ? undefined : shell.ago(duration(visit, Math.max(0, at - figures.oldestAt)))
  return html`<div class="cards figures">${[
    big(words.waiting, number(visit, figures.waiting), words.waitingBytes(bytes(visit, figures.waitingBytes))),
    big(
      words.oldest,
      oldest ?? '–',
      figures.oldestAt === undefined
        ? figures.waiting === 0
          ? words.oldestNone
          : words.oldestUnknown
        : time(visit, figures.oldestAt),
    ),
    big(words.kept, rate(figures.storedPerMinute), rateHint(figures.storedPerMinute, figures.stored)),
    big(words.handedOver, rate(figures.deliveredPerMinute), rateHint(figures.deliveredPerMinute, figures.delivered)),
    big(
      words.refused,
      number(visit, figures.refusedLastHour),
      words.refusedHint,
      figures.refusedLastHour > 0 ? 'warning-text' : '',
    ),
  ]}</div><p class="soft">${words.under(number(visit, figures.delivering), number(visit, figures.queued))}</p>`
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
