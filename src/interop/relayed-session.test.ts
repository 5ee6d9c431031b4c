import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { Streams } from '../host/streams.ts'
import { MsrpEndpoint } from '../msrp/endpoint.ts'
import { MsrpParser } from '../msrp/parse.ts'

const CALLER = 'msrp://127.0.0.1:9/caller12;tcp'
const CALLEE = 'msrp://127.0.0.1:9/callee12;tcp'
const CHUNK_BYTES = 64 * 1024
const CHUNKS = 1024

const now = (): Now => ({ at: performance.now() as Instant, wall: Date.now() as WallTime, isWallTrusted: true })

/** An MSRP endpoint on real sockets; told when it reads somebody no longer. */
async function box(onHeld: () => void) {
  const counters = new Counters()
  const entropy = new SystemEntropy()
  const streams: Streams = new Streams(
    {
      opened: flow => endpoint.flowOpened(now(), flow),
      received: (flow, bytes) => endpoint.received(now(), flow, bytes),
      closed: (flow, reason) => endpoint.flowClosed(now(), flow, reason),
      full: (flow, isFull) => endpoint.flowFull(now(), flow, isFull),
    },
    counters,
    entropy,
  )
  const address = '127.0.0.1'
  const place = { transport: 'tcp', endpoint: { address, port: 0 }, key: 'listen.msrp_tcp' } as const
  const local = await streams.listen('msrp', place)
  const endpoint = new MsrpEndpoint({
    hostname: address,
    listeners: [{ transport: 'tcp', endpoint: local }],
    timers: new Timers(),
    entropy,
    outputs: {
      transmit: (flow, bytes) => streams.write(flow, bytes),
      connect: flow => streams.connect(flow),
      close: flow => streams.close(flow),
      hold: (flow, isHeld) => {
        streams.hold(flow, isHeld)
        if (isHeld) onHeld()
      },
    },
    counters,
    log: silentLog,
  })
  streams.open()
  t.teardown(() => streams.closeAll(0))
  return { endpoint, port: local.port, counters }
}

async function peer(port: number): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  t.teardown(() => socket.destroy())
  return socket
}

const requestOf = (
  id: string,
  to: string,
  from: string,
  range: string,
  body: Buffer | undefined,
  flag: string,
): Buffer =>
  Buffer.concat([
    Buffer.from(
      `MSRP ${id} SEND\r\nTo-Path: ${to}\r\nFrom-Path: ${from}\r\nMessage-ID: mess1\r\nFailure-Report: no\r\n` +
        `Byte-Range: ${range}\r\n${body ? 'Content-Type: text/plain\r\n\r\n' : ''}`,
    ),
    body ?? Buffer.alloc(0),
    Buffer.from(`${body ? '\r\n' : ''}-------${id}${flag}\r\n`),
  ])

/** All of the message, as fast as the socket takes it; its digest. */
async function send(socket: Socket, to: string, progress: { sent: number }): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < CHUNKS; at++) {
    const body = Buffer.alloc(CHUNK_BYTES, `${at}.`)
    hash.update(body)
    const range = `${at * CHUNK_BYTES + 1}-*/${CHUNKS * CHUNK_BYTES}`
    const isTaken = socket.write(requestOf(`chunk${at}`, to, CALLER, range, body, at === CHUNKS - 1 ? '$' : '+'))
    progress.sent = at + 1
    if (!isTaken) await once(socket, 'drain')
  }
  return hash.digest('hex')
}

/** Digest of what is received until the end of the message. */
async function receive(socket: Socket): Promise<string> {
  const hash = createHash('sha256')
  const parser = new MsrpParser()
  for await (const bytes of socket) {
    parser.push(bytes)
    for (let event = parser.next(); event; event = parser.next()) {
      if (event.kind === 'body') hash.update(event.bytes)
      if (event.kind === 'end' && event.flag === '$') return hash.digest('hex')
    }
  }
  return 'lost'
}

t.test('over real sockets a receiver that does not read holds the sender, and then gets every octet', async t => {
  let onHeld = (): void => {}
  const held = new Promise<void>(resolve => {
    onHeld = resolve
  })
  const { endpoint, port, counters } = await box(() => onHeld())
  const closed: string[] = []
  const relay = endpoint.relay({ caller: {}, callee: {} }, { onClosed: (_now, reason) => void closed.push(reason) })
  relay.startLeg(now(), 'caller', { remotePath: [CALLER], role: 'passive' })
  relay.startLeg(now(), 'callee', { remotePath: [CALLEE], role: 'passive' })
  const [caller, callee] = [await peer(port), await peer(port)]
  callee.pause()
  callee.write(requestOf('bind', relay.pathFor('callee'), CALLEE, '1-0/0', undefined, '$'))
  const progress = { sent: 0 }
  const sending = send(caller, `${relay.pathFor('caller')} ${CALLEE}`, progress)
  caller.resume()
  await held
  t.ok(progress.sent < CHUNKS, `${progress.sent} of ${CHUNKS} chunks when the sender is held`)
  t.equal(await receive(callee), await sending)
  t.equal(counters.get('stream_closed', 'write queue full'), 0)
  t.same(closed, [])
  relay.close(now())
})
