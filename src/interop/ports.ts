import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below where the system takes ports for connections that name none: a box that is down for a moment finds its port free again. */
const PORT_MIN = 10_000
const PORT_MAX = 30_000
const TRIES_MAX = 200

const ADDRESSES = ['127.0.0.1', '::1']

/** A port that is free on both loopback addresses, for TCP and UDP alike. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN))
    if (await isFree(port)) return port
  }
  throw new Error('no free port was found')
}

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  for (const address of ADDRESSES)
    if (!(await canListen(port, address)) || !(await canReceive(port, address))) return false
  return true
}

async function canListen(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host, ipv6Only: host.includes(':') })
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

async function canReceive(port: number, address: string): Promise<boolean> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only: address.includes(':') })
  try {
    socket.bind({ port, address, exclusive: true })
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}
