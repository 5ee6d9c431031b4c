import type { TimeRefusal, TimeView } from '../../services/time.ts'
import { needs } from '../guard.ts'
import { button, checkbox, errorSummary, field, form } from './form.ts'
import { time as shown } from './format.ts'
import { type Html, type HtmlValue, html } from './html.ts'
import type { PagePart, Site } from './site.ts'
import { card, facts } from './table.ts'
import type { Visit } from './visit.ts'

/** The clock of the box: how right it is, and setting it. */
export const time: PagePart = (app, site) => {
  app.get('/time', async (request, reply) => {
    needs(request, 'operator')
    return show(site, reply, site.visit(request))
  })
  app.post<{ Body: { now?: unknown; ahead?: unknown } | null }>('/time', async (request, reply) => {
    const { name } = needs(request, 'operator')
    const { now, ahead } = request.body ?? {}
    const wall = typeof now === 'string' ? Date.parse(`${now}Z`) : Number.NaN
    const refusal = await site.services.time.set(wall, { who: name, isAheadMeant: [ahead].flat().includes('on') })
    return refusal ? show(site, reply, site.visit(request), refusal) : site.done(reply, '/time', 'timeSet')
  })
}

async function show(site: Site, reply: Parameters<Site['show']>[0], visit: Visit, refusal?: TimeRefusal) {
  const { time: words, shell } = visit.strings
  const view = await site.services.time.view()
  const error = refusal && wordsOf(visit, refusal)
  const body = html`${error !== undefined && errorSummary(visit, { now: error })}${!view.isTrusted && html`<p class="banner alarm">${words.notTrusted}</p>`}${card(words.now, standing(visit, view))}${card(words.set, view.canSet ? setting(visit, view, error) : byHand(visit, view))}`
  return site.show(reply, visit, { title: shell.time, body, status: error === undefined ? 200 : 422 })
}

function wordsOf({ strings: { time: words } }: Visit, refusal: TimeRefusal): string {
  if (refusal.kind === 'failed') return words.failed(refusal.why)
  if (refusal.kind === 'far ahead') return words.farAhead
  return refusal.kind === 'out of range' ? words.wrong : words.cannot
}

function standing(visit: Visit, { wall, floor, isTrusted, source, asked }: TimeView): Html {
  const { time: words, shell } = visit.strings
  const rows: [string, HtmlValue][] = [
    [words.now, shown(visit, wall)],
    [words.trusted, isTrusted ? shell.yes : shell.no],
    [words.floor, shown(visit, floor)],
    [words.source, html`${words.sources[source]}${asked !== undefined && html` (${words.asked(asked)})`}`],
  ]
  return html`${facts(rows)}<p class="hint">${words.zone}</p>`
}

const setting = (visit: Visit, { wall }: TimeView, error: string | undefined): Html => {
  const { time: words } = visit.strings
  const now = new Date(wall).toISOString().slice(0, 19)
  return html`<p>${words.setText} ${words.ahead}</p>${form(visit, '/time', html`${field({ name: 'now', label: words.date, type: 'datetime-local', value: now, isRequired: true, error })}${error !== undefined && checkbox({ name: 'ahead', label: words.aheadMeant, isOn: false })}${button(words.setIt, { kind: 'danger' })}`)}`
}

const byHand = ({ strings: { time: words } }: Visit, { wall }: TimeView): Html =>
  html`<p>${words.cannot}</p><pre><code>date -u -s "${new Date(wall).toISOString().slice(0, 19).replace('T', ' ')}"</code></pre>`
