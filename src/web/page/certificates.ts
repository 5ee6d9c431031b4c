import type { FastifyReply } from 'fastify'
import type { CertificateOffer, CertificateRefusal, CertificateView } from '../../services/certificates.ts'
import type { ConfigValue } from '../../services/configuration.ts'
import { ownerOf } from '../configuration/operations.ts'
import { needs } from '../guard.ts'
import { takeSmallFiles } from '../small-files.ts'
import { button, errorSummary, type FormErrors, field, form } from './form.ts'
import { duration, time } from './format.ts'
import { foreign, type Html, type HtmlValue, html } from './html.ts'
import type { PagePart, Site } from './site.ts'
import { card, facts } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

type Reply = Parameters<Site['show']>[0]

/** The certificate of all listeners with TLS: look, compare, another one. A new one goes on trial as any change does. */
export const certificates: PagePart = (app, site) => {
  const { certificates: desk } = site.services
  app.get('/certificates', async (request, reply) => {
    needs(request, 'operator')
    return show(site, reply, site.visit(request))
  })
  app.get('/certificates/certificate.pem', async (request, reply) => {
    needs(request, 'viewer')
    return sendPem(reply, 'certificate.pem', desk.certificate())
  })
  app.get('/certificates/request.pem', async (request, reply) => {
    needs(request, 'operator')
    return sendPem(reply, 'request.pem', desk.lastRequest())
  })
  app.post('/certificates/self-signed', async (request, reply) => {
    const owner = ownerOf(needs(request, 'admin'))
    return taken(site, reply, site.visit(request), owner, await desk.make())
  })
  app.post('/certificates/request', async (request, reply) => {
    needs(request, 'admin')
    await desk.request()
    return site.done(reply, '/certificates', 'requestMade')
  })
  app.register(async scope => {
    takeSmallFiles(scope)
    scope.post<{ Body: Record<string, string> | null }>('/certificates/given', async (request, reply) => {
      const owner = ownerOf(needs(request, 'admin'))
      const { certificate = '', key = '' } = request.body ?? {}
      return taken(site, reply, site.visit(request), owner, desk.offer({ certificate, key }))
    })
  })
}

const sendPem = (reply: FastifyReply, name: string, text: string | undefined): FastifyReply =>
  text === undefined
    ? reply.redirect('/certificates', 303)
    : reply
        .headers({ 'content-disposition': `attachment; filename="${name}"`, 'cache-control': 'no-store' })
        .type('application/x-pem-file')
        .send(text)

/** Into what is about to be changed; from there on trial. */
function taken(site: Site, reply: Reply, visit: Visit, owner: string, made: CertificateOffer | CertificateRefusal) {
  if ('errors' in made) return show(site, reply, visit, namedErrors(visit, made))
  const { configuration } = site.services
  const before = configuration.candidates.of(owner)?.changes ?? []
  const changes = new Map<string, ConfigValue>([...before, ...made.changes])
  configuration.candidates.put(owner, { version: configuration.view().version, changes })
  return reply.redirect('/changes', 303)
}

const namedErrors = ({ strings: { certificates: words } }: Visit, { errors }: CertificateRefusal): FormErrors => ({
  ...(errors.certificate !== undefined && { certificate: `${words.certificate}: ${errors.certificate}` }),
  ...(errors.key !== undefined && { key: `${words.keyFile}: ${errors.key}` }),
})

function show(site: Site, reply: Reply, visit: Visit, errors: FormErrors = {}) {
  const { certificates: words, shell } = visit.strings
  const view = site.services.certificates.view()
  const isAdmin = isAllowed(visit.who?.role, 'admin')
  const body = html`${errorSummary(visit, errors)}${view ? inUse(visit, view) : html`<p>${words.none}</p>`}${isAdmin && others(visit, errors, site.services.certificates.lastRequest() !== undefined)}`
  return site.show(reply, visit, {
    title: shell.certificates,
    body,
    status: Object.keys(errors).length > 0 ? 422 : 200,
  })
}

function inUse(visit: Visit, view: CertificateView): Html {
  const { certificates: words } = visit.strings
  const left = view.leftMs === undefined ? '' : ` (${words.left(duration(visit, view.leftMs))})`
  const rows: [string, HtmlValue][] = [
    [words.fingerprint, html`<code class="fingerprint">${view.fingerprint}</code><p class="hint">${words.compare}</p>`],
    [words.subject, foreign(view.subject)],
    [words.names, html`<ul>${view.names.slice(0, NAMES_MAX).map(name => html`<li>${foreign(name)}</li>`)}</ul>`],
    [words.issuer, view.isSelfSigned ? words.selfSigned : foreign(view.issuer)],
    [words.valid, html`${words.from} ${time(visit, view.from)} ${words.until} ${time(visit, view.until)}${left}`],
    [words.key, view.key],
    [words.file, html`<code>${view.file}</code>${view.chain > 0 && html`<br>${words.chain(view.chain)}`}`],
  ]
  return html`${warnings(visit, view)}${card(words.inUse, html`${facts(rows)}<p><a href="/certificates/certificate.pem" download>${words.download}</a></p>`)}`
}

/** As many as anybody reads; a certificate may have thousands. */
const NAMES_MAX = 32

const warnings = ({ strings }: Visit, { warnings: list }: CertificateView): Html[] =>
  list.map(warning => {
    const words = strings.certificates.warnings
    const kind = warning.kind === 'expired' ? 'alarm' : 'warning'
    const text =
      warning.kind === 'does not name' ? words['does not name'](warning.name) : words[warning.kind](warning.days)
    return html`<p class="banner ${kind}">${text}</p>`
  })

/** For those who may have keys. */
function others(visit: Visit, errors: FormErrors, hasRequest: boolean): Html {
  const { certificates: words } = visit.strings
  const files = html`<p>${words.giveText}</p>${field({ name: 'certificate', label: words.certificate, type: 'file', isRequired: true, error: errors.certificate })}${field({ name: 'key', label: words.keyFile, type: 'file', hint: words.keyHint, error: errors.key })}${button(words.check)}`
  const request = html`<p>${words.requestText}</p><div class="row">${form(visit, '/certificates/request', button(words.requestIt, { kind: 'plain' }))}${hasRequest && html`<a href="/certificates/request.pem" download>${words.requestFile}</a>`}</div>`
  return html`${card(words.give, form(visit, '/certificates/given', files, { isMultipart: true }))}
${card(words.make, html`<p>${words.makeText}</p>${form(visit, '/certificates/self-signed', button(words.makeIt, { kind: 'plain' }))}`)}
${card(words.request, request)}
<p><a href="/certificates/files">${words.files}</a></p>`
}
