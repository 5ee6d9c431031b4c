import { once } from 'node:events'
import type { Server as TlsServer } from 'node:tls'
import { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { HttpConfiguredListener } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { type Endpoint, hostPort } from '../base/flow.ts'
import { checkHost, Denied } from '../web/guard.ts'
import { Problem, sendDenied, sendProblem } from '../web/problem.ts'
import { bindError } from './addresses.ts'
import type { Certificates } from './certificates.ts'
import { HANDSHAKE_MS } from './handshakes.ts'
import type { Health } from './health.ts'
import { boundConnections } from './http-connections.ts'
import type { Listening } from './listening.ts'
import { metricsText } from './metrics.ts'
import { describeApi } from './openapi/document.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** A person or two and a monitor. */
const CONNECTIONS_MAX = 100
const REQUEST_TIMEOUT_MS = 10_000
/** A backup of gigabytes over a slow line; only where a route says so. */
const LONG_REQUEST_TIMEOUT_MS = 4 * 3600 * 1000
/** Sent one behind the other they would all be looked at in one turn. The connection ends then. */
const REQUESTS_PER_CONNECTION_MAX = 100
const BODY_BYTES_MAX = 16 * 1024

interface HttpOptions {
  readonly health: Health
  readonly counters: Counters
  /** What the engine says of itself. */
  readonly describe: () => Promise<object>
  /** Names of this box beside its addresses, lower case. */
  readonly hosts: readonly string[]
  /** What else is served: the API, XCAP. */
  readonly plugins?: readonly FastifyPluginAsync[]
  /** For listeners of TLS. */
  readonly certificates?: Certificates | undefined
}

/** An address-of-record as the store takes it, percent-encoded. */
const PARAM_LENGTH_MAX = 3 * 1024

/** One listener of `listen.http` or `listen.https`. */
export class HttpServer implements Listening {
  readonly use = 'HTTP'
  readonly transport: 'tcp' | 'tls'
  readonly refused = 0
  entered = 0
  readonly endpoint: Endpoint
  readonly #app: FastifyInstance

  private constructor(app: FastifyInstance, transport: 'tcp' | 'tls', address: string) {
    this.#app = app
    this.transport = transport
    this.endpoint = { address, port: (app.server.address() as { port: number }).port }
    app.server.on('request', () => {
      this.entered++
    })
  }

  static async listen(
    { endpoint, key, transport }: HttpConfiguredListener,
    options: HttpOptions,
  ): Promise<{ http: HttpServer; at: Endpoint }> {
    const { address, port } = endpoint
    const app = makeApp(options, transport === 'tls' ? options.certificates : undefined)
    try {
      await app.listen({ host: address, port, ipv6Only: address.includes(':') })
    } catch (error) {
      throw bindError(error, key, `TCP ${hostPort(endpoint)}`)
    }
    const http = new HttpServer(app, transport, address)
    return { http, at: http.endpoint }
  }

  async reopen(): Promise<void> {
    const { server } = this.#app
    const { address: host, port } = this.endpoint
    // Requests under way go on; what follows them comes over the new one.
    if (server.listening) server.close()
    // Not by the callback of listen, which would wait in line for ever where the port is not free.
    const listening = once(server, 'listening')
    server.listen({ host, port, ipv6Only: host.includes(':') })
    await listening
  }

  async close(): Promise<void> {
    await this.#app.close()
  }
}

function makeApp(
  { health, counters, describe, hosts, plugins }: HttpOptions,
  certificates: Certificates | undefined,
): FastifyInstance {
  const app = fastify({
    ...(certificates && { https: { ...secretsOf(certificates), handshakeTimeout: HANDSHAKE_MS } }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: LONG_REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    maxRequestsPerSocket: REQUESTS_PER_CONNECTION_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    // What a program writes is taken as it is written, or refused.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    frameworkErrors: (error, _request, reply) => bare(reply, error),
  })
  app.setNotFoundHandler((_request, reply) => bare(reply, new Problem(404, 'There is nothing here.')))
  app.server.headersTimeout = REQUEST_TIMEOUT_MS
  app.addHook('onRequest', async request => hurry(request))
  boundConnections(app.server, CONNECTIONS_MAX)
  certificates?.onChange(() => (app.server as unknown as TlsServer).setSecureContext(secretsOf(certificates)))
  app.get('/healthz', async (_request, reply) => {
    const reason = await health.problem()
    reply.header('cache-control', 'no-store')
    return reason === undefined ? { status: 'ok' } : reply.code(503).send({ status: 'failing', reason })
  })
  const onRequest = async (request: FastifyRequest): Promise<void> => checkHost(request, hosts)
  const errorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    error instanceof Denied ? sendDenied(request, reply, error) : bare(reply, error)
  app.get('/metrics', { onRequest, errorHandler }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metricsText(counters, await describe())),
  )
  describeApi(app)
  for (const plugin of plugins ?? []) app.register(plugin)
  return app
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What is sent may take longer than usual, as long as it moves. */
    isLong?: boolean
  }
}

function hurry({ raw, routeOptions }: FastifyRequest): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = raw.headers
  if (routeOptions.config.isLong || (length === '0' && coding === undefined)) return
  const timer = setTimeout(() => raw.complete || raw.destroy(), REQUEST_TIMEOUT_MS)
  raw.once('close', () => clearTimeout(timer))
}

/** What no part serves, in a form that no browser takes for a document. */
const bare = (reply: FastifyReply, error: unknown): FastifyReply =>
  sendProblem(
    reply.headers({ 'content-security-policy': "default-src 'none'", 'x-content-type-options': 'nosniff' }),
    error,
  )

const secretsOf = ({ pair }: Certificates) => ({ ...TLS_SETTINGS, cert: pair.certificate, key: pair.key })
