import type { FastifyReply, FastifyRequest } from 'fastify'
import { LOG_LEVEL_MINUTES_MAX, LOG_LEVELS, LOG_LINES_MAX, type LogFilter, type LogLine } from '../../services/logs.ts'
import { needs } from '../guard.ts'
import { isLogLevel, jsonLine, LOG_FILTERS, lineText, logFilter } from '../logs/query.ts'
import { button, errorSummary, type FormErrors, field, form, select } from './form.ts'
import { duration } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { pathWith, searchForm, textsIn } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { card } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

/** As many as a phone scrolls through. */
const LINES = 100
/** A line that is longer is cut; the download has it whole. */
export const SHOWN_LENGTH_MAX = 2000

type Asked = Record<(typeof LOG_FILTERS)[number], string>

/** The last lines of the log, with filters; and how much is written. */
export const logs: PagePart = (app, site) => {
  app.get('/logs', async (request, reply) => {
    needs(request, 'viewer')
    return show(site, request, reply, {})
  })
  app.get('/logs/lines.jsonl', async (request, reply) => {
    needs(request, 'viewer')
    const filter = logFilter(textsIn(request.query, LOG_FILTERS))
    if ('wrong' in filter) return show(site, request, reply, {})
    const { lines } = site.services.logs.lines(filter, { limit: LOG_LINES_MAX })
    return reply
      .headers({ 'cache-control': 'no-store', 'content-disposition': 'attachment; filename="log.jsonl"' })
      .type('application/x-ndjson')
      .send(lines.toReversed().map(jsonLine).join(''))
  })
  app.post('/logs/level', async (request, reply) => {
    const { name } = needs(request, 'operator')
    const { newLevel: level, minutes } = textsIn(request.body, ['newLevel', 'minutes'])
    const count = /^\d{1,4}$/.test(minutes) ? Number(minutes) : 0
    const { wrong, minutesWrong } = site.visit(request).strings.logs
    if (!isLogLevel(level)) return show(site, request, reply, { newLevel: wrong.level })
    if (count < 1 || count > LOG_LEVEL_MINUTES_MAX) return show(site, request, reply, { minutes: minutesWrong })
    site.services.logs.setLevel(level, count * 60_000, name)
    return site.done(reply, '/logs', 'logLevelSet')
  })
}

function show(site: Site, request: FastifyRequest, reply: FastifyReply, wrong: FormErrors): FastifyReply {
  const visit = site.visit(request)
  const { logs: words, shell } = visit.strings
  const asked = textsIn(request.query, LOG_FILTERS)
  const filter = logFilter(asked)
  const errors = 'wrong' in filter ? { ...wrong, [filter.wrong]: words.wrong[filter.wrong] } : wrong
  const { before } = textsIn(request.query, ['before'])
  const body = html`${errorSummary(visit, errors)}${filters(visit, asked, errors)}
${'wrong' in filter ? false : lines(site, visit, { asked, filter, before: /^\d{1,15}$/.test(before) ? Number(before) : undefined })}
${card(words.howMuch, howMuch(site, visit, errors))}`
  return site.show(reply, visit, { title: shell.logs, body, status: Object.keys(errors).length > 0 ? 422 : 200 })
}

function filters(visit: Visit, asked: Asked, errors: FormErrors): Html {
  const { logs: words } = visit.strings
  const levels = LOG_LEVELS.map(value => ({ value, label: `${words.levels[value]} ${words.leastHint}` }))
  const fields = html`${select({ name: 'level', label: words.level, value: asked.level, choices: [{ value: '', label: words.all }, ...levels.slice(1)], error: errors.level })}${field({ name: 'text', label: words.text, type: 'search', value: asked.text, maxLength: 300 })}${field({ name: 'field', label: words.field, type: 'search', value: asked.field, maxLength: 300, hint: words.fieldHint })}${field({ name: 'since', label: words.since, type: 'datetime-local', value: asked.since, error: errors.since })}${field({ name: 'until', label: words.until, type: 'datetime-local', value: asked.until, error: errors.until })}`
  const isFiltered = Object.values(asked).some(text => text !== '')
  return html`${searchForm('/logs', fields, words.look)}${isFiltered && html`<p><a href="/logs">${words.everything}</a></p>`}`
}

interface Looked {
  readonly asked: Asked
  readonly filter: LogFilter
  readonly before: number | undefined
}

function lines({ services }: Site, visit: Visit, { asked, filter, before }: Looked): Html {
  const { logs: words, shell } = visit.strings
  const found = services.logs.lines(filter, { ...(before !== undefined && { before }), limit: LINES })
  // What lies behind changes no more, nor what had to come before a time.
  const isLive = before === undefined && asked.until === ''
  const live = pathWith('/logs/live', { ...asked, after: String(found.lines[0]?.seq ?? 0) })
  return html`<h2 id="lines-title">${words.lines}</h2>
${isLive && html`<p class="row" data-live-tools hidden><span>${words.live}</span><button type="button" class="plain" data-pause="${words.pause}" data-go-on="${words.goOn}">${words.pause}</button></p>`}
${found.lines.length === 0 && html`<p class="none">${words.none}</p>`}
<ol class="log" tabindex="0" aria-labelledby="lines-title"${isLive && html` data-live="${live}" data-lost="${words.lost}"`}>${found.lines.map(line => row(visit, line))}</ol>
<p class="row">${before !== undefined && html`<a class="button" href="${pathWith('/logs', asked)}">${shell.first}</a>`}${found.next !== undefined && html`<a class="button" href="${pathWith('/logs', { ...asked, before: String(found.next) })}">${words.older}</a>`}<a class="button" href="${pathWith('/logs/lines.jsonl', asked)}" download>${words.download}</a></p>`
}

function row({ strings: { logs: words } }: Visit, line: LogLine): Html {
  const at = new Date(line.at).toISOString()
  return html`<li data-level="${line.level}"><time datetime="${at}">${at}</time> <strong>${words.levels[line.level]}</strong> ${foreign(lineText(line), SHOWN_LENGTH_MAX)}</li>`
}

function howMuch({ services }: Site, visit: Visit, errors: FormErrors): Html {
  const { logs: words } = visit.strings
  const { level, usual, leftS } = services.logs.level()
  const now = html`<p>${words.now(words.levels[level])}${leftS !== undefined && ` ${words.backTo(words.levels[usual], duration(visit, leftS * 1000))}`}</p>`
  if (!isAllowed(visit.who?.role, 'operator')) return now
  const choices = LOG_LEVELS.map(value => ({ value, label: words.levels[value] }))
  const fields = html`${select({ name: 'newLevel', label: words.level, value: level === usual ? 'debug' : level, choices, error: errors.newLevel })}${field({ name: 'minutes', label: words.minutes, type: 'number', value: 10, min: 1, max: LOG_LEVEL_MINUTES_MAX, unit: words.minutesUnit, isRequired: true, error: errors.minutes })}${button(words.raise)}`
  return html`${now}<p>${words.raiseText}</p>${form(visit, '/logs/level', html`<div class="row">${fields}</div>`)}`
}
