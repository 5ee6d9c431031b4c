import { isIP } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Role, Who } from '../services/access.ts'
import type { WebServices } from '../services/services.ts'
import { isAllowed } from './page/visit.ts'

/** Why a request is turned away; the page and the API each tell it in their way. */
export class Denied extends Error {
  readonly status: number
  readonly why: DeniedWhy
  readonly retryAfterS: number | undefined

  constructor(status: number, why: DeniedWhy, retryAfterS?: number) {
    super(why)
    this.status = status
    this.why = why
    this.retryAfterS = retryAfterS
  }
}

export type DeniedWhy =
  /** RFC 9110 15.5.20: the name in the address is none of ours; a name that somebody else points here is how pages of strangers get in. */
  | 'unknown host'
  | 'not encrypted'
  | 'other site'
  | 'stale form'
  | 'not signed in'
  | 'wrong password'
  | 'wrong token'
  | 'slowed'
  | 'busy'
  | 'role'
  | 'not set up'

/** What the guard asks. */
export type Guarded = Pick<WebServices, 'access' | 'hosts' | 'securePort' | 'isPlainAllowed'>

declare module 'fastify' {
  interface FastifyRequest {
    who: Who | undefined
  }
  interface FastifyContextConfig {
    /** It begins a session, so that no token of one is asked for. */
    isSignIn?: boolean
  }
}

/** RFC 6265bis 4.1.3.2: one that no other name or port, and no plain connection, can set. */
const SECURE_COOKIE = '__Host-restante'
const PLAIN_COOKIE = 'restante'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What the guard needs of the requests is read before anything else is. To be called once for each scope of routes behind it. */
export function guard(app: FastifyInstance, services: Guarded): void {
  app.decorateRequest('who', undefined)
  app.addHook('onRequest', async (request, reply) => {
    checkHost(request, services.hosts)
    if (!isPrivate(request) && !services.isPlainAllowed) return elsewhere(request, reply, services)
    if (!SAFE.has(request.method)) checkOrigin(request)
    request.who = await whoAsks(request, services)
  })
  app.addHook('preValidation', async request => {
    if (SAFE.has(request.method) || request.who?.by !== 'session' || request.routeOptions.config.isSignIn) return
    if (tokenIn(request) !== request.who.csrf) throw new Denied(403, 'stale form')
  })
}

/** Throws Denied unless whoever asks has at least that role. */
export function needs(request: FastifyRequest, role: Role): Who {
  const { who } = request
  if (!who) throw new Denied(401, 'not signed in')
  if (!isAllowed(who.role, role)) throw new Denied(403, 'role')
  return who
}

export const cookieOf = (request: FastifyRequest): string | undefined =>
  request.cookies[isSecure(request) ? SECURE_COOKIE : PLAIN_COOKIE]

export function setCookie(request: FastifyRequest, reply: FastifyReply, value: string): void {
  const secure = isSecure(request)
  reply.setCookie(secure ? SECURE_COOKIE : PLAIN_COOKIE, value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure,
  })
}

export function clearCookie(request: FastifyRequest, reply: FastifyReply): void {
  const secure = isSecure(request)
  reply.clearCookie(secure ? SECURE_COOKIE : PLAIN_COOKIE, { path: '/', httpOnly: true, sameSite: 'strict', secure })
}

const isSecure = ({ protocol }: FastifyRequest): boolean => protocol === 'https'

/** What a proxy says of where a request came from is not believed. */
const isPrivate = (request: FastifyRequest): boolean =>
  isSecure(request) || /^(?:127\.|::1$|::ffff:127\.)/.test(request.socket.remoteAddress ?? '')

/** Name or address of `Host`, lower case, without port and brackets. */
export const hostIn = (authority: string): string =>
  authority
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()

/** RFC 9112 3.2: a second `Host`, or a whole address in place of a path, would name another host than the one that is looked at. Throws Denied. */
export function checkHost(request: FastifyRequest, hosts: readonly string[]): void {
  const names = request.raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host')
  if (names.length > 1 || !request.url.startsWith('/')) throw new Denied(421, 'unknown host')
  const host = hostIn(request.headers.host ?? '')
  if (host === 'localhost' || isIP(host) !== 0 || hosts.includes(host)) return
  throw new Denied(421, 'unknown host')
}

/** Only documents are sent to where it is safe: what a form or a script carries was in the open already. */
function elsewhere(request: FastifyRequest, reply: FastifyReply, { securePort }: Guarded): FastifyReply {
  if (securePort === undefined || !SAFE.has(request.method)) throw new Denied(403, 'not encrypted')
  const host = (request.headers.host ?? '').replace(/:\d*$/, '')
  const port = securePort === 443 ? '' : `:${securePort}`
  return reply.redirect(`https://${host}${port}${request.url}`, 308)
}

/** RFC 6454 and Fetch Metadata: a page of somebody else may not act for whoever is signed in here. */
function checkOrigin({ headers, protocol }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw new Denied(403, 'other site')
  if (headers.origin !== undefined && headers.origin !== `${protocol}://${headers.host}`)
    throw new Denied(403, 'other site')
}

async function whoAsks(request: FastifyRequest, services: Guarded): Promise<Who | undefined> {
  const { authorization } = request.headers
  const [, scheme, given] = /^(basic|bearer) +(\S+) *$/i.exec(authorization ?? '') ?? []
  if (authorization && given === undefined) throw new Denied(401, 'not signed in')
  if (scheme?.toLowerCase() === 'bearer') return orDenied(services.access.withToken(given!), 'wrong token')
  if (scheme !== undefined) return withPassword(request, given!, services)
  const cookie = cookieOf(request)
  return cookie === undefined ? undefined : services.access.session(cookie, isByHand(request))
}

/** Fetch Metadata: what the script of a page asks again and again is no sign that anybody sits before it. */
const isByHand = ({ method, headers }: FastifyRequest): boolean =>
  !SAFE.has(method) || (headers['sec-fetch-mode'] ?? 'navigate') === 'navigate'

async function withPassword(request: FastifyRequest, given: string, { access }: Guarded): Promise<Who> {
  const text = Buffer.from(given, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 0) throw new Denied(401, 'not signed in')
  const [name, password] = [text.slice(0, colon), text.slice(colon + 1)]
  const signIn = await access.withPassword({ name, password, from: addressOf(request), agent: '' })
  if (signIn.kind === 'in') return signIn.who
  if (signIn.kind === 'wait') throw new Denied(429, 'slowed', signIn.seconds)
  if (signIn.kind === 'busy') throw new Denied(503, 'busy', 1)
  throw new Denied(401, 'wrong password')
}

function orDenied(who: Who | undefined, why: DeniedWhy): Who {
  if (!who) throw new Denied(401, why)
  return who
}

export const addressOf = (request: FastifyRequest): string => request.socket.remoteAddress ?? ''

/** In a field of the form, or a header of the script. */
function tokenIn(request: FastifyRequest): string | undefined {
  const header = request.headers['x-csrf-token']
  if (typeof header === 'string') return header
  const body = request.body as Record<string, unknown> | null | undefined
  const field = typeof body === 'object' ? body?.csrf : undefined
  return typeof field === 'string' ? field : undefined
}
