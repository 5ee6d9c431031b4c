import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { LargeCall, type LargeCallOptions } from './testing/large-call.ts'
import { ALICE, BOB, type Scenario, scenario, waitingFor } from './testing/scenario.ts'

const call = ({ world, alice }: Scenario, options: Partial<LargeCallOptions> = {}): LargeCall => {
  const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, ...options }))
  world.until(() => made.status !== undefined, 'an answer to the INVITE', 400_000)
  return made
}

const CHAT = { acceptContact: '*;+g.oma.sip-im', attributes: ['sendrecv'] }
const ONE_WAY = { acceptContact: '*;+g.oma.sip-im' }

t.test('DM-DEC-06, DM-INV-01: an absent user’s conversations, files and calls are never answered 200', async t => {
  const run = scenario('sessions to absent')
  t.equal(call(run, CHAT).status, 480, 'conversation')
  t.equal(call(run, { ...ONE_WAY, attributes: ['sendonly', 'file-selector:size:5'] }).status, 480, 'file')
  t.equal(call(run, { to: 'sip:nobody@example.org' }).status, 404)
  t.equal(call(run, { to: 'sip:example.org' }).status, 404, 'the box itself')
  t.equal(call(run, { to: 'sip:im@10.0.0.1' }).status, 404, 'its Contact, outside a dialog')
  t.equal(call(run, ONE_WAY).status, 200, 'one way, and the tag alone')
  const strict = scenario('strict', { config: '[deferral]\nlenient_large_messages = false\n' })
  t.equal(call(strict, ONE_WAY).status, 480, 'deferral.lenient_large_messages = false')
})

t.test('DM-DEC-05, DM-INV-05: what will not be kept is 603 at the INVITE, and nothing connects', async t => {
  const cases: [string, string, RegExp][] = [
    ['storing off', 'enabled = false', /switched off/],
    ['message quota', 'quota_messages = 1', /too many messages/],
    ['byte quota', 'max_message_bytes = 100\nquota_bytes = 100', /no room/],
    ['flash reserve', '', /storage full/],
  ]
  for (const [what, keys, why] of cases) {
    const run = scenario(what, { config: `[deferral]\n${keys}\n` })
    const { world, alice, box } = run
    if (what === 'message quota') {
      const sent = alice.message({ to: BOB, body: 'first' })
      world.until(() => sent.status !== undefined, 'an answer')
    }
    if (what === 'flash reserve') box.disk.freeBytes = 1000
    const made = call(run)
    t.equal(made.status, 603, what)
    t.match(value(made.answer!, 'warning'), why)
    t.match(value(made.answer!, 'server'), /^IM-serv\/OMA1\.0 /)
    t.equal(value(made.answer!, 'p-asserted-identity'), '<sip:store@example.org>', 'DM-INV-09')
    t.equal(alice.phone.counters.get('msrp_connection', 'opened'), 0, 'no MSRP')
  }
})

t.test('8.1: an INVITE that cannot be answered is 488, 420, 422 or 400, whoever it is for is away', async t => {
  const run = scenario('refusals')
  t.equal(call(run, { attributes: ['recvonly'] }).status, 488)
  t.equal(call(run, { setup: 'none', attributes: ['sendonly', 'setup:holdconn'] }).status, 488)
  const required = call(run, { headers: [['Require', '100rel, timer']] })
  t.equal(required.status, 420)
  t.equal(value(required.answer!, 'unsupported'), '100rel')
  const short: [string, string][] = [
    ['Session-Expires', '30'],
    ['Supported', 'timer'],
  ]
  const tooShort = call(run, { headers: short })
  t.equal(tooShort.status, 422)
  t.equal(value(tooShort.answer!, 'min-se'), '90')
  t.equal(call(run, { headers: [['Accept-Contact', '*;a;a']] }).status, 400)
})

t.test('RFC 3261 8.2.3: what the store would lose of a body is 415, and who is there gets all of it', async t => {
  const run = scenario('first message', { bob: { transport: 'tcp' } })
  const first = { attributes: ['sendonly'], fetches: { contentType: 'message/cpim', body: 'first message' } }
  const away = call(run, first)
  t.equal(away.status, 415)
  t.equal(value(away.answer!, 'accept'), 'application/sdp')
  t.match(value(away.answer!, 'warning'), /more than that/)
  t.equal(call(run, { ...first, headers: [['Require', 'recipient-list-invite']] }).status, 420, '8.2.2.3 goes before')
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(1000)
  run.bob.phone.behaviour.invite = () => ({ status: 603 })
  t.equal(call(run, first).status, 603)
  t.match(run.bob.phone.inbox.invites[0]!.body.toString(), /first message/)
})

t.test('a user who is there gets the INVITE, and the message passes from phone to phone', async t => {
  for (const options of [{}, CHAT, { setup: 'passive' }] as Partial<LargeCallOptions>[]) {
    const run = scenario('present', { bob: { transport: 'tcp' } })
    const { world, alice, bob } = run
    bob.phone.behaviour.invite = () => ({ status: 200, setup: options.setup === 'passive' ? 'active' : 'passive' })
    bob.register({ isInstantMessaging: true })
    world.pass(1000)
    const made = call(run, options)
    t.equal(made.status, 200)
    t.notMatch(value(made.answer!, 'contact'), /automata/)
    t.equal(bob.phone.inbox.invites.length, 1)
    t.equal(value(bob.phone.inbox.invites[0]!, 'p-asserted-identity'), '<sip:alice@example.org>')
    const sent = alice.act(now => made.send(now, Buffer.alloc(100_000, 'x'), 'text/plain'))
    world.until(() => sent.outcome !== undefined, 'an outcome')
    t.same(sent.outcome, { status: 200 })
    t.equal(bob.arrived[0]?.wire.length, 100_000)
    alice.act(now => made.hangUp(now))
    world.until(() => bob.calls[0]?.ended !== undefined, 'the BYE passes')
    t.equal(bob.calls[0]?.ended, 'bye')
    t.same(waitingFor(run), [])
  }
})

