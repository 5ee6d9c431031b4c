import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { ConfiguredListener } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { type Endpoint, type Flow, hostPort, udpFlow } from '../base/flow.ts'
import { bindError, endpointOf } from './addresses.ts'
import { messageOf } from './plain-error.ts'

/** Room for some seconds of bursts while a commit is being flushed; the kernel takes less where rmem_max says so. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/** What may wait in the process when the kernel's send buffer is full; beyond it a datagram is dropped, as a network would. */
const SEND_QUEUE_BYTES_MAX = 4 * 1024 * 1024

export interface DatagramEvents {
  received(flow: Flow, bytes: Buffer): void
  failed(flow: Flow, reason: string): void
}

/** Every UDP listener; a datagram leaves by the one that its flow came in on. */
export class Datagrams {
  readonly #sockets = new Map<string, Socket>()
  readonly #events: DatagramEvents
  readonly #counters: Counters

  constructor(events: DatagramEvents, counters: Counters) {
    this.#events = events
    this.#counters = counters
  }

  /** Resolves with the address bound, which differs from the one asked for where the port was 0. */
  async listen(listener: ConfiguredListener): Promise<Endpoint> {
    const { address, port } = listener.endpoint
    const isIpv6 = address.includes(':')
    // Each family has its own listener, so that `0.0.0.0` and `::` can stand side by side.
    const socket = createSocket({
      type: isIpv6 ? 'udp6' : 'udp4',
      ipv6Only: isIpv6,
      recvBufferSize: RECEIVE_BUFFER_BYTES,
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', error => reject(bindError(error, listener.key, `UDP ${hostPort(listener.endpoint)}`)))
      socket.bind({ address, port, exclusive: true }, resolve)
    })
    socket.removeAllListeners('error')
    const local = { address, port: socket.address().port }
    this.#sockets.set(hostPort(local), socket)
    socket.on('error', () => this.#counters.count('udp_errors'))
    socket.on('message', (bytes: Buffer, remote: RemoteInfo) => {
      // A source port of 0 cannot be answered, and is only ever forged.
      if (remote.port === 0) this.#counters.count('udp_dropped', 'source port 0')
      else this.#events.received(udpFlow(local, endpointOf(remote.address, remote.port)), bytes)
    })
    return local
  }

  send(flow: Flow, bytes: Buffer): void {
    const socket = this.#sockets.get(hostPort(flow.local))
    if (!socket) {
      this.#events.failed(flow, 'no such listener')
    } else if (socket.getSendQueueSize() > SEND_QUEUE_BYTES_MAX) {
      this.#counters.count('udp_dropped', 'send queue')
    } else {
      this.#send(socket, flow, bytes)
    }
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
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    await Promise.all(sockets.map(socket => new Promise<void>(resolve => socket.close(() => resolve()))))
  }
}
