import { spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import { Authority, dns, type IssueOptions, ip, uri } from '../testing/authority.ts'
import { Told } from '../testing/told.ts'
import { writtenCertificate } from '../testing/written-certificate.ts'
import { fingerprintsOf, mainFingerprint } from './certificate.ts'
import { Doors } from './doors.ts'
import { SystemEntropy } from './entropy.ts'
import { HANDSHAKES_PER_ADDRESS_MAX } from './handshakes.ts'
import { Streams } from './streams.ts'

const authority = await Authority.make()

interface Event {
  readonly kind: 'opened' | 'received' | 'closed'
  readonly flow: Flow
  readonly text: string
}

/** Streams with a certificate, listening for TLS on an ephemeral port. */
async function setUp(
  t: Test,
  settings: { verifiesPeers?: boolean; protocol?: Flow['protocol']; secure?: number; secureOfOne?: number } = {},
) {
  const { verifiesPeers = true, protocol = 'sip', secure = 100, secureOfOne = secure } = settings
  const { certificates, write } = await writtenCertificate(authority, t.testdir({}))
  const counters = new Counters()
  const dial = { verifiesPeers, ca: authority.certificate }
  const doors = new Doors({ certificates, dial, isAllowedOrigin: () => true, counters, log: silentLog })
  const told = new Told<Event>()
  let whenOpened = (_flow: Flow): void => {}
  const tell = (kind: Event['kind'], flow: Flow, text = ''): void => {
    told.add({ kind, flow, text })
  }
  const streams = new Streams(
    {
      opened: flow => {
        tell('opened', flow)
        whenOpened(flow)
      },
      received: (flow, bytes) => tell('received', flow, bytes.toString('latin1')),
      closed: (flow, reason) => tell('closed', flow, reason),
    },
    counters,
    new SystemEntropy(),
    doors,
    { streams: 100, streamsOfOne: 100, secure, secureOfOne },
  )
  const endpoint = { address: '127.0.0.1', port: 0 }
  const { port } = await streams.listen(protocol, { transport: 'tls', endpoint, key: 'listen.sip_tls' })
  streams.open()
  t.teardown(() => streams.closeAll(0))
  const onOpened = (run: typeof whenOpened): void => void (whenOpened = run)
  return { streams, port, next: told.next, events: told.events, counters, certificates, write, onOpened }
}

type ClientOptions = ConnectionOptions & { readonly localAddress?: string }

async function client(t: Test, port: number, options: ClientOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

const OLD = 'DEFAULT@SECLEVEL=0'

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  t.test(`a client that knows ${version} alone is served`, async t => {
    const { port, streams, next } = await setUp(t)
    const socket = await client(t, port, { minVersion: version, maxVersion: version })
    const { flow } = await next('opened')
    t.match(flow, { protocol: 'sip', transport: 'tls', remote: { port: socket.localPort } })
    t.equal(flow.peerFingerprints, undefined, 'nobody was asked for a certificate')
    socket.write('hello')
    t.equal((await next('received')).text, 'hello')
    streams.write(flow, Buffer.from('answer'))
    t.equal(`${(await once(socket, 'data'))[0]}`, 'answer')
    t.equal(socket.getProtocol(), version)
    t.match(socket.getCipher().name, /GCM|CHACHA20/)
    socket.end()
    await next('closed')
    t.equal(streams.count, 0)
  })

t.test('TLS 1.1 and ciphers without forward secrecy or authenticated encryption are refused, and counted', async t => {
  const { port, counters, events } = await setUp(t)
  const refused: readonly ConnectionOptions[] = [
    { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: OLD },
    { maxVersion: 'TLSv1.2', ciphers: `ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256:${OLD.slice(7)}` },
  ]
  for (const options of refused) await t.rejects(client(t, port, options))
  t.equal(counters.get('tls_handshakes_failed', 'unsupported_protocol'), 1)
  t.equal(counters.get('tls_handshakes_failed', 'no_shared_cipher'), 1)
  t.same(events, [])
})

t.test('what is no TLS at all ends the connection', async t => {
  const { port, counters, streams } = await setUp(t)
  const socket = createConnection(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.end('REGISTER sip:example.org SIP/2.0\r\n\r\n')
  await once(socket.resume(), 'close')
  t.equal(
    counters.get('tls_handshakes_failed', 'http_request') +
      counters.get('tls_handshakes_failed', 'wrong_version_number'),
    1,
  )
  t.equal(streams.count, 0)
})

t.test('openssl s_client is served', async t => {
  const { port, next } = await setUp(t)
  const { error } = spawnSync('openssl', ['version'])
  if (error) return t.pass('openssl: not installed, so this is passed over')
  const child = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-tls1_3'])
  child.stdin.end('hello from openssl')
  t.equal((await next('received')).text, 'hello from openssl')
  child.kill()
})

t.test('RFC 4975 14: with MSRP the client is asked for its certificate, and may have none', async t => {
  const { port, next } = await setUp(t, { protocol: 'msrp' })
  const issued = await authority.issue({ commonName: 'somebody' })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const shown = await client(t, port, { cert: issued.certificate, key: issued.key, maxVersion: version })
    t.same((await next('opened')).flow.peerFingerprints, fingerprintsOf(shown.getX509Certificate()!), version)
    await client(t, port, { maxVersion: version })
    t.notOk((await next('opened')).flow.peerFingerprints, version)
  }
})

t.test('a new certificate is shown to new connections while the old ones live on', async t => {
  const { port, next, streams, certificates, write } = await setUp(t)
  const shownTo = (socket: TLSSocket): string => mainFingerprint(socket.getPeerX509Certificate()!)
  const old = await client(t, port)
  const { flow } = await next('opened')
  t.equal(shownTo(old), certificates.fingerprint)
  const before = certificates.fingerprint
  let served = 0
  for (let round = 0; round < 5; round++) {
    write(await authority.issue({ names: [dns('edge1.example.org')] }))
    const during = Array.from({ length: 8 }, () => client(t, port))
    certificates.look()
    for (const socket of await Promise.all(during)) {
      served++
      socket.destroy()
    }
    const after = await client(t, port)
    t.equal(shownTo(after), certificates.fingerprint)
    after.destroy()
  }
  t.equal(served, 40, 'nobody was turned away meanwhile')
  t.not(certificates.fingerprint, before)
  streams.write(flow, Buffer.from('still here'))
  t.equal(`${(await once(old, 'data'))[0]}`, 'still here')
})

t.test('half-open handshakes of one address are bounded, and no handshake of others is lost for it', async t => {
  const { port, counters, next, streams } = await setUp(t)
  const idle = Array.from({ length: HANDSHAKES_PER_ADDRESS_MAX }, () => createConnection(port, '127.0.0.1'))
  t.teardown(() => {
    for (const socket of idle) socket.destroy()
  })
  for (const socket of idle) socket.on('error', () => {})
  await Promise.all(idle.map(socket => once(socket, 'connect')))
  const more = createConnection(port, '127.0.0.1')
  await new Promise(resolve => more.once('error', resolve))
  t.equal(counters.get('stream_refused', 'handshakes per address'), 1)
  t.equal(streams.count, 0, 'none of them is a stream yet')
  const raw = createConnection({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
  const from = connect({ socket: raw, rejectUnauthorized: false })
  t.teardown(() => from.destroy())
  t.match((await next('opened')).flow.remote, { address: '127.0.0.2' })
  idle[0]!.destroy()
  await once(idle[0]!, 'close')
  let isIn = false
  while (!isIn)
    isIn = await client(t, port).then(
      () => true,
      () => false,
    )
  t.ok(isIn, 'there is room again')
})

t.test('there are fewer connections over TLS than others where it takes more memory than there is', async t => {
  const { streams, port, counters, next } = await setUp(t, { secure: 2 })
  const [one] = [await client(t, port), await client(t, port)]
  await t.rejects(client(t, port), { code: 'ECONNRESET' })
  streams.connect(outgoing(port))
  await next('closed')
  t.equal(counters.get('stream_refused', 'limit of TLS'), 2)
  one.destroy()
  while (streams.count > 1) await new Promise(setImmediate)
  t.ok(await client(t, port), 'there is room again')
})

t.test('nobody takes all connections over TLS that a small machine has', async t => {
  const { streams, port, counters } = await setUp(t, { secure: 4, secureOfOne: 3 })
  const [one] = [await client(t, port), await client(t, port), await client(t, port)]
  await t.rejects(client(t, port), { code: 'ECONNRESET' })
  t.equal(counters.get('stream_refused', 'limit per address'), 1)
  t.ok(await client(t, port, { localAddress: '127.0.0.2' }), 'others come in')
  one.destroy()
  while (streams.count > 3) await new Promise(setImmediate)
  await t.rejects(
    client(t, port, { localAddress: '127.0.0.2' }).then(() => client(t, port)),
    { code: 'ECONNRESET' },
  )
  t.equal(counters.get('stream_refused', 'limit of TLS'), 1)
})

/** A TLS server of somebody else's; what it heard. */
async function peer(t: Test, options: IssueOptions) {
  const issued = await authority.issue(options)
  const heard: string[] = []
  const server = createServer({
    cert: issued.certificate,
    key: issued.key,
    requestCert: true,
    rejectUnauthorized: false,
  })
  const shown: (string | undefined)[] = []
  const ended = new Promise<void>(resolve => server.once('connection', socket => socket.once('close', () => resolve())))
  server.on('secureConnection', socket => {
    shown.push(socket.getPeerX509Certificate()?.subjectAltName)
    socket.on('error', () => {})
    socket.on('data', bytes => {
      heard.push(`${bytes}`)
      socket.write('answer')
    })
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { heard, shown, ended, port: (server.address() as { port: number }).port, issued }
}

const outgoing = (port: number, more: Partial<Flow> = {}): Flow => ({
  id: 'tls/out/1',
  protocol: 'sip',
  transport: 'tls',
  local: { address: '127.0.0.1', port: 0 },
  remote: { address: '127.0.0.1', port },
  ...more,
})

t.test('RFC 5922 7: a SIP peer has to show a certificate for the domain that was asked for', async t => {
  const good: readonly (readonly [string, IssueOptions])[] = [
    ['core.example.net', { names: [dns('core.example.net')] }],
    ['CORE.example.net', { names: [dns('core.EXAMPLE.net')] }],
    ['example.net', { names: [uri('sip:example.net'), dns('core.example.net')] }],
    ['example.net', { commonName: 'example.net' }],
    ['127.0.0.1', { names: [ip('127.0.0.1')] }],
  ]
  const bad: readonly (readonly [string, IssueOptions])[] = [
    ['core.example.net', { names: [dns('core.example.com')] }],
    ['core.example.net', { names: [dns('*.example.net')] }],
    ['core.example.net', { names: [uri('sip:example.net'), dns('core.example.net')] }],
    ['example.net', { names: [uri('sip:alice@example.net')] }],
    ['example.net', { names: [dns('core.example.net')], commonName: 'example.net' }],
    ['127.0.0.1', { names: [ip('127.0.0.2')] }],
    ['core.example.net', { names: [dns('core.example.net')], notAfter: new Date('2021-01-01') }],
  ]
  for (const [rows, isTaken] of [
    [good, true],
    [bad, false],
  ] as const)
    for (const [peerName, options] of rows) {
      const { streams, next } = await setUp(t)
      const { heard, shown, port } = await peer(t, options)
      const flow = outgoing(port, { peerName })
      streams.connect(flow)
      streams.write(flow, Buffer.from('early'))
      const ended = isTaken ? await next('received') : await next('closed')
      const what = `${peerName} ${JSON.stringify(options)}: ${ended.text}`
      t.same(heard, isTaken ? ['early'] : [], what)
      if (isTaken) t.match(shown, [/edge1\.example\.org/], 'we show ours when asked')
      else t.match(ended.text, /certificate/)
      await streams.closeAll(0)
    }
})

t.test('whose authority nobody knows is refused, unless peers are not verified', async t => {
  const stranger = await Authority.make()
  const issued = await stranger.issue({ names: [dns('core.example.net')] })
  for (const verifiesPeers of [true, false]) {
    const { streams, next } = await setUp(t, { verifiesPeers })
    const server = createServer({ cert: issued.certificate, key: issued.key }, socket => {
      socket.on('error', () => {})
      socket.write('hello')
    })
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    streams.connect(outgoing((server.address() as { port: number }).port, { peerName: 'core.example.net' }))
    if (verifiesPeers) t.match((await next('closed')).text, /certificate/)
    else t.equal((await next('received')).text, 'hello')
    await streams.closeAll(0)
    server.close()
  }
})

t.test('RFC 4975 14: MSRP takes any certificate and tells whose it is before a byte leaves', async t => {
  const { streams, next, events } = await setUp(t)
  const { heard, port, issued } = await peer(t, { commonName: 'anybody' })
  const flow = outgoing(port, { protocol: 'msrp' })
  streams.connect(flow)
  streams.write(flow, Buffer.from('SEND'))
  const opened = await next('opened')
  t.same(opened.flow.peerFingerprints, fingerprintsOf(new X509Certificate(issued.certificate)))
  t.equal(opened.flow.id, flow.id)
  await next('received')
  t.same(heard, ['SEND'])
  t.same(events, [])
})

t.test('what is closed when its certificate is known to be the wrong one has sent nothing', async t => {
  const { streams, onOpened } = await setUp(t)
  const { heard, port, ended } = await peer(t, { commonName: 'anybody' })
  const flow = outgoing(port, { protocol: 'msrp' })
  onOpened(opened => streams.close(opened))
  streams.connect(flow)
  streams.write(flow, Buffer.from('secret'))
  await ended
  t.same(heard, [])
  t.equal(streams.count, 0)
})
