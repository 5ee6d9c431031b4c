import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Denied, DeniedWhy } from './guard.ts'

/** RFC 9457: why a request of the API is not carried out, in words for a person. */
export class Problem extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** RFC 9457 3.2: further members, for programs. */
  readonly more: object
  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}, more: object = {}) {
    super(detail)
    this.status = status
    this.headers = headers
    this.more = more
  }
}

/** What a part of the box says in words for a person, e.g. that it cannot write, by the name that such errors have; undefined for any other. */
export function problemIn(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (!(error instanceof Error) || error.name !== 'PlainError') return undefined
  const { code } = Object(error.cause) as { code?: string }
  // RFC 4918 11.5 where there is no room.
  return new Problem(code === 'ENOSPC' || code === 'EDQUOT' ? 507 : 503, error.message)
}

/** What went wrong inside is told to the log, not to whoever asked. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, detail, headers, more } = problemOf(error)
  return reply
    .code(status)
    .headers({ ...headers, 'cache-control': 'no-store' })
    .type('application/problem+json')
    .send(JSON.stringify({ title: STATUS_CODES[status], status, detail, ...more }))
}

interface Told {
  readonly status: number
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
  readonly more?: object
}

function problemOf(error: unknown): Told {
  if (error instanceof Problem)
    return { status: error.status, detail: error.message, headers: error.headers, more: error.more }
  const { statusCode = 500, message, validation } = error as FastifyError
  const choice = validation?.find(({ keyword }) => keyword === 'enum')?.params
  const { allowedValues: allowed } = (choice ?? {}) as { allowedValues?: unknown }
  const told = Array.isArray(allowed) ? `${message}: ${allowed.join(', ')}` : message
  return { status: statusCode, detail: statusCode < 500 ? told : 'an internal error', headers: {} }
}

const DENIED: Readonly<Record<DeniedWhy, string>> = {
  'unknown host': 'The name in the address is none of this box. Use its address, or add the name to web.hosts.',
  'not encrypted': 'The administrator is served over TLS, or from this machine itself.',
  'other site': 'This request came from another site.',
  'stale form': 'The header x-csrf-token is missing or does not belong to the session.',
  'not signed in': 'This is for the administrator.',
  'wrong password': 'Name and password do not belong together.',
  'wrong token': 'This token is not known, or has ended.',
  slowed: 'Too many wrong passwords.',
  busy: 'Too many at once.',
  role: 'The role does not allow this.',
  'not set up': 'The box has to be set up first.',
}

/** RFC 7617, RFC 6750: who may come in, and how; a page's own script is not asked by a window of the browser. */
export function sendDenied(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { status, why, retryAfterS }: Denied,
): FastifyReply {
  const isScript = headers['sec-fetch-site'] !== undefined && headers['sec-fetch-mode'] !== 'navigate'
  return sendProblem(
    reply,
    new Problem(status, DENIED[why], {
      ...(status === 401 && !isScript && { 'www-authenticate': 'Basic realm="administrator", charset="UTF-8"' }),
      ...(retryAfterS !== undefined && { 'retry-after': String(retryAfterS) }),
    }),
  )
}
