import t from 'tap'
import { breaches, type Scenario, say, scenario, texts } from './testing/scenario.ts'

const CONFIG = '[delivery]\nretry_min_s = 1\nretry_max_s = 4\n'

/** Each cut is a world of its own: thousands of them. */
t.setTimeout(300_000)

/** A push of two messages with its MSRP connection cut at the n-th byte, unless the whole push is shorter. */
function cutPush(atByte: number, setup: 'active' | 'passive'): { cutRun: Scenario; isCut: boolean } {
  const run = scenario(`cut ${atByte}`, { config: `[auth]\ndigest = false\n${CONFIG}` })
  run.bob.phone.behaviour.invite = () => ({ status: 200, setup })
  say(run, texts(2))
  run.world.network.cutAt('msrp', atByte)
  run.bob.register({ isInstantMessaging: true })
  run.world.until(() => run.bob.texts.length > 0, 'a first message')
  run.world.until(() => new Set(run.bob.texts).size === 2, 'both messages')
  // Answers may have been lost: another round of the back-off.
  run.world.pass(6000)
  return { cutRun: run, isCut: !run.world.network.isCutPending }
}

t.test(
  'docs/protocol.md: a connection cut at any byte of a push loses nothing; only what was unconfirmed comes again',
  async t => {
    const failed: string[] = []
    let cuts = 0
    // Every byte of one role, every 17th of the other.
    for (const [setup, step] of [
      ['passive', 1],
      ['active', 17],
    ] as const) {
      for (let atByte = 1; ; atByte += step) {
        const { cutRun, isCut } = cutPush(atByte, setup)
        if (!isCut) break
        cuts++
        const found = breaches(cutRun, 3)
        if (found.length > 0) failed.push(`${setup}, byte ${atByte}: ${found.join('; ')}`)
      }
    }
    t.same(failed, [])
    t.ok(cuts > 1500, `${cuts} cuts`)
  },
)

t.test('RFC 3261 18.4: SIP over TCP cut at any 7th byte of a delivery loses nothing', async t => {
  const failed: string[] = []
  for (let atByte = 1; atByte < 2500; atByte += 7) {
    const run = scenario(`sip ${atByte}`, { config: CONFIG, bob: { transport: 'tcp' } })
    say(run, texts(3))
    run.world.network.cutAt('sip', atByte)
    run.bob.register()
    run.world.pass(2000)
    run.bob.register()
    run.world.pass(20_000)
    const found = breaches(run, 3)
    if (found.length > 0) failed.push(`byte ${atByte}: ${found.join('; ')}`)
  }
  t.same(failed, [])
})
