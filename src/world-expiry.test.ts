import t from 'tap'
import { knownEnd, UNDATED, type WallTime } from './base/time.ts'
import { LargeCall } from './testing/large-call.ts'
import { ALICE, BOB, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'
import { SIMULATED_START } from './testing/simulated-clock.ts'
import { custodyOf } from './testing/store-fixtures.ts'

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

const IN_1970 = 3600_000
const A_MONTH_LATER = SIMULATED_START + 30 * 86_400_000

function in1970(name: string): Scenario {
  const run = scenario(name, { config: LIMITS })
  run.world.clock.setWall(IN_1970)
  run.world.clock.isWallTrusted = false
  return run
}

function setClock({ world }: Scenario): void {
  world.clock.setWall(A_MONTH_LATER)
  world.clock.isWallTrusted = true
}

const endsOf = (run: Scenario): (number | undefined)[] => waitingFor(run).map(({ expiresAt }) => knownEnd(expiresAt))

t.test('DM-STO-11, DM-STO-12: what is taken in 1970 is kept for its time from when the clock is set', async t => {
  const run = in1970('taken in 1970')
  send(run, '100')
  send(run, undefined)
  send(run, '1000')
  run.world.pass(3_600_000)
  t.same(endsOf(run), [undefined, undefined, undefined], 'nobody knows')
  setClock(run)
  run.world.pass(280_000)
  t.equal(waitingFor(run).length, 3, 'not yet, as the clock was set just now')
  run.world.pass(40_000)
  t.same(waitingFor(run), [], 'five minutes later they are past their time')
})

t.test('DM-STO-11: a clock that is trusted without being set begins the time of what waits, in its order', async t => {
  const run = in1970('believed later')
  run.world.clock.setWall(SIMULATED_START)
  for (const expires of ['90', undefined, '60']) send(run, expires)
  run.world.pass(500_000)
  run.world.clock.isWallTrusted = true
  const believed = run.world.clock.wall
  run.world.pass(12_000)
  t.same(
    endsOf(run).map(end => Math.floor((end! - believed) / 10_000)),
    [9, 2, 6],
    'seen at the next look, at most ten seconds later',
  )
  t.same(textsAfter(run, 20_000), ['90', '60'])
})

t.test('docs/protocol.md: a box that never learns the time keeps all, and hands it over', async t => {
  const run = in1970('never set')
  send(run, '5')
  send(run, undefined)
  run.world.pass(86_400_000)
  t.same(textsAfter(run, 1000), ['5', 'none'])
})

t.test('RFC 5438: the sender of what was taken in 1970 is told that nobody came for it in time, once', async t => {
  const run = in1970('told')
  const { world, alice } = run
  const cpim =
    `From: <${ALICE}>\r\nTo: <${BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\n` +
    'DateTime: 1970-01-01T01:00:00Z\r\nimdn.Disposition-Notification: negative-delivery\r\n\r\n' +
    'Content-Type: text/plain\r\n\r\nhello'
  const sent = alice.message({ to: BOB, body: cpim, contentType: 'message/cpim', headers: [['Expires', '60']] })
  world.until(() => sent.status === 202, '202')
  setClock(run)
  alice.register()
  world.pass(290_000)
  t.equal(alice.arrived.length, 0)
  world.pass(40_000)
  t.equal(alice.arrived.length, 1)
  t.match(alice.arrived[0]!.body.toString(), /not delivered: nobody came for it in time[\s\S]*<failed\/>/)
  t.same(waitingFor(run), [])
})

t.test('docs/protocol.md: a large message that is taken in 1970 has the default time', async t => {
  const run = in1970('large')
  const { world, alice } = run
  const call = alice.act(now => new LargeCall(alice.phone, now, { to: BOB }))
  world.until(() => call.status === 200, 'the store answers')
  alice.act(now => call.send(now, Buffer.alloc(300_000, 'x')))
  world.until(() => waitingFor(run).length === 1, 'kept')
  t.same(endsOf(run), [undefined])
  setClock(run)
  run.world.pass(330_000)
  t.same(waitingFor(run), [])
})

t.test('docs/protocol.md: what is handed over before its time begins is gone, and expires no more', async t => {
  const run = in1970('handed over meanwhile')
  send(run, '60')
  setClock(run)
  t.same(textsAfter(run, 20_000), ['60'])
  run.world.pass(600_000)
  const [story] = run.world.ask(run.box, 'trace', { id: run.alice.sent[0]!.callId, limit: 1 })
  t.equal(story?.events.at(-1)?.event, 'delivered')
})

t.test(
  'docs/protocol.md: a power cut at any flush of giving ends to many: each has one, once, and ends by it',
  async t => {
    const COUNT = 600
    const dated: number[] = []
    for (const count of [1, 2, 3, 4, 5]) {
      const run = in1970(`cut ${count}`)
      run.world.clock.setWall(SIMULATED_START)
      for (let number = 1; number <= COUNT; number++) {
        run.world.ask(run.box, 'custody', custodyOf(number, { expiresAt: (UNDATED + 3600_000) as WallTime }))
      }
      run.box.plan = { after: 'flush', count, downMs: 500 }
      run.world.clock.isWallTrusted = true
      const believed = run.world.clock.wall
      run.world.until(() => run.box.plan === undefined, 'the power to be cut')
      run.world.pass(1000)
      dated.push(endsOf(run).filter(end => end !== undefined).length)
      run.world.pass(30_000)
      const ends = endsOf(run)
      t.equal(ends.length, COUNT)
      t.ok(ends.every(end => end !== undefined && end >= believed + 3600_000 && end <= believed + 3630_000))
      run.world.pass(3500_000)
      t.equal(waitingFor(run).length, COUNT)
      run.world.pass(140_000)
      t.same(waitingFor(run), [])
      t.equal(run.world.ask(run.box, 'status', {}).waiting, 0)
    }
    t.ok(
      dated.some(each => each > 0 && each < COUNT),
      `cut in the middle: ${dated}`,
    )
  },
)

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
