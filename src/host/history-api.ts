import { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Log } from '../base/log.ts'
import type { Guarded } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { type ApiLink, adminApi, aorIn, forRole, linkTo, noSuchUser, orRefused } from './admin-api.ts'
import { type Texts, textsOf, wholeIn } from './api-texts.ts'
import { filterOf, timeOf } from './history-query.ts'
import { contentOf, entryView, type HistoryFound, itemView } from './history-view.ts'
import { eraseOrder, exportOrder } from './history-work.ts'
import type { Jobs } from './jobs.ts'
import { startJob } from './jobs-api.ts'
import type { OutsideStore } from './outside-store.ts'

interface HistoryApiOptions {
  readonly guarded: Guarded
  readonly store: OutsideStore
  readonly jobs: Jobs
  readonly domain: string
  readonly log: Log
}

const PATH = '/api/v1/users/:aor/history'
/** Whose histories there are. */
const OWNERS = '/api/v1/history'
const ITEM = `${PATH}/:reference`

const FILTERS = ['peer', 'since', 'until', 'subject', 'kind'] as const
const LIMIT_DEFAULT = 50
const LIMIT_MAX = 500
/** Octets of an item of which pieces are told at one request. */
const PIECES_BYTES = 1_048_576
/** As the store makes them. */
const CURSOR = /^[\x21-\x7e]{1,64}$/

interface OfUser {
  Params: { aor: string }
}
interface OfItem {
  Params: { aor: string; reference: string }
}

/** One user's history for administrators and operators: list, look at, delete; export and erase as jobs. */
export const historyApi = (options: HistoryApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const { domain, jobs } = options
    const link = linkTo(options.store)
    app.get(OWNERS, forRole('operator'), async ({ query }, reply) => {
      const { limit, after } = textsOf(query, ['limit', 'after'])
      const most = wholeIn('limit', limit, LIMIT_DEFAULT, 1, LIMIT_MAX)
      const found = await link.ask('history.owners', { ...(after !== undefined && { after }), limit: most + 1 })
      const users = found.slice(0, most)
      return unkept(reply).send({ users, next: found.length > most ? users.at(-1)!.aor : null })
    })
    app.get<OfUser>(PATH, forRole('operator'), async ({ params, query }, reply) => {
      const aor = await known(link, aorIn(params.aor, domain))
      return unkept(reply).send(await page(link, aor, textsOf(query, [...FILTERS, 'order', 'limit', 'cursor']), domain))
    })
    app.get<OfItem>(ITEM, forRole('operator'), async ({ params }, reply) =>
      unkept(reply).send(itemView(await item(link, params, domain))),
    )
    app.get<OfItem>(`${ITEM}/pieces`, forRole('operator'), async ({ params, query }, reply) => {
      const { aor, entry } = await item(link, params, domain)
      return unkept(reply).send(await pieces(link, aor, entry.reference, textsOf(query, ['from'])))
    })
    app.get<OfItem>(`${ITEM}/content`, forRole('operator'), async ({ params }, reply) =>
      content(link, await item(link, params, domain), reply),
    )
    app.delete<OfItem>(ITEM, forRole('operator'), async ({ params }, reply) => {
      const aor = await known(link, aorIn(params.aor, domain))
      const { reference } = params
      if ((await link.ask('history.remove', { aor, reference })) === 'absent') throw noSuchItem()
      return unkept(reply).code(204).send()
    })
    app.post<OfUser>(`${PATH}/export`, forRole('operator'), async ({ params, body }, reply) => {
      const aor = await known(link, aorIn(params.aor, domain))
      const filter = orRefused(() => filterOf(textsOf(given(body), FILTERS), domain))
      return startJob(jobs, exportOrder(link, aor, filter), reply)
    })
    app.post<OfUser>(`${PATH}/erase`, forRole('operator'), async ({ params, body }, reply) => {
      const aor = await known(link, aorIn(params.aor, domain))
      const { before } = textsOf(given(body), ['before'])
      const bound = orRefused(() => (before === undefined ? undefined : timeOf('before', before)))
      return startJob(jobs, eraseOrder(link, aor, bound), reply)
    })
  })

/** Without a body nothing narrows it; `null` is a body, and none of ours: a program that lost what it meant erases nothing. */
const given = (body: unknown): unknown => (body === undefined ? {} : body)

async function known(link: ApiLink, aor: string): Promise<string> {
  if (!(await link.ask('history.summary', { aor }))) throw noSuchUser(aor)
  return aor
}

const noSuchItem = (): Problem => new Problem(404, 'The history has no such item.')

const unkept = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

async function page(
  link: ApiLink,
  aor: string,
  { order = 'newest', limit, cursor, ...query }: Texts<(typeof FILTERS)[number] | 'order' | 'limit' | 'cursor'>,
  domain: string,
): Promise<object> {
  const filter = orRefused(() => filterOf(query, domain))
  if (order !== 'newest' && order !== 'oldest') throw new Problem(422, 'order: newest or oldest.')
  if (cursor !== undefined && !CURSOR.test(cursor)) throw new Problem(422, 'cursor: `next` of the page before.')
  const after = cursor === undefined ? {} : { after: cursor }
  const most = wholeIn('limit', limit, LIMIT_DEFAULT, 1, LIMIT_MAX)
  const { entries, next } = await link.ask('history.list', { aor, filter, order, ...after, limit: most })
  return { aor, items: entries.map(entryView), next: next ?? null }
}

interface Item extends HistoryFound {
  readonly aor: string
}

async function item(link: ApiLink, params: OfItem['Params'], domain: string): Promise<Item> {
  const aor = await known(link, aorIn(params.aor, domain))
  const found = await link.ask('history.get', { aor, reference: params.reference })
  if (!found) throw noSuchItem()
  return { ...found, aor }
}

/** What came when, from whom and how long it is. */
async function pieces(link: ApiLink, aor: string, reference: string, query: Texts<'from'>): Promise<object> {
  const from = wholeIn('from', query.from, 0, 0, Number.MAX_SAFE_INTEGER)
  const found = await link.ask('history.pieces', { aor, reference, from, bytes: PIECES_BYTES })
  if (!found) throw noSuchItem()
  const views = found.pieces.map(({ at, from: sender, bytes, isEnd }) => ({
    at: new Date(at).toISOString(),
    from: sender,
    bytes: bytes.length,
    ends_request: isEnd,
  }))
  return { pieces: views, next: found.isLast ? null : found.next }
}

/** The octets as they were received; who asked for privacy is not named in them (RFC 3323). */
function content(link: ApiLink, { aor, entry }: Item, reply: FastifyReply): FastifyReply {
  const type = entry.kind === 'message' ? 'sip' : 'msrp'
  unkept(reply).headers({
    'content-type': `message/${type}`,
    'content-disposition': `attachment; filename="history.${type}"`,
    'x-content-type-options': 'nosniff',
  })
  return reply.send(Readable.from(contentOf(link, aor, entry), { objectMode: false }))
}
