import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import { Told } from '../testing/told.ts'
import { SystemEntropy } from './entropy.ts'
import { WRITE_QUEUE_BYTES_MAX } from './stream.ts'
import { Streams } from './streams.ts'

const listener = (address: string, port = 0) =>
  ({ transport: 'tcp', endpoint: { address, port }, key: 'listen.sip_tcp' }) as const

interface Event {
  readonly kind: 'opened' | 'received' | 'closed' | 'full' | 'no longer full'
  readonly flow: Flow
  readonly bytes?: Buffer
  readonly reason?: string
}

/** Streams on an ephemeral port, with what they told so far. */
const setUp = async (address = '127.0.0.1') => {
  const told = new Told<Event>()
  const counters = new Counters()
  const streams = new Streams(
    {
      opened: flow => told.add({ kind: 'opened', flow }),
      received: (flow, bytes) => told.add({ kind: 'received', flow, bytes }),
      closed: (flow, reason) => told.add({ kind: 'closed', flow, reason }),
      full: (flow, isFull) => told.add({ kind: isFull ? 'full' : 'no longer full', flow }),
    },
    counters,
    new SystemEntropy(),
  )
  const local = await streams.listen('sip', listener(address))
  streams.open()
  t.teardown(() => streams.closeAll(0))
  return { streams, local, events: told.events, next: told.next, counters }
}

const connect = async (port: number, host = '127.0.0.1'): Promise<Socket> => {
  const socket = createConnection({ port, host })
  await once(socket, 'connect')
  t.teardown(() => socket.destroy())
  return socket
}

const outgoing = (port: number, id = 'out/1'): Flow => ({
  id,
  protocol: 'msrp',
  transport: 'tcp',
  local: { address: '127.0.0.1', port: 0 },
  remote: { address: '127.0.0.1', port },
})

for (const address of ['127.0.0.1', '::1'])
  t.test(`a connection is a flow with both its addresses, ${address}`, async t => {
    const { streams, local, next } = await setUp(address)
    const socket = await connect(local.port, address)
    const { flow } = await next('opened')
    t.match(flow, { protocol: 'sip', transport: 'tcp', local, remote: { address, port: socket.localPort } })
    socket.write('hello')
    t.equal(`${(await next('received')).bytes}`, 'hello')
    streams.write(flow, Buffer.from('answer'))
    t.equal(`${(await once(socket, 'data'))[0]}`, 'answer')
    socket.end()
    t.same((await next('closed')).reason, 'closed by the peer')
    t.equal(streams.count, 0)
  })

t.test('ids of connections differ between two runs: bindings outlive a restart', async t => {
  const [a, b] = [await setUp(), await setUp()]
  await Promise.all([connect(a.local.port), connect(b.local.port)])
  t.not((await a.next('opened')).flow.id, (await b.next('opened')).flow.id)
})

t.test('what one tick transmits arrives whole and in order, and before a close', async t => {
  const { streams, local, next } = await setUp()
  const socket = await connect(local.port)
  const { flow } = await next('opened')
  const parts: Buffer[] = []
  socket.on('data', bytes => parts.push(bytes))
  for (let i = 0; i < 100; i++) streams.write(flow, Buffer.from(`${i},`))
  streams.close(flow)
  streams.write(flow, Buffer.from('after the close'))
  await once(socket, 'close')
  t.equal(`${Buffer.concat(parts)}`, Array.from({ length: 100 }, (_, i) => `${i},`).join(''))
  t.ok(parts.length < 10, `${parts.length} segments`)
})

t.test('a peer that does not read is dropped once the write queue is full', async t => {
  const { streams, local, next, counters } = await setUp()
  const socket = await connect(local.port)
  const { flow } = await next('opened')
  socket.pause()
  const chunk = Buffer.alloc(256 * 1024)
  for (let sent = 0; sent < 4 * WRITE_QUEUE_BYTES_MAX; sent += chunk.length) streams.write(flow, chunk)
  t.equal((await next('closed')).reason, 'write queue full')
  t.equal(counters.get('stream_closed', 'write queue full'), 1)
})

t.test('of a peer that does not take what waits for it the engine is told once, and when it has taken it', async t => {
  const { streams, local, next, events } = await setUp()
  const socket = await connect(local.port)
  const { flow } = await next('opened')
  socket.pause()
  streams.write(flow, Buffer.alloc(1000))
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.same(events, [], 'a little is no queue')
  const chunk = Buffer.alloc(256 * 1024)
  // However much the system takes at once.
  while (events.length === 0) {
    streams.write(flow, chunk)
    await new Promise(setImmediate)
  }
  await next('full')
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.same(events, [])
  socket.resume()
  await next('no longer full')
  t.same(events, [])
})

