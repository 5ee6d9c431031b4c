import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'

/** RFC 9457: why a request of the API is not carried out, in words for a person. */
export class Problem extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.status = status
    this.headers = headers
  }
}

/** What went wrong inside is told to the log, not to whoever asked. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, detail, headers } = problemOf(error)
  return reply
    .code(status)
    .headers({ ...headers, 'cache-control': 'no-store' })
    .type('application/problem+json')
    .send(JSON.stringify({ title: STATUS_CODES[status], status, detail }))
}

interface Told {
  readonly status: number
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
}

function problemOf(error: unknown): Told {
  if (error instanceof Problem) return { status: error.status, detail: error.message, headers: error.headers }
  const { statusCode = 500, message } = error as { statusCode?: number; message: string }
  return { status: statusCode, detail: statusCode < 500 ? message : 'an internal error', headers: {} }
}
