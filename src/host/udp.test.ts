import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { type Flow, udpFlow } from '../base/flow.ts'
import { plainAddress } from './addresses.ts'
import { type DatagramEvents, Datagrams } from './udp.ts'

const listener = (address: string, port = 0) =>
  ({ transport: 'udp', endpoint: { address, port }, key: 'listen.sip_udp' }) as const

/** Listens, and answers each datagram with itself. */
const echo = async (address: string) => {
  const flows: Flow[] = []
  const failures: string[] = []
  const events: DatagramEvents = {
    received: (flow, bytes) => {
      flows.push(flow)
      datagrams.send(flow, bytes)
    },
    failed: (_flow, reason) => failures.push(reason),
  }
  const counters = new Counters()
  const datagrams = new Datagrams(events, counters)
  const local = await datagrams.listen(listener(address))
  t.teardown(() => datagrams.close())
  return { datagrams, local, flows, failures, counters }
}

for (const [address, type] of [
  ['127.0.0.1', 'udp4'],
  ['::1', 'udp6'],
] as const)
  t.test(`RFC 3261 18.2.2: a datagram is answered from where it came in, ${type}`, async t => {
    const { local, flows } = await echo(address)
    const client = createSocket(type)
    client.bind(0, address)
    await once(client, 'listening')
    const bytes = Buffer.alloc(9000, 0xfe)
    client.send(bytes, local.port, address)
    const [answer, from] = await once(client, 'message')
    t.ok(bytes.equals(answer))
    t.equal(from.port, local.port)
    t.same(flows, [udpFlow(local, { address, port: client.address().port })])
    client.close()
  })

t.test('an address that cannot be reached is told as a failure of the flow', async t => {
  const { datagrams, local, failures, counters } = await echo('127.0.0.1')
  datagrams.send(udpFlow(local, { address: '::1', port: 9 }), Buffer.from('x'))
  datagrams.send(udpFlow({ address: '192.0.2.1', port: 1 }, { address: '127.0.0.1', port: 9 }), Buffer.from('x'))
  datagrams.send(udpFlow(local, { address: '127.0.0.1', port: 9 }), Buffer.alloc(70_000))
  for (let turn = 0; turn < 50 && failures.length < 3; turn++) await new Promise(setImmediate)
  t.equal(failures.length, 3)
  t.ok(failures.includes('no such listener'))
  t.equal(counters.get('udp_send_errors'), 2)
})

t.test('a port that is taken is told with key, address and what to do', async t => {
  const { local } = await echo('127.0.0.1')
  const other = new Datagrams({ received() {}, failed() {} }, new Counters())
  await t.rejects(other.listen(listener('127.0.0.1', local.port)), {
    message: `listen.sip_udp: cannot listen on UDP 127.0.0.1:${local.port}: another program listens there. Stop it, or choose another port.`,
  })
  await t.rejects(other.listen(listener('192.0.2.1')), /no such address/)
})

t.test('a port that is not free when it is opened anew costs no descriptor, however often it is tried', async t => {
  const descriptors = () => readdirSync('/proc/self/fd').length
  const { datagrams, local } = await echo('127.0.0.1')
  const [standing] = datagrams.listeners
  await (standing as unknown as { close(): Promise<void> }).close()
  const other = createSocket('udp4')
  other.bind({ address: '127.0.0.1', port: local.port, exclusive: true })
  await once(other, 'listening')
  const before = descriptors()
  for (let i = 0; i < 20; i++) await t.rejects(standing!.reopen(), { code: 'EADDRINUSE' })
  t.equal(descriptors(), before)
  other.close()
})

t.test('RFC 4291 2.5.5.2: an IPv4 address in IPv6 clothes is an IPv4 address; a zone is dropped', async t => {
  t.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  t.equal(plainAddress('2001:db8::1'), '2001:db8::1')
})
