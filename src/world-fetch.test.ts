import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { LargeCall, type LargeCallOptions } from './testing/large-call.ts'
import { ALICE, BOB, CAROL, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'
import { GOOD_DISK } from './testing/simulated-disk.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'

const DEFERRED = 'sip:deferred@example.org'
/** Nothing is pushed, so that everything waits to be fetched. */
const FETCHING = { config: '[delivery]\nactive_default = false\n' }

type Fetching = Partial<LargeCallOptions>

const beginFetch = (phone: SimulatedPhone, options: Fetching = {}): LargeCall =>
  phone.act(now => new LargeCall(phone.phone, now, { to: DEFERRED, fetches: 'all', acceptContact: null, ...options }))

function fetched({ world }: Scenario, phone: SimulatedPhone, options: Fetching = {}): LargeCall {
  const call = beginFetch(phone, options)
  world.until(() => call.status !== undefined && (call.status >= 300 || call.ended !== undefined), 'the fetch is over')
  return call
}

const listOf = (references: readonly string[]): NonNullable<LargeCallOptions['fetches']> => ({
  contentType: 'application/resource-lists+xml',
  body:
    '<?xml version="1.0" encoding="UTF-8"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>' +
    `${references.map(uri => `<entry uri="${uri}"/>`).join('')}</list></resource-lists>`,
})

const keeping = (seed: string, count: number, options: Parameters<typeof scenario>[1] = FETCHING): Scenario => {
  const run = scenario(seed, options)
  const texts = Array.from({ length: count }, (_, index) => `text ${index + 1}`)
  if (say(run, texts).some(status => status !== 202)) throw new Error('not kept')
  return run
}

t.test('docs/protocol.md fetch: 200 with sendonly, automata and the store, then all messages, then BYE', async t => {
  const run = keeping('fetch', 20)
  const call = fetched(run, run.bob)
  t.equal(call.status, 200)
  t.match(call.answer?.body.toString(), /\r\na=sendonly\r\n[\s\S]*\r\na=setup:passive\r\n/)
  t.match(value(call.answer!, 'contact'), /;\+g\.oma\.sip-im;automata/)
  t.equal(value(call.answer!, 'p-asserted-identity'), '<sip:store@example.org>')
  t.same(
    run.bob.texts,
    Array.from({ length: 20 }, (_, index) => `text ${index + 1}`),
  )
  t.ok(run.bob.arrived.every(({ form, contentType }) => form === 'msrp' && /^multipart\/mixed;/.test(contentType)))
  t.equal(call.ended, 'bye')
  run.world.pass(2000)
  t.same(waitingFor(run), [])
})

t.test('RFC 6135 4.2: whoever connects, a fetch brings everything', async t => {
  for (const setup of ['active', 'passive', 'actpass', 'none'] as const) {
    const run = keeping(`setup ${setup}`, 3)
    t.equal(fetched(run, run.bob, { setup }).status, 200)
    t.same(run.bob.texts, ['text 1', 'text 2', 'text 3'], setup)
  }
})

t.test('docs/protocol.md fetch: the references named in resource-lists, and nothing else', async t => {
  const run = keeping('references', 40)
  const ids = waitingFor(run).map(({ storeId }) => storeId)
  const call = fetched(run, run.bob, { fetches: listOf([ids[36]!, ids[1]!, ids[2]!, ids[36]!]) })
  t.equal(call.status, 200)
  t.same(run.bob.texts, ['text 2', 'text 3', 'text 37'])
  run.world.pass(2000)
  t.equal(waitingFor(run).length, 37)
})

t.test('docs/protocol.md fetch: 404 for what does not wait, 403 for what waits for somebody else', async t => {
  const run = keeping('wrong references', 2)
  const { world, alice, bob, box } = run
  const other = alice.message({ to: CAROL, body: 'for carol' })
  world.until(() => other.status === 202, 'carol has a message')
  const [first] = waitingFor(run)
  const [hers] = waitingFor(run, CAROL)
  const statusOf = (references: readonly string[]) => fetched(run, bob, { fetches: listOf(references) }).status
  t.equal(statusOf([hers!.storeId]), 403)
  t.equal(statusOf([first!.storeId, 'sip:999@10.0.0.1']), 404)
  t.equal(statusOf([first!.storeId.replace('10.0.0.1', '10.0.0.2')]), 404)
  t.equal(statusOf(['sip:alice@example.org']), 404)
  t.equal(statusOf([]), 400)
  t.equal(statusOf(Array.from({ length: 501 }, (_, index) => `sip:${index + 1}@10.0.0.1`)), 413)
  t.equal(
    fetched(run, bob, { fetches: { contentType: 'application/resource-lists+xml', body: '<resource-lists' } }).status,
    400,
  )
  t.same(bob.arrived, [])
  t.equal(box.engine.describe().delivery && waitingFor(run).length, 2)
})

t.test('docs/protocol.md fetch: nobody fetches for somebody else, and strangers fetch nothing', async t => {
  const run = keeping('who', 1)
  t.equal(fetched(run, run.alice).status, 480, 'nothing waits for alice')
  const stranger = run.world.phone('mallory', { password: null })
  t.equal(fetched(run, stranger, { from: '<sip:mallory@elsewhere.example>' }).status, 403)
  t.equal(fetched(run, stranger, { from: `<${BOB}>` }).status, 407)
  t.equal(waitingFor(run).length, 1)
})

t.test('RFC 3325: a trusted peer fetches for the user that it asserts, and for nobody without', async t => {
  const config = '[auth]\ntrusted_peers = ["10.0.1.9/32"]\n[delivery]\nactive_default = false\n'
  const run = keeping('peer', 2, { config })
  const peer = run.world.phone('core', { address: '10.0.1.9', password: null })
  const from = '<sip:core@example.org>'
  t.equal(fetched(run, peer, { from }).status, 403)
  t.equal(fetched(run, peer, { from, headers: [['P-Asserted-Identity', '<sip:x@elsewhere.example>']] }).status, 403)
  const call = fetched(run, peer, { from, headers: [['P-Asserted-Identity', '<tel:+1>, "B" <sip:bob@example.org>']] })
  t.equal(call.status, 200)
  t.same(peer.texts, ['text 1', 'text 2'])
})

t.test('docs/protocol.md fetch: 480 when nothing waits, 488 for an offer that nothing can be sent over', async t => {
  const run = scenario('unusable', FETCHING)
  t.equal(fetched(run, run.bob).status, 480)
  say(run, ['text'])
  for (const attributes of [['sendonly'], ['inactive'], ['recvonly', 'setup:holdconn']])
    t.equal(fetched(run, run.bob, { attributes, setup: 'none' }).status, 488, `${attributes}`)
  t.equal(fetched(run, run.bob, { attributes: ['sendrecv'] }).status, 200)
})

t.test('docs/protocol.md fetch: what the client refuses stays and does not hold up the rest', async t => {
  const run = keeping('broken', 4)
  run.bob.phone.behaviour.message = (_now, _arrived, number) => (number === 2 ? 413 : 200)
  fetched(run, run.bob)
  t.same(run.bob.texts, ['text 1', 'text 3', 'text 4'])
  run.world.pass(2000)
  t.equal(waitingFor(run).length, 1)
  run.bob.phone.behaviour.message = () => 200
  fetched(run, run.bob)
  run.world.pass(2000)
  t.same(waitingFor(run), [])
})

t.test('docs/protocol.md fetch: of two devices at once one fetches, the other is told to come back', async t => {
  const run = keeping('two devices', 50)
  const tablet = run.world.phone('bob', { address: '10.0.1.77' })
  run.bob.register()
  tablet.register()
  run.world.pass(1000)
  const [one, two] = [beginFetch(run.bob), beginFetch(tablet)]
  run.world.until(() => [one, two].every(({ status, ended }) => status === 480 || ended), 'both are over')
  t.same([one.status, two.status].sort(), [200, 480])
  const refused = one.status === 480 ? one : two
  t.equal(value(refused.answer!, 'retry-after'), '5')
  t.equal(run.bob.texts.length + tablet.texts.length, 50)
  run.world.pass(2000)
  t.same(waitingFor(run), [])
})

t.test('docs/protocol.md fetch: while a push runs it is 480, and while it runs nothing is pushed', async t => {
  const run = keeping('push', 30, {})
  const { world, bob } = run
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.arrived.length > 0, 'the push runs')
  t.equal(fetched(run, bob).status, 480)
  world.pass(5000)
  t.equal(bob.texts.length, 30)
  const tablet = world.phone('bob', { address: '10.0.1.77' })
  bob.phone.behaviour.invite = () => ({ status: 486 })
  bob.phone.behaviour.message = () => 480
  say(run, ['one', 'two', 'three'])
  world.pass(2000)
  const before = bob.phone.inbox.invites.length
  const call = beginFetch(tablet)
  world.until(() => call.status === 200, 'the fetch runs')
  bob.register({ isInstantMessaging: true })
  world.until(() => call.ended !== undefined, 'the fetch is over')
  t.equal(bob.phone.inbox.invites.length, before)
  t.same(tablet.texts, ['one', 'two', 'three'])
  world.pass(5000)
  t.same(waitingFor(run), [])
  t.equal(bob.phone.inbox.invites.length, before, 'nothing is left to push')
})

