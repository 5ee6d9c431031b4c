import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { LargeCall } from './testing/large-call.ts'
import { BOB, type Scenario, scenario } from './testing/scenario.ts'
import { seeds } from './testing/seeds.ts'
import type { CrashPlan } from './testing/simulated-appliance.ts'
import { BAD_DISK, GOOD_DISK } from './testing/simulated-disk.ts'
import { type Faults, LOSSY, PERFECT } from './testing/simulated-network.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'
import type { World } from './testing/world.ts'

const QUICK = '[auth]\ndigest = false\n[delivery]\nretry_min_s = 1\nretry_max_s = 4\n'
const TRIES_MAX = 40

/** Octets of which no two stretches are alike, and no two messages. */
const contentOf = (length: number, number: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => Math.imul(at + number * 7919, 2654435761) >>> 13))

interface Sending {
  readonly phone: SimulatedPhone
  readonly bodies: readonly Buffer[]
  call: LargeCall
  next: number
  tries: number
}

const begin = (phone: SimulatedPhone, bodies: readonly Buffer[]): Sending => ({
  ...{ phone, bodies, next: 0, tries: 0 },
  call: dial(phone, bodies, 0),
})

function dial(phone: SimulatedPhone, bodies: readonly Buffer[], from: number): LargeCall {
  return phone.act(now => {
    const call = new LargeCall(phone.phone, now, { to: BOB })
    for (const [at, body] of bodies.entries())
      if (at >= from) call.send(now, body, 'application/octet-stream', `message-${at}`)
    return call
  })
}

/** As a patient client does: what was not answered 200 is sent again in a new session. True when all was. */
function pursue(sending: Sending): boolean {
  const { phone, bodies, call } = sending
  while (sending.next < bodies.length) {
    const sent = call.sent.find(({ messageId }) => messageId === `message-${sending.next}`)
    if (!sent?.outcome || !('status' in sent.outcome) || sent.outcome.status !== 200) break
    sending.next++
  }
  const isOver =
    call.closed !== undefined || call.ended !== undefined || (call.status !== undefined && call.status >= 300)
  if (sending.next === bodies.length) {
    phone.act(now => call.hangUp(now))
    return true
  }
  if (!isOver) return false
  if (++sending.tries > TRIES_MAX) throw new Error(`given up: ${call.status} ${call.closed} ${call.ended}`)
  sending.call = dial(phone, bodies, sending.next)
  return false
}

function sendAll(world: World, sendings: readonly Sending[]): void {
  let last = 0
  world.until(
    () => {
      // A client does not dial again the very same moment.
      if (world.clock.at < last + 500) return false
      last = world.clock.at
      return sendings.map(pursue).every(isDone => isDone)
    },
    'everything is taken',
    3_600_000,
  )
}

/** Breaches of the promise, in words. */
function judged({ world, box, bob }: Scenario, sendings: readonly Sending[], repeatsMax: number): string[] {
  const breaches: string[] = []
  const bodies = sendings.flatMap(each => each.bodies)
  const taken = bob.phone.inbox.taken
  for (const body of bodies) {
    const times = taken.filter(arrived => arrived.body.equals(body)).length
    if (times === 0) breaches.push(`lost: ${body.length} octets`)
    if (times > 1 + repeatsMax) breaches.push(`${times} times: ${body.length} octets`)
  }
  for (const { body } of taken) if (!bodies.some(each => each.equals(body))) breaches.push(`altered: ${body.length}`)
  const waiting = world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 1000 })
  if (waiting.length > 0) breaches.push(`waiting: ${waiting.length}`)
  if (world.ask(box, 'upload.clear', {}) > 0) breaches.push('an upload was left')
  if (world.ask(box, 'sweep', { limit: 10_000 }) > 0) breaches.push('blocks were left')
  return breaches
}

