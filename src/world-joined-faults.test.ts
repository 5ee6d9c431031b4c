import t from 'tap'
import { beside, chat, dial, hangUp, items, keep, saidBy, talk, Wire } from './testing/chat.ts'
import { BOB } from './testing/scenario.ts'
import { BAD_DISK, GOOD_DISK } from './testing/simulated-disk.ts'

t.test(
  'flash that is too slow cuts the record short, is counted, and the session goes on at its own speed',
  async t => {
    const run = beside('slow')
    const both = chat(run)
    talk(run, both, ['before'])
    run.box.disk.faults = { ...GOOD_DISK, flushMinMs: 20_000, flushMaxMs: 20_000 }
    const startedAt = run.world.clock.at
    talk(run, both, [...Array<string>(6).fill('x'.repeat(700_000)), 'after'])
    t.ok(run.world.clock.at - startedAt < 10_000, 'nobody waits for flash')
    t.equal(run.box.counters.get('history_cut_short'), 1)
    run.box.disk.faults = GOOD_DISK
    hangUp(run, both.call)
    run.world.pass(60_000)
    const [item] = items(run, BOB)
    t.equal(item!.state, 'cut short')
    t.ok(item!.count >= 2)
    t.match(item!.heads.bye?.toString(), /^BYE /)
    t.match(run.box.engine.describe().histories, { joined: { open: 0, calls: 0 }, memory: { used: 0 } })
  },
)

t.test('a session faster than flash goes as fast as flash, and all of it is recorded', async t => {
  const run = beside('held')
  const wire = new Wire(run, run.alice, run.bob)
  const both = chat(run)
  talk(run, both, ['before'])
  run.box.disk.faults = { ...GOOD_DISK, flushMinMs: 500, flushMaxMs: 900 }
  talk(run, both, Array<string>(5).fill('x'.repeat(900_000)))
  run.box.disk.faults = GOOD_DISK
  hangUp(run, both.call)
  const [item] = items(run, BOB)
  t.equal(item!.state, 'whole')
  t.equal(saidBy(item!, 'caller'), wire.said(run.alice).toString('latin1'))
  t.equal(saidBy(item!, 'callee'), wire.said(run.bob).toString('latin1'))
})

t.test('flash that is full or fails: nothing or less is recorded, and all that is said arrives', async t => {
  const full = beside('full')
  const one = chat(full)
  full.box.disk.freeBytes = 1000
  hangUp(full, one.call)
  const two = chat(full, { keeps: [] })
  talk(full, two, ['hello'])
  hangUp(full, two.call)
  t.equal(items(full, BOB).length, 1, 'the one from before')
  t.equal(full.box.counters.get('history_cut_short'), 1)

  for (let seed = 0; seed < 5; seed++) {
    const bad = beside(`bad ${seed}`)
    keep(bad, bad.bob, { session: true })
    bad.box.disk.faults = BAD_DISK
    for (let calls = 0; calls < 4; calls++) {
      const call = dial(bad, { keeps: [] })
      bad.world.until(() => call.status !== undefined, 'an answer')
      if (call.status !== 200) continue
      const both = { call, answered: bad.bob.calls.at(-1)! }
      talk(bad, both, ['one', 'two', 'three'])
      hangUp(bad, call)
    }
    bad.box.disk.faults = GOOD_DISK
    bad.world.pass(300_000)
    t.ok(items(bad, BOB).every(({ state }) => state !== 'open'))
    t.match(bad.box.engine.describe().histories, { joined: { open: 0, calls: 0 }, memory: { used: 0 } })
  }
})

t.test('a quota for one item cuts it short, and the session goes on', async t => {
  const run = beside('quota', { config: '[history]\nquota_bytes = 100000\n' })
  const both = chat(run)
  talk(run, both, ['x'.repeat(80_000), 'y'.repeat(80_000), 'after'])
  hangUp(run, both.call)
  t.match(items(run, BOB), [{ state: 'cut short' }])
  t.ok(items(run, BOB)[0]!.size <= 100_000)
})

t.test('sessions that cannot be joined go end to end: too many, no listener, another transport', async t => {
  const crowd = beside('crowd')
  const calls = Array.from({ length: 52 }, (_, index) => chat(crowd, index > 0 ? { keeps: [] } : {}))
  t.equal(crowd.box.counters.get('history_not_recorded', 'too many sessions of one address'), 4)
  talk(crowd, calls[50]!, ['end to end'])
  talk(crowd, calls[0]!, ['recorded'])
  for (const { call } of calls) crowd.alice.act(now => call.hangUp(now))
  crowd.world.pass(20_000)
  t.equal(items(crowd, BOB).length, 48)
  t.match(crowd.box.engine.describe().histories, { joined: { open: 0, calls: 0 } })

  const secure = beside('secure', { alice: { transport: 'udp' } })
  const both = chat(secure, { attributes: ['sendrecv', 'path:msrp://10.0.1.9:1/x;ws'] })
  hangUp(secure, both.call)
  t.equal(secure.box.counters.get('history_not_recorded', 'MSRP over something else than TCP'), 1)
  t.same(items(secure, BOB), [])
})

t.test(
  'a crash at any moment: what was recorded is the beginning of what was said, and no record stays open',
  async t => {
    for (let count = 1; count <= 60; count += 4) {
      for (const after of ['output', 'flush'] as const) {
        const run = beside(`crash ${after} ${count}`)
        const wire = new Wire(run, run.alice, run.bob)
        const call = dial(run)
        run.box.plan = { after, count: after === 'flush' ? Math.ceil(count / 6) : count, downMs: 1000 }
        run.world.pass(200)
        run.alice.act(now => call.send(now, Buffer.from('a'.repeat(5000))))
        run.bob.act(now => run.bob.calls.at(-1)?.send(now, 'b'.repeat(5000)))
        run.world.pass(300)
        run.alice.act(now => call.send(now, Buffer.from('more')))
        run.world.pass(300)
        // A second time, for the INVITE that got through only after the crash.
        for (const waitMs of [60_000, 60_000]) {
          run.alice.act(now => call.hangUp(now))
          run.world.pass(waitMs)
        }
        t.ok(run.box.isUp)
        for (const item of items(run, BOB)) {
          t.not(item.state, 'open')
          t.ok(wire.said(run.alice).toString('latin1').startsWith(saidBy(item, 'caller')))
          t.ok(wire.said(run.bob).toString('latin1').startsWith(saidBy(item, 'callee')))
        }
        t.match(run.box.engine.describe().histories, { joined: { open: 0, calls: 0 } })
      }
    }
  },
)
