import type { HistoryItemView, HistoryRow, SaidView } from '../../services/history.ts'
import { needs } from '../guard.ts'
import { foreignLines } from './foreign-text.ts'
import { bytes, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import { confirmForm, historyPath, pathWith } from './parts.ts'
import type { PagePart } from './site.ts'
import { card, facts, table } from './table.ts'
import type { Visit } from './visit.ts'

interface OfItem {
  Params: { aor: string; reference: string }
}

/** One item of a history: who, when, and what was said, as far as it is text. */
export const historyItem: PagePart = (app, site) => {
  const { histories, users } = site.services
  const itemOf = async ({ aor: text, reference }: OfItem['Params']) => {
    const aor = users.aorOf(text)
    const item = aor === undefined ? undefined : await histories.item(aor, reference)
    return aor !== undefined && item
      ? { aor, item, path: `${historyPath(aor)}/${encodeURIComponent(reference)}` }
      : undefined
  }
  app.get<OfItem>('/history/:aor/:reference', async (request, reply) => {
    needs(request, 'operator')
    const found = await itemOf(request.params)
    if (!found) return showNotFound(site, request, reply)
    const visit = site.visit(request)
    const { histories: words } = visit.strings
    const body = html`${about(visit, found.aor, found.item)}${card(words.said, said(visit, found.item))}${participants(visit, found.item)}${found.item.heads.map(([name, text]) => card(words.heads[name], foreignLines(text)))}
<p><a class="button" href="${found.path}/remove">${words.removeItem}</a></p>`
    return site.show(reply, visit, { title: words.of(found.aor), body })
  })
  app.get<OfItem>('/history/:aor/:reference/remove', async (request, reply) => {
    needs(request, 'operator')
    const found = await itemOf(request.params)
    if (!found) return showNotFound(site, request, reply)
    const visit = site.visit(request)
    const { histories: words } = visit.strings
    const text = html`<p>${words.removeItemText}</p>${about(visit, found.aor, found.item)}`
    const options = { path: `${found.path}/remove`, back: found.path, text, label: words.removeItemButton }
    return site.show(reply, visit, { title: words.removeItemTitle, body: confirmForm(visit, options) })
  })
  app.post<OfItem>('/history/:aor/:reference/remove', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    if (aor === undefined || (await histories.remove(aor, request.params.reference)) === 'absent')
      return showNotFound(site, request, reply)
    return site.done(reply, historyPath(aor), 'itemRemoved')
  })
}

/** What an item is called in a list: its subject, or the name that somebody gave a recording. */
export const titleOf = (visit: Visit, { subject, recordingName }: HistoryRow, max: number): Html => {
  const title = subject || recordingName
  return title ? foreign(title, max) : html`${visit.strings.histories.noSubject}`
}

function about(visit: Visit, aor: string, item: HistoryItemView): Html {
  const { histories: words } = visit.strings
  const peer = html`<a href="${pathWith(historyPath(aor), { peer: item.peer })}">${foreign(item.peer, 300)}</a>`
  return card(
    words.item,
    facts([
      [words.subject, item.subject === null || item.subject === '' ? words.noSubject : foreign(item.subject)],
      item.recordingName === null ? undefined : [words.recordingName, foreign(item.recordingName, 300)],
      [words.owner, html`<a href="${historyPath(aor)}">${foreign(aor, 300)}</a>`],
      [words.peer, peer],
      [words.kind, `${words.kinds[item.kind]}, ${words.roles[item.role]}`],
      [words.from, foreign(item.from, 300)],
      [words.to, foreign(item.to, 300)],
      [words.when, time(visit, item.received)],
      item.ended === null ? undefined : [words.ended, time(visit, item.ended)],
      [words.state, words.states[item.state]],
      [words.requests, number(visit, item.requests)],
      [words.bytes, bytes(visit, item.bytes)],
      [words.callId, html`<code>${foreign(item.callId, 300)}</code>`],
      [words.reference, html`<code>${foreign(item.reference, 300)}</code>`],
    ]),
  )
}

function said(visit: Visit, { said: list, isCut }: HistoryItemView): Html {
  const { histories: words } = visit.strings
  if (list.length === 0) return html`<p class="none">${words.nothingSaid}</p>`
  return html`<ol class="said">${list.map(one => oneSaid(visit, one))}</ol>${isCut && html`<p class="hint">${words.cut}</p>`}`
}

const oneSaid = (visit: Visit, { from, at, contentType, bytes: size, text }: SaidView): Html =>
  html`<li><p class="hint">${foreign(from, 120)}, ${time(visit, at)}</p>${text === undefined ? html`<p>${notShown(visit, contentType, size)}</p>` : foreignLines(text)}</li>`

/** The type is of a stranger too. */
const notShown = (visit: Visit, contentType: string, size: number): Html =>
  html`${foreign(visit.strings.histories.notShown(contentType.slice(0, 120), bytes(visit, size)), 400)}`

function participants(visit: Visit, { participants: list }: HistoryItemView): Html | false {
  const { histories: words } = visit.strings
  return (
    list.length > 0 &&
    card(
      words.participants,
      table(
        words.participants,
        [
          {
            title: words.participants,
            cell: ({ uri, displayName }) =>
              html`${displayName !== null && html`${foreign(displayName, 120)} `}${foreign(uri, 200)}`,
          },
          { title: words.joined, cell: ({ joined }) => time(visit, joined) },
          { title: words.left, cell: ({ left }) => (left === null ? '–' : time(visit, left)) },
        ],
        list.slice(0, 200),
        '',
      ),
    )
  )
}
