import { EventEmitter } from 'node:events'
import t from 'tap'
import { boundConnections } from './http-connections.ts'

class Connection extends EventEmitter {
  destroyed = false
  readonly remoteAddress: string
  constructor(remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
  }

  destroy(): void {
    this.destroyed = true
  }
}

const serverOf = (max: number) => {
  const server = new EventEmitter()
  boundConnections(server, max)
  return (address: string): Connection => {
    const connection = new Connection(address)
    server.emit('connection', connection)
    return connection
  }
}

t.test('whoever holds every connection gives way, the oldest first, and nobody else', async t => {
  const connect = serverOf(4)
  const monitor = connect('192.0.2.1')
  const slow = [connect('192.0.2.66'), connect('::ffff:192.0.2.66'), connect('192.0.2.66')]
  t.notOk(slow.some(({ destroyed }) => destroyed))
  const late = connect('192.0.2.2')
  t.same([slow[0]!.destroyed, slow[1]!.destroyed], [true, false])
  connect('192.0.2.66')
  t.ok(slow[1]!.destroyed, 'one that is not closed yet is not counted on')
  t.notOk(monitor.destroyed || late.destroyed)
})

t.test('a place that is left is free again', async t => {
  const connect = serverOf(2)
  const [first, second] = [connect('192.0.2.1'), connect('192.0.2.1')]
  first.emit('close')
  connect('192.0.2.2')
  t.notOk(first.destroyed || second.destroyed)
})
