import { once } from 'node:events'
import { createConnection } from 'node:net'
import { mock } from 'node:test'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { type ClientOptions, WebSocket } from 'ws'
import { loadConfig } from '../base/config.ts'
import { Counters } from '../base/counters.ts'
import type { Flow, Transport } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import { Told } from '../testing/told.ts'
import { Certificates } from './certificates.ts'
import { Doors } from './doors.ts'
import { SystemEntropy } from './entropy.ts'
import { HANDSHAKES_PER_ADDRESS_MAX } from './handshakes.ts'
import { originPolicy } from './origins.ts'
import { WRITE_QUEUE_BYTES_MAX } from './stream.ts'
import { Streams } from './streams.ts'

interface Event {
  readonly kind: 'opened' | 'received' | 'closed'
  readonly flow: Flow
  readonly bytes: Buffer
  readonly reason: string
}

const configOf = (more: string) => {
  const loaded = loadConfig(`domain = "example.org"\nhostname = "edge1.example.org"\n${more}`, 'test.toml')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  return loaded.config
}

/** Streams that listen for WebSockets on an ephemeral port. */
async function setUp(t: Test, { transport = 'ws' as Transport, config = '' } = {}) {
  const counters = new Counters()
  const names = { hostname: '127.0.0.1', domain: 'example.org', addresses: [] }
  const own = { certificate: '', key: '', dataDir: t.testdir({}), names, log: silentLog, wall: () => undefined }
  const certificates = transport === 'wss' ? await Certificates.open(own) : undefined
  const isAllowedOrigin = originPolicy(configOf(config))
  const doors = new Doors({
    certificates,
    dial: { verifiesPeers: true, ca: '' },
    isAllowedOrigin,
    counters,
    log: silentLog,
  })
  const told = new Told<Event>()
  const tell = (kind: Event['kind'], flow: Flow, bytes: Buffer = Buffer.alloc(0), reason = ''): void => {
    told.add({ kind, flow, bytes, reason })
  }
  const streams = new Streams(
    {
      opened: flow => tell('opened', flow),
      received: (flow, bytes) => tell('received', flow, bytes),
      closed: (flow, reason) => tell('closed', flow, undefined, reason),
    },
    counters,
    new SystemEntropy(),
    doors,
  )
  const endpoint = { address: '127.0.0.1', port: 0 }
  const { port } = await streams.listen('sip', { transport, endpoint, key: 'listen.sip_ws' })
  streams.open()
  t.teardown(() => streams.closeAll(0))
  return { streams, port, next: told.next, events: told.events, counters, url: `${transport}://127.0.0.1:${port}/` }
}

async function client(
  t: Test,
  url: string,
  protocols: string[] = ['sip'],
  options: ClientOptions = {},
): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols, { rejectUnauthorized: false, ...options })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** Status of the answer to a handshake that fails, and its sentence. */
const refusal = (url: string, protocols: string[], options: ClientOptions = {}) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socket = new WebSocket(url, protocols, { rejectUnauthorized: false, ...options })
    socket.on('open', () => reject(new Error('not refused')))
    socket.on('error', () => {})
    socket.on('unexpected-response', async (_request, response) => {
      let text = ''
      for await (const part of response) text += part
      resolve({ status: response.statusCode!, text })
    })
  })

for (const transport of ['ws', 'wss'] as const)
  t.test(`RFC 7118 5: over ${transport} each message is a WebSocket message, text where it is text`, async t => {
    const { url, streams, next } = await setUp(t, { transport })
    const socket = await client(t, url, ['xmpp', 'sip'])
    t.equal(socket.protocol, 'sip')
    t.equal(socket.extensions, '', 'no compression')
    const { flow } = await next('opened')
    t.match(flow, { protocol: 'sip', transport, remote: { address: '127.0.0.1' } })
    const binary = Buffer.from([0x4d, 0xff, 0x00, 0xfe])
    socket.send('MESSAGE ü')
    socket.send(binary)
    socket.send('')
    t.equal(`${(await next('received')).bytes}`, 'MESSAGE ü')
    t.same((await next('received')).bytes, binary)
    t.equal((await next('received')).bytes.length, 0)
    const heard: [Buffer, boolean][] = []
    socket.on('message', (bytes, isBinary) => heard.push([bytes as Buffer, isBinary]))
    streams.write(flow, Buffer.from('SIP/2.0 200 ü'))
    streams.write(flow, binary)
    streams.close(flow)
    const [code] = await once(socket, 'close')
    t.equal(code, 1000)
    t.same(heard, [
      [Buffer.from('SIP/2.0 200 ü'), false],
      [binary, true],
    ])
  })

