import { join } from 'node:path'
import t from 'tap'
import { CHAT } from '../testing/chat.ts'
import { LargeCall } from '../testing/large-call.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import type { GivenReport, HistoryReceiverOptions } from './history-receiver.ts'
import { Program } from './program.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

const RECEIVER = join(import.meta.dirname, 'history-receiver.ts')
const WAIT_MS = 60_000
const BOB = `sip:bob@${DOMAIN}`

/** What a boundary or an end-line could be mistaken for, and every octet there is. */
const BODIES = [
  Buffer.from('--boundary\r\n\r\n-------abcd$\r\nMSRP abcd SEND\r\n'),
  Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)),
  Buffer.alloc(0),
]
const SAID = [Buffer.from('hello'), Buffer.from(new SeededEntropy('said').bytes(300_000))]

/** Alice writes to bob, who is away; then he is there and they talk. */
async function filled(box: BoxProcess, address: '127.0.0.1' | '::1'): Promise<void> {
  const alice = await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: box.sipPort, address })
  for (const body of BODIES) {
    const sent = await alice.message({ to: BOB, body, contentType: 'application/x-any' })
    if (sent.status !== 202) throw new Error(`MESSAGE answered ${sent.status}`)
  }
  const bob = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort, address })
  await bob.register({ isInstantMessaging: true })
  await until('what waited', WAIT_MS, () => bob.inbox.taken.length === BODIES.length)
  const call = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, ...CHAT }))!
  await until('an answer', WAIT_MS, () => call.status === 200)
  for (const [index, body] of SAID.entries()) {
    const sent = alice.act(now => call.send(now, body, 'application/x-said', `said.${index}`))!
    await until('it is said', WAIT_MS, () => sent.outcome)
  }
  alice.act(now => call.hangUp(now))
  await until('the end of the call', WAIT_MS, () => bob.inbox.calls.at(-1)?.ended)
  await alice.close()
  await bob.close()
}

async function given(
  box: BoxProcess,
  wish: Pick<HistoryReceiverOptions, 'address' | 'setup' | 'after' | 'leavesAfter'>,
) {
  const options: HistoryReceiverOptions = { user: 'bob', transport: 'udp', boxPort: box.sipPort, ...wish }
  const program = new Program(process.execPath, [RECEIVER, JSON.stringify(options)], box.dir)
  if ((await program.end(WAIT_MS)) !== 0) throw new Error(`the receiver failed: ${program.out}`)
  const lines = program.out.trimEnd().split('\n')
  return lines.map(line => JSON.parse(line) as GivenReport)
}

const octets = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64')

for (const [address, setup] of [
  ['127.0.0.1', 'active'],
  ['::1', 'passive'],
] as const)
  t.test(
    `HIS-DLV-02 to 07: a process that is ${setup} is given its history over ${address}, octet for octet`,
    async t => {
      const toml = '[history]\nactive_default = true\n'
      const box = await BoxProcess.start(t.testdir({}), { users: ['alice', 'bob'], toml })
      t.teardown(() => box.discard())
      await filled(box, address)
      const items = await given(box, { address, setup })
      t.equal(items.length, BODIES.length + 1)
      for (const [index, body] of BODIES.entries()) {
        const { parts, sends } = items[index]!
        t.same(sends, [])
        t.same(
          parts.map(({ type }) => type),
          ['message/sip', 'message/sipfrag'],
        )
        const whole = octets(parts[0]!.body)
        t.match(whole.toString('latin1'), /^MESSAGE sip:bob@example\.org SIP\/2\.0\r\n/)
        t.ok(whole.subarray(whole.indexOf('\r\n\r\n') + 4).equals(body), `${body.length} octets as they were written`)
        t.match(octets(parts[1]!.body).toString(), /^Date: .* GMT\r\nCall-ID: /)
      }
      const session = items.at(-1)!
      t.match(octets(session.parts[0]!.body).toString(), /^INVITE sip:bob@example\.org SIP\/2\.0\r\n/)
      for (const [index, body] of SAID.entries()) {
        const sends = session.sends.filter(({ fields }) => fields.includes(`Message-ID: said.${index}\n`))
        t.ok(Buffer.concat(sends.map(send => octets(send.body))).equals(body))
        t.equal(sends.map(({ flag }) => flag).join(''), `${'+'.repeat(sends.length - 1)}$`)
        t.ok(sends.every(({ fields }) => fields.includes('Content-Type: application/x-said')))
      }
      const some = await given(box, { address, setup, leavesAfter: 2 })
      const rest = await given(box, { address, setup, after: some[1]!.reference })
      t.same(
        [...some.slice(0, 2), ...rest].map(({ reference }) => reference),
        items.map(({ reference }) => reference),
        'it vanished without a word, and goes on where it was',
      )
    },
  )
