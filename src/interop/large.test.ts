import t from 'tap'
import { LargeCall } from '../testing/large-call.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { type Hashed, HashingReceiver, LargeContent } from './large-content.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

const BOB = `sip:bob@${DOMAIN}`
const MB = 1_000_000
const WAIT_MS = 45_000

async function dial(alice: RealPhone, content: LargeContent, type: string): Promise<LargeCall> {
  const call = alice.act(now => new LargeCall(alice.phone, now, { to: BOB }))!
  await until('an answer to the INVITE', WAIT_MS, () => call.status)
  alice.act(now => call.send(now, content, type))
  return call
}

async function send(alice: RealPhone, content: LargeContent, type: string): Promise<LargeCall> {
  const call = await dial(alice, content, type)
  await until('an outcome', WAIT_MS, () => call.sent[0]?.outcome)
  alice.act(now => call.hangUp(now))
  return call
}

t.test(
  'DM-STO-07, DM-PSH-06: 300 kB and 100 MB to somebody away, with SIGKILL half way, come byte for byte',
  async t => {
    const box = await BoxProcess.start(t.testdir({}), { users: ['alice', 'bob'] })
    t.teardown(() => box.discard())
    const alice = await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: box.sipPort })
    t.teardown(() => alice.close())
    const small = new LargeContent(300_000, 'small')
    const large = new LargeContent(100 * MB, 'large')

    const first = await send(alice, small, 'image/png')
    t.same(first.sent[0]?.outcome, { status: 200 })
    t.ok(first.sent[0]?.isReported)

    const cut = await dial(alice, large, 'application/zip')
    await until('half of it', WAIT_MS, () => large.readUpTo > 50 * MB)
    await box.kill()
    await until('the sender knows', WAIT_MS, () => cut.closed)
    t.match(cut.sent[0]?.outcome, { closed: /connection lost/ })
    await box.start()
    t.match((await box.restante('queue')).out, /^1 message/, 'what was answered is there, and nothing of the other')
    await until('it is dropped', WAIT_MS, () => box.err.includes('large messages cut off by the stop were dropped'))

    const before = box.rssBytes()
    const again = await send(alice, large, 'application/zip')
    t.same(again.sent[0]?.outcome, { status: 200 })
    t.comment(`resident memory ${Math.round(before / MB)} MB before, ${Math.round(box.rssBytes() / MB)} MB after`)

    const bob = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort })
    t.teardown(() => bob.close())
    const taken: Hashed[] = []
    bob.phone.chunkReceiver = () => new HashingReceiver(taken)
    t.equal(await bob.register({ isInstantMessaging: true }), 200)
    await until('both', WAIT_MS, () => taken.length === 2)
    for (const [at, content] of [small, large].entries()) {
      t.equal(taken[at]?.bytes, content.length)
      t.equal(taken[at]?.sha256, content.sha256())
    }
    t.match(taken[1]?.head, /Content-Type: application\/zip\r\n\r\n$/)
    await until('an empty queue', WAIT_MS, async () => (await box.restante('queue')).out.startsWith('0 messages'))
    t.match(await box.stop(), { code: 0 })
  },
)
