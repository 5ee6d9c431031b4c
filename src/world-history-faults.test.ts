import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import type { HistoryPiece } from './store/history.ts'
import { beside, chat, hangUp, keep, talk } from './testing/chat.ts'
import { beginHistory, fetchHistory, type GivenItem, HISTORY, HistoryInbox } from './testing/history-inbox.ts'
import { HISTORY_LIMITS, inPieces, sendWritten, sessionOpened } from './testing/history-items.ts'
import { historyOf } from './testing/kept-history.ts'
import type { LargeCall } from './testing/large-call.ts'
import { BOB, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'
import { LOSSY } from './testing/simulated-network.ts'
import { World } from './testing/world.ts'

/** Alice sends bob messages, who keeps them. */
function kept(seed: string, count: number, options: Parameters<typeof scenario>[1] = {}): Scenario {
  const run = scenario(seed, options)
  keep(run, run.bob, { pager: true, session: true })
  const texts = Array.from({ length: count }, (_, index) => `text ${index + 1}`)
  if (say(run, texts).some(status => status !== 202)) throw new Error('not kept')
  return run
}

const referencesOf = ({ world, box }: Scenario, aor = BOB) =>
  historyOf(world, box, aor).map(({ reference }) => reference)

const isOver = ({ status, ended, closed }: LargeCall) =>
  status !== undefined && (status >= 300 || ended !== undefined || closed !== undefined)

t.test('docs/protocol.md history: who may not, what there is not, and what cannot be read', async t => {
  const run = kept('answers', 2)
  const { alice, bob, world } = run
  const inbox = new HistoryInbox(bob)
  const statusOf = (wish: Parameters<typeof fetchHistory>[2], phone = bob) => fetchHistory(run, phone, wish).status
  const stranger = world.phone('mallory', { password: null })
  t.equal(statusOf({ from: '<sip:mallory@elsewhere.example>' }, stranger), 403)
  t.equal(statusOf({ from: `<${BOB}>` }, stranger), 407)
  t.equal(statusOf({}, alice), 480, 'alice keeps nothing')
  t.equal(statusOf({ references: referencesOf(run) }, alice), 404, 'and learns nothing of what bob keeps')
  t.equal(statusOf({ references: ['sip:h1-1@10.0.0.1'] }), 404)
  t.equal(statusOf({ params: ';after=sip:4711%4010.0.0.1' }), 404)
  t.equal(statusOf({ params: ';history-type=session' }), 480)
  t.equal(statusOf({ params: ';since=tomorrow' }), 400)
  t.equal(statusOf({ params: ';history-type=tunes' }), 400)
  t.equal(statusOf({ references: [] }), 400)
  t.equal(statusOf({ attributes: ['sendonly'] }), 488)
  t.equal(statusOf({ acceptTypes: 'text/plain', params: ';history-type=pager' }), 488)
  t.equal(statusOf({ acceptTypes: 'text/plain', references: referencesOf(run) }), 488)
  t.same(inbox.sends, [])
  t.equal(statusOf({}), 200)
  t.same(inbox.references, referencesOf(run))
})

t.test('history.enabled = false: the function is not there', async t => {
  const run = scenario('off', { config: '[history]\nenabled = false\n' })
  t.equal(fetchHistory(run, run.bob).status, 404)
  t.equal(fetchHistory(run, run.bob, { to: HISTORY.replace('history', 'nobody') }).status, 404)
})

t.test('one retrieval of a user at a time, of 32 users in parallel; each has an end', async t => {
  const world = new World('many')
  const users = Array.from({ length: 33 }, (_, index) => `user${index}`)
  const config = '[history]\nactive_default = true\n'
  const box = world.appliance({ users: users.map(user => `${user}:${user}`), config })
  const phones = users.map(user => world.phone(user))
  for (const [index, phone] of phones.entries())
    phones[(index + 1) % 33]!.message({ to: phone.phone.aor, body: 'text' })
  world.pass(10_000)
  for (const phone of phones) phone.phone.isMsrpMute = true
  const calls = phones.map(phone => beginHistory(phone))
  world.until(() => calls.every(({ status }) => status !== undefined), 'answers')
  t.equal(calls.filter(({ status }) => status === 200).length, 32)
  const refused = calls.find(({ status }) => status !== 200)!
  t.equal(refused.status, 503)
  t.equal(value(refused.answer!, 'retry-after'), '5')
  const again = beginHistory(phones.find((_, index) => calls[index]!.status === 200)!)
  world.until(() => again.status !== undefined, 'an answer')
  t.equal(again.status, 480)
  t.equal(value(again.answer!, 'retry-after'), '5')
  t.match(box.engine.describe(), { history_fetch: { running: 32 } })
  world.until(() => calls.every(isOver), 'the box has waited for long enough')
  world.pass(40_000)
  t.match(box.engine.describe(), { history_fetch: { running: 0 } })
})

t.test('a retrieval blocks no push, nor does a push block a retrieval', async t => {
  const run = kept('beside a push', 3)
  const { world, bob } = run
  const inbox = new HistoryInbox(bob)
  let release: (() => void) | undefined
  inbox.onSend = (now, send, answer) => {
    const isPushed = !send.body.includes('Content-ID: <h')
    if (isPushed) return answer(now, 200)
    release ??= () => bob.act(then => answer(then, 200))
  }
  const call = beginHistory(bob)
  world.until(() => release !== undefined, 'the first item is there and not answered')
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.calls.at(-1)?.ended !== undefined, 'everything was pushed')
  t.same(waitingFor(run), [])
  t.equal(call.ended, undefined)
  t.equal(inbox.items.length, 3)
})

