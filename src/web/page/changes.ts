import { needs } from '../guard.ts'
import type { ConfigDifference } from '../services/configuration.ts'
import { shownValue } from './config-form.ts'
import { button, errorSummary, form } from './form.ts'
import { type Html, html } from './html.ts'
import type { PagePart, Site } from './site.ts'
import { card } from './table.ts'
import type { Visit } from './visit.ts'

/** Long enough to sign in again at another address, and short enough to wait for. */
const TRIAL_S = 120

/** Seconds after which the page looks again, while the box starts to serve with the change. */
const LOOK_AGAIN_S = 4

/** What somebody is about to change, and what is on trial: look, apply, confirm, take back. */
export const changes: PagePart = (app, site) => {
  const { configuration } = site.services
  app.get('/changes', async (request, reply) => {
    const who = needs(request, 'operator')
    const visit = site.visit(request)
    const candidate = site.candidates.of(who.session ?? who.name)
    const words = visit.strings.changes
    const { pending, version } = configuration.view()
    if (pending) {
      const body = html`<p>${words.trialText}</p>${differences(visit, pending.differences)}<div class="row">${act(visit, '/changes/confirm', words.keep, 'main')}${act(visit, '/changes/revert', words.revert, 'danger')}</div><p class="hint">${words.elsewhere}</p>`
      return site.show(reply, visit, { title: words.title, body, refreshS: LOOK_AGAIN_S })
    }
    if (!candidate) return site.show(reply, visit, { title: words.title, body: html`<p>${words.none}</p>` })
    const checked = configuration.check(candidate.changes)
    if ('errors' in checked) return showErrors(site, reply, visit, checked.errors)
    const isStale = candidate.version !== version
    const body = html`${isStale && html`<p class="banner warning">${words.somebodyElse}</p>`}<p>${words.text}</p>${differences(visit, checked.differences)}
<div class="row">${form(visit, '/changes/apply', html`<input type="hidden" name="version" value="${version}">${button(words.apply(TRIAL_S))}`)}${act(visit, '/changes/discard', words.discard, 'plain')}</div><p class="hint">${words.restart}</p>`
    return site.show(reply, visit, { title: words.title, body })
  })
  app.post<{ Body: { version?: unknown } | null }>('/changes/apply', async (request, reply) => {
    const who = needs(request, 'operator')
    const visit = site.visit(request)
    const owner = who.session ?? who.name
    const candidate = site.candidates.of(owner)
    if (!candidate) return reply.redirect('/changes', 303)
    const version = String(request.body?.version)
    const applied = configuration.apply(candidate.changes, { version, who: who.name, confirmS: TRIAL_S })
    if (typeof applied === 'object') return showErrors(site, reply, visit, applied.errors)
    if (applied === 'applying') site.candidates.drop(owner)
    return reply.redirect('/changes', 303)
  })
  app.post('/changes/discard', async (request, reply) => {
    const who = needs(request, 'operator')
    site.candidates.drop(who.session ?? who.name)
    return site.done(reply, '/changes', 'discarded')
  })
  app.post('/changes/confirm', async (request, reply) => {
    configuration.confirm(needs(request, 'operator').name)
    return site.done(reply, '/changes', 'confirmed')
  })
  app.post('/changes/revert', async (request, reply) => {
    configuration.revert(needs(request, 'operator').name)
    return site.done(reply, '/changes', 'reverted')
  })
}

const act = (visit: Visit, path: string, label: string, kind: 'main' | 'plain' | 'danger'): Html =>
  form(visit, path, button(label, { kind }))

function showErrors(
  site: Site,
  reply: Parameters<Site['show']>[0],
  visit: Visit,
  errors: Readonly<Record<string, string>>,
) {
  const { changes: words } = visit.strings
  const body = html`${errorSummary(visit, errors)}${act(visit, '/changes/discard', words.discard, 'plain')}`
  return site.show(reply, visit, { title: words.title, body, status: 422 })
}

function differences(visit: Visit, list: readonly ConfigDifference[]): Html {
  const { changes: words, config } = visit.strings
  const rows = list.map(({ key, before, after }) => {
    const { label } = config.keys[key as keyof typeof config.keys]
    return html`<tr><th scope="row">${label}<br><code>${key}</code></th><td data-title="${words.before}"><del>${shownValue(visit, key, before)}</del></td><td data-title="${words.after}"><ins>${shownValue(visit, key, after)}</ins></td></tr>`
  })
  return card(
    words.differences,
    html`<table class="diff"><thead><tr><th scope="col">${words.key}</th><th scope="col">${words.before}</th><th scope="col">${words.after}</th></tr></thead><tbody>${rows}</tbody></table>`,
  )
}
