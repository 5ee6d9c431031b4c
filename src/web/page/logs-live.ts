import { PassThrough } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { LogLine } from '../../services/logs.ts'
import type { WebServices } from '../../services/services.ts'
import { cookieOf, Denied, needs } from '../guard.ts'
import { LOG_FILTERS, lineText, logFilter } from '../logs/query.ts'
import { inert } from './html.ts'
import { SHOWN_LENGTH_MAX } from './logs.ts'
import { textsIn } from './parts.ts'
import type { PagePart } from './site.ts'
import { isAllowed, type Visit } from './visit.ts'

/** Connections that say nothing for ten seconds are ended; and who signed out sees no more after this. */
const LOOK_MS = 5000
/** After that whoever came without a session shows the password again. */
const LOOKS_MAX = 60
/** Lines of before that are sent at first: what was written while a page was loading, or a connection was away. */
const MISSED_MAX = 200
/** What a slow browser has not read yet; what comes on top of it is left out. */
const UNREAD_BYTES_MAX = 256 * 1024

/** Lines as they are written, as server-sent events: `line` with JSON; `lost` where some are left out. */
export const logsLive: PagePart = (app, site) => {
  app.get('/logs/live', async (request, reply) => {
    needs(request, 'viewer')
    const { logs } = site.services
    const filter = logFilter(textsIn(request.query, LOG_FILTERS))
    if ('wrong' in filter) return reply.code(422).type('text/plain; charset=utf-8').send(`${filter.wrong}\n`)
    const visit = site.visit(request)
    const stream = new PassThrough()
    const sender = new Sender(stream, visit)
    const end = logs.watch(filter, line => sender.line(line))
    if (!end) throw new Denied(503, 'busy', 30)
    for (const line of logs.lines(filter, { limit: MISSED_MAX }).lines.toReversed())
      if (line.seq > afterOf(request)) sender.line(line)
    let looks = 0
    const timer = setInterval(() => {
      const isFine = mayStill(request, site.services) && ++looks < LOOKS_MAX
      if (isFine) sender.beat()
      else stream.end()
    }, LOOK_MS).unref()
    stream.on('close', () => {
      clearInterval(timer)
      end()
    })
    return reply.headers({ 'cache-control': 'no-store' }).type('text/event-stream').send(stream)
  })
}

/** The browser says where it was when it comes again. */
function afterOf({ headers, query }: FastifyRequest): number {
  const { after } = textsIn(query, ['after'])
  const text = String(headers['last-event-id'] ?? after)
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY
}

function mayStill(request: FastifyRequest, { access }: WebServices): boolean {
  if (request.who?.by !== 'session') return true
  const who = access.session(cookieOf(request) ?? '', false)
  return isAllowed(who?.role, 'viewer')
}

class Sender {
  readonly #stream: PassThrough
  readonly #visit: Visit
  #isBehind = false

  constructor(stream: PassThrough, visit: Visit) {
    this.#stream = stream
    this.#visit = visit
    // A connection is shown to be open before the first line.
    stream.write('retry: 5000\n\n')
  }

  line(line: LogLine): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return
    if (this.#stream.readableLength + this.#stream.writableLength > UNREAD_BYTES_MAX) {
      this.#isBehind = true
      return
    }
    if (this.#isBehind) this.#stream.write('event: lost\ndata: \n\n')
    this.#isBehind = false
    const { level, seq } = line
    const at = new Date(line.at).toISOString()
    const word = this.#visit.strings.logs.levels[level]
    const text = inert(lineText(line), SHOWN_LENGTH_MAX)
    this.#stream.write(`id: ${seq}\nevent: line\ndata: ${JSON.stringify({ at, level, word, text })}\n\n`)
  }

  beat(): void {
    this.#stream.write(':\n\n')
  }
}
