import { join } from 'node:path'
import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { Program } from './program.ts'
import { RealPhone } from './real-phone.ts'
import type { ReceiverOptions, Report } from './receiver.ts'

t.setTimeout(120_000)

const RECEIVER = join(import.meta.dirname, 'receiver.ts')
const RECEIVER_MS = 60_000

/** What a text or a boundary could be mistaken for, every octet there is, and more than one chunk of 2048. */
const BODIES = [
  Buffer.from('A plain text'),
  Buffer.from('--boundary\r\n\r\n-------abcd$\r\nMSRP abcd SEND\r\n'),
  Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)),
  Buffer.alloc(0),
  Buffer.from(new SeededEntropy('body').bytes(30_000)),
]

for (const address of ['127.0.0.1', '::1'] as const)
  for (const setup of ['active', 'passive'] as const)
    t.test(`DM-PSH-01, 04, 05, RFC 6135: a process that is ${setup} is pushed every octet over ${address}`, async t => {
      const box = await BoxProcess.start(t.testdir({}), { users: ['alice', 'bob'] })
      t.teardown(() => box.discard())
      const alice = await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: box.sipPort, address })
      t.teardown(() => alice.close())
      const sent = []
      for (const body of BODIES) {
        const contentType = 'application/x-anything;v="1"'
        sent.push(await alice.message({ to: `sip:bob@${DOMAIN}`, body, contentType }))
      }
      t.same(
        sent.map(({ status }) => status),
        BODIES.map(() => 202),
      )
      const options: ReceiverOptions = {
        user: 'bob',
        transport: setup === 'active' ? 'udp' : 'tcp',
        boxPort: box.sipPort,
        address,
        setup,
        count: BODIES.length,
      }
      const receiver = new Program(process.execPath, [RECEIVER, JSON.stringify(options)], box.dir)
      t.teardown(() => receiver.stop())
      t.equal(await receiver.end(RECEIVER_MS), 0, 'the receiver has what it waited for')
      const reports: Report[] = receiver.out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
      t.equal(reports.length, BODIES.length)
      for (const [index, report] of reports.entries()) {
        const body = BODIES[index]!
        t.equal(report.form, 'msrp')
        t.match(report.contentType, /^multipart\/mixed;boundary=/)
        t.equal(report.callId, sent[index]!.callId)
        t.equal(report.innerType, 'application/x-anything;v="1"')
        t.equal(report.body, body.toString('base64'), `${body.length} octets as they were written`)
        t.ok(Buffer.from(report.wire, 'base64').includes(body), 'as they are, without any encoding')
      }
    })
