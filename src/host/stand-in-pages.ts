import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type Config, httpListeners } from '../base/config.ts'
import { type Endpoint, hostPort } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { machineAddresses } from './addresses.ts'
import { Certificates } from './certificates.ts'
import { HANDSHAKE_MS } from './handshakes.ts'
import { boundConnections } from './http-connections.ts'
import { messageOf } from './plain-error.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** A person or two and a monitor. */
const CONNECTIONS_MAX = 100
const REQUEST_TIMEOUT_MS = 10_000

interface Told {
  readonly config: Config
  readonly dataDir: string
  readonly reason: string
  readonly log: Log
}

/** On every listener of the configuration that can be opened: /healthz, and one page for all else. What closes them. */
export async function standInPages(told: Told): Promise<() => void> {
  const servers: Server[] = []
  for (const { endpoint, transport } of httpListeners(told.config)) {
    try {
      servers.push(await listening(endpoint, transport === 'tls', told))
    } catch (error) {
      told.log.warn('the page that says why cannot be opened', { at: hostPort(endpoint), reason: messageOf(error) })
    }
  }
  return () => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  }
}

async function listening({ address, port }: Endpoint, isTls: boolean, told: Told): Promise<Server> {
  const bounds = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
  const answer = answerOf(told.reason)
  const server = isTls ? createTlsServer({ ...bounds, ...(await secrets(told)) }, answer) : createServer(bounds, answer)
  boundConnections(server, CONNECTIONS_MAX)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port, ipv6Only: address.includes(':') }, resolve)
  })
  return server
}

/** Its own, as it is found now. */
async function secrets({ config, dataDir, log }: Told) {
  const { hostname, domain, tls } = config
  const names = { hostname, domain, addresses: machineAddresses() }
  const { certificate, key } = tls
  const { pair } = await Certificates.open({ certificate, key, dataDir, names, log, wall: () => undefined })
  return { ...TLS_SETTINGS, cert: pair.certificate, key: pair.key, handshakeTimeout: HANDSHAKE_MS }
}

const answerOf =
  (reason: string): RequestListener =>
  (request, response) => {
    const isHealth = request.url === '/healthz'
    response.writeHead(503, {
      'content-type': isHealth ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'retry-after': '60',
      connection: 'close',
    })
    response.end(isHealth ? JSON.stringify({ status: 'failing', reason }) : page(reason))
  }

const page = (reason: string): string =>
  `This box takes no messages.

${reason}

What helps:
  - The console, on its serial line or by "restante console", works in its reduced form: "show log",
    "test disk", "restore FILE" for a backup, "factory-reset full" to begin with nothing.
  - Once something is different the box starts anew by itself. A medium that failed is tried every minute.
`
