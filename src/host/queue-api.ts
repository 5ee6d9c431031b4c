import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Log } from '../base/log.ts'
import type { MessageView, QueueService } from '../services/queue.ts'
import { mailboxJson, storyJson, waitingJson } from '../services/queue-json.ts'
import { type Guarded, needs } from '../web/guard.ts'
import { isAllowed } from '../web/page/visit.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, aorIn, forRole } from './admin-api.ts'
import { textsOf, wholeIn } from './api-texts.ts'

interface QueueApiOptions {
  readonly guarded: Guarded
  readonly queue: QueueService
  readonly domain: string
  readonly log: Log
}

const PATH = '/api/v1/queue'
const MESSAGE = `${PATH}/:id`

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 500

interface OfMessage {
  Params: { id: string }
}

/** What waits, for whom; one message's life story; deliver and delete. */
export const queueApi = (options: QueueApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const { queue, domain } = options
    app.get(PATH, forRole('viewer'), async ({ query }, reply) => {
      const texts = textsOf(query, ['user', 'sender', 'id', 'after', 'limit'])
      return plainly(reply).send(await search(queue, texts, domain))
    })
    app.get<OfMessage>(MESSAGE, forRole('viewer'), async (request, reply) => {
      const message = await queue.message(request.params.id)
      if (!message) throw noSuchMessage()
      return plainly(reply).send(messageView(message, isAllowed(request.who?.role, 'operator')))
    })
    app.post<OfMessage>(`${MESSAGE}/deliver`, forRole('operator'), async ({ params }, reply) => {
      const delivering = await queue.deliver(params.id)
      if (delivering.outcome === 'unknown') throw noSuchMessage()
      if (delivering.outcome !== 'asked') throw new Problem(409, NOT_DELIVERED[delivering.outcome])
      return plainly(reply).code(202).send({ contacts: delivering.contacts })
    })
    app.delete<OfMessage>(MESSAGE, forRole('operator'), async (request, reply) => {
      const removed = await queue.remove(request.params.id, needs(request, 'operator').name)
      if (removed === 'unknown') throw noSuchMessage()
      if (removed === 'not waiting') throw new Problem(409, NOT_DELIVERED['not waiting'])
      return plainly(reply).code(204).send()
    })
  })

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

const noSuchMessage = (): Problem => new Problem(404, 'No message is known by that store id.')

const NOT_DELIVERED = {
  'nobody registered': 'Nobody is registered for its receiver. It goes out as soon as somebody is.',
  'switched off': 'Its receiver has switched offline delivery off, and fetches what waits.',
  'not waiting': 'It does not wait any more. Its life story says what became of it.',
}

/** By `id` whatever became of it; by `user` or `sender` what waits; without any of them who has something waiting. */
async function search(
  queue: QueueService,
  { user, sender, id, after, limit }: ReturnType<typeof textsOf<'user' | 'sender' | 'id' | 'after' | 'limit'>>,
  domain: string,
): Promise<object> {
  const most = wholeIn('limit', limit, LIMIT_DEFAULT, 1, LIMIT_MAX)
  const place = after === undefined ? {} : { after }
  if (id !== undefined) return { messages: (await queue.trace(id, most)).map(storyJson), next: null }
  if (user !== undefined || sender !== undefined) {
    const found = await queue.messages({
      ...(user !== undefined && { aor: aorIn(user, domain) }),
      ...(sender !== undefined && { sender }),
      ...place,
      limit: most,
    })
    return { messages: found.messages.map(waitingJson), next: found.next ?? null }
  }
  const [totals, found] = await Promise.all([queue.totals(), queue.mailboxes({ ...place, limit: most })])
  return { ...totals, mailboxes: found.mailboxes.map(mailboxJson), next: found.next ?? null }
}

/** Headers are for operators. */
const messageView = ({ story, waiting, head, contacts }: MessageView, withHead: boolean) => ({
  ...storyJson(story),
  waiting: waiting ? waitingJson(waiting) : null,
  contacts,
  ...(withHead && { head: head ?? null }),
})
