import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CheckedChange, ConfigDifference, ConfigurationView } from '../../services/configuration.ts'
import { ownerOf, pageAddresses, roleFor, TRIAL_S } from '../configuration/operations.ts'
import { needs } from '../guard.ts'
import { shownValue } from './config-form.ts'
import { button, errorSummary, form } from './form.ts'
import { type Html, html } from './html.ts'
import type { PagePart, Site } from './site.ts'
import { card } from './table.ts'
import type { Visit } from './visit.ts'

export { TRIAL_S }

/** Seconds after which the page looks again, while the box starts to serve with the change. */
const LOOK_AGAIN_S = 4

type Reply = Parameters<Site['show']>[0]

/** What somebody is about to change, and what is on trial: look, apply, confirm, take back. */
export const changes: PagePart = (app, site) => {
  const { configuration } = site.services
  app.get('/changes', async (request, reply) => {
    const owner = ownerOf(needs(request, 'operator'))
    const visit = site.visit(request)
    const view = configuration.view()
    if (view.isStarting) return showStarting(site, request, reply, visit)
    if (view.pending) return showTrial(site, reply, visit, view)
    const candidate = configuration.candidates.of(owner)
    const failure = failed(visit, view)
    const { title, none } = visit.strings.changes
    if (!candidate) return site.show(reply, visit, { title, body: html`${failure}<p>${none}</p>` })
    const checked = configuration.check(candidate.changes)
    if ('errors' in checked) return showErrors(site, reply, visit, checked.errors)
    const isStale = candidate.version !== view.version
    const body = html`${failure}${review(visit, { checked, keys: new Set(candidate.changes.keys()), isStale, version: view.version, host: hostOf(request) })}`
    return site.show(reply, visit, { title, body })
  })
  app.post<{ Body: { version?: unknown } | null }>('/changes/apply', async (request, reply) => {
    const who = needs(request, 'operator')
    const candidate = configuration.candidates.of(ownerOf(who))
    if (!candidate) return reply.redirect('/changes', 303)
    needs(request, roleFor(candidate.changes))
    const version = String(request.body?.version)
    const applied = configuration.apply(candidate.changes, { version, who: who.name, confirmS: TRIAL_S })
    const visit = site.visit(request)
    if (typeof applied === 'object') return showErrors(site, reply, visit, applied.errors)
    if (applied === 'applying') return showStarting(site, request, reply, visit)
    if (applied === 'nothing') configuration.candidates.drop(ownerOf(who))
    return applied === 'nothing' ? site.done(reply, '/changes', 'nothing') : reply.redirect('/changes', 303)
  })
  // Whoever loads the answer to the form again.
  app.get('/changes/apply', async (_request, reply) => reply.redirect('/changes', 303))
  app.get('/changes/revert', async (_request, reply) => reply.redirect('/changes', 303))
  endings(app, site)
}

function endings(app: FastifyInstance, site: Site): void {
  const { configuration } = site.services
  app.post<{ Body: { key?: unknown } | null }>('/changes/discard', async (request, reply) => {
    const key = request.body?.key
    configuration.candidates.drop(ownerOf(needs(request, 'operator')), typeof key === 'string' ? key : undefined)
    return site.done(reply, '/changes', 'discarded')
  })
  app.post('/changes/confirm', async (request, reply) => {
    const who = needs(request, 'operator')
    const confirmed = configuration.confirm(who.name)
    if (confirmed !== 'kept') return reply.redirect('/changes', 303)
    configuration.candidates.drop(ownerOf(who))
    return site.done(reply, '/changes', 'confirmed')
  })
  app.post('/changes/revert', async (request, reply) => {
    const who = needs(request, 'operator')
    if (!configuration.revert(who.name)) return reply.redirect('/changes', 303)
    configuration.candidates.drop(ownerOf(who))
    return showStarting(site, request, reply, site.visit(request))
  })
  app.post('/changes/understood', async (request, reply) => {
    needs(request, 'operator')
    configuration.forgetFailure()
    return reply.redirect('/changes', 303)
  })
}

const hostOf = ({ headers }: { readonly headers: { readonly host?: string } }): string => headers.host ?? ''

const act = (visit: Visit, path: string, label: string, kind: 'main' | 'plain' | 'danger'): Html =>
  form(visit, path, button(label, { kind }))

