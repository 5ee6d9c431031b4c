import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Counters } from '../../base/counters.ts'
import type { Now } from '../../base/time.ts'
import { type NodeSelector, readBindings, readSelector, SelectorError } from '../../content/xcap-selector.ts'
import { type Answer, notFound, plain } from './answer.ts'
import { ConvHistory } from './conv-history.ts'
import { Credentials, type CredentialsOptions } from './credentials.ts'
import { DeferredList } from './deferred-list.ts'
import { capabilitiesUsage, directoryUsage } from './own-documents.ts'
import { SettingsDocument } from './settings.ts'
import { readTarget } from './target.ts'
import { answerOf, type Usage, type XcapStore } from './usage.ts'
import { UserList } from './user-list.ts'

interface XcapOptions extends CredentialsOptions {
  readonly store: XcapStore
  readonly counters: Counters
  readonly now: () => Now
  /** How long history is kept; undefined: it is switched off, and nothing of it is shown. */
  readonly historyRetentionS?: number | undefined
  /** URL under which users reach `/xcap/`, with `/` at its end. */
  readonly root: string
}

/** Under which path of the listener. */
export const XCAP_PATH = '/xcap/'

const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS'] as const

/** A document of settings and as much again, so that one that is too long is told so in the words of XCAP. */
const BODY_BYTES_MAX = 16 * 1024

/** What was asked, by whom, once that is known. */
interface Admitted {
  readonly now: Now
  readonly aor: string
}

/** RFC 4825: the embedded XML document management server. A plugin of its own, so nothing of it reaches the other pages. */
export function xcap(options: XcapOptions): FastifyPluginAsync {
  const credentials = new Credentials(options)
  const usages = usagesOver(options)
  return async app => serve(app, options, credentials, usages)
}

function serve(
  app: FastifyInstance,
  { now, counters, root }: XcapOptions,
  credentials: Credentials,
  usages: readonly Usage[],
): void {
  const admitted = new WeakMap<FastifyRequest, Admitted>()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => body)
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    counters.count('xcap_answers', String(status))
    return send(reply, plain(status, status === 413 ? 'More than is taken.' : 'That went wrong.'))
  })
  // Before the body is read: it is nobody's yet.
  app.addHook('onRequest', async (request, reply) => {
    const at = now()
    const { authorization } = request.headers
    const isSecure = 'encrypted' in request.raw.socket
    const { method, ip: address } = request
    const asking = { method, url: request.raw.url ?? '', authorization, address, isSecure }
    let who: { readonly aor: string } | Answer | undefined
    const refusal = await answerOf(async () => {
      who = await credentials.admit(at, asking)
      return 'aor' in who ? notFound() : who
    })
    if (who && 'aor' in who) admitted.set(request, { now: at, aor: who.aor })
    else return count(counters, reply, refusal)
  })
  app.route({
    method: [...METHODS],
    url: `${XCAP_PATH}*`,
    bodyLimit: BODY_BYTES_MAX,
    handler: async (request, reply) => {
      const by = admitted.get(request)!
      return count(counters, reply, await answerOf(() => answer(request, by, usages, root)))
    },
  })
}

function usagesOver({ store, historyRetentionS }: XcapOptions): readonly Usage[] {
  const history = historyRetentionS === undefined ? [] : [new UserList(new ConvHistory(store, historyRetentionS))]
  const own = [new UserList(new DeferredList(store)), ...history, new SettingsDocument(store)]
  const listed = [...own, directoryUsage(own)]
  return [...listed, capabilitiesUsage(listed)]
}

async function answer(
  request: FastifyRequest,
  { now, aor }: Admitted,
  usages: readonly Usage[],
  root: string,
): Promise<Answer> {
  const url = request.raw.url ?? ''
  const read = orElse(URIError, () => readTarget(url.slice(XCAP_PATH.length)))
  if ('error' in read) return plain(400, 'An escape in the URI is malformed.')
  const target = read.value
  if (!target) return notFound()
  if (target.tree === 'users' && target.user !== aor)
    return plain(403, 'Only your own documents are shown to you, and nobody else’s.')
  const usage = usages.find(({ auid, tree }) => auid === target.auid && tree === target.tree)
  if (!usage || usage.document !== target.document) return notFound()
  const node = orElse(SelectorError, () => target.node && nodeOf(target.node, usage))
  if ('error' in node) return plain(400, `The node selector cannot be read: ${node.error.message}.`)
  const { headers, method, body } = request
  const [ifMatch, ifNoneMatch] = [headers['if-match'], headers['if-none-match']]
  return usage.answer({
    now,
    method,
    aor,
    ...(node.value && { node: node.value }),
    conditions: { ...(ifMatch !== undefined && { ifMatch }), ...(ifNoneMatch !== undefined && { ifNoneMatch }) },
    contentType: (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase(),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    root,
  })
}

const nodeOf = (node: { selector: string; query: string }, { namespace }: Usage): NodeSelector =>
  readSelector(node.selector, readBindings(node.query), namespace)

/** What `run` gives, or the error of that kind that it throws. */
function orElse<T, E extends Error>(kind: new (...args: never[]) => E, run: () => T): { value: T } | { error: E } {
  try {
    return { value: run() }
  } catch (error) {
    if (error instanceof kind) return { error }
    throw error
  }
}

function count(counters: Counters, reply: FastifyReply, answer: Answer): FastifyReply {
  counters.count('xcap_answers', String(answer.status))
  return send(reply, answer)
}

/** What a user has is for that user alone. */
function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  reply.code(status).header('cache-control', 'private, no-cache')
  for (const [name, value] of Object.entries(headers ?? {})) reply.header(name, value)
  return reply.send(body)
}
