import { createConnection, createServer, type Server, type Socket } from 'node:net'
import type { ConfiguredListener } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import { type Endpoint, type Flow, hostPort } from '../base/flow.ts'
import { bindError, endpointOf } from './addresses.ts'
import { Stream, type StreamEvents } from './stream.ts'

/** Connections of all listeners together: about 50 MB at rest, and far below the usual limit of open files. */
const STREAMS_MAX = 8192

/** From one address: a whole site behind one NAT, yet no single host takes everything. */
const STREAMS_PER_ADDRESS_MAX = 1024

const CONNECT_TIMEOUT_MS = 5000

export interface StreamsEvents extends StreamEvents {
  opened(flow: Flow): void
}

/** Every TCP listener and connection, found by flow id. */
export class Streams {
  readonly #events: StreamsEvents
  readonly #counters: Counters
  readonly #servers: Server[] = []
  readonly #streams = new Map<string, Stream>()
  readonly #perAddress = new Map<string, number>()
  /** Ids differ from run to run: a binding kept over a restart must never name somebody else's connection. */
  readonly #run: string
  #accepted = 0
  #isHeld = false
  #isOpen = false

  constructor(events: StreamsEvents, counters: Counters, entropy: Entropy) {
    this.#events = events
    this.#counters = counters
    this.#run = token(entropy, 40)
  }

  async listen(protocol: Flow['protocol'], listener: ConfiguredListener): Promise<Endpoint> {
    const { address, port } = listener.endpoint
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(bindError(error, listener.key, `TCP ${hostPort(listener.endpoint)}`)))
      server.listen({ host: address, port, ipv6Only: address.includes(':'), backlog: 511 }, resolve)
    })
    server.removeAllListeners('error')
    server.on('error', () => this.#counters.count('stream_accept_errors'))
    server.on('connection', socket => this.#accept(protocol, socket))
    this.#servers.push(server)
    return { address, port: (server.address() as { port: number }).port }
  }

  /** From here on connections are taken; what came while the listeners were being opened was reset. */
  open(): void {
    this.#isOpen = true
  }

  /** What is written before the connection stands waits for it; failure is told as `closed`. */
  connect(flow: Flow): void {
    if (this.#streams.has(flow.id)) return
    if (this.#streams.size >= STREAMS_MAX) {
      this.#counters.count('stream_refused', 'limit')
      process.nextTick(() => this.#events.closed(flow, 'too many connections'))
      return
    }
    const socket = createConnection({ host: flow.remote.address, port: flow.remote.port })
    const stream = this.#add(flow, socket)
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => stream.fail('connect timed out'))
    socket.once('connect', () => socket.setTimeout(0))
  }

  write(flow: Flow, bytes: Buffer): void {
    const stream = this.#streams.get(flow.id)
    if (stream) stream.write(bytes)
    else this.#counters.count('stream_write_dropped')
  }

  close(flow: Flow): void {
    this.#streams.get(flow.id)?.close()
  }

  /** Stops or resumes reading from one connection: the engine cannot take more of it. */
  hold(flow: Flow, isHeld: boolean): void {
    this.#streams.get(flow.id)?.hold('engine', isHeld)
  }

  /** Stops or resumes reading everywhere, so that TCP slows the senders while the store is behind. */
  holdAll(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return
    this.#isHeld = isHeld
    for (const stream of this.#streams.values()) stream.hold('store', isHeld)
  }

  get count(): number {
    return this.#streams.size
  }

  stopListening(): void {
    this.#isOpen = false
    for (const server of this.#servers.splice(0)) server.close()
  }

  /** Lets what was written leave, for at most `withinMs`. */
  async closeAll(withinMs: number): Promise<void> {
    this.stopListening()
    for (const stream of this.#streams.values()) stream.close()
    const end = performance.now() + withinMs
    while (this.#streams.size > 0 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 10))
    for (const stream of this.#streams.values()) stream.fail('stopped')
  }

  #accept(protocol: Flow['protocol'], socket: Socket): void {
    const remote = endpointOf(socket.remoteAddress, socket.remotePort)
    const refusal = this.#refusal(remote)
    if (refusal) {
      this.#counters.count('stream_refused', refusal)
      socket.on('error', () => {})
      socket.resetAndDestroy()
      return
    }
    const id = `tcp/${this.#run}/${++this.#accepted}`
    const local = endpointOf(socket.localAddress, socket.localPort)
    const flow: Flow = { id, protocol, transport: 'tcp', local, remote }
    this.#add(flow, socket)
    this.#counters.count('stream_accepted', protocol)
    this.#events.opened(flow)
  }

  #refusal(remote: Endpoint): string | undefined {
    if (!this.#isOpen) return 'not open'
    if (remote.port === 0) return 'gone already'
    if (this.#streams.size >= STREAMS_MAX) return 'limit'
    return (this.#perAddress.get(remote.address) ?? 0) >= STREAMS_PER_ADDRESS_MAX ? 'limit per address' : undefined
  }

  #add(flow: Flow, socket: Socket): Stream {
    const stream = new Stream(flow, socket, this.#events, this.#counters)
    const { address } = flow.remote
    this.#streams.set(flow.id, stream)
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1)
    socket.once('close', () => {
      this.#streams.delete(flow.id)
      const left = this.#perAddress.get(address)! - 1
      if (left > 0) this.#perAddress.set(address, left)
      else this.#perAddress.delete(address)
    })
    if (this.#isHeld) stream.hold('store', true)
    return stream
  }
}