/** Three messages to somebody who is away, who comes back; the plan strikes somewhere in between. */
function story(seed: string, plan?: CrashPlan, faults: Faults = PERFECT, during: (run: Scenario) => void = () => {}) {
  const run = scenario(seed, { config: QUICK, faults, bob: { transport: 'tcp' } })
  const { world, box, alice, bob } = run
  during(run)
  box.plan = plan
  const sending = begin(alice, [contentOf(300_000, 1), contentOf(10, 2), contentOf(150_000, 3)])
  sendAll(world, [sending])
  bob.register({ isInstantMessaging: true })
  world.pass(3000)
  box.plan = undefined
  box.disk.faults = GOOD_DISK
  world.until(() => box.isUp, 'the box is up')
  bob.register({ isInstantMessaging: true })
  world.pass(120_000)
  return { breaches: judged(run, [sending], sending.tries + box.crashes), crashes: box.crashes }
}

function sweep(after: CrashPlan['after'], counts: readonly number[], faults?: Faults) {
  const failed: string[] = []
  let crashes = 0
  for (const count of counts) {
    for (const seed of seeds(1)) {
      const { breaches, crashes: struck } = story(`${seed} ${after} ${count}`, { after, count, downMs: 300 }, faults)
      crashes += struck
      failed.push(...breaches.map(breach => `crash at ${after} ${count}: ${breach} (SEED=${seed})`))
    }
  }
  return { failed, crashes }
}

const upTo = (count: number, step: number): number[] => Array.from({ length: count }, (_, at) => 1 + at * step)

t.test('DM-STO-07: a power cut at every output loses nothing that was answered, and leaves nothing behind', async t => {
  const { failed, crashes } = sweep('output', upTo(55, 1))
  t.same(failed, [])
  t.ok(crashes > 40, `${crashes} crashes`)
})

t.test('a power cut at every flush', async t => {
  const { failed, crashes } = sweep('flush', upTo(12, 1))
  t.same(failed, [])
  t.ok(crashes > 8, `${crashes} crashes`)
})

t.test('a power cut at any segment of the transfer', async t => {
  const segments: Faults = { ...PERFECT, segmentMax: 16_384 }
  const { failed, crashes } = sweep('step', upTo(40, 7), segments)
  t.same(failed, [])
  t.ok(crashes > 25, `${crashes} crashes`)
})

t.test('over a network that loses, doubles, delays and cuts', async t => {
  for (const seed of seeds(6)) t.same(story(`lossy ${seed}`, undefined, LOSSY).breaches, [], `SEED=${seed}`)
})

t.test('with a disk that is slow, full at times, and fails', async t => {
  for (const seed of seeds(6)) {
    const { breaches } = story(`disk ${seed}`, undefined, PERFECT, ({ box }) => {
      box.disk.faults = BAD_DISK
    })
    t.same(breaches, [], `SEED=${seed}`)
  }
})

t.test(
  'DM-DEC-05: flash that fills in mid-transfer is 413 and BYE; nothing is left, and what waited before is safe',
  async t => {
    const run = scenario('filling', { config: QUICK })
    const { world, box, alice } = run
    sendAll(world, [begin(alice, [contentOf(200_000, 1)])])
    const { flushes } = box.disk
    const call = dial(alice, [contentOf(900_000, 2)], 0)
    world.until(() => call.status === 200 && box.disk.flushes > flushes + 1, 'it is coming in')
    box.disk.freeBytes = 1000
    world.until(() => call.ended !== undefined, 'the BYE')
    t.equal(call.ended, 'bye')
    t.match(call.sent[0]?.outcome, { status: 413 })
    box.disk.freeBytes = Number.MAX_SAFE_INTEGER
    world.pass(20_000)
    t.equal(world.ask(box, 'upload.clear', {}), 0)
    t.equal(world.ask(box, 'sweep', { limit: 10_000 }), 0)
    t.equal(world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 10 }).length, 1)
  },
)