t.test('8.1: a large message is kept when its receiver is out of reach or busy, and told otherwise', async t => {
  for (const status of [408, 430, 480, 486, 487, 500, 503, 504, 'silence'] as const) {
    const run = scenario(`busy ${status}`, { bob: { transport: 'tcp' } })
    const { world, alice, bob } = run
    bob.register({ isInstantMessaging: true })
    world.pass(1000)
    bob.phone.behaviour.invite = () => ({ status })
    const made = call(run)
    t.equal(made.status, 200, `${status}`)
    t.match(value(made.answer!, 'contact'), /automata/)
    const sent = alice.act(now => made.send(now, Buffer.from('kept')))
    world.until(() => sent.outcome !== undefined, 'an outcome')
    t.equal(waitingFor(run).length, 1)
    const session = call(run, CHAT)
    // RFC 3261 16.7 step 6: a 503 speaks of one device, so it goes on as 500.
    const passedOn = status === 'silence' ? 408 : status === 503 ? 500 : status
    t.equal(session.status, passedOn, 'and a conversation gets the answer as it is')
    bob.phone.behaviour.invite = () => ({ status: 200 })
    world.until(() => bob.arrived.length === 1, 'it is pushed after the back-off', 200_000)
  }
  for (const status of [403, 404, 488, 600, 603, 606]) {
    const run = scenario(`unwilling ${status}`, { bob: { transport: 'tcp' } })
    run.bob.register({ isInstantMessaging: true })
    run.world.pass(1000)
    run.bob.phone.behaviour.invite = () => ({ status })
    t.equal(call(run).status, status, 'passed on')
    t.same(waitingFor(run), [])
  }
})

t.test('a phone that knows no MSRP gets what fits as SIP MESSAGE', async t => {
  const run = scenario('plain phone', { bob: { transport: 'tcp' } })
  const { world, alice, bob } = run
  bob.register()
  world.pass(1000)
  bob.phone.behaviour.invite = () => ({ status: 488 })
  const made = call(run)
  t.equal(made.status, 200)
  alice.act(now => made.send(now, Buffer.from('in another way')))
  world.until(() => bob.arrived.length === 1, 'it comes', 5000)
  t.same([bob.arrived[0]?.form, bob.texts], ['message', ['in another way']])
  t.equal(call(run, CHAT).status, 488)
})

t.test('RFC 3261 9.2: a caller who gives up leaves nothing behind', async t => {
  const run = scenario('cancelled', { bob: { transport: 'tcp' } })
  const { world, alice, bob } = run
  bob.register({ isInstantMessaging: true })
  world.pass(1000)
  bob.phone.behaviour.invite = () => ({ status: 'silence', isRinging: true })
  const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB }))
  world.until(() => bob.phone.inbox.invites.length === 1, 'it rings')
  alice.act(now => made.cancel(now))
  world.until(() => made.status !== undefined, 'an answer')
  t.equal(made.status, 487)
  world.pass(60_000)
  t.same(waitingFor(run), [])
  t.equal((run.box.engine.describe().large as { sessions: number }).sessions, 0)
})

t.test('nobody but a proven user of ours sends an INVITE through the box', async t => {
  const run = scenario('relay')
  const { world, box } = run
  box.dns.set('A elsewhere.example', [{ kind: 'A', address: '10.0.0.9' }])
  const stranger = world.phone('mallory', { password: null })
  const made = stranger.act(
    now => new LargeCall(stranger.phone, now, { to: 'sip:x@elsewhere.example', from: '<sip:m@evil.example>' }),
  )
  world.until(() => made.status !== undefined, 'an answer')
  t.equal(made.status, 403)
  const there = world.phone('x', { address: '10.0.0.9' })
  const ours = call(run, { to: 'sip:x@elsewhere.example' })
  t.equal(ours.status, 200)
  t.equal(there.phone.inbox.invites.length, 1)
})

t.test('DM-STO-04: of a sender who asked for anonymity nothing asserted is kept', async t => {
  const run = scenario('anonymous', { bob: { transport: 'tcp' } })
  const { world, alice, bob } = run
  const made = call(run, { headers: [['Privacy', 'id']] })
  const sent = alice.act(now => made.send(now, Buffer.from('who am I')))
  world.until(() => sent.outcome !== undefined, 'an outcome')
  t.equal(waitingFor(run)[0]?.sender, 'anonymous')
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.arrived.length === 1, 'it is pushed')
  t.notMatch(bob.arrived[0]!.wire.toString(), /P-Asserted-Identity|Privacy/)
})

t.test('a user away may be written to by a stranger, who may not be one of ours', async t => {
  const run = scenario('stranger')
  const { world } = run
  const stranger = world.phone('mallory', { password: null })
  const invite = (from: string) => {
    const made = stranger.act(now => new LargeCall(stranger.phone, now, { to: BOB, from }))
    world.until(() => made.status !== undefined, 'an answer')
    return made.status
  }
  t.equal(invite('<sip:m@evil.example>'), 200)
  t.equal(invite(`<${ALICE}>`), 407)
})
