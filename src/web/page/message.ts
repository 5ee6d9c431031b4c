import type { FastifyReply, FastifyRequest } from 'fastify'
import { knownEnd } from '../../base/time.ts'
import type { MessageView } from '../../services/queue.ts'
import type { LifeEvent } from '../../store/verbs.ts'
import { needs } from '../guard.ts'
import { foreignLines } from './foreign-text.ts'
import { bytes, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import { confirmForm, messagePath, userPath } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { card, facts, table } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

interface OfMessage {
  Params: { id: string }
}

/** One message: its life story, its headers, and what can be done about it while it waits. Never what it says. */
export const message: PagePart = (app, site) => {
  const { queue } = site.services
  app.get<OfMessage>('/queue/:id', async (request, reply) => {
    needs(request, 'viewer')
    return show(site, request, reply, request.params.id)
  })
  for (const act of ['deliver', 'delete'] as const)
    app.get<OfMessage>(`/queue/:id/${act}`, async (request, reply) => {
      needs(request, 'operator')
      const found = await queue.message(request.params.id)
      if (!found?.waiting) return showNotFound(site, request, reply)
      return confirm(site, request, reply, found, act)
    })
  app.post<OfMessage>('/queue/:id/deliver', async (request, reply) => {
    needs(request, 'operator')
    const { id } = request.params
    const { outcome } = await queue.deliver(id)
    if (outcome === 'unknown') return showNotFound(site, request, reply)
    if (outcome === 'asked') return site.done(reply, messagePath(id), 'pushAsked')
    return show(site, request, reply, id, outcome)
  })
  app.post<OfMessage>('/queue/:id/delete', async (request, reply) => {
    const who = needs(request, 'operator')
    const { id } = request.params
    const removed = await queue.remove(id, who.name)
    if (removed === 'unknown') return showNotFound(site, request, reply)
    if (removed === 'deleted') return site.done(reply, messagePath(id), 'messageDeleted')
    return show(site, request, reply, id, removed)
  })
}

type Refusal = 'nobody registered' | 'switched off' | 'not waiting'

function confirm(
  site: Site,
  request: FastifyRequest,
  reply: FastifyReply,
  found: MessageView,
  act: 'deliver' | 'delete',
) {
  const visit = site.visit(request)
  const { queue: words } = visit.strings
  const path = messagePath(found.story.storeId)
  const body = confirmForm(visit, {
    path: `${path}/${act}`,
    back: path,
    text: html`<p>${words[`${act}Text`]}</p>${about(visit, found)}`,
    label: words[`${act}Button`],
    kind: act === 'delete' ? 'danger' : 'main',
  })
  return site.show(reply, visit, { title: words[`${act}Title`], body })
}

async function show(site: Site, request: FastifyRequest, reply: FastifyReply, id: string, refusal?: Refusal) {
  const found = await site.services.queue.message(id)
  if (!found) return showNotFound(site, request, reply)
  const visit = site.visit(request)
  const { queue: words } = visit.strings
  const isOperator = isAllowed(visit.who?.role, 'operator')
  const path = messagePath(found.story.storeId)
  const body = html`${refusal !== undefined && html`<p class="told failed" role="alert">${words.refusals[refusal]}</p>`}${about(visit, found)}${card(words.story, events(visit, found.story.events))}
${isOperator && found.head !== undefined && card(words.head, html`${foreignLines(found.head)}<p class="hint">${words.headCut}</p>`)}
${
  isOperator &&
  found.waiting !== undefined &&
  html`<p>${words.registered(number(visit, found.contacts))}</p><p class="row"><a class="button" href="${path}/deliver">${words.deliver}</a><a class="button" href="${path}/delete">${words.delete}</a></p>`
}`
  const status = refusal === undefined ? 200 : 409
  return site.show(reply, visit, { title: found.story.storeId.slice(0, 200), body, status })
}

function about(visit: Visit, { story, waiting }: MessageView): Html {
  const { queue: words } = visit.strings
  const last = story.events.at(-1)?.event ?? 'stored'
  const end = waiting && knownEnd(waiting.expiresAt)
  const state = html`${words.states[last]}${waiting?.isUrgent === true && html`, ${words.urgent}`}${waiting?.isReceipt === true && html`, ${words.receipt}`}`
  return card(
    words.message,
    facts([
      [words.state, state],
      [words.from, foreign(story.sender, 300)],
      [words.for, html`<a href="${userPath(story.recipient)}">${foreign(story.recipient, 300)}</a>`],
      [words.kind, story.messageId === undefined ? words.plain : words.large],
      [words.bytes, bytes(visit, story.size)],
      end === undefined ? undefined : [words.expires, time(visit, end)],
      waiting && [words.attempts, number(visit, waiting.attempts)],
      waiting?.lastFailure === undefined ? undefined : [words.lastFailure, foreign(waiting.lastFailure)],
      [words.storeId, html`<code>${foreign(story.storeId, 300)}</code>`],
      [words.callId, html`<code>${foreign(story.callId, 300)}</code>`],
      story.messageId === undefined
        ? undefined
        : [words.messageId, html`<code>${foreign(story.messageId, 300)}</code>`],
    ]),
  )
}

function events(visit: Visit, list: readonly LifeEvent[]): Html {
  const { queue: words, shell } = visit.strings
  return table(
    words.story,
    [
      { title: words.when, cell: ({ at }) => time(visit, at) },
      { title: words.event, cell: ({ event }) => words.events[event] },
      { title: words.detail, cell: event => ('detail' in event ? foreign(event.detail) : '–') },
    ],
    list,
    shell.none,
  )
}
