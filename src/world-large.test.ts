import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { LargeCall, type LargeCallOptions } from './testing/large-call.ts'
import { BOB, type Scenario, scenario, waitingFor } from './testing/scenario.ts'

const call = ({ world, alice }: Scenario, options: Partial<LargeCallOptions> = {}): LargeCall => {
  const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, ...options }))
  world.until(() => made.status !== undefined, 'an answer to the INVITE')
  return made
}

const bytesOf = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31) ^ (at >> 8)))

t.test('DM-DEC-04, DM-INV-02..09: the store answers for an absent user and takes the message', async t => {
  const run = scenario('large to absent')
  const { world, alice } = run
  const made = call(run)
  t.equal(made.status, 200)
  const answer = made.answer!
  t.match(value(answer, 'server'), /^IM-serv\/OMA1\.0 /, 'DM-INV-05')
  t.match(value(answer, 'contact'), /^<sip:im@.*>;\+g\.oma\.sip-im;automata$/, 'DM-INV-06')
  t.match(value(answer, 'date'), / GMT$/, 'DM-INV-07')
  t.equal(value(answer, 'p-asserted-identity'), '<sip:store@example.org>', 'DM-INV-09')
  const body = bytesOf(300_000)
  const sent = alice.act(now => made.send(now, body, 'image/png'))
  world.until(() => sent.outcome !== undefined, 'an outcome')
  t.same(sent.outcome, { status: 200 })
  t.ok(sent.isReported)
  const [kept] = waitingFor(run)
  t.equal(kept?.isLarge, true)
  const piece = world.ask(run.box, 'piece', { aor: BOB, seq: kept!.seq, offset: 0, length: 400_000 })
  t.ok(piece?.equals(body), 'byte for byte')
  alice.act(now => made.hangUp(now))
  world.pass(1000)
  t.equal((run.box.engine.describe().large as { sessions: number }).sessions, 0)
})

t.test('DM-PSH-06, DM-STO-05..07: what was kept comes to its receiver byte for byte, with its headers', async t => {
  const run = scenario('large to and fro', { bob: { transport: 'tcp' } })
  const { world, alice, bob } = run
  const headers: [string, string][] = [
    ['Subject', 'the plans'],
    ['Priority', 'urgent'],
    ['X-Foo', 'not kept'],
    ['Record-Route', '<sip:10.0.0.1;lr>'],
  ]
  const made = call(run, { headers })
  const body = bytesOf(300_000)
  const sent = alice.act(now => made.send(now, body, 'image/png', 'first.message-1'))
  world.until(() => sent.outcome !== undefined, 'an outcome')
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.arrived.length > 0, 'the message')
  const [arrived] = bob.arrived
  t.ok(arrived!.body.equals(body))
  const inner = arrived!.request!
  const names = inner.headers.map(({ name }) => name)
  t.same(
    names.filter(name => !['Via', 'CSeq', 'Content-Length'].includes(name)),
    ['From', 'To', 'Call-ID', 'Subject', 'Priority', 'P-Asserted-Identity', 'Date', 'Message-ID', 'Content-Type'],
  )
  t.equal(value(inner, 'call-id'), value(made.invite, 'call-id'))
  t.equal(value(inner, 'p-asserted-identity'), '<sip:alice@example.org>')
  t.equal(value(inner, 'message-id'), 'first.message-1')
  t.equal(value(inner, 'content-type'), 'image/png')
  world.pass(5000)
  t.same(waitingFor(run), [])
  t.equal(world.ask(run.box, 'sweep', { limit: 100 }), 0, 'swept')
})
