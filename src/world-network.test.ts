import t from 'tap'
import { BOB, breaches, say, scenario, texts } from './testing/scenario.ts'
import { seeds } from './testing/seeds.ts'
import { LOSSY, PERFECT } from './testing/simulated-network.ts'

const CONFIG = '[delivery]\nretry_min_s = 1\nretry_max_s = 4\n'

t.test('RFC 3261 17: 20 % loss, doubled and overtaking datagrams lose, change or repeat nothing', async t => {
  for (const seed of seeds(60)) {
    const run = scenario(seed, { config: CONFIG, faults: LOSSY })
    const { world, alice, bob } = run
    for (const text of texts(6)) {
      alice.message({ to: BOB, body: text })
      world.pass(world.entropy.below(400))
      if (text === 'text 3') bob.register({ isInstantMessaging: world.entropy.chance(0.5) })
    }
    world.pass(60_000)
    world.network.faults = PERFECT
    bob.register()
    world.pass(60_000)
    // A lost answer may make the client give up on a message that arrived: one for each that was answered by nobody.
    t.same(breaches(run, 2), [], `SEED=${seed}`)
    t.ok(alice.sent.filter(({ status }) => status === 202 || status === 200).length >= 5, `SEED=${seed}`)
  }
})

t.test('RFC 3261 17.1.2: with loss alone the receiver sees each message once', async t => {
  for (const seed of seeds(40)) {
    const run = scenario(seed, { config: CONFIG, faults: { ...PERFECT, loss: 0.2 } })
    run.bob.register()
    run.world.pass(20_000)
    say(run, texts(4))
    run.world.pass(60_000)
    t.same(breaches(run, 0), [], `SEED=${seed}`)
  }
})

t.test('RFC 3261 18.3, RFC 4975 7.1: streams cut into any pieces carry the same', async t => {
  for (const seed of seeds(30)) {
    const faults = { ...PERFECT, latencyMaxMs: 20, segmentMax: 1 + (Number(seed) % 40) }
    const run = scenario(seed, { config: CONFIG, faults, alice: { transport: 'tcp' }, bob: { transport: 'tcp' } })
    say(run, texts(6))
    run.bob.register({ isInstantMessaging: Number(seed) % 3 !== 0 })
    run.world.pass(20_000)
    t.same(breaches(run, 0), [], `SEED=${seed}`)
    t.same(run.bob.texts, texts(6), `SEED=${seed}`)
  }
})

t.test('RFC 4975 7.1.1: a phone that falls off the network during a push gets the rest when it is back', async t => {
  for (const seed of seeds(10)) {
    const run = scenario(seed, { config: CONFIG })
    const { world, bob } = run
    say(run, texts(40))
    bob.phone.behaviour.message = (_now, _arrived, number) => {
      if (number === 20) world.network.darken(bob.address, true)
      return 200
    }
    bob.register({ isInstantMessaging: true })
    world.pass(150_000)
    world.network.darken(bob.address, false)
    bob.register({ isInstantMessaging: true })
    world.pass(90_000)
    t.same(breaches(run, 20), [], `SEED=${seed}`)
  }
})

t.test('RFC 5626 5.3: a restart closes every stream; the phone registers anew and gets the rest', async t => {
  const run = scenario('streams', { config: CONFIG, bob: { transport: 'tcp' } })
  const { world, box, bob } = run
  bob.register()
  world.pass(1000)
  box.crashFor(2000)
  world.pass(5000)
  t.same(say(run, ['while the stream is gone']).length, 1)
  bob.register()
  world.pass(60_000)
  t.same(breaches(run, 0), [])
  t.same(bob.texts, ['while the stream is gone'])
})

t.test('two appliances in one world do not meet', async t => {
  const run = scenario('two boxes')
  const { world, alice } = run
  const other = world.appliance({ name: 'other', address: '10.0.0.2', users: ['alice:alice', 'bob:bob'] })
  const there = world.phone('alice', { box: '10.0.0.2' })
  const sent = there.message({ to: BOB, body: 'there' })
  world.until(() => sent.status !== undefined, 'an answer')
  alice.message({ to: BOB, body: 'here' })
  world.pass(5000)
  t.equal(world.ask(other, 'status', {}).waiting, 1)
  t.equal(world.ask(run.box, 'status', {}).waiting, 1)
})