t.test('while held nothing is read from any connection, old or new', async t => {
  const { streams, local, next, events } = await setUp()
  const before = await connect(local.port)
  await next('opened')
  streams.holdAll(true)
  const after = await connect(local.port)
  await next('opened')
  before.write('a')
  after.write('b')
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.same(events, [])
  streams.holdAll(false)
  const heard = [`${(await next('received')).bytes}`, `${(await next('received')).bytes}`]
  t.same(heard.sort(), ['a', 'b'])
})

t.test('a connection that is held is not read, and TCP stops its sender; the others go on', async t => {
  const { streams, local, next, events } = await setUp()
  const held = await connect(local.port)
  const { flow } = await next('opened')
  const other = await connect(local.port)
  await next('opened')
  streams.hold(flow, true)
  const block = Buffer.alloc(1024 * 1024, 'x')
  for (let sent = 0; sent < 32; sent++) held.write(block)
  other.write('hello')
  t.equal(`${(await next('received')).bytes}`, 'hello')
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
  t.same(events, [], 'nothing of the held one')
  t.ok(held.writableLength > 8 * block.length, `${held.writableLength} octets wait at the sender`)
  streams.holdAll(true)
  streams.hold(flow, false)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.same(events, [], 'both reasons have to go')
  streams.holdAll(false)
  let received = 0
  while (received < 32 * block.length) received += (await next('received')).bytes!.length
  t.equal(received, 32 * block.length)
})

t.test('a dialled flow takes transmits before it stands', async t => {
  const { streams, next } = await setUp()
  const server = createServer(socket => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const flow = outgoing((server.address() as { port: number }).port)
  streams.connect(flow)
  streams.write(flow, Buffer.from('early'))
  t.equal(`${(await next('received')).bytes}`, 'early')
  streams.close(flow)
  server.close()
})

t.test('a flow that cannot be opened is told closed, with the reason', async t => {
  const { streams, next, local } = await setUp()
  await streams.closeAll(0)
  streams.connect(outgoing(local.port))
  t.match((await next('closed')).reason, /ECONNREFUSED/)
})

t.test('nothing is told of a flow that was closed by us', async t => {
  const { streams, local, next, events } = await setUp()
  const socket = await connect(local.port)
  const { flow } = await next('opened')
  streams.close(flow)
  await once(socket.resume(), 'close')
  for (let turn = 0; turn < 20 && streams.count > 0; turn++) await new Promise(setImmediate)
  t.equal(streams.count, 0)
  t.same(events, [])
})

t.test('connections before the start are reset, not left without an answer', async t => {
  const streams = new Streams({ opened() {}, received() {}, closed() {} }, new Counters(), new SystemEntropy())
  const local = await streams.listen('sip', listener('127.0.0.1'))
  const socket = createConnection(local.port, '127.0.0.1')
  const error = await new Promise<Error>(resolve => socket.once('error', resolve))
  t.match(error.message, /ECONNRESET/)
  await streams.closeAll(0)
})

t.test('a port that is taken is told with key, address and what to do', async t => {
  const { streams, local } = await setUp()
  await t.rejects(
    streams.listen('sip', listener('127.0.0.1', local.port)),
    /^listen\.sip_tcp: cannot listen on TCP 127/,
  )
})

t.test('of whatever size, and wherever Node has put it, what MSRP transmitted leaves and harms nothing', async t => {
  const { streams, next } = await setUp()
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const flow: Flow = { ...outgoing(port, 'out/sizes'), protocol: 'msrp' }
  const accepted = once(server, 'connection')
  streams.connect(flow)
  const sizes = [1000, 15_000, 17_000, 30_000, 33_000, 65_535, 65_536, 70_000]
  const made = sizes.flatMap(size => [Buffer.from('x'.repeat(size), 'latin1'), Buffer.allocUnsafe(size).fill('x')])
  const total = made.reduce((sum, { length }) => sum + length, 0)
  for (const bytes of made) streams.write(flow, bytes)
  const [socket] = (await accepted) as [Socket]
  let heard = ''
  while (heard.length < total) heard += (await once(socket, 'data'))[0].toString('latin1')
  t.equal(heard, 'x'.repeat(total))
  socket.end()
  await next('closed')
})

t.test(
  'what MSRP transmitted is freed once it has left, not by a search of the heap; what SIP sends stays as it was',
  async t => {
    const { streams, next } = await setUp()
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as { port: number }
    for (const protocol of ['msrp', 'sip'] as const) {
      const flow: Flow = { ...outgoing(port, `out/${protocol}`), protocol }
      const accepted = once(server, 'connection')
      streams.connect(flow)
      const bytes = Buffer.alloc(300_000, 'x')
      streams.write(flow, bytes)
      streams.write(flow, Buffer.from('small'))
      const [socket] = (await accepted) as [Socket]
      let heard = ''
      while (heard.length < 300_005) heard += (await once(socket, 'data'))[0].toString('latin1')
      t.equal(heard, `${'x'.repeat(300_000)}small`)
      socket.end()
      await next('closed')
      t.equal(bytes.length, protocol === 'msrp' ? 0 : 300_000)
    }
  },
)