/** Fetches, and goes on after what was given last, until a retrieval comes to its end. */
function fetchAll(run: Scenario, inbox: HistoryInbox): number {
  const { world, bob } = run
  for (let calls = 1; calls <= 20; calls++) {
    const last = inbox.references.at(-1)
    const call = beginHistory(bob, last === undefined ? {} : { params: `;after=${last.replace('@', '%40')}` })
    world.until(() => isOver(call), 'it is over, one way or the other', 600_000)
    if (call.status === 480 && value(call.answer!, 'retry-after') === undefined) return calls
    bob.act(now => call.hangUp(now))
    world.pass(30_000)
  }
  throw new Error(`not in 20 calls (SEED=${world.seed})`)
}

/** Of each item that came: once, whole, in its order. */
const wrongOf = (given: readonly GivenItem[], wanted: readonly string[]): string[] => {
  const references = given.map(({ reference }) => reference)
  return references.join() === wanted.join() ? [] : [`${references.join()} instead of ${wanted.join()}`]
}

t.test(
  'HIS-DLV: wherever the connection breaks, going on after the last reference brings the rest, once and in order',
  async t => {
    const wrong: string[] = []
    let calls = 0
    for (let cut = 0; cut < 30; cut++) {
      const run = kept(`cut ${cut}`, 12)
      const inbox = new HistoryInbox(run.bob)
      run.world.network.cutAt('msrp', cut * 420)
      calls += fetchAll(run, inbox)
      wrong.push(...wrongOf(inbox.items, referencesOf(run)).map(what => `cut ${cut}: ${what}`))
    }
    t.same(wrong, [])
    t.ok(calls > 30 * 2 + 15, 'connections were cut')
  },
)

t.test('HIS-DLV: a power cut at any step, over a bad network: nothing is lost, and nothing comes twice', async t => {
  const wrong: string[] = []
  let crashes = 0
  for (let seed = 0; seed < 24; seed++) {
    const run = kept(`crash ${seed}`, 12, { faults: LOSSY, bob: { transport: seed % 2 ? 'udp' : 'tcp' } })
    const inbox = new HistoryInbox(run.bob)
    const wanted = referencesOf(run)
    run.box.plan = { after: 'step', count: 5 + seed * 5, downMs: 3000 }
    fetchAll(run, inbox)
    crashes += run.box.crashes
    wrong.push(...wrongOf(inbox.items, wanted).map(what => `seed ${seed}: ${what}`))
    if (!run.box.isUp) throw new Error('down')
  }
  t.same(wrong, [])
  t.ok(crashes > 18, `${crashes} crashes`)
})

