import t from 'tap'
import { type RecordingScenario, recorded, recording, recordingScenario, refer } from './testing/recorded.ts'
import { BOB } from './testing/scenario.ts'
import { seeds } from './testing/seeds.ts'
import { LOSSY } from './testing/simulated-network.ts'

/** Longer than the session takes to be missed: a focus that is gone is asked by the session timer. */
const MISSED_MS = 2_000_000

for (const seed of seeds(15)) {
  t.test(`HIS-STO-04: with loss, duplication and torn streams everything is recorded once, seed ${seed}`, async t => {
    const run = recordingScenario(seed, { faults: LOSSY })
    const setup = Number(seed) % 2 === 0 ? 'active' : 'passive'
    run.focus.focus.factory = () => ({ status: 200, setup })
    const { member } = recording(run)
    for (let n = 0; n < 20; n++) {
      run.focus.say(BOB, Buffer.alloc(1 + n * 500, `${n} `))
      run.world.pass(200)
    }
    run.world.until(() => member.outcomes.length === 20, 'all answered')
    run.focus.end()
    run.world.pass(60_000)
    const [item, ...others] = recorded(run)
    t.same(others, [])
    t.equal(item?.entry.state, 'whole')
    const said = (sends: readonly Buffer[] = []) => sends.filter(send => send.includes('Content-Type'))
    t.same(said(item?.sends), said(run.focus.focus.wireTo(member)))
  })
}

t.test('a BYE that overtakes what was said last: it is waited for', async t => {
  for (const seed of seeds(20)) {
    const run = recordingScenario(`overtaking ${seed}`, { faults: { ...LOSSY, loss: 0 } })
    const { member } = recording(run)
    run.focus.act(now => {
      run.focus.focus.say(now, BOB, 'last words')
      run.focus.focus.end(now)
    })
    run.world.pass(20_000)
    t.same(
      recorded(run)[0]?.sends,
      run.focus.focus.wireTo(member).filter(send => send.includes('Content-Type')),
    )
    t.equal(recorded(run)[0]?.entry.state, 'whole')
  }
})

const closed = (run: RecordingScenario) => recorded(run).map(({ entry }) => entry.state)

t.test('the focus dies in the middle: the record is interrupted, not open for ever', async t => {
  const run = recordingScenario('focus crash')
  recording(run)
  run.focus.say(BOB, 'last words')
  run.world.pass(1000)
  run.focus.crash()
  run.world.pass(30_000)
  t.same(closed(run), ['interrupted'])
  t.equal(recorded(run)[0]?.sends.length, 1)
  run.world.pass(MISSED_MS)
  t.match(run.box.engine.describe(), { recordings: { running: 0 }, sessions: { active: 0 }, msrp: { sessions: 0 } })
})

t.test('a focus that goes dark without a word is missed by the session timer', async t => {
  const run = recordingScenario('dark')
  recording(run)
  run.focus.say(BOB, 'last words')
  run.world.pass(1000)
  run.world.network.darken(run.focus.address, true)
  run.world.pass(MISSED_MS)
  t.same(closed(run), ['interrupted'])
})

t.test('a box that is shut down says BYE, and its records are interrupted', async t => {
  const run = recordingScenario('shutdown')
  const { member } = recording(run)
  run.focus.say(BOB, 'one')
  run.world.pass(1000)
  run.box.stop()
  run.world.pass(5000)
  t.equal(member.ended, 'bye')
  t.same(closed(run), ['interrupted'])
  const late = refer(run, run.alice)
  run.world.until(() => late.status !== undefined, 'an answer')
  t.equal(late.status, 503)
})

for (const seed of seeds(40)) {
  t.test(`power cut at any step: what was answered is there, and no record stays open, seed ${seed}`, async t => {
    const run = recordingScenario(`cut ${seed}`)
    const { world, box, focus, alice } = run
    const number = Number(seed)
    const after = (['step', 'flush', 'output'] as const)[number % 3]!
    box.plan = { after, count: 1 + (after === 'step' ? number * 7 : number), downMs: 3000 }
    const referring = refer(run, alice)
    world.pass(50)
    for (let n = 0; n < 10; n++) {
      focus.say(BOB, `line ${n}`)
      world.pass(20)
    }
    world.until(() => box.isUp, 'the box is up')
    world.pass(60_000)
    const [member] = focus.focus.everybody
    const safe = member?.outcomes.filter(outcome => 'status' in outcome && outcome.status === 200).length ?? 0
    focus.end()
    world.pass(60_000)
    const items = recorded(run)
    t.ok(items.length <= 1, `${items.length} items; REFER answered ${referring.status}`)
    t.notOk(
      items.some(({ entry }) => entry.state === 'open'),
      'closed',
    )
    const wire = member ? focus.focus.wireTo(member).filter(send => send.includes('Content-Type')) : []
    const kept = items[0]?.sends.filter(send => send.includes('Content-Type')) ?? []
    t.comment(`${box.crashes} crashes, ${kept.length} kept, ${safe} answered, ${items[0]?.entry.state}`)
    t.ok(kept.length >= safe, `${kept.length} kept, ${safe} answered 200`)
    t.same(kept, wire.slice(0, kept.length))
  })
}
