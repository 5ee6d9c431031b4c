import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../base/config.ts'
import { silentLog } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import { Engine } from '../../engine.ts'
import type { Diagnosis, TestStep } from '../../services/diagnosis.ts'
import { HostStore } from '../../testing/host-store.ts'
import { SystemEntropy } from '../entropy.ts'
import { Box } from '../serve.ts'
import { Again } from './again.ts'
import { testMsrp, testSip } from './network-tests.ts'

const never = new AbortController().signal
const DOORS = `sip_udp = ["127.0.0.1:0", "[::1]:0"]
sip_tcp = "127.0.0.1:0"
sip_tls = "127.0.0.1:0"
sip_ws = "127.0.0.1:0"
sip_wss = "127.0.0.1:0"
msrp_tcp = "127.0.0.1:0"
msrp_tls = "127.0.0.1:0"`

const UDP_ALONE = 'sip_udp = "127.0.0.1:0"\nsip_tcp = ""\nmsrp_tcp = ""'

/** A whole box, with an engine that speaks SIP and MSRP. */
async function opened(t: Test, doors = DOORS) {
  const dataDir = t.testdir({})
  const text = `domain = "example.org"\ndata_dir = "${dataDir}"\n[deferral]\nreserve_bytes = 1\n[listen]\n${doors}\nhttp = ""\n`
  const loaded = loadConfig(text, 'test.toml')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const again = new Again()
  const box = await Box.start({
    config: loaded.config,
    log: silentLog,
    entropy: new SystemEntropy(),
    makeEngine: async parts => new Engine(parts),
    openStore: async () => new HostStore({ freeBytes: () => 10_000_000_000 }),
    again,
  })
  t.teardown(() => box.stop())
  return { box, dataDir, again, diagnosis: box.diagnosis! }
}

async function all(steps: AsyncIterable<TestStep>): Promise<TestStep[]> {
  const told: TestStep[] = []
  for await (const step of steps) told.push(step)
  return told
}

const shapes = (steps: readonly TestStep[]): string[] =>
  steps.map(({ what, isOk, result }) =>
    `${isOk} ${what}: ${result}`.replace(/:\d{4,5}/g, ':PORT').replace(/[\d.]+ ms/, 'MS'),
  )

/** What stands somewhere else: each datagram is answered by what `answer` says. */
async function elsewhere(t: Test, answer: (text: string) => string | undefined): Promise<number> {
  const socket = createSocket('udp4')
  socket.on('message', (bytes: Buffer, { port, address }: RemoteInfo) => {
    const text = answer(bytes.toString('latin1'))
    if (text !== undefined) socket.send(text, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket.address().port
}

const answered = (status: string) => (request: string) =>
  request.replace(/^OPTIONS .*\r\n/, `SIP/2.0 ${status}\r\n`).replace(/^Max-Forwards.*\r\n/m, '')

t.test('test sip: each listener of the box answers OPTIONS', async t => {
  const { diagnosis } = await opened(t)
  t.same(shapes(await all(diagnosis.testSip(undefined, never))), [
    'true OPTIONS to 127.0.0.1:PORT over UDP: 200 OK, MS',
    'true OPTIONS to [::1]:PORT over UDP: 200 OK, MS',
    'true OPTIONS to 127.0.0.1:PORT over TCP: 200 OK, MS',
    'true OPTIONS to 127.0.0.1:PORT over TLS: 200 OK, MS',
    'true OPTIONS to 127.0.0.1:PORT over WS: 200 OK, MS',
    'true OPTIONS to 127.0.0.1:PORT over WSS: 200 OK, MS',
  ])
})

t.test('test msrp: each listener of the box knows no such session', async t => {
  const { box, diagnosis } = await opened(t)
  t.same(shapes(await all(diagnosis.testMsrp(undefined, never))), [
    'true SEND of no session to 127.0.0.1:PORT over TCP: 481 as it should be, MS',
    'true SEND of no session to 127.0.0.1:PORT over TLS: 481 as it should be, MS',
  ])
  const { port } = box.msrp[0]!.endpoint
  t.same(
    shapes(await all(diagnosis.testMsrp(`localhost:${port}`, never)))[0],
    'true Connection to 127.0.0.1:PORT over TCP: connected, MS',
  )
})

t.test('test sip: what another answers, and what to do where nobody does', async t => {
  const { diagnosis } = await opened(t)
  const far = await elsewhere(t, answered('404 Not Found'))
  t.same(shapes(await all(diagnosis.testSip(`sip:127.0.0.1:${far}`, never))), [
    'true Resolve sip:127.0.0.1:PORT: UDP 127.0.0.1:PORT',
    'true OPTIONS to 127.0.0.1:PORT over UDP: 404 Not Found, MS',
  ])
  const down = await elsewhere(t, answered('503 Service Unavailable'))
  const [, refusing] = await all(diagnosis.testSip(`127.0.0.1:${down}`, never))
  t.match(refusing, { isOk: false, result: /^503 Service Unavailable/ })
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  await new Promise(resolve => gone.close(resolve))
  for (const transport of ['tcp', 'udp']) {
    const [, refused] = await all(diagnosis.testSip(`sip:127.0.0.1:${port};transport=${transport}`, never))
    t.match(refused, { isOk: false, result: /refused: nothing listens there/ }, transport)
  }
})

t.test('test sip: a certificate that is not known is said, with what to do', async t => {
  const { box, diagnosis } = await opened(t)
  const tls = box.sip.find(({ transport }) => transport === 'tls')!
  const [, step] = await all(diagnosis.testSip(`sips:127.0.0.1:${tls.endpoint.port}`, never))
  t.match(step, { isOk: false, result: /self-signed.*tls\.ca/ })
})

t.test('test sip: an answer to another request is none', async t => {
  const parts = {
    ...base(),
    sip: [{ transport: 'udp', endpoint: { address: '127.0.0.1', port: 0 } } as const],
    limitMs: 300,
  }
  const far = await elsewhere(t, text => answered('200 OK')(text).replace(/^Call-ID: /m, 'Call-ID: x'))
  const [, step] = await all(testSip(parts, `sip:127.0.0.1:${far}`, never))
  t.match(step, { isOk: false, result: /no answer within/ })
})

t.test('test sip: of a stream no more is read than an answer is long', async t => {
  const far = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', bytes => {
      const ours = answered('200 OK')(bytes.toString('latin1'))
      const another = ours.replace(/^Call-ID: /m, 'Call-ID: x')
      socket.write(another.repeat(Math.ceil(70_000 / another.length)), () => socket.write(ours))
    })
  }).listen(0, '127.0.0.1')
  await once(far, 'listening')
  t.teardown(() => far.close())
  const sip = [{ transport: 'tcp', endpoint: { address: '127.0.0.1', port: 0 } } as const]
  const { port } = far.address() as AddressInfo
  const [, step] = await all(testSip({ ...base(), sip, limitMs: 500 }, `sip:127.0.0.1:${port};transport=tcp`, never))
  t.match(step, { isOk: false, result: /no answer within/ })
})

