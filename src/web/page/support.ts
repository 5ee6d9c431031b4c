import { SUPPORT_FILES } from '../../services/support.ts'
import { needs } from '../guard.ts'
import { button, checkbox, form } from './form.ts'
import { html } from './html.ts'
import { textsIn } from './parts.ts'
import type { PagePart } from './site.ts'
import { card, facts } from './table.ts'

/** What is sent to somebody who helps, told before it is made. */
export const support: PagePart = (app, site) => {
  app.get('/support', async (request, reply) => {
    needs(request, 'operator')
    const visit = site.visit(request)
    const { support: words, shell } = visit.strings
    const choice = checkbox({ name: 'addresses', label: words.addresses, hint: words.addressesHint, isOn: false })
    const body = html`${card(words.make, html`<p>${words.text}</p>${form(visit, '/support', html`${choice}${button(words.download)}`)}`)}
<div class="columns">${card(words.inside, facts(SUPPORT_FILES.map(name => [name, words.files[name]])))}${card(words.never, html`<ul>${words.redacted.map(text => html`<li>${text}</li>`)}</ul>`)}</div>`
    return site.show(reply, visit, { title: shell.support, body })
  })
  app.post('/support', async (request, reply) => {
    needs(request, 'operator')
    const { fileName, bytes } = await site.services.support.bundle(
      textsIn(request.body, ['addresses']).addresses === 'on',
    )
    return reply
      .headers({
        'cache-control': 'no-store',
        'content-disposition': `attachment; filename="${fileName}"`,
        'x-content-type-options': 'nosniff',
      })
      .type('application/gzip')
      .send(bytes)
  })
}
