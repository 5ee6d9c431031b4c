import { createServer, type Server, type Socket } from 'node:net'
import type { ConfiguredListener } from '../base/config.ts'
import type { Endpoint, Flow } from '../base/flow.ts'
import { type Listening, useOf } from './listening.ts'

/** What comes while the process does something else. */
const BACKLOG = 511

interface StreamListenerEvents {
  accept(by: StreamListener, socket: Socket): void
  failed(): void
}

/** One listener of TCP and what stands on it. */
export class StreamListener implements Listening {
  readonly use: 'SIP' | 'MSRP'
  readonly transport: ConfiguredListener['transport']
  entered = 0
  refused = 0
  #endpoint: Endpoint
  readonly #events: StreamListenerEvents
  #server: Server | undefined

  constructor(protocol: Flow['protocol'], { transport, endpoint }: ConfiguredListener, events: StreamListenerEvents) {
    this.use = useOf(protocol)
    this.transport = transport
    this.#endpoint = endpoint
    this.#events = events
  }

  /** As configured, with the port that it got once it is open. */
  get endpoint(): Endpoint {
    return this.#endpoint
  }

  /** Rejects as the system does. */
  async open(): Promise<void> {
    const { address: host, port } = this.#endpoint
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, ipv6Only: host.includes(':'), backlog: BACKLOG }, resolve)
    })
    server.removeAllListeners('error')
    server.on('error', () => this.#events.failed())
    server.on('connection', socket => this.#events.accept(this, socket))
    this.#server = server
    this.#endpoint = { address: host, port: (server.address() as { port: number }).port }
  }

  async reopen(): Promise<void> {
    this.close()
    await this.open()
  }

  close(): void {
    this.#server?.close()
    this.#server = undefined
  }
}
