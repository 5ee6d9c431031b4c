import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { type Config, type ConfiguredListener, httpListeners, listeners } from '../base/config.ts'
import { hostPort } from '../base/flow.ts'
import { bindError } from './addresses.ts'

/** Throws a PlainError for the first listener that cannot be opened now. Nothing is accepted, and nothing stays open. */
export async function probeListeners(config: Config): Promise<void> {
  const { sip, msrp } = listeners(config)
  for (const listener of [...sip, ...msrp, ...httpListeners(config)]) {
    try {
      await (listener.transport === 'udp' ? probeUdp(listener) : probeTcp(listener))
    } catch (error) {
      throw bindError(error, listener.key, hostPort(listener.endpoint))
    }
  }
}

const probeTcp = ({ endpoint: { address, port } }: ConfiguredListener): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', reject)
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve()))
  })

const probeUdp = ({ endpoint: { address, port } }: ConfiguredListener): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', reject)
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve()))
  })
