import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ConfigChanges, ConfigurationView, ConfigValue } from '../../services/configuration.ts'
import { hasPage, hasSecure, isLocal, movesPage, reachChanges, reachedAt } from '../access/reach.ts'
import { hostIn } from '../guard.ts'
import { differences, TRIAL_S } from './changes.ts'
import { button, checkbox, errorSummary, type FormErrors, field, form, select } from './form.ts'
import { html } from './html.ts'
import { during, link, pathOf, showStep } from './setup-steps.ts'
import type { Site } from './site.ts'
import type { Visit } from './visit.ts'

/** Seconds after which the page looks again, while the box starts to serve with the change. */
const LOOK_AGAIN_S = 2

interface NetworkForm {
  readonly domain: string
  readonly hostname: string
  readonly reach: string
  readonly isSecure: boolean
  readonly hasPage: boolean
}

/** Names and addresses: what clients reach. Goes into the configuration as any change does, on trial where the page may move by it. */
export function setupNetwork(app: FastifyInstance, site: Site): void {
  const { configuration, setup } = site.services
  const path = pathOf('network')
  // The box is had anew with another configuration, and this with it.
  let isApplied = false
  app.get(
    path,
    during(site, 'network', (request, reply) => {
      const visit = site.visit(request)
      const { pending } = configuration.view()
      return pending
        ? showTrial(site, reply, visit)
        : show(site, reply, visit, standing(configuration.view(), setup.addresses()))
    }),
  )
  app.post(
    path,
    during(site, 'network', (request, reply, who) => {
      const visit = site.visit(request)
      const view = configuration.view()
      const given = readForm(request.body)
      const [changes, errors] = changesOf(site, visit, view, given)
      const checked = configuration.check(changes)
      const found = { ...('errors' in checked && placed(checked.errors)), ...errors }
      if ('errors' in checked || Object.keys(found).length > 0) return show(site, reply, visit, given, found)
      if (checked.differences.length === 0) return reply.redirect(pathOf('users'), 303)
      const confirmS = movesPage(checked.differences, hostIn(request.headers.host ?? '')) ? TRIAL_S : 0
      const { version } = request.body as { version?: unknown }
      const applied = configuration.apply(changes, { version: String(version), who: who.name, confirmS })
      if (typeof applied === 'object') return show(site, reply, visit, given, placed(applied.errors))
      if (applied === 'nothing') return reply.redirect(pathOf('users'), 303)
      if (applied !== 'applying') return show(site, reply, visit, given, { domain: visit.strings.setup[applied] })
      isApplied = true
      return reply.redirect(confirmS > 0 ? path : '/setup/applied', 303)
    }),
  )
  app.get(
    '/setup/applied',
    during(site, 'network', (request, reply) => showApplied(site, reply, site.visit(request), isApplied)),
  )
  app.post(
    '/setup/keep',
    during(site, 'network', (_request, reply, who) => {
      configuration.confirm(who.name)
      return reply.redirect(configuration.view().pending ? path : pathOf('users'), 303)
    }),
  )
  app.post(
    '/setup/revert',
    during(site, 'network', (_request, reply, who) => {
      configuration.revert(who.name)
      return site.done(reply, path, 'reverted')
    }),
  )
}

/** What runs; where nothing was chosen yet, an address of the machine is. */
function standing(view: ConfigurationView, addresses: readonly string[]): NetworkForm {
  const { domain, hostname } = view.running
  const isChosen = view.keys.some(({ key, isWritten }) => key.startsWith('listen.') && isWritten)
  const reach = isChosen ? 'keep' : (addresses[0] ?? 'keep')
  return { domain, hostname, reach, isSecure: hasSecure(view), hasPage: !isChosen || hasPage(view) }
}

function readForm(body: unknown): NetworkForm {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const last = (name: string): string => {
    const value = [given[name]].flat().at(-1)
    return typeof value === 'string' ? value.trim() : ''
  }
  return {
    domain: last('domain'),
    hostname: last('hostname'),
    reach: last('reach'),
    isSecure: last('secure') === 'on',
    hasPage: last('page') === 'on',
  }
}

