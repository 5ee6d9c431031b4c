import t from 'tap'
import { BOB, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'

/** What somebody who looks after the box asks of the engine. */

const RETRY = '[delivery]\nretry_min_s = 3600\nretry_max_s = 3600\n'

/** Three messages wait; bob's phone took none of them and is tried again in an hour. */
function refusedOnce(seed: string): Scenario {
  const run = scenario(seed, { config: RETRY })
  if (say(run, ['one', 'two', 'three']).some(status => status !== 202)) throw new Error('not kept')
  run.bob.phone.behaviour = { ...run.bob.phone.behaviour, invite: () => ({ status: 486 }) }
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(10_000)
  if (waitingFor(run).length !== 3) throw new Error('not refused')
  return run
}

t.test('deliver: a back-off is over when an administrator asks for it', async t => {
  const run = refusedOnce('asked')
  const { bob, box, world } = run
  bob.phone.behaviour = { ...bob.phone.behaviour, invite: () => ({ status: 200 }) }
  world.pass(60_000)
  t.equal(waitingFor(run).length, 3, 'by itself it waits for its hour')
  box.deliver(BOB)
  world.pass(5000)
  t.same(bob.texts, ['one', 'two', 'three'])
  t.same(waitingFor(run), [])
})

t.test('deliver: asked for again and again while it is under way, and of nobody, delivers once', async t => {
  const run = refusedOnce('asked often')
  const { bob, box, world } = run
  bob.phone.behaviour = { ...bob.phone.behaviour, invite: () => ({ status: 200 }) }
  for (let i = 0; i < 5; i++) box.deliver(BOB)
  box.deliver('sip:nobody@example.org')
  world.pass(20)
  box.deliver(BOB)
  world.pass(5000)
  t.same(bob.texts, ['one', 'two', 'three'])
  t.same(waitingFor(run), [])
  t.equal(box.engine.describe().delivery && (box.engine.describe().delivery as { known: number }).known, 0)
})
