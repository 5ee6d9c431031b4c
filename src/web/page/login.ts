import type { SignIn } from '../../services/access.ts'
import { addressOf, clearCookie, cookieOf, setCookie } from '../guard.ts'
import { button, field, form } from './form.ts'
import { html } from './html.ts'
import { type PagePart, rememberLanguage, type Site } from './site.ts'
import { isLanguage } from './strings/languages.ts'
import type { Visit } from './visit.ts'

interface LoginForm {
  readonly name?: unknown
  readonly password?: unknown
  readonly back?: unknown
}

/** Signing in and out, and the choice of language. */
export const login: PagePart = (app, site) => {
  app.get<{ Querystring: { back?: string } }>('/login', async (request, reply) => {
    if (request.who) return reply.redirect(placeHere(request.query.back), 303)
    return showLogin(site, site.visit(request), reply, { back: placeHere(request.query.back) })
  })
  app.post<{ Body: LoginForm | null }>('/login', { config: { isSignIn: true } }, async (request, reply) => {
    const { name, password, back } = request.body ?? {}
    const asked = { name: text(name), password: text(password), from: addressOf(request) }
    const signIn = await site.services.access.signIn({ ...asked, agent: request.headers['user-agent'] ?? '' })
    if (signIn.kind !== 'in')
      return showLogin(site, site.visit(request), reply, { back: placeHere(back), name: asked.name, failure: signIn })
    // Whoever signs in again has one session, and none that somebody else may know.
    const before = cookieOf(request)
    if (before !== undefined) site.services.access.signOut(before)
    setCookie(request, reply, signIn.cookie)
    return reply.redirect(placeHere(back), 303)
  })
  app.post('/logout', async (request, reply) => {
    const cookie = cookieOf(request)
    if (cookie !== undefined) site.services.access.signOut(cookie)
    clearCookie(request, reply)
    return reply.redirect('/login?did=signedOut', 303)
  })
  app.get<{ Querystring: { to?: string; back?: string } }>('/language', async (request, reply) => {
    const { to = '', back } = request.query
    if (isLanguage(to)) rememberLanguage(reply, to)
    return reply.redirect(placeHere(back), 303)
  })
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A path of this site and nothing else. */
const placeHere = (back: unknown): string =>
  typeof back === 'string' && /^\/(?![/\\])[\x21-\x7e]*$/.test(back) && !/^\/log(?:in|out)\b/.test(back) ? back : '/'

interface LoginView {
  readonly back: string
  readonly name?: string
  readonly failure?: Exclude<SignIn, { kind: 'in' }>
}

function showLogin(
  site: Site,
  visit: Visit,
  reply: Parameters<Site['show']>[0],
  { back, name = '', failure }: LoginView,
) {
  const { login: words } = visit.strings
  const why =
    failure &&
    (failure.kind === 'wait' ? words.wait(failure.seconds) : failure.kind === 'busy' ? words.busy : words.wrong)
  const body = html`${why !== undefined && html`<p class="told failed" role="alert">${why}</p>`}${form(
    visit,
    '/login',
    html`<input type="hidden" name="back" value="${back}">${field({ name: 'name', label: words.name, value: name || 'admin', autocomplete: 'username', isRequired: true, maxLength: 64 })}${field({ name: 'password', label: words.password, type: 'password', autocomplete: 'current-password', isRequired: true, maxLength: 256, hint: site.services.access.isNew ? words.firstHint : undefined })}${button(words.signIn)}`,
  )}<p class="hint">${words.lost}</p>`
  const status = failure === undefined ? 200 : failure.kind === 'wrong' ? 403 : failure.kind === 'wait' ? 429 : 503
  if (failure?.kind === 'wait') reply.header('retry-after', failure.seconds)
  return site.show(reply, visit, { title: words.title, body, status, isAlone: true })
}