t.test('docs/protocol.md fetch: what came meanwhile, or was not named, is pushed afterwards', async t => {
  const run = keeping('afterwards', 3, {})
  const { world, bob } = run
  bob.phone.behaviour.invite = (_now, _request, number) => ({ status: number === 1 ? 486 : 200 })
  bob.phone.behaviour.message = () => 480
  bob.register({ isInstantMessaging: true })
  world.pass(2000)
  bob.phone.behaviour.message = () => 200
  const [first] = waitingFor(run)
  t.equal(fetched(run, bob, { fetches: listOf([first!.storeId]) }).status, 200)
  world.pass(5000)
  t.same(bob.texts, ['text 1', 'text 2', 'text 3'])
})

t.test('DM-STO-12: a message whose time comes during a fetch is not sent any more, and nothing is lost', async t => {
  for (const atMs of [1, 20, 45, 60, 120]) {
    const config = '[deferral]\ndefault_expiry_s = 10\n[delivery]\nactive_default = false\n'
    const run = keeping(`expiry ${atMs}`, 5, { config })
    const { world, bob, box } = run
    const [first] = waitingFor(run)
    world.pass(first!.expiresAt - world.clock.now().wall - atMs)
    const call = fetched(run, bob)
    const ids = Array.from({ length: 5 }, (_, index) => `sip:${index + 1}@10.0.0.1`)
    world.pass(30_000)
    const stories = ids.flatMap(id => world.ask(box, 'trace', { id, limit: 1 }))
    const delivered = stories.filter(({ events }) => events.at(-1)?.event === 'delivered')
    const expired = stories.filter(({ events }) => events.at(-1)?.event === 'expired')
    t.equal(delivered.length + expired.length, 5)
    t.ok(bob.texts.length >= delivered.length, `${call.status} at ${atMs}`)
    t.ok(bob.texts.length <= 5)
  }
})