function changesOf(
  site: Site,
  { strings: { setup: words } }: Visit,
  view: ConfigurationView,
  given: NetworkForm,
): [ConfigChanges, FormErrors] {
  const addresses = site.services.setup.addresses()
  if (!['keep', 'all', 'local', ...addresses].includes(given.reach)) return [new Map(), { reach: words.notReachable }]
  const changes = new Map<string, ConfigValue>(reachChanges(view, given, addresses))
  const { running } = view
  if (given.domain !== running.domain) changes.set('domain', given.domain)
  if (given.hostname !== running.hostname) changes.set('hostname', given.hostname)
  const isForOthers = given.reach !== 'local' && given.reach !== 'keep'
  return [changes, isForOthers && isLocal(given.hostname) ? { hostname: words.localName(given.hostname) } : {}]
}

/** Beside the field that they are of. */
function placed(errors: FormErrors): FormErrors {
  const found: Record<string, string> = {}
  for (const [key, text] of Object.entries(errors)) {
    const name = key === 'domain' || key === 'hostname' ? key : 'reach'
    const told = name === key || key === '' ? text : `${key}: ${text}`
    found[name] = found[name] === undefined ? told : `${found[name]} ${told}`
  }
  return found
}

function show(site: Site, reply: FastifyReply, visit: Visit, given: NetworkForm, errors: FormErrors = {}) {
  const { setup: words, config } = visit.strings
  const view = site.services.configuration.view()
  const addresses = site.services.setup.addresses()
  const choices = [
    { value: 'keep', label: words.reachKeep(reachedAt(view).join(', ')) },
    ...addresses.map(address => ({ value: address, label: address })),
    ...(addresses.length > 0 ? [{ value: 'all', label: words.reachAll }] : []),
    { value: 'local', label: words.reachLocal },
  ]
  const name = { isRequired: true, maxLength: 253, isMonospaced: true }
  const fields = [
    html`<input type="hidden" name="version" value="${view.version}">`,
    field({
      ...name,
      name: 'domain',
      label: config.keys.domain.label,
      value: given.domain,
      hint: words.domainHint,
      error: errors.domain,
    }),
    field({
      ...name,
      name: 'hostname',
      label: config.keys.hostname.label,
      value: given.hostname,
      hint: config.keys.hostname.hint,
      error: errors.hostname,
    }),
    select({
      name: 'reach',
      label: words.reach,
      value: given.reach,
      choices,
      hint: words.reachHint,
      error: errors.reach,
    }),
    checkbox({ name: 'secure', label: words.secure, isOn: given.isSecure, hint: words.secureHint }),
    checkbox({ name: 'page', label: words.page, isOn: given.hasPage, hint: words.pageHint }),
    button(words.check),
  ]
  const body = html`${errorSummary(visit, errors)}<p>${words.networkText}</p>${form(visit, pathOf('network'), html`${fields}`)}${link(pathOf('users'), words.skip)}`
  return showStep(site, reply, visit, { step: 'network', body, status: Object.keys(errors).length > 0 ? 422 : 200 })
}

function showTrial(site: Site, reply: FastifyReply, visit: Visit) {
  const { setup: words, changes } = visit.strings
  const { differences: found } = site.services.configuration.view().pending!
  const body = html`<p>${words.trial}</p>${differences(visit, found)}
<div class="row">${form(visit, '/setup/keep', button(changes.keep))}${form(visit, '/setup/revert', button(changes.revert, { kind: 'danger' }))}</div><p class="hint">${changes.elsewhere}</p>`
  return showStep(site, reply, visit, { step: 'network', body })
}

/** What stands in it is fetched again by script, and the whole page without. */
function showApplied(site: Site, reply: FastifyReply, visit: Visit, isApplied: boolean) {
  const { setup: words } = visit.strings
  const { lastFailure } = site.services.configuration.view()
  const done =
    lastFailure === undefined
      ? html`<p class="told done" role="status">${words.applied}</p>${link(pathOf('users'), words.next)}`
      : html`<p class="told failed" role="alert">${words.failed(lastFailure)}</p>${link(pathOf('network'), visit.strings.shell.back)}`
  const body = html`<div id="applied" data-refresh-s="${LOOK_AGAIN_S}">${isApplied ? html`<p>${words.applying}</p>` : done}</div>`
  return showStep(site, reply, visit, { step: 'network', body, ...(isApplied && { refreshS: LOOK_AGAIN_S }) })
}
