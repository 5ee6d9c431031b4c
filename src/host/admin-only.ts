import type { FastifyRequest } from 'fastify'
import type { Counters } from '../base/counters.ts'
import { Problem } from './problem.ts'

/** Passwords under examination at a time: each takes 16 MiB and a core for some 50 ms. */
const CHECKS_MAX = 2
const RETRY_AFTER_S = 1

const CHALLENGE = { 'www-authenticate': 'Basic realm="administrator", charset="UTF-8"' }

/** Lets the administrator through and nobody else (RFC 7617), and only where nobody on the way can read the password. */
export class AdminOnly {
  readonly #isPassword: (password: string) => Promise<boolean>
  readonly #counters: Counters
  #checks = 0

  constructor(options: { isPassword: (password: string) => Promise<boolean>; counters: Counters }) {
    this.#isPassword = options.isPassword
    this.#counters = options.counters
  }

  /** Throws the Problem: 401, 403, or 503 while too many passwords are examined. */
  async check(request: FastifyRequest): Promise<void> {
    if (!isPrivate(request))
      throw this.#refused(403, 'The administrator is served over TLS, or from this machine itself.')
    const given = credentialsOf(request.headers.authorization)
    if (!given) throw this.#refused(401, 'This is for the administrator.', CHALLENGE)
    if (this.#checks >= CHECKS_MAX)
      throw this.#refused(503, 'Too many at once.', { 'retry-after': String(RETRY_AFTER_S) })
    this.#checks++
    try {
      const isRight = await this.#isPassword(given.password)
      if (!isRight || given.user !== 'admin')
        throw this.#refused(401, 'That is not the password of the user admin.', CHALLENGE)
    } finally {
      this.#checks--
    }
  }

  #refused(status: number, detail: string, headers: Record<string, string> = {}): Problem {
    this.#counters.count('admin_refused', String(status))
    return new Problem(status, detail, headers)
  }
}

/** What a proxy says of where a request came from is not believed. */
const isPrivate = ({ protocol, socket }: FastifyRequest): boolean =>
  protocol === 'https' || /^(?:127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '')

function credentialsOf(authorization: string | undefined): { user: string; password: string } | undefined {
  const [, encoded] = /^basic +([a-z0-9+/=]+) *$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
