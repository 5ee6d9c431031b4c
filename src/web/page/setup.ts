import { finishSetup } from '../access/operations.ts'
import { button, errorSummary, type FormErrors, field, form } from './form.ts'
import { number } from './format.ts'
import { html } from './html.ts'
import { setupNetwork } from './setup-network.ts'
import { during, link, pathOf, showStep } from './setup-steps.ts'
import { setupUsers } from './setup-users.ts'
import type { PagePart, Site } from './site.ts'
import { facts } from './table.ts'
import type { Visit } from './visit.ts'

/** Enough to say how many there are on a new box. */
const COUNTED_MAX = 1000

interface PasswordForm {
  readonly password?: unknown
  readonly again?: unknown
}

/** The first run: a few steps, each of which can be come back to until the last one closes them for good. */
export const setup: PagePart = (app, site) => {
  const { access } = site.services
  app.get(
    '/setup',
    during(site, undefined, (_request, reply) => reply.redirect(pathOf('network'), 303)),
  )
  app.get(
    pathOf('password'),
    during(site, 'password', (request, reply) => showPassword(site, reply, site.visit(request), {})),
  )
  app.post(
    pathOf('password'),
    during(site, 'password', async (request, reply, who) => {
      if (!access.hasPrintedPassword) return reply.redirect(pathOf('network'), 303)
      const visit = site.visit(request)
      const { password = '', again } = (request.body ?? {}) as PasswordForm
      if (typeof password !== 'string' || password !== again)
        return showPassword(site, reply, visit, { again: visit.strings.setup.notSame })
      const refusal = await access.changePassword('admin', password, who.session)
      if (refusal) return showPassword(site, reply, visit, { password: visit.strings.accessRefusals[refusal] })
      site.services.log.info('password of admin chosen', { by: who.name })
      return site.done(reply, pathOf('network'), 'passwordChanged')
    }),
  )
  setupNetwork(app, site)
  setupUsers(app, site)
  app.get(
    pathOf('summary'),
    during(site, 'summary', (request, reply) => showSummary(site, reply, site.visit(request))),
  )
  app.post(
    '/setup/finish',
    during(site, 'summary', (_request, reply, who) => {
      finishSetup(site.services, who)
      return site.done(reply, '/', 'setUp')
    }),
  )
}

function showPassword(site: Site, reply: Parameters<Site['show']>[0], visit: Visit, errors: FormErrors) {
  const { setup: words } = visit.strings
  if (!site.services.access.hasPrintedPassword) {
    const body = html`<p>${words.passwordDone}</p>${link(pathOf('network'), words.next)}`
    return showStep(site, reply, visit, { step: 'password', body })
  }
  const one = { type: 'password', autocomplete: 'new-password', isRequired: true, maxLength: 256 } as const
  const fields = html`<input type="hidden" name="username" value="admin" autocomplete="username">${field({ ...one, name: 'password', label: words.password, hint: words.passwordHint, error: errors.password })}${field({ ...one, name: 'again', label: words.again, error: errors.again })}${button(words.next)}`
  const body = html`${errorSummary(visit, errors)}<p>${words.passwordText}</p>${form(visit, pathOf('password'), fields)}<p class="hint">${words.meanwhile}</p>`
  const status = Object.keys(errors).length > 0 ? 422 : 200
  return showStep(site, reply, visit, { step: 'password', body, status })
}

async function showSummary(site: Site, reply: Parameters<Site['show']>[0], visit: Visit) {
  const { setup: words, config } = visit.strings
  const { configuration, certificates, store } = site.services
  const { domain, hostname, listen } = configuration.view().running
  const listed = await store.ask('account.list', { limit: COUNTED_MAX })
  const users = 'failure' in listed ? [] : listed.value
  const certificate = certificates.view()
  const count = number(visit, users.length)
  const at = (...values: readonly (string | readonly string[])[]) => values.flat().filter(Boolean).join(', ')
  const rows = [
    [config.keys.domain.label, domain],
    [config.keys.hostname.label, hostname],
    [words.sip, at(listen.sip_udp, listen.sip_tcp, listen.sip_tls, listen.sip_ws, listen.sip_wss)],
    [words.msrp, at(listen.msrp_tcp, listen.msrp_tls)],
    [words.pageAt, at(listen.http, listen.https)],
    certificate && ([words.fingerprint, certificate.fingerprint] as const),
    [words.userCount, users.length < COUNTED_MAX ? count : words.atLeast(count)],
  ] as const
  const body = html`<p>${words.summaryText}</p>${facts(rows)}${form(visit, '/setup/finish', button(words.finish))}<p class="hint">${words.finishHint}</p>`
  return showStep(site, reply, visit, { step: 'summary', body })
}