t.test(
  'docs/protocol.md fetch: a client that vanishes, hangs up or never connects keeps what it did not confirm',
  async t => {
    const silent = keeping('never connects', 2)
    silent.bob.phone.isMsrpMute = true
    const call = beginFetch(silent.bob)
    silent.world.pass(120_000)
    t.equal(call.status, 200)
    t.equal(call.ended, 'bye')
    t.equal(waitingFor(silent).length, 2)
    const leaving = keeping('hangs up', 60)
    const other = beginFetch(leaving.bob)
    leaving.world.until(() => leaving.bob.texts.length >= 5, 'some arrived')
    leaving.bob.act(now => other.hangUp(now))
    leaving.world.pass(10_000)
    const left = waitingFor(leaving).length
    t.ok(left > 0 && left + leaving.bob.texts.length >= 60)
    fetched(leaving, leaving.bob)
    leaving.world.pass(5000)
    t.same(waitingFor(leaving), [])
    t.same(new Set(leaving.bob.texts).size, 60)
  },
)

t.test('RFC 3261 9.2: a caller who gives up has a 487, and the mailbox is free again', async t => {
  const run = keeping('cancel', 120)
  const { world, bob } = run
  const references = waitingFor(run).map(({ storeId }) => storeId)
  run.box.disk.faults = { ...GOOD_DISK, readMaxMs: 20 }
  const call = beginFetch(bob, { fetches: listOf(references) })
  world.until(() => value(call.invite, 'proxy-authorization') !== undefined, 'the challenge is answered')
  bob.act(now => call.cancel(now))
  world.until(() => call.status !== undefined, 'an answer')
  t.equal(call.status, 487)
  world.pass(1000)
  t.same(bob.arrived, [])
  t.equal(fetched(run, bob).status, 200)
  t.equal(bob.texts.length, 120)
})

t.test('docs/protocol.md fetch: a large message is read from flash as it is sent', async t => {
  const run = scenario('large', FETCHING)
  const { world, alice, bob } = run
  const body = Buffer.alloc(300_000, 'a large message ')
  const sending = alice.act(now => new LargeCall(alice.phone, now, { to: BOB }))
  const sent = alice.act(now => sending.send(now, body))
  world.until(() => sent.outcome !== undefined, 'it is kept')
  alice.act(now => sending.hangUp(now))
  fetched(run, bob)
  t.ok(bob.arrived[0]?.body.equals(body))
  world.pass(2000)
  t.same(waitingFor(run), [])
})

t.test('docs/protocol.md fetch: a power cut during a fetch loses nothing', async t => {
  for (const count of [3, 30, 90, 150]) {
    const run = keeping(`crash ${count}`, 20)
    run.box.plan = { after: 'output', count, downMs: 2000 }
    beginFetch(run.bob)
    run.world.pass(60_000)
    if (waitingFor(run).length > 0) fetched(run, run.bob)
    run.world.pass(5000)
    t.same(new Set(run.bob.texts).size, 20, `cut after ${count} outputs`)
    t.same(waitingFor(run), [])
  }
})

t.test('DM-DEC-06: an INVITE to another user of ours is none to the deferred function', async t => {
  const run = keeping('others', 1)
  t.equal(fetched(run, run.bob, { to: ALICE }).status, 480)
  t.equal(waitingFor(run).length, 1)
})