const base = () => ({
  hostname: 'edge1.example.org',
  sip: [],
  msrp: [],
  dns: { ask: async () => [] },
  entropy: new SystemEntropy(),
  now: (): Now => ({ at: 0, wall: 0, isWallTrusted: true }) as unknown as Now,
})

t.test('what cannot be tried is said', async t => {
  const [first] = await all(testSip(base(), undefined, never))
  t.match(first, { isOk: false, result: /switched off/ })
  t.match((await all(testMsrp(base(), undefined, never)))[0], { isOk: false, result: /switched off/ })
  for (const target of ['sip:', 'http://x/', 'a b'])
    t.match((await all(testSip(base(), target, never)))[0], { isOk: false, result: /Give a SIP URI/ }, target)
  for (const target of ['x', 'x:0', 'x:99999', 'x:y:1', ':1'])
    t.match((await all(testMsrp(base(), target, never)))[0], { isOk: false, result: /host:port/ }, target)
  t.match((await all(testSip(base(), 'example.net', never)))[0], { isOk: false, result: /No way there/ })
  t.match((await all(testMsrp(base(), 'example.net:2855', never)))[0], { isOk: false, result: /no address in DNS/ })
})

t.test(
  'a name server that does not answer, and an address that does not, end in time; a signal ends at once',
  async t => {
    const parts = { ...base(), dns: { ask: () => new Promise<never>(() => {}) }, limitMs: 20 }
    const sip = [{ transport: 'udp', endpoint: { address: '127.0.0.1', port: 0 } } as const]
    t.match(await all(testSip({ ...parts, sip }, 'example.net', never)), [{ isOk: false, result: /in time/ }])
    const silent = await elsewhere(t, () => undefined)
    const late = await all(testSip({ ...base(), sip, limitMs: 20 }, `127.0.0.1:${silent}`, never))
    t.match(late[1], { isOk: false, result: /no answer within/ })
    const ending = new AbortController()
    setImmediate(() => ending.abort())
    const stopped = await all(testSip({ ...base(), sip }, `127.0.0.1:${silent}`, ending.signal))
    t.match(stopped.at(-1), { isOk: false, result: /Stopped|in time/ })
  },
)

t.test('test disk: a file and a record, each flushed, with their times; nothing stays', async t => {
  const { dataDir, diagnosis } = await opened(t, UDP_ALONE)
  const before = readdirSync(dataDir)
  const steps = await all(diagnosis.testDisk(never))
  t.ok(
    steps.every(({ isOk }) => isOk),
    shapes(steps).join('\n'),
  )
  t.match(
    shapes(steps).join('\n'),
    /File system of .* on \/[\s\S]*Free space[\s\S]*flush 1 MiB: MS[\s\S]*back: MS[\s\S]*Remove it.*: MS\n.*record of the store: MS/,
  )
  t.same(readdirSync(dataDir), before)
})

t.test('capture: what passes the box is seen', async t => {
  const { diagnosis } = await opened(t, UDP_ALONE)
  const ending = new AbortController()
  const messages = diagnosis.capture({ withBodies: false, matching: 'options' }, ending.signal)!
  await all(diagnosis.testSip(undefined, never))
  ending.abort()
  const seen: string[] = []
  for await (const { direction, head } of messages)
    seen.push(`${direction} ${head.split('\n')[0]!.replace(/1:\d+/, '1:PORT')}`)
  t.same(seen, ['in OPTIONS sip:127.0.0.1:PORT SIP/2.0', 'out SIP/2.0 200 OK'])
})

t.test('reload and factory reset ask for a new start, once; the mark lies there before', async t => {
  const asked = async (act: (diagnosis: Diagnosis) => Promise<string | undefined>) => {
    const { diagnosis, again, dataDir } = await opened(t, UDP_ALONE)
    t.equal(await act(diagnosis), undefined)
    t.match(await act(diagnosis), /already/)
    t.equal(await again.asked, 'asked to start anew')
    return dataDir
  }
  t.notOk(existsSync(join(await asked(diagnosis => diagnosis.reload('service', 'admin')), 'factory-reset')))
  const marked = await asked(diagnosis => diagnosis.factoryReset('full', 'admin'))
  t.equal(readFileSync(join(marked, 'factory-reset'), 'utf8'), 'full\n')
})