t.test('HIS-DLV-06: a session that was broken off comes once more from its beginning, octet for octet', async t => {
  const run = beside('broken session', { alice: { transport: 'tcp' } })
  const both = chat(run)
  talk(run, both, ['one', 'y'.repeat(200_000), 'three'])
  hangUp(run, both.call)
  const whole = new HistoryInbox(run.bob)
  fetchHistory(run, run.bob)
  const bodies = whole.items[0]!.sends.map(({ body }) => body.toString())
  for (const at of [5000, 50_000, 150_000]) {
    const inbox = new HistoryInbox(run.bob)
    run.world.network.cutAt('msrp', at)
    const call = beginHistory(run.bob)
    run.world.until(() => isOver(call), 'it is over')
    run.bob.act(now => call.hangUp(now))
    run.world.pass(30_000)
    t.ok(inbox.sends.length <= bodies.length)
    const again = new HistoryInbox(run.bob)
    fetchHistory(run, run.bob, { references: referencesOf(run) })
    t.same(
      again.items[0]!.sends.map(({ body }) => body.toString()),
      bodies,
    )
  }
})

t.test('a client that takes its time has no more than a window on its way, and gets it all', async t => {
  const run = beside('slow', { alice: { transport: 'tcp' } })
  const both = chat(run)
  talk(
    run,
    both,
    Array.from({ length: 30 }, (_, index) => `${index}`.repeat(10_000)),
  )
  hangUp(run, both.call)
  const inbox = new HistoryInbox(run.bob)
  const open: (() => void)[] = []
  let most = 0
  inbox.onSend = (_now, _send, answer) => {
    open.push(() => run.bob.act(then => answer(then, 200)))
    most = Math.max(most, open.length)
  }
  const call = beginHistory(run.bob)
  while (!isOver(call)) {
    run.world.until(() => open.length > 0 || isOver(call), 'something comes')
    run.world.pass(2000)
    for (const answer of open.splice(0, 4)) answer()
  }
  t.equal(call.ended, 'bye')
  t.ok(most > 2 && most <= 16, `${most} at once`)
  const [item] = historyOf(run.world, run.box, BOB)
  t.equal(inbox.items[0]!.sends.length, item!.count)
})

t.test('what is removed while it is sent is skipped, what the client refuses keeps nothing back', async t => {
  const run = kept('vanishing', 40)
  const { world, box, bob } = run
  const references = referencesOf(run)
  const inbox = new HistoryInbox(bob)
  let seen = 0
  inbox.onSend = (now, _send, answer) => {
    seen++
    if (seen === 1)
      for (const at of [25, 39]) box.ask('history.remove', { aor: BOB, reference: references[at]! }, () => {})
    answer(now, seen === 3 ? 413 : 200)
  }
  const call = fetchHistory(run, bob)
  t.equal(call.ended, 'bye')
  world.pass(1000)
  t.same(
    inbox.references,
    references.filter((_, at) => at !== 25 && at !== 39),
  )
  t.equal(box.counters.get('history_passed_over', 'refused'), 1)
})

t.test('hanging up, and switching the box off, end it at once', async t => {
  const run = kept('hang up', 40)
  const { world, bob, box } = run
  const inbox = new HistoryInbox(bob)
  inbox.onSend = () => {}
  const call = beginHistory(bob)
  world.until(() => inbox.sends.length > 0, 'it has begun')
  bob.act(now => call.hangUp(now))
  world.pass(2000)
  t.match(box.engine.describe(), { history_fetch: { running: 0 } })
  inbox.onSend = (now, _send, answer) => answer(now, 200)
  const other = beginHistory(bob)
  const before = inbox.sends.length
  world.until(() => inbox.sends.length > before, 'it has begun')
  box.stop()
  world.until(() => other.ended !== undefined, 'BYE')
  t.equal(other.ended, 'bye')
  t.equal(fetchHistory(run, run.alice).status, 503)
})

/** Puts a session into bob's history; its reference. */
function sessionOf({ world, box }: Scenario, pieces: readonly HistoryPiece[]): string {
  const receivedAt = world.clock.now().wall
  const open = world.ask(box, 'history.open', { ...sessionOpened(1, { receivedAt }), isAskedFor: true })
  if (typeof open === 'string' || open.record === undefined) throw new Error(JSON.stringify(open))
  const { record } = open
  for (let at = 0; at < pieces.length; at += 8)
    world.ask(box, 'history.append', { record, pieces: pieces.slice(at, at + 8), limits: HISTORY_LIMITS })
  world.ask(box, 'history.close', { record, at: receivedAt, keep: true })
  return historyOf(world, box, BOB).find(({ kind }) => kind === 'session')!.reference
}

