import t from 'tap'
import { ha1 } from './sip/digest.ts'
import { BOB, say, scenario } from './testing/scenario.ts'
import { GOOD_DISK } from './testing/simulated-disk.ts'
import { countsIn, ids, idsIn, Watch, watching } from './testing/watch.ts'

/** DM-DLV-02: nothing is pushed. */
const OFF = '[delivery]\nactive_default = false\n'

t.test('a message between the counts and the headers is told once, whenever it comes', async t => {
  for (let waitMs = 0; waitMs <= 240; waitMs += 20) {
    const run = scenario(`between ${waitMs}`, { config: OFF })
    const { world, alice, bob, box } = run
    say(
      run,
      Array.from({ length: 40 }, (_, index) => `text ${index}`),
    )
    box.disk.faults = { ...GOOD_DISK, readMaxMs: 20 }
    const watch = bob.act(now => new Watch(bob.phone, now))
    world.pass(waitMs)
    alice.message({ to: BOB, body: 'between' })
    world.pass(20_000)
    t.equal(countsIn(watch.bodies.at(-1)!), '41/0 (0/0)')
    t.same(
      ids(watch),
      Array.from({ length: 41 }, (_, index) => `sip:${index + 1}@10.0.0.1`),
      `${waitMs} ms`,
    )
  }
})

t.test('what is deleted while a NOTIFY is under way is no longer counted in the end', async t => {
  for (const answerMs of [0, 100, 700, 5000]) {
    const run = scenario(`delete ${answerMs}`, { config: OFF })
    const { world, bob, box } = run
    say(run, ['one', 'two', 'three'])
    const watch = bob.act(now => new Watch(bob.phone, now))
    watch.patienceMs = number => (number === 2 ? answerMs : 0)
    world.until(() => watch.told.length === 2, 'the headers are under way')
    world.ask(box, 'delete', { aor: BOB, seq: 2, at: world.clock.now().wall, detail: 'by the owner' })
    world.pass(40_000)
    t.equal(countsIn(watch.bodies.at(-1)!), '2/0 (0/0)', `${answerMs} ms`)
  }
})

t.test('two devices of a user are told alike, each by its own subscription', async t => {
  const run = scenario('two devices', { config: OFF })
  const tablet = run.world.phone('bob', { address: '10.0.1.77' })
  say(run, ['one'])
  const watches = [watching(run, run.bob), watching(run, tablet)]
  say(run, ['two'])
  run.world.pass(3000)
  for (const watch of watches) {
    t.same(ids(watch), ['sip:1@10.0.0.1', 'sip:2@10.0.0.1'])
    t.equal(countsIn(watch.bodies.at(-1)!), '2/0 (0/0)')
  }
})

t.test(
  'RFC 6665: subscriptions survive a restart; what came meanwhile is told, and a refresh is understood',
  async t => {
    const run = scenario('restart', { config: OFF })
    const { world, bob, box } = run
    say(run, ['one'])
    const watch = watching(run, bob)
    say(run, ['two'])
    world.pass(600)
    box.crashFor(3000)
    world.pass(60_000)
    t.equal(countsIn(watch.bodies.at(-1)!), '2/0 (0/0)')
    t.same(new Set(ids(watch)), new Set(['sip:1@10.0.0.1', 'sip:2@10.0.0.1']))
    say(run, ['three'])
    world.pass(3000)
    t.same(idsIn(watch.bodies.at(-1)!), ['sip:3@10.0.0.1'])
    bob.act(now => watch.refresh(now, 600))
    world.pass(2000)
    t.equal(watch.status, 200)
    const before = watch.told.length
    world.pass(700_000)
    t.match(watch.standing, /^terminated;reason=timeout/)
    t.equal(watch.told.length, before + 1)
    t.same(world.ask(box, 'subscription.list', { limit: 10 }), [])
  },
)

t.test('a subscription whose record nobody can read is dropped, and the others go on', async t => {
  const run = scenario('unreadable', { config: OFF })
  const { world, bob, box } = run
  const watch = watching(run, bob)
  world.ask(box, 'subscription.put', { id: 'broken', value: '{', max: 9 })
  world.ask(box, 'subscription.put', { id: 'strange', value: '{"id":"strange"}', max: 9 })
  box.crashFor(1000)
  world.pass(60_000)
  t.equal(world.ask(box, 'subscription.list', { limit: 10 }).length, 1)
  say(run, ['one'])
  world.pass(2000)
  t.equal(countsIn(watch.bodies.at(-1)!), '1/0 (0/0)')
})

t.test('RFC 6665 4.1.3: with its account a subscription ends', async t => {
  const run = scenario('removed', { config: OFF })
  const { world, box } = run
  const aor = 'sip:dave@example.org'
  const ha1Md5 = ha1('dave', 'example.org', 'dave', 'MD5')
  world.ask(box, 'account.put', { account: { aor, origin: 'store', ha1Md5 } })
  const watch = watching(run, world.phone('dave'))
  t.equal(watch.status, 200)
  world.ask(box, 'account.remove', { aor, at: world.clock.now().wall })
  world.pass(2000)
  t.equal(watch.standing, 'terminated;reason=noresource')
  t.same(world.ask(box, 'subscription.list', { limit: 10 }), [])
})
