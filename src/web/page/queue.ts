import type { FastifyReply, FastifyRequest } from 'fastify'
import type { QueueService, WaitingRow } from '../../services/queue.ts'
import type { LifeStory, MailboxSummary } from '../../store/verbs.ts'
import { needs } from '../guard.ts'
import { field } from './form.ts'
import { bytes, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { filled, messagePath, pager, pathWith, ROWS, searchForm, textsIn, userPath } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { type Column, table } from './table.ts'
import type { Visit } from './visit.ts'

const FIELDS = ['user', 'sender', 'id', 'after'] as const
type Asked = Record<(typeof FIELDS)[number], string>

/** What waits, for whom: all mailboxes, one of them, or what a search finds. */
export const queue: PagePart = (app, site) => {
  app.get('/queue', async (request, reply) => {
    needs(request, 'viewer')
    return show(site, request, reply)
  })
}

async function show(site: Site, request: FastifyRequest, reply: FastifyReply) {
  const visit = site.visit(request)
  const { queue: words, shell } = visit.strings
  const asked = textsIn(request.query, FIELDS)
  const totals = await site.services.queue.totals()
  const isSearch = asked.id !== '' || asked.user !== '' || asked.sender !== ''
  const fields = html`${field({ name: 'user', label: words.user, type: 'search', value: asked.user, maxLength: 1024 })}${field({ name: 'sender', label: words.sender, type: 'search', value: asked.sender, maxLength: 300 })}${field({ name: 'id', label: words.id, type: 'search', value: asked.id, maxLength: 1024 })}`
  const body = html`<p>${words.totals(number(visit, totals.messages), bytes(visit, totals.bytes), number(visit, totals.mailboxes))}</p>
${searchForm('/queue', fields, words.search)}
${isSearch && html`<p><a href="/queue">${words.everything}</a></p>`}
${await found(site, visit, asked)}`
  return site.show(reply, visit, { title: shell.queue, body })
}

async function found(site: Site, visit: Visit, asked: Asked): Promise<Html> {
  const { queue: service } = site.services
  if (asked.id !== '') return stories(visit, await service.trace(asked.id, ROWS))
  if (asked.user !== '' || asked.sender !== '') return waiting(site, visit, asked)
  const { mailboxes, next } = await service.mailboxes({ ...filled({ after: asked.after }), limit: ROWS })
  return html`${mailboxTable(visit, mailboxes)}${pager(visit, { path: '/queue', query: {}, after: asked.after, next })}`
}

async function waiting(site: Site, visit: Visit, { user, sender, after }: Asked): Promise<Html> {
  const { queue: words } = visit.strings
  const aor = user === '' ? undefined : site.services.users.aorOf(user)
  if (user !== '' && aor === undefined) return html`<p class="none">${words.unknownUser}</p>`
  const asked: Parameters<QueueService['messages']>[0] = {
    ...(aor !== undefined && { aor }),
    ...filled({ sender, after }),
    limit: ROWS,
  }
  const { messages, next } = await site.services.queue.messages(asked)
  const isPartly = next !== undefined && messages.length < ROWS
  return html`${messageTable(visit, messages, aor !== undefined)}${isPartly && html`<p class="hint">${words.partly}</p>`}${pager(visit, { path: '/queue', query: { user, sender }, after, next, label: isPartly ? words.searchOn : visit.strings.shell.next })}`
}

function mailboxTable(visit: Visit, rows: readonly MailboxSummary[]): Html {
  const { queue: words } = visit.strings
  return table(
    words.caption,
    [
      {
        title: words.for,
        cell: ({ aor }) => html`<a href="${pathWith('/queue', { user: aor })}">${foreign(aor, 120)}</a>`,
      },
      { title: words.count, cell: ({ count }) => number(visit, count), isNumber: true },
      { title: words.receipts, cell: ({ receipts }) => number(visit, receipts), isNumber: true },
      { title: words.bytes, cell: row => bytes(visit, row.bytes), isNumber: true },
      {
        title: words.oldest,
        cell: ({ oldestReceivedAt }) => (oldestReceivedAt === undefined ? '–' : time(visit, oldestReceivedAt)),
      },
    ],
    rows,
    words.none,
  )
}

function messageTable(visit: Visit, rows: readonly WaitingRow[], isOne: boolean): Html {
  const { queue: words } = visit.strings
  const receiver: Column<WaitingRow> = {
    title: words.for,
    cell: ({ aor }) => html`<a href="${userPath(aor)}">${foreign(aor, 120)}</a>`,
  }
  return table<WaitingRow>(
    words.messages,
    [
      {
        title: words.message,
        cell: row =>
          html`<a href="${messagePath(row.storeId)}">${foreign(row.storeId, 120)}</a>${row.isUrgent && html` <span class="warning-text">${words.urgent}</span>`}${row.isReceipt === true && html` <span class="soft">${words.receipt}</span>`}`,
      },
      { title: words.from, cell: ({ sender }) => (sender === '' ? '–' : foreign(sender, 120)) },
      ...(isOne ? [] : [receiver]),
      { title: words.received, cell: ({ receivedAt }) => time(visit, receivedAt) },
      { title: words.bytes, cell: ({ size }) => bytes(visit, size), isNumber: true },
      {
        title: words.attempts,
        cell: ({ attempts, lastFailure }) =>
          html`${number(visit, attempts)}${lastFailure !== undefined && html`: ${foreign(lastFailure, 80)}`}`,
      },
    ],
    rows,
    words.noMatch,
  )
}

function stories(visit: Visit, list: readonly LifeStory[]): Html {
  const { queue: words } = visit.strings
  return table(
    words.stories,
    [
      {
        title: words.message,
        cell: ({ storeId }) => html`<a href="${messagePath(storeId)}">${foreign(storeId, 120)}</a>`,
      },
      { title: words.from, cell: ({ sender }) => foreign(sender, 120) },
      {
        title: words.for,
        cell: ({ recipient }) => html`<a href="${userPath(recipient)}">${foreign(recipient, 120)}</a>`,
      },
      { title: words.received, cell: ({ events }) => (events[0] ? time(visit, events[0].at) : '–') },
      { title: words.bytes, cell: ({ size }) => bytes(visit, size), isNumber: true },
      { title: words.state, cell: ({ events }) => words.states[events.at(-1)?.event ?? 'stored'] },
    ],
    list,
    words.noStory,
  )
}
