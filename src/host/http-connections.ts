import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { sourceOf } from '../base/source.ts'

/**
 * Holds a server to so many connections. Past that the oldest of whoever has most gives way, so nobody keeps others out by connecting, be
 * it that they say nothing: a monitor is always let in.
 */
export function boundConnections(server: EventEmitter, max: number): void {
  const bySource = new Map<string, Set<Socket>>()
  let count = 0
  server.on('connection', (socket: Socket) => {
    const source = sourceOf(socket.remoteAddress ?? '')
    if (count >= max) oldestOfMost(bySource)?.destroy()
    const sockets = bySource.get(source) ?? new Set()
    bySource.set(source, sockets.add(socket))
    count++
    socket.once('close', () => {
      count--
      sockets.delete(socket)
      if (sockets.size === 0) bySource.delete(source)
    })
  })
}

function oldestOfMost(bySource: ReadonlyMap<string, ReadonlySet<Socket>>): Socket | undefined {
  let most: ReadonlySet<Socket> | undefined
  for (const sockets of bySource.values()) if (sockets.size > (most?.size ?? 0)) most = sockets
  return most && [...most].find(socket => !socket.destroyed)
}