/** The connections end in a moment: everything that has to be known until the box is there again stands on this page. */
function showStarting(site: Site, request: FastifyRequest, reply: Reply, visit: Visit) {
  const { changes: words } = visit.strings
  const { pages, pending } = site.services.configuration.view()
  const then = pageAddresses(pages, hostOf(request))
  const here = new URL(`${request.protocol}://${hostOf(request)}/`).href
  const isHere = then.some(address => new URL(address).href === here)
  const text = pending ? words.starting : words.goingBack
  const list = then.map(address => html`<li><a href="${address}changes">${address}</a></li>`)
  const body = html`${isHere ? html`<p data-await="/changes">${text}</p>` : html`<p>${text}</p>`}
${then.length > 0 ? html`<p>${words.thenHere}</p><ul>${list}</ul>` : html`<p class="banner alarm">${words.warnings['no page']}</p>`}
${pending && html`<p class="hint">${words.byItself(TRIAL_S)}</p>`}`
  return site.show(reply, visit, { title: words.title, body, ...(isHere && { refreshS: LOOK_AGAIN_S }) })
}

function showTrial(site: Site, reply: Reply, visit: Visit, { pending }: ConfigurationView) {
  const { changes: words } = visit.strings
  const body = html`<p>${words.trialText}</p>${differences(visit, pending!.differences)}<div class="row">${act(visit, '/changes/confirm', words.keep, 'main')}${act(visit, '/changes/revert', words.revert, 'danger')}</div>`
  return site.show(reply, visit, { title: words.title, body })
}

interface Review {
  readonly checked: CheckedChange
  /** What was asked for; other differences only follow from it. */
  readonly keys: ReadonlySet<string>
  readonly isStale: boolean
  readonly version: string
  readonly host: string
}

function review(visit: Visit, { checked, keys, isStale, version, host }: Review): Html {
  const { changes: words } = visit.strings
  const warnings = checked.warnings.map(
    kind => html`<p class="banner ${kind === 'no page' ? 'alarm' : 'warning'}">${words.warnings[kind]}</p>`,
  )
  const rowOf = (key: string, label: string): Html | false =>
    keys.size > 1 &&
    keys.has(key) &&
    form(
      visit,
      '/changes/discard',
      html`<input type="hidden" name="key" value="${key}">${button(words.dropOne(label), { kind: 'plain' })}`,
    )
  const places = checked.warnings.includes('page moves') || checked.warnings.includes('page is local')
  return html`${isStale && html`<p class="banner warning">${words.somebodyElse}</p>`}<p>${words.text}</p>${warnings}
${places && html`<p>${words.thenHere} ${pageAddresses(checked.pages, host).join(' ')}</p>`}
${differences(visit, checked.differences, rowOf)}
<div class="row">${form(visit, '/changes/apply', html`<input type="hidden" name="version" value="${version}">${button(words.apply(TRIAL_S))}`)}${act(visit, '/changes/discard', words.discard, 'plain')}</div><p class="hint">${words.restart}</p>`
}

const failed = (visit: Visit, { lastFailure }: ConfigurationView): Html | false =>
  lastFailure !== undefined &&
  html`<p class="hint">${visit.strings.changes.stillThere}</p>${act(visit, '/changes/understood', visit.strings.changes.understood, 'plain')}`

function showErrors(site: Site, reply: Reply, visit: Visit, errors: Readonly<Record<string, string>>) {
  const { changes: words } = visit.strings
  const named = Object.fromEntries(
    Object.entries(errors).map(([key, text]) => [key, key === '' ? text : `${key}: ${text}`]),
  )
  const body = html`${errorSummary(visit, named)}${act(visit, '/changes/discard', words.discard, 'plain')}`
  return site.show(reply, visit, { title: words.title, body, status: 422 })
}

export function differences(
  visit: Visit,
  list: readonly ConfigDifference[],
  ofRow: (key: string, label: string) => Html | false = () => false,
): Html {
  const { changes: words, config } = visit.strings
  const rows = list.map(({ key, before, after }) => {
    const { label } = config.keys[key as keyof typeof config.keys]
    return html`<tr><th scope="row">${label}<br><code>${key}</code>${ofRow(key, label)}</th><td data-title="${words.before}"><del>${shownValue(visit, key, before)}</del></td><td data-title="${words.after}"><ins>${shownValue(visit, key, after)}</ins></td></tr>`
  })
  return card(
    words.differences,
    html`<table class="diff"><thead><tr><th scope="col">${words.key}</th><th scope="col">${words.before}</th><th scope="col">${words.after}</th></tr></thead><tbody>${rows}</tbody></table>`,
  )
}
