import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { RawStream } from './raw-stream.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(180_000)

/** Timer B and the 30 s that an MSRP connection may stand unused, and some for the machine. */
const CLOSED_MS = 50_000

/** Of a message while the flood goes on. */
const SERVED_MS = 5000

/**
 * What may be held at the worst: 576 connections at one time (512 SIP, 64 MSRP of one address) with a head of 64 KiB each is 36 MB;
 * the young generation of the heap, doubled while it is collected, and the kernel's 4 MB of datagrams make the rest.
 */
const GROWTH_BYTES_MAX = 96 * 1024 * 1024

const GARBAGE_BYTES = 10 * 1024 * 1024

/** Somebody who goes on writing to an absent user, and how long each answer took. */
class NormalClient {
  readonly times: number[] = []
  readonly statuses = new Set<number | undefined>()
  #isStopped = false
  #done: Promise<void> = Promise.resolve()

  start(phone: RealPhone): void {
    this.#done = this.#run(phone)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#done
  }

  async #run(phone: RealPhone): Promise<void> {
    while (!this.#isStopped) {
      const since = performance.now()
      const sent = await phone.message({ to: `sip:bob@${DOMAIN}`, body: 'As always' })
      this.times.push(performance.now() - since)
      this.statuses.add(sent.status)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

async function setUp(t: Test): Promise<{ box: BoxProcess; clients: NormalClient[] }> {
  const users = ['alice', 'bob', 'carol']
  const box = await BoxProcess.start(t.testdir({}), { users, toml: '[deferral]\nquota_messages = 100000' })
  t.teardown(() => box.discard())
  const clients: NormalClient[] = []
  for (const [user, transport] of [
    ['alice', 'udp'],
    ['carol', 'tcp'],
  ] as const) {
    const phone = await RealPhone.open({ user, transport, boxPort: box.sipPort })
    t.teardown(() => phone.close())
    // Full compilation and a grown heap are not what is measured.
    for (let i = 0; i < 100; i++) await phone.message({ to: `sip:bob@${DOMAIN}`, body: 'warm' })
    const client = new NormalClient()
    client.start(phone)
    clients.push(client)
  }
  return { box, clients }
}

async function judge(t: Test, box: BoxProcess, clients: readonly NormalClient[], rssBefore: number): Promise<void> {
  for (const client of clients) {
    await client.stop()
    t.same([...client.statuses], [202], `each of ${client.times.length} messages was kept`)
    const slowest = Math.max(...client.times)
    t.ok(slowest < SERVED_MS, `the slowest answer took ${Math.round(slowest)} ms`)
  }
  const growth = box.rssBytes() - rssBefore
  t.ok(growth < GROWTH_BYTES_MAX, `memory grew by ${Math.round(growth / 1e6)} MB`)
  t.equal(await box.metric('restante_internal_errors_total'), 0, 'no defect was met')
  t.equal((await box.health()).code, 200)
}

const HEAD = `MESSAGE sip:bob@${DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKslow\r\n`

t.test('bounds: half-open connections and slow senders are closed, and others are served meanwhile', async t => {
  const { box, clients } = await setUp(t)
  const before = box.rssBytes()
  const flood = (count: number, port: number, address: string) =>
    Array.from({ length: count }, () => new RawStream(port, address))
  const silent = [...flood(350, box.sipPort, '::1'), ...flood(150, box.sipPort, '127.0.0.1')]
  const msrp = [...flood(100, box.msrpPort, '::1'), ...flood(100, box.msrpPort, '127.0.0.1')]
  const slow = flood(250, box.sipPort, '::1')
  const slowMsrp = flood(20, box.msrpPort, '127.0.0.1')
  t.teardown(() => [...silent, ...msrp, ...slow, ...slowMsrp].map(stream => stream.destroy()))
  let at = 0
  const drip = setInterval(() => {
    for (const stream of slow) stream.write(HEAD[at % HEAD.length]!)
    for (const stream of slowMsrp) stream.write('MSRP abcd SEND\r\n'[at] ?? 'x')
    at++
  }, 400)
  t.teardown(() => clearInterval(drip))
  const open = () => [...silent, ...msrp, ...slow, ...slowMsrp].filter(stream => !stream.isClosed).length
  await until('all were looked at', 10_000, async () => (await box.metric('restante_stream_accepted_total')) >= 870)
  t.comment(`${open()} of ${silent.length + msrp.length + slow.length + slowMsrp.length} are open at first`)
  await until('the bounds have closed all of them', CLOSED_MS, () => open() === 0)
  clearInterval(drip)
  await judge(t, box, clients, before)
})

t.test('bounds: 10 MB of garbage to each port leave the box as it was', async t => {
  const { box, clients } = await setUp(t)
  const before = box.rssBytes()
  const garbage = Buffer.from(new SeededEntropy('garbage').bytes(GARBAGE_BYTES))
  const lines = Buffer.from('MSRP '.repeat(10) + 'SIP/2.0\r\n'.repeat(GARBAGE_BYTES / 9), 'latin1')
  const streams = [garbage, lines].flatMap(bytes =>
    [box.sipPort, box.msrpPort, box.httpPort].map(port => ({ bytes, stream: new RawStream(port, '127.0.0.1') })),
  )
  t.teardown(() => streams.map(({ stream }) => stream.destroy()))
  await Promise.all(streams.map(({ bytes, stream }) => stream.writeAll(bytes)))
  await until('each connection is closed', CLOSED_MS, () => streams.every(({ stream }) => stream.isClosed))
  const udp = createSocket('udp4')
  for (let from = 0; from < GARBAGE_BYTES; from += 1400)
    await new Promise(sent =>
      udp.send(garbage, from, Math.min(1400, GARBAGE_BYTES - from), box.sipPort, '127.0.0.1', sent),
    )
  udp.close()
  await judge(t, box, clients, before)
})

t.test('bounds: header bombs and oversize are refused, 513 where an answer can be made', async t => {
  const { box, clients } = await setUp(t)
  const before = box.rssBytes()
  const head = `${HEAD}From: <sip:x@${DOMAIN}>;tag=1\r\nTo: <sip:bob@${DOMAIN}>\r\nCall-ID: bomb\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n`
  const bombs = {
    'a million octets of one header': `${head}X-Bomb: ${'x'.repeat(1_000_000)}\r\n\r\n`,
    'a hundred thousand headers': `${head}${'X-Bomb: x\r\n'.repeat(100_000)}\r\n`,
    'a header that is folded without end': `${head}X-Bomb: x\r\n${' x\r\n'.repeat(200_000)}\r\n`,
    'a body of 100 MB': `${head}Content-Length: 100000000\r\n\r\n`,
    'more Via than any path has': `${head}${'Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKx\r\n'.repeat(20_000)}\r\n`,
  }
  for (const [name, text] of Object.entries(bombs)) {
    const streams = Array.from({ length: 10 }, () => new RawStream(box.sipPort, '127.0.0.1'))
    t.teardown(() => streams.map(stream => stream.destroy()))
    await Promise.all(streams.map(stream => stream.writeAll(Buffer.from(text))))
    await until(`${name}: closed`, CLOSED_MS, () => streams.every(stream => stream.isClosed))
    const status = /^SIP\/2\.0 (\d+)/.exec(streams[0]!.received)?.[1]
    t.ok(['513', '400', undefined].includes(status), `${name}: ${status ?? 'closed'}`)
  }
  const oversize = new RawStream(box.sipPort, '127.0.0.1')
  oversize.write(`${head}Content-Length: 100000000\r\n\r\n`)
  await until('an answer', 5000, () => oversize.received.startsWith('SIP/2.0 513 '))
  const msrp = Array.from({ length: 10 }, () => new RawStream(box.msrpPort, '127.0.0.1'))
  await Promise.all(
    msrp.map(stream => stream.writeAll(Buffer.from(`MSRP abcd SEND\r\nTo-Path: ${'x'.repeat(5_000_000)}`))),
  )
  await until('MSRP bombs: closed', CLOSED_MS, () => msrp.every(stream => stream.isClosed))
  await judge(t, box, clients, before)
})