t.test(
  'a session that is removed while it is sent, or a message in it that is refused, is not gone on with',
  async t => {
    const run = scenario('session vanishing')
    const { world, box, bob } = run
    keep(run, bob, { pager: true })
    const chunk = (at: number) =>
      sendWritten(`id${at}xx`, 'x'.repeat(5000), { messageId: 'long', range: `${at * 5000 + 1}-*/*`, flag: '+' })
    const chunks = Array.from({ length: 200 }, (_, at) => chunk(at))
    const reference = sessionOf(run, [...chunks, sendWritten('last', 'the end', { messageId: 'last' })])
    say(run, ['after it'])
    const refusing = new HistoryInbox(bob)
    refusing.onSend = (now, { head }, answer) => answer(now, head.messageId === 'long' ? 413 : 200)
    t.equal(fetchHistory(run, bob).ended, 'bye')
    t.ok(refusing.items[0]!.sends.length < 100, 'not all of what was refused')
    t.equal(refusing.items[0]!.sends.at(-1)!.body.toString(), 'the end')
    t.equal(refusing.items.length, 2)
    const removing = new HistoryInbox(bob)
    removing.onSend = (now, _send, answer) => {
      if (removing.sends.length === 2) box.ask('history.remove', { aor: BOB, reference }, () => {})
      answer(now, 200)
    }
    t.equal(fetchHistory(run, bob).ended, 'bye')
    t.ok(removing.items[0]!.sends.length < 200)
    t.match(removing.items[1]!.parts[0]!.body.toString(), 'after it')
    world.pass(1000)
    t.equal(box.counters.get('history_passed_over', 'gone'), 1)
  },
)

t.test('RFC 4975 7.1.1: a client that has fallen silent is sent no more', async t => {
  const run = kept('silent', 40)
  const inbox = new HistoryInbox(run.bob)
  inbox.onSend = () => {}
  const call = beginHistory(run.bob)
  run.world.until(() => isOver(call), 'the box has waited for long enough')
  t.equal(call.ended, 'bye')
  t.ok(inbox.sends.length <= 16)
})

t.test(
  'docs/protocol.md history: of twelve megabytes a client that does not answer has a window on its way, and then all of it',
  async t => {
    const run = scenario('twelve megabytes', { bob: { transport: 'tcp' } })
    const { world, bob } = run
    const said = Array.from({ length: 4 }, (_, at) =>
      sendWritten(`long${at}`, Buffer.alloc(3_000_000, `${at}\r\n-----`)),
    )
    sessionOf(
      run,
      said.flatMap(send => inPieces(send, 65_536)),
    )
    const inbox = new HistoryInbox(bob)
    const held: (() => void)[] = []
    inbox.onSend = (_now, _send, answer) => void held.push(() => bob.act(then => answer(then, 200)))
    const before = world.network.streamBytes.msrp
    const call = beginHistory(bob)
    world.until(() => held.length > 0, 'it has begun')
    world.pass(20_000)
    t.ok(world.network.streamBytes.msrp - before < 1_000_000, `${world.network.streamBytes.msrp - before} on their way`)
    inbox.onSend = (now, _send, answer) => answer(now, 200)
    for (const answer of held) answer()
    world.until(() => isOver(call), 'the rest')
    t.equal(call.ended, 'bye')
    const bodies = new Map<string, Buffer[]>()
    for (const { head, body } of inbox.items[0]!.sends)
      bodies.set(head.messageId!, [...(bodies.get(head.messageId!) ?? []), body])
    t.same([...bodies.keys()], ['long0', 'long1', 'long2', 'long3'])
    for (const [at, parts] of [...bodies.values()].entries())
      t.ok(Buffer.concat(parts).equals(Buffer.alloc(3_000_000, `${at}\r\n-----`)), 'octet for octet')
  },
)