t.test('a quota that two senders fill at once takes one of them and refuses the other', async t => {
  const quota = '[deferral]\nmax_message_bytes = 500000\nquota_bytes = 500000\n'
  const run = scenario('two senders', { config: `${QUICK}${quota}` })
  const { world, box, alice } = run
  const carol = world.phone('carol')
  // Neither says how much is to come, so that the room runs out under way.
  const source = (body: Buffer) => ({
    length: body.length,
    read: (
      now: Parameters<LargeCall['send']>[0],
      at: number,
      max: number,
      done: (then: typeof now, bytes: Buffer) => void,
    ) => done(now, body.subarray(at, at + Math.min(max, 10_000))),
  })
  const calls = [alice, carol].map((phone, i) =>
    phone.act(now => {
      const call = new LargeCall(phone.phone, now, { to: BOB })
      call.send(now, source(contentOf(300_000, i)))
      return call
    }),
  )
  world.until(() => calls.every(({ status, ended, sent }) => (status ?? 0) >= 300 || ended || sent[0]?.outcome), 'both')
  world.pass(20_000)
  const outcomes = calls.map(({ status, sent }) =>
    status === 200 ? (sent[0]!.outcome as { status: number }).status : status,
  )
  t.same(outcomes.toSorted(), [200, 413])
  t.equal(world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 10 }).length, 1)
  for (const [i, phone] of [alice, carol].entries()) phone.act(now => calls[i]!.hangUp(now))
  world.pass(20_000)
  t.equal(world.ask(box, 'upload.clear', {}), 0)
})

t.test('a sender who hangs up, is cut off, or falls silent in the middle leaves nothing behind', async t => {
  const endings: [string, (run: Scenario, call: LargeCall) => void][] = [
    ['BYE', ({ alice }, call) => alice.act(now => call.hangUp(now))],
    ['connection lost', ({ world, alice }) => world.network.unplug(alice)],
    [
      'silence',
      ({ alice }) => {
        alice.phone.isMsrpMute = true
      },
    ],
  ]
  for (const [what, end] of endings) {
    const run = scenario(what, { config: QUICK })
    const { world, box, alice } = run
    const call = dial(alice, [contentOf(3_000_000, 1)], 0)
    const sessions = () => (box.engine.describe().large as { sessions: number }).sessions
    world.until(() => box.disk.flushes > 6, 'it is coming in')
    t.equal(sessions(), 1)
    end(run, call)
    world.pass(120_000)
    t.equal(sessions(), 0, what)
    t.equal(world.ask(box, 'upload.clear', {}), 0)
    t.equal(world.ask(box, 'sweep', { limit: 10_000 }), 0)
    t.same(world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 10 }), [])
  }
})

t.test('a stranger under many names has no more sessions than one sender; other strangers have theirs', async t => {
  const { world } = scenario('many names')
  const [eve, frank] = [
    world.phone('eve', { domain: 'elsewhere.test' }),
    world.phone('frank', { domain: 'elsewhere.test' }),
  ]
  const dialled = (phone: SimulatedPhone, name: string): LargeCall => {
    const call = phone.act(now => new LargeCall(phone.phone, now, { to: BOB, from: `<sip:${name}@elsewhere.test>` }))
    world.until(() => call.status !== undefined, 'an answer')
    return call
  }
  const calls = Array.from({ length: 17 }, (_, number) => dialled(eve, `eve${number}`))
  t.same(new Set(calls.slice(0, 16).map(({ status }) => status)), new Set([200]))
  t.equal(calls[16]?.status, 503)
  t.equal(value(calls[16]!.answer!, 'retry-after'), '30')
  t.equal(dialled(frank, 'frank').status, 200)
  eve.act(now => calls[0]!.hangUp(now))
  world.pass(1000)
  t.equal(dialled(eve, 'eve').status, 200)
})

t.test('DM-INV-02: an idle sender is hung up on, at its Contact', async t => {
  const { world, alice } = scenario('idle', { config: QUICK })
  const call = dial(alice, [contentOf(1000, 1)], 0)
  world.until(() => call.ended !== undefined, 'the BYE', 200_000)
  t.equal(call.ended, 'bye')
  t.equal(call.bye?.uri, alice.phone.contact)
})
