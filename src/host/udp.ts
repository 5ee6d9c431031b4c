import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import type { ConfiguredListener } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { type Endpoint, type Flow, hostPort, udpFlow } from '../base/flow.ts'
import { bindError, endpointOf } from './addresses.ts'
import type { Listening } from './listening.ts'
import { messageOf } from './plain-error.ts'

/** Room for some seconds of bursts while a commit is being flushed; the kernel takes less where rmem_max says so. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/** What may wait in the process when the kernel's send buffer is full; beyond it a datagram is dropped, as a network would. */
const SEND_QUEUE_BYTES_MAX = 4 * 1024 * 1024

/** Remotes whose flow is kept at hand: a busy site's, in a few hundred kilobytes. A power of two. */
const FLOWS_KEPT = 1024

/** Every address here is numeric; node:dgram would ask the resolver for each datagram nevertheless. */
const lookup: SocketOptions['lookup'] = (address, _options, done) => done(null, address, address.includes(':') ? 6 : 4)

export interface DatagramEvents {
  received(flow: Flow, bytes: Buffer): void
  failed(flow: Flow, reason: string): void
}

/** Every UDP listener; a datagram leaves by the one that its flow came in on. */
export class Datagrams {
  readonly #listeners: DatagramListener[] = []
  readonly #events: DatagramEvents
  readonly #counters: Counters

  constructor(events: DatagramEvents, counters: Counters) {
    this.#events = events
    this.#counters = counters
  }

  /** Resolves with the address bound, which differs from the one asked for where the port was 0. */
  async listen(listener: ConfiguredListener): Promise<Endpoint> {
    const standing = new DatagramListener(listener.endpoint, this.#events, this.#counters)
    try {
      await standing.open()
    } catch (error) {
      throw bindError(error, listener.key, `UDP ${hostPort(listener.endpoint)}`)
    }
    this.#listeners.push(standing)
    return standing.endpoint
  }

  get listeners(): readonly Listening[] {
    return this.#listeners
  }

  send(flow: Flow, bytes: Buffer): void {
    const socket = this.#socketAt(flow.local)
    if (!socket) {
      this.#events.failed(flow, 'no such listener')
    } else if (socket.getSendQueueSize() > SEND_QUEUE_BYTES_MAX) {
      this.#counters.count('udp_dropped', 'send queue')
    } else {
      this.#send(socket, flow, bytes)
    }
  }

  #socketAt(wanted: Endpoint): Socket | undefined {
    for (const { endpoint, socket } of this.#listeners)
      if (endpoint === wanted || isSame(endpoint, wanted)) return socket
    return undefined
  }

  #send(socket: Socket, flow: Flow, bytes: Buffer): void {
    const failed = (error: unknown): void => {
      this.#counters.count('udp_send_errors')
      this.#events.failed(flow, messageOf(error))
    }
    try {
      socket.send(bytes, flow.remote.port, flow.remote.address, error => error && failed(error))
    } catch (error) {
      // An address that this socket's family cannot take is refused before the system sees it; told as an input of its own.
      process.nextTick(failed, error)
    }
  }

  async close(): Promise<void> {
    const listeners = this.#listeners.splice(0)
    await Promise.all(listeners.map(listener => listener.close()))
  }
}

class DatagramListener implements Listening {
  readonly use = 'SIP'
  readonly transport = 'udp'
  readonly refused = 0
  entered = 0
  endpoint: Endpoint
  /** Undefined: it could not be opened anew. */
  socket: Socket | undefined
  readonly #events: DatagramEvents
  readonly #counters: Counters

  constructor(endpoint: Endpoint, events: DatagramEvents, counters: Counters) {
    this.endpoint = endpoint
    this.#events = events
    this.#counters = counters
  }

  async open(): Promise<void> {
    const { address, port } = this.endpoint
    const isIpv6 = address.includes(':')
    // Each family has its own listener, so that `0.0.0.0` and `::` can stand side by side.
    const socket = createSocket({
      type: isIpv6 ? 'udp6' : 'udp4',
      ipv6Only: isIpv6,
      recvBufferSize: RECEIVE_BUFFER_BYTES,
      lookup,
    })
    await new Promise<void>((resolve, reject) => {
      // node:dgram keeps the descriptor of a port that it did not get.
      socket.once('error', error => socket.close(() => reject(error)))
      socket.bind({ address, port, exclusive: true }, resolve)
    })
    socket.removeAllListeners('error')
    this.socket = socket
    this.endpoint = { address, port: socket.address().port }
    const flows = new RecentFlows(this.endpoint)
    socket.on('error', () => this.#counters.count('udp_errors'))
    socket.on('message', (bytes: Buffer, remote: RemoteInfo) => {
      this.entered++
      // A source port of 0 cannot be answered, and is only ever forged.
      if (remote.port === 0) this.#counters.count('udp_dropped', 'source port 0')
      else this.#events.received(flows.from(remote), bytes)
    })
  }

  async reopen(): Promise<void> {
    await this.close()
    await this.open()
  }

  async close(): Promise<void> {
    const { socket } = this
    this.socket = undefined
    if (!socket) return
    await new Promise<void>(resolve => {
      try {
        socket.close(() => resolve())
      } catch {
        // It is closed already: node:dgram throws.
        resolve()
      }
    })
  }
}

const isSame = (a: Endpoint, b: Endpoint): boolean => a.port === b.port && a.address === b.address

/** The flows that datagrams came over lately, one to a place: who comes again gets the same value without it being built again. */
class RecentFlows {
  readonly #local: Endpoint
  readonly #places: ({ readonly address: string; readonly flow: Flow } | undefined)[]

  constructor(local: Endpoint) {
    this.#local = local
    this.#places = new Array(FLOWS_KEPT).fill(undefined)
  }

  from({ address, port }: RemoteInfo): Flow {
    const place = (port * 31 + hostPart(address)) & (FLOWS_KEPT - 1)
    const kept = this.#places[place]
    if (kept && kept.flow.remote.port === port && kept.address === address) return kept.flow
    const flow = udpFlow(this.#local, endpointOf(address, port))
    this.#places[place] = { address, flow }
    return flow
  }
}

/** Phones of one site differ in the last characters of their address alone. */
const hostPart = (address: string): number =>
  address.charCodeAt(address.length - 1) +
  10 * address.charCodeAt(address.length - 2) +
  100 * address.charCodeAt(address.length - 3)
