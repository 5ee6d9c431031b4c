import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import encodeQR from 'qr'
import type { UserView } from '../../services/users.ts'
import { needs } from '../guard.ts'
import { button, errorSummary, type FormErrors, field, form } from './form.ts'
import { bytes, number } from './format.ts'
import { foreign, Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import { confirmForm, historyPath, hostOf, pathWith, textsIn, userPath } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { card, facts } from './table.ts'
import { changeIn, devices, settingsCard } from './user-parts.ts'
import { showPassword } from './users.ts'
import { isAllowed, type Visit } from './visit.ts'

interface OfUser {
  Params: { aor: string }
}

/** One user: what is registered, what was decided, and what can be done about the account. */
export const user: PagePart = (app, site) => {
  const { users } = site.services
  app.get<OfUser>('/users/:aor', async (request, reply) => {
    needs(request, 'viewer')
    return show(site, request, reply, request.params.aor, {})
  })
  app.post<OfUser>('/users/:aor/settings', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    if (aor === undefined) return showNotFound(site, request, reply)
    const { version } = textsIn(request.body, ['version'])
    const changed = await users.changeSettings(aor, changeIn(request.body), Number(version))
    if (changed === 'unknown') return showNotFound(site, request, reply)
    const words = site.visit(request).strings.users
    if (changed === 'conflict') return show(site, request, reply, aor, { settings: words.conflict })
    if ('why' in changed) return show(site, request, reply, aor, { settings: changed.why })
    return site.done(reply, userPath(aor), 'saved')
  })
  app.post<OfUser>('/users/:aor/password', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    if (aor === undefined) return showNotFound(site, request, reply)
    const { password } = (request.body ?? {}) as { password?: unknown }
    const visit = site.visit(request)
    const { users: words } = visit.strings
    const set = await users.changePassword(aor, typeof password === 'string' && password !== '' ? password : undefined)
    if ('refused' in set) return show(site, request, reply, aor, { password: words.refusals[set.refused] })
    return showPassword(site, reply, visit, words.passwordTitle, '', set)
  })
  removal(app, site)
  phones(app, site)
}

function removal(app: FastifyInstance, site: Site): void {
  const { users } = site.services
  app.get<OfUser>('/users/:aor/remove', async (request, reply) => {
    needs(request, 'operator')
    const found = await viewOf(site, request.params.aor)
    if (!found || found.origin === 'file') return showNotFound(site, request, reply)
    const visit = site.visit(request)
    const { users: words } = visit.strings
    const body = confirmForm(visit, {
      path: `${userPath(found.aor)}/remove`,
      back: userPath(found.aor),
      text: lost(visit, found),
      label: words.removeButton,
    })
    return site.show(reply, visit, { title: words.removeTitle(found.aor), body })
  })
  app.post<OfUser>('/users/:aor/remove', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    const removed = aor === undefined ? 'unknown' : await users.remove(aor)
    return removed === 'removed' ? site.done(reply, '/users', 'userRemoved') : showNotFound(site, request, reply)
  })
}

function lost(visit: Visit, { devices: contacts, waiting, history }: UserView): Html {
  const { users: words } = visit.strings
  const amounts = [
    contacts.length > 0 && words.lostContacts(number(visit, contacts.length)),
    waiting.messages > 0 && words.lostMessages(number(visit, waiting.messages), bytes(visit, waiting.bytes)),
    history.items > 0 && words.lostHistory(number(visit, history.items), bytes(visit, history.bytes)),
    words.lostSettings,
  ]
  return html`<p>${words.removeText}</p><ul>${amounts.map(text => text !== false && html`<li>${text}</li>`)}</ul>${waiting.messages > 0 && html`<p>${words.removeNotice}</p>`}`
}