t.test('RFC 7118 4: without the subprotocol sip the handshake is answered 400', async t => {
  const { url, counters, streams } = await setUp(t)
  for (const protocols of [[], ['xmpp'], ['sips']])
    t.match(await refusal(url, protocols), { status: 400, text: /SIP over WebSocket/ })
  t.equal(counters.get('ws_handshakes_refused', '400'), 3)
  t.equal(streams.count, 0)
})

t.test('a browser that looks at the port gets 426 and a sentence', async t => {
  const { port } = await setUp(t)
  const response = await fetch(`http://127.0.0.1:${port}/anything`, { method: 'POST', body: 'x' })
  t.equal(response.status, 426)
  t.match(await response.text(), /This port speaks SIP over WebSocket \(RFC 7118\)\. .*subprotocol "sip"/)
  t.match(response.headers.get('connection'), /close/)
})

t.test('of requests sent one behind the other only the first is answered, then the connection goes', async t => {
  const { port, counters } = await setUp(t)
  const socket = createConnection(port, '127.0.0.1')
  const parts: Buffer[] = []
  socket.on('data', bytes => parts.push(bytes))
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500))
  await once(socket, 'close')
  t.equal(`${Buffer.concat(parts)}`.match(/^HTTP\/1\.1 426 /gm)?.length, 1)
  t.equal(counters.get('ws_handshakes_refused', '426'), 1)
})

t.test('a handshake in single octets, and one with the first frame right behind it', async t => {
  const { port, next } = await setUp(t)
  const handshake =
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
  const frame = Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from('hello')])
  const whole = Buffer.concat([Buffer.from(handshake), frame])
  for (const pieceBytes of [1, whole.length]) {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    t.teardown(() => socket.destroy())
    for (let at = 0; at < whole.length; at += pieceBytes) socket.write(whole.subarray(at, at + pieceBytes))
    t.equal(`${(await next('received')).bytes}`, 'hello')
  }
})

t.test('what is no HTTP gets 400 and goes', async t => {
  const { port, counters } = await setUp(t)
  const socket = createConnection(port, '127.0.0.1')
  const parts: Buffer[] = []
  socket.on('data', bytes => parts.push(bytes))
  socket.write('REGISTER sip:example.org SIP/2.0\r\n\r\n')
  await once(socket, 'close')
  t.match(`${Buffer.concat(parts)}`, /^HTTP\/1\.1 400 /)
  t.equal(counters.get('ws_handshakes_refused', '400'), 1)
})

t.test('pages of which origins may connect', async t => {
  const rows: readonly (readonly [config: string, origin: string | undefined, isIn: boolean])[] = [
    ['', undefined, true],
    ['', 'https://anywhere.example', true],
    ['', 'null', true],
    ['[auth]\ndigest = false', undefined, true],
    ['[auth]\ndigest = false', 'https://anywhere.example', false],
    ['[auth]\ndigest = false', 'null', false],
    ['[auth]\ndigest = false', 'https://EDGE1.example.org:8443', true],
    ['[auth]\ndigest = false', 'http://example.org', true],
    ['[auth]\ndigest = false', 'http://example.org.evil.example', false],
    ['[ws]\norigins = ["https://phone.example.org"]', undefined, true],
    ['[ws]\norigins = ["https://phone.example.org"]', 'https://phone.example.org', true],
    ['[ws]\norigins = ["https://phone.example.org"]', 'http://phone.example.org', false],
    ['[ws]\norigins = ["https://phone.example.org"]', 'https://edge1.example.org', false],
  ]
  for (const [config, origin, isIn] of rows) {
    const { url } = await setUp(t, { config })
    const options = origin === undefined ? {} : { headers: { origin } }
    if (isIn) t.ok(await client(t, url, ['sip'], options), `${config} ${origin}`)
    else t.match(await refusal(url, ['sip'], options), { status: 403, text: /ws\.origins/ })
  }
})

