import { PRODUCT } from '../../base/product.ts'
import { needs } from '../guard.ts'
import { duration, number } from './format.ts'
import { foreign, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import type { PagePart } from './site.ts'
import { card, facts, table } from './table.ts'

/** What this box is, what is inside and on which terms, and the manual; everything lies on the box. */
export const aboutPage: PagePart = (app, site) => {
  const { about, status } = site.services
  app.get('/about', async (request, reply) => {
    needs(request, 'viewer')
    const visit = site.visit(request)
    const { about: words, status: names, shell } = visit.strings
    const [box, packages] = await Promise.all([status.status(), about.packages()])
    const inside = table(
      words.inside,
      [
        { title: words.name, cell: ({ name }) => foreign(name) },
        { title: words.version, cell: ({ version }) => foreign(version) },
        { title: words.terms, cell: ({ licence }) => foreign(licence) },
        {
          title: words.text,
          cell: ({ name, version, hasText }) =>
            hasText
              ? html`<a href="/about/licence?name=${encodeURIComponent(name)}&amp;version=${encodeURIComponent(version)}" aria-label="${words.read}: ${name}">${words.read}</a>`
              : words.noText,
        },
      ],
      packages,
      words.insideNone,
    )
    const body = html`<div class="columns">${card(
      PRODUCT,
      facts([
        [names.version, box.version],
        [words.licence, words.ownLicence],
        [words.runtime, about.runtime],
        [names.hostname, foreign(box.hostname)],
        [names.up, duration(visit, box.uptimeS * 1000)],
        [names.machineUp, duration(visit, box.machineUptimeS * 1000)],
      ]),
    )}${card(
      words.manual,
      html`<ul class="links">${about.documents.map(name => html`<li><a href="/about/${name}">${words.documents[name] ?? name}</a></li>`)}</ul>`,
    )}</div>
<section class="card"><h2>${words.inside}</h2>${
      packages.length === 0
        ? html`<p class="none">${words.insideNone}</p>`
        : html`<p>${words.insideText(number(visit, packages.length))}</p><p><a class="button" href="/about/sbom.json" download>${words.sbom}</a></p><details><summary>${words.unfold}</summary>${inside}</details>`
    }</section>`
    return site.show(reply, visit, { title: shell.about, body })
  })
  app.get('/about/sbom.json', async (request, reply) => {
    needs(request, 'viewer')
    const sbom = await about.sbom()
    if (sbom === undefined) return showNotFound(site, request, reply)
    return reply
      .header('content-disposition', `attachment; filename="${PRODUCT.toLowerCase()}.cdx.json"`)
      .type('application/vnd.cyclonedx+json; version=1.5')
      .send(sbom)
  })
  app.get<{ Querystring: { name?: unknown; version?: unknown } }>('/about/licence', async (request, reply) => {
    needs(request, 'viewer')
    const { name, version } = request.query
    const text = await about.licence(String(name), String(version))
    if (text === undefined) return showNotFound(site, request, reply)
    const visit = site.visit(request)
    return site.show(reply, visit, { title: String(name), body: html`<pre class="document">${text}</pre>` })
  })
  app.get<{ Params: { document: string } }>('/about/:document', async (request, reply) => {
    needs(request, 'viewer')
    const { document } = request.params
    const text = await about.document(document)
    if (text === undefined) return showNotFound(site, request, reply)
    const visit = site.visit(request)
    const { about: words } = visit.strings
    const body = html`<pre class="document" lang="en">${text}</pre>`
    return site.show(reply, visit, { title: words.documents[document] ?? document, body })
  })
}
