import t from 'tap'
import { BOB, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'
import { SIMULATED_START } from './testing/simulated-clock.ts'

const LIMITS = '[deferral]\ndefault_expiry_s = 20\nmax_expiry_s = 100\n'

function send(run: Scenario, expires: string | undefined): void {
  const headers = expires === undefined ? [] : ([['Expires', expires]] as const)
  const sent = run.alice.message({ to: BOB, body: expires ?? 'none', headers })
  run.world.until(() => sent.status !== undefined, 'an answer')
  if (sent.status !== 202) throw new Error(`answered ${sent.status}`)
}

/** What bob gets when he comes back that much later. */
function textsAfter(run: Scenario, ms: number): string[] {
  run.world.pass(ms)
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(5000)
  return run.bob.texts
}

t.test('DM-STO-11: Expires: 5 and a registration after 8 s: nothing, and a record of it', async t => {
  const run = scenario('expires 5', { config: LIMITS })
  send(run, '5')
  t.same(textsAfter(run, 8000), [])
  run.world.pass(20_000)
  t.same(waitingFor(run), [])
  const [story] = run.world.ask(run.box, 'trace', { id: run.alice.sent[0]!.callId, limit: 1 })
  t.equal(story?.events.at(-1)?.event, 'expired')
})

t.test('DM-STO-11: Expires: 5 and a registration after 3 s: delivered', async t => {
  const run = scenario('expires in time', { config: LIMITS })
  send(run, '5')
  t.same(textsAfter(run, 3000), ['5'])
})

t.test(
  'DM-STO-10, DM-STO-12: absent or above the maximum means the default, equal to the maximum is allowed',
  async t => {
    for (const [expires, lifeS] of [
      [undefined, 20],
      ['1000', 20],
      ['100', 100],
      ['4294967295', 20],
    ] as const) {
      const early = scenario(`early ${expires}`, { config: LIMITS })
      send(early, expires)
      t.equal(textsAfter(early, (lifeS - 2) * 1000).length, 1, `Expires ${expires}: kept`)
      const late = scenario(`late ${expires}`, { config: LIMITS })
      send(late, expires)
      t.equal(textsAfter(late, (lifeS + 1) * 1000).length, 0, `Expires ${expires}: gone`)
    }
  },
)

t.test(
  'docs/protocol.md: while the clock is not trusted nothing expires; once it is, what is past its time goes',
  async t => {
    const run = scenario('untrusted', { config: LIMITS })
    send(run, '5')
    send(run, undefined)
    run.world.clock.isWallTrusted = false
    run.world.pass(600_000)
    t.equal(waitingFor(run).length, 2)
    run.world.clock.isWallTrusted = true
    run.world.pass(30_000)
    t.equal(waitingFor(run).length, 0)
  },
)

t.test('docs/protocol.md: a box that boots in the year 1970 delivers, and expires nothing', async t => {
  const run = scenario('1970', { config: LIMITS })
  say(run, ['before the power cut'])
  run.box.crashFor(1000)
  run.world.pass(500)
  run.world.clock.setWall(3600_000)
  run.world.clock.isWallTrusted = false
  run.world.pass(60_000)
  t.equal(waitingFor(run).length, 1)
  t.same(textsAfter(run, 1000), ['before the power cut'])
})

t.test('docs/protocol.md: what was taken while the clock stood in 1970 is not lost when it is set', async t => {
  const run = scenario('taken in 1970', { config: LIMITS })
  run.world.clock.setWall(3600_000)
  run.world.clock.isWallTrusted = false
  send(run, '5')
  send(run, undefined)
  run.world.pass(30_000)
  run.world.clock.setWall(SIMULATED_START + 30 * 86_400_000)
  run.world.clock.isWallTrusted = true
  run.world.pass(600_000)
  t.equal(waitingFor(run).length, 2)
  t.same(textsAfter(run, 1000), ['5', 'none'])
})

t.test('docs/protocol.md: a clock that jumps a year ahead and back ends nothing', async t => {
  const run = scenario('a year ahead', { config: LIMITS })
  send(run, '90')
  run.world.pass(20_000)
  run.world.clock.setWall(SIMULATED_START + 365 * 86_400_000)
  run.world.pass(40_000)
  t.equal(waitingFor(run).length, 1, 'ahead')
  run.world.clock.setWall(SIMULATED_START + 60_000)
  run.world.pass(10_000)
  t.same(textsAfter(run, 1000), ['90'])
})

t.test('RFC 3428 7: the life of a message counts from its Date, unless that is absurd', async t => {
  const dated = (offsetS: number): readonly (readonly [string, string])[] => [
    ['Date', new Date(SIMULATED_START + offsetS * 1000).toUTCString()],
    ['Expires', '60'],
  ]
  for (const [offsetS, isThereAfterS, isGoneAfterS] of [
    [-30, 25, 35],
    [-3600, 55, 65],
    [86_400, 55, 65],
  ] as const) {
    for (const [afterS, count] of [
      [isThereAfterS, 1],
      [isGoneAfterS, 0],
    ] as const) {
      const run = scenario(`date ${offsetS} ${afterS}`, { config: LIMITS })
      const sent = run.alice.message({ to: BOB, body: 'dated', headers: dated(offsetS) })
      run.world.until(() => sent.status === 202, '202')
      t.equal(textsAfter(run, afterS * 1000).length, count, `Date ${offsetS} s off, looked at after ${afterS} s`)
    }
  }
})

t.test('docs/protocol.md: what expires during a back-off is not pushed', async t => {
  const run = scenario('backing off', { config: `${LIMITS}[delivery]\nretry_min_s = 30\n` })
  send(run, '10')
  run.bob.phone.behaviour.invite = (_now, _request, number) => (number === 1 ? { status: 486 } : { status: 200 })
  t.same(textsAfter(run, 0), [])
  run.world.pass(200_000)
  t.same(run.bob.texts, [])
  t.same(waitingFor(run), [])
})
