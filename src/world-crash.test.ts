import t from 'tap'
import { type PromiseOptions, promiseBreaches } from './testing/promise.ts'
import { seeds } from './testing/seeds.ts'
import type { CrashPlan, SimulatedAppliance } from './testing/simulated-appliance.ts'
import { type Faults, LOSSY, PERFECT } from './testing/simulated-network.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'
import { World } from './testing/world.ts'

const BOB = 'sip:bob@example.org'
const RETRY = '[delivery]\nretry_min_s = 1\nretry_max_s = 4\n'
const QUICK = `[auth]\ndigest = false\n${RETRY}`

interface Run {
  readonly world: World
  readonly box: SimulatedAppliance
  readonly alice: SimulatedPhone
  readonly carol: SimulatedPhone
  readonly bob: SimulatedPhone
}

/** Two senders write to somebody who is away, who comes back while they still write; meanwhile what the plan says happens. */
function story(
  seed: number | string,
  plan?: CrashPlan,
  faults: Faults = PERFECT,
  form: 'msrp' | 'message' = 'msrp',
  config = QUICK,
): Run {
  const world = new World(seed, faults)
  const box = world.appliance({ users: ['alice:alice', 'bob:bob', 'carol:carol'], config })
  box.plan = plan
  const [alice, carol, bob] = [world.phone('alice'), world.phone('carol'), world.phone('bob')]
  const say = (phone: SimulatedPhone, text: string) => phone.message({ to: BOB, body: text })
  for (const number of [1, 2, 3]) {
    say(alice, `alice ${number}`)
    say(carol, `carol ${number}`)
    world.pass(5)
  }
  bob.register({ isInstantMessaging: form === 'msrp' })
  for (const number of [4, 5]) {
    world.pass(4)
    say(alice, `alice ${number}`)
  }
  world.until(() => [...alice.sent, ...carol.sent].every(({ status }) => status !== undefined), 'all answered')
  world.pass(1500)
  return { world, box, alice, carol, bob }
}

/** Bob comes back for good, and everything has the time that it needs. */
function settled({ world, box, alice, carol, bob }: Run, repeatsMax: number, isIm = true): string[] {
  box.plan = undefined
  world.until(() => box.isUp, 'the box is up')
  bob.register({ isInstantMessaging: isIm })
  world.pass(90_000)
  const options: PromiseOptions = {
    recipient: BOB,
    senders: [alice, carol],
    receivers: [bob],
    repeatsMax,
    isAllDelivered: true,
  }
  return promiseBreaches(world, box, options)
}

/** A crash at each of the first `counts` moments of that kind, each in a world of its own. */
function sweep(after: CrashPlan['after'], counts: number, form: 'msrp' | 'message', worlds = 1) {
  const failed: string[] = []
  let crashes = 0
  for (let count = 1; count <= counts; count++) {
    for (const seed of seeds(worlds).map(seed => `${seed} ${count}`)) {
      const run = story(seed, { after, count, downMs: 300 }, PERFECT, form)
      const breaches = settled(run, 0, form === 'msrp')
      crashes += run.box.crashes
      if (breaches.length > 0) failed.push(`SEED=${seed.split(' ')[0]} ${after} ${count}: ${breaches.join('; ')}`)
    }
  }
  return { failed, crashes }
}

t.test('DM-DLV-03, DM-PSH-01: without faults everything arrives once and in order', async t => {
  for (const seed of seeds(20)) {
    const run = story(seed)
    t.same(settled(run, 0), [], `SEED=${seed}`)
    t.equal(run.box.crashes, 0)
    t.ok(run.alice.sent.every(({ status }) => status === 202 || status === 200))
  }
})

t.test('DM-DEC-02: no crash after any output of the box loses what was answered 202', async t => {
  for (const form of ['msrp', 'message'] as const) {
    const { failed, crashes } = sweep('output', 66, form)
    t.same(failed, [])
    t.ok(crashes > 45, `${crashes} crashes`)
  }
})

t.test('DM-DEC-02: no crash between a flush and its answer loses anything or repeats it beyond the window', async t => {
  const { failed, crashes } = sweep('flush', 9, 'msrp', 4)
  t.same(failed, [])
  t.ok(crashes > 24, `${crashes} crashes`)
})

t.test(
  'DM-DEC-02: no crash at any step of the world, a flush under way included, loses what was answered 202',
  async t => {
    const { failed, crashes } = sweep('step', 90, 'msrp')
    t.same(failed, [])
    t.ok(crashes > 80, `${crashes} crashes`)
  },
)

t.test(
  'DM-DEC-02: with digest, whose challenges a crash makes stale, nothing answered 202 is lost or repeated',
  async t => {
    let crashes = 0
    for (const seed of seeds(40)) {
      const plan = { after: 'step', count: 10 + Number(seed) * 3, downMs: 300 } as const
      const run = story(`digest ${seed}`, plan, PERFECT, 'msrp', RETRY)
      t.same(settled(run, 0), [], `SEED=${seed}`)
      crashes += run.box.crashes
    }
    t.ok(crashes > 25, `${crashes} crashes`)
  },
)

t.test('DM-DEC-02: one crash after another on a bad network loses nothing that was answered 202', async t => {
  let crashes = 0
  for (const seed of seeds(25)) {
    const run = story(seed, undefined, LOSSY)
    const { world, box, alice, bob } = run
    for (let crash = 0; crash < 4; crash++) {
      box.plan = { after: 'step', count: 1 + world.entropy.below(60), downMs: world.entropy.below(3000) }
      alice.message({ to: BOB, body: `alice late ${crash}` })
      bob.register({ isInstantMessaging: crash % 2 === 0 })
      world.pass(4000)
    }
    t.same(settled(run, 3), [], `SEED=${seed}`)
    crashes += box.crashes
  }
  t.ok(crashes > 20, `${crashes} crashes`)
})

t.test('RFC 3428 8: a request repeated after a crash is answered 202 and kept once', async t => {
  const world = new World('repeated')
  const box = world.appliance({ users: ['alice:alice', 'bob:bob'], config: QUICK })
  const alice = world.phone('alice')
  const first = alice.message({ to: BOB, body: 'once' })
  world.until(() => first.status !== undefined, 'an answer')
  box.crashFor(1000)
  world.pass(40_000)
  const { callId, cseq, fromTag } = first
  const again = alice.message({ to: BOB, body: 'once', callId, cseq, fromTag })
  world.until(() => again.status !== undefined, 'an answer')
  t.equal(again.status, 202)
  t.equal(world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 10 }).length, 1)
})