t.test('a message larger than any SIP message here ends the connection with 1009', async t => {
  const { url, next } = await setUp(t)
  const socket = await client(t, url)
  await next('opened')
  socket.send(Buffer.alloc(128 * 1024))
  t.equal((await next('received')).bytes.length, 128 * 1024)
  socket.send(Buffer.alloc(128 * 1024 + 1))
  const [code] = await once(socket, 'close')
  t.equal(code, 1009)
  t.match((await next('closed')).reason, /payload/i)
})

t.test('what breaks the framing ends the connection: an unmasked frame, text that is none', async t => {
  for (const [frame, code] of [
    [Buffer.from([0x81, 0x01, 0x61]), 1002],
    [Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]), 1007],
  ] as const) {
    const { url, next } = await setUp(t)
    const socket = await client(t, url)
    await next('opened')
    const raw = (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket
    raw.write(frame)
    const [closed] = await once(socket, 'close')
    t.equal(closed, code)
    await next('closed')
  }
})

t.test('when the box stops, clients are told that it goes away', async t => {
  const { url, next, streams, events } = await setUp(t)
  const socket = await client(t, url)
  await next('opened')
  const closed = once(socket, 'close')
  await streams.closeAll(2000)
  t.equal((await closed)[0], 1001)
  t.equal(streams.count, 0)
  t.same(events, [], 'nothing is told of what was closed by us')
})

t.test('while held nothing is read', async t => {
  const { url, next, streams, events } = await setUp(t)
  const socket = await client(t, url)
  const { flow } = await next('opened')
  streams.hold(flow, true)
  socket.send('later')
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.same(events, [])
  streams.hold(flow, false)
  t.equal(`${(await next('received')).bytes}`, 'later')
})

t.test('a client that does not read is dropped once the write queue is full', async t => {
  const { url, next, streams, counters } = await setUp(t)
  const socket = await client(t, url)
  const { flow } = await next('opened')
  socket.pause()
  const chunk = Buffer.alloc(256 * 1024)
  for (let sent = 0; sent < 4 * WRITE_QUEUE_BYTES_MAX; sent += chunk.length) streams.write(flow, chunk)
  t.equal((await next('closed')).reason, 'write queue full')
  t.equal(counters.get('stream_closed', 'write queue full'), 1)
})

t.test('pings keep a living client, and one that does not answer is gone after two', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { url, next } = await setUp(t)
  const living = await client(t, url)
  const dead = await client(t, url, ['sip'], { autoPong: false })
  const { flow } = await next('opened')
  await next('opened')
  const pings = (socket: WebSocket) => once(socket, 'ping')
  for (let round = 0; round < 3; round++) {
    const both = [pings(living), ...(round === 0 ? [pings(dead)] : [])]
    mock.timers.tick(30_000)
    await Promise.all(both)
    // A pong is on its way; what follows it shows that it was read.
    living.send('x')
    await next('received')
    if (round === 1) t.match(await next('closed'), { reason: 'does not answer pings' })
  }
  t.equal(living.readyState, WebSocket.OPEN)
  t.ok(flow)
})

t.test('handshakes that do not go on are bounded in number and time, over TLS too', async t => {
  for (const transport of ['ws', 'wss'] as const) {
    mock.timers.enable({ apis: ['setTimeout'] })
    const { port, counters, streams, url } = await setUp(t, { transport })
    const begun = Array.from({ length: HANDSHAKES_PER_ADDRESS_MAX }, async () => {
      const socket =
        transport === 'ws'
          ? createConnection(port, '127.0.0.1')
          : connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
      socket.on('error', () => {})
      await once(socket, transport === 'ws' ? 'connect' : 'secureConnect')
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ')
      return socket
    })
    const idle = await Promise.all(begun)
    await t.rejects(client(t, url), `${transport}: one more is refused`)
    t.equal(counters.get('stream_refused', 'handshakes per address'), 1)
    const ended = idle.map(socket => once(socket, 'close'))
    mock.timers.tick(10_000)
    await Promise.all(ended)
    t.equal(counters.get('handshakes_ended', 'too slow'), HANDSHAKES_PER_ADDRESS_MAX)
    mock.timers.reset()
    t.ok(await client(t, url), 'there is room again')
    t.equal(streams.count, 1)
    await streams.closeAll(0)
  }
})