/** The remote provisioning of Linphone: a code with an address that is good for some minutes. */
function phones(app: FastifyInstance, site: Site): void {
  const { users } = site.services
  app.post<OfUser>('/users/:aor/phone', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    const made = aor === undefined ? undefined : await users.provision(aor)
    if (!made) return showNotFound(site, request, reply)
    const visit = site.visit(request)
    const { users: words } = visit.strings
    const address = `${request.protocol}://${request.headers.host}/provisioning/${made.token}`
    const isLocal = /^(?:localhost|127\.[\d.]+|\[::1\])$/i.test(hostOf(request))
    const code = new Html(encodeQR(address, 'svg', { ecc: 'medium', border: 4 }))
    const body = html`<p>${words.phoneOpen(made.minutes)}</p>
${isLocal && html`<p class="banner warning">${words.phoneLocal}</p>`}
<div class="qr" role="img" aria-label="${words.phoneCode(address)}">${code}</div>
<p class="mono">${address}</p><p class="hint">${words.phoneReach}</p>
<p><a class="button" href="${userPath(made.aor)}">${words.toUser}</a></p>`
    return site.show(reply, visit, { title: words.phoneTitle, body })
  })
  app.get<{ Params: { token: string } }>('/provisioning/:token', async (request, reply) => {
    const document = await users.provisioning(request.params.token, hostOf(request).replace(/^\[(.*)\]$/, '$1'))
    if (document === undefined) return showNotFound(site, request, reply)
    return reply.header('cache-control', 'no-store').type('application/xml; charset=utf-8').send(document)
  })
}

async function viewOf({ services }: Site, text: string): Promise<UserView | undefined> {
  const aor = services.users.aorOf(text)
  return aor === undefined ? undefined : services.users.view(aor)
}

async function show(site: Site, request: FastifyRequest, reply: FastifyReply, text: string, errors: FormErrors) {
  const found = await viewOf(site, text)
  if (!found) return showNotFound(site, request, reply)
  const visit = site.visit(request)
  const body = html`${errorSummary(visit, errors)}${account(visit, found)}${devices(visit, found.devices)}${settingsCard(visit, found.settings, errors)}${isAllowed(visit.who?.role, 'operator') && actions(visit, found, errors)}`
  const status = Object.keys(errors).length > 0 ? 422 : 200
  return site.show(reply, visit, { title: found.aor, body, status })
}

function account(visit: Visit, { aor, origin, hasPassword, algorithms, waiting, history }: UserView): Html {
  const { users: words } = visit.strings
  const waits = html`${words.messagesWaiting(number(visit, waiting.messages), bytes(visit, waiting.bytes))}${waiting.urgent > 0 && html` (${words.urgent(number(visit, waiting.urgent))})`} <a href="${pathWith('/queue', { user: aor })}">${words.showWaiting}</a>`
  const kept = html`${words.historyItems(number(visit, history.items), bytes(visit, history.bytes))}${isAllowed(visit.who?.role, 'operator') && html` <a href="${historyPath(aor)}">${words.showHistory}</a>`}`
  return card(
    words.account,
    html`${origin === 'file' && html`<p>${words.file}</p>`}${facts([
      [words.address, foreign(aor, 300)],
      [words.origin, words.origins[origin]],
      [words.algorithms, hasPassword ? algorithms.join(', ') : words.noPassword],
      [words.waiting, waits],
      [visit.strings.shell.history, kept],
    ])}`,
  )
}

function actions(visit: Visit, { aor, origin, hasPassword }: UserView, errors: FormErrors): Html {
  const { users: words } = visit.strings
  const path = userPath(aor)
  const newPassword = form(
    visit,
    `${path}/password`,
    html`<p>${words.newPasswordText}</p>${field({ name: 'password', label: words.password, hint: words.passwordHint, error: errors.password, type: 'password', autocomplete: 'new-password', maxLength: 256 })}${button(words.resetPassword)}`,
  )
  const phone = form(
    visit,
    `${path}/phone`,
    html`<p>${words.phoneText}</p>${button(words.phoneButton)}<p class="hint">${words.phoneOther}</p>`,
  )
  return html`${hasPassword && card(words.phone, phone)}${origin === 'store' && card(words.newPassword, newPassword)}${origin === 'store' && html`<p><a class="button" href="${path}/remove">${words.remove}</a></p>`}`
}
