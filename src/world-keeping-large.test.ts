import t from 'tap'
import { historyOf, type KeptItem, keepPagerHistory } from './testing/kept-history.ts'
import { LargeCall, type LargeCallOptions } from './testing/large-call.ts'
import { ALICE, BOB, CAROL, type Scenario, scenario, waitingFor } from './testing/scenario.ts'
import { GOOD_DISK } from './testing/simulated-disk.ts'
import { asKept, headOf, Wiretap } from './testing/wiretap.ts'

/** Alice and bob keep histories; bob is away. */
function keeping(seed: string, options: Parameters<typeof scenario>[1] = {}): Scenario {
  const run = scenario(seed, options)
  keepPagerHistory(run, run.alice)
  keepPagerHistory(run, run.bob)
  return run
}

function call({ world, alice }: Scenario, options: Partial<LargeCallOptions> = {}): LargeCall {
  const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, ...options }))
  world.until(() => made.status !== undefined, 'an answer to the INVITE')
  return made
}

const bytesOf = (length: number, salt = 0): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31) ^ (at >> 8) ^ salt))

type Body = readonly [body: Buffer, type: string, messageId: string]

function send({ world, alice }: Scenario, made: LargeCall, bodies: readonly Body[]) {
  const sent = bodies.map(([body, type, id]) => alice.act(now => made.send(now, body, type, id)))
  world.until(() => sent.every(({ outcome }) => outcome !== undefined), 'outcomes')
  return sent.map(({ outcome }) => outcome)
}

function hangUp({ world, alice }: Scenario, made: LargeCall): void {
  alice.act(now => made.hangUp(now))
  world.pass(2000)
}

const items = ({ world, box }: Scenario, aor: string): KeptItem[] => historyOf(world, box, aor)

const text = (head: Buffer | undefined): string => asKept(head ?? Buffer.alloc(0))

t.test(
  'HIS-STO-02, 03, 05: every SEND with all its headers, and the heads of INVITE, 200 and BYE, as they came',
  async t => {
    for (const segmentMax of [0, 700]) {
      const run = keeping(`large ${segmentMax}`, {
        faults: { loss: 0, duplication: 0, latencyMinMs: 1, latencyMaxMs: 1, segmentMax },
      })
      const tap = new Wiretap(run.world)
      const made = call(run, {
        headers: [
          ['Subject', 'the plans'],
          ['X-Foo', 'kept here'],
        ],
      })
      const bodies: Body[] = [
        [bytesOf(300_000), 'image/png', 'first.message-1'],
        [Buffer.from('short'), 'text/plain', 'second.message'],
        [bytesOf(70_000, 5), 'application/octet-stream', 'third.message'],
      ]
      t.same(
        send(run, made, bodies),
        bodies.map(() => ({ status: 200 })),
      )
      hangUp(run, made)
      for (const [aor, role] of [
        [BOB, 'receiver'],
        [ALICE, 'sender'],
      ] as const) {
        const kept = items(run, aor)
        t.equal(kept.length, 3)
        for (const [, , id] of bodies) {
          const sends = tap.sends(run.alice, id)
          const item = kept.find(({ bytes }) => bytes.includes(`Message-ID: ${id}\r\n`))!
          t.ok(sends.length > 0 && item.bytes.equals(Buffer.concat(sends)), `${id} byte for byte`)
          t.equal(item.count, sends.length, 'HIS-STO-04: the same chunks')
          t.match(item, { kind: 'large', state: 'whole', role, subject: 'the plans', from: ALICE, to: BOB })
          t.ok(item.pieces.every(({ from, bytes }) => from === 'caller' && bytes.length <= 65_536))
          t.equal(text(item.heads.invite), asKept(headOf(tap.sip('INVITE ').at(-1)!)))
          t.equal(
            text(item.heads.answer),
            asKept(headOf(tap.sip('SIP/2.0 200').find(each => each.includes('INVITE'))!)),
          )
          t.equal(text(item.heads.bye), asKept(headOf(tap.sip('BYE ')[0]!)))
          t.ok(item.endedAt! >= item.receivedAt)
        }
      }
      t.same(items(run, CAROL), [])
    }
  },
)

t.test('HIS-STO-05: where the box hangs up its own BYE is kept', async t => {
  const run = keeping('our bye')
  const tap = new Wiretap(run.world)
  const made = call(run)
  send(run, made, [[Buffer.from('one'), 'text/plain', 'only.one']])
  run.world.pass(120_000)
  const [item] = items(run, BOB)
  t.equal(item?.state, 'whole')
  t.equal(text(item?.heads.bye), asKept(headOf(tap.sip('BYE ')[0]!)))
  t.match(text(item?.heads.bye), /^BYE sip:alice@/)
})

t.test('of a sender who sends many in one session all are kept, the oldest without the head of the BYE', async t => {
  const run = keeping('many')
  const made = call(run)
  const bodies = Array.from({ length: 40 }, (_, at): Body => [Buffer.from(`text ${at}`), 'text/plain', `message-${at}`])
  send(run, made, bodies)
  run.world.pass(2000)
  const open = () => items(run, BOB).filter(({ state }) => state === 'open').length
  t.equal(open(), 16)
  hangUp(run, made)
  const kept = items(run, BOB)
  t.same(
    kept.map(({ bytes }) => bytes.toString().split('\r\n').at(-3)),
    bodies.map(([body]) => body.toString()),
    'in the order of arrival',
  )
  t.equal(kept.filter(({ heads }) => heads.bye).length, 16)
  t.equal(open(), 0)
  t.equal((run.box.engine.describe().histories as { memory: { used: number } }).memory.used, 0)
})

t.test('what was not stored leaves nothing: refused, broken off, repeated, or nothing that was said', async t => {
  const run = keeping('not stored', { config: '[deferral]\nquota_bytes = 200000\nmax_message_bytes = 200000\n' })
  const refused = call(run)
  t.not(send(run, refused, [[bytesOf(250_000), 'image/png', 'too.large']])[0], { status: 200 })
  run.world.pass(5000)
  const broken = call(run)
  run.alice.act(now => broken.send(now, bytesOf(150_000), 'image/png', 'broken.off'))
  run.world.pass(3)
  run.alice.act(now => broken.hangUp(now))
  run.world.pass(5000)
  const made = call(run)
  const cpim = `From: <${ALICE}>\r\nTo: <${BOB}>\r\n\r\nContent-Type: `
  send(run, made, [
    [Buffer.from('<isComposing/>'), 'application/im-iscomposing+xml', 'typing.bare'],
    [Buffer.from(`${cpim}application/im-iscomposing+xml\r\n\r\n<isComposing/>`), 'message/cpim', 'typing.wrapped'],
    [Buffer.from(`${cpim}message/imdn+xml\r\n\r\n<imdn/>`), 'message/cpim', 'a.receipt'],
    [Buffer.from('said'), 'text/plain', 'said'],
    [Buffer.from('said'), 'text/plain', 'said'],
  ])
  hangUp(run, made)
  for (const aor of [ALICE, BOB])
    t.same(
      items(run, aor).map(({ bytes, state }) => [/Message-ID: (.*)\r/.exec(bytes.toString())?.[1], state]),
      [['said', 'whole']],
    )
  t.equal(run.world.ask(run.box, 'history.sweep', { limit: 1000 }) >= 0, true)
})

t.test('DM-STO-04: an anonymous sender of a large message is anonymous from the start', async t => {
  const run = keeping('anonymous large')
  const made = call(run, { headers: [['Privacy', 'id']] })
  send(run, made, [[Buffer.from('psst'), 'text/plain', 'psst']])
  hangUp(run, made)
  t.match(items(run, BOB), [{ from: 'anonymous', peer: 'anonymous', isAnonymous: true, role: 'receiver' }])
  t.notOk(items(run, BOB)[0]?.assertedIdentity)
})

t.test('nobody wants it: not one request of history goes to the store', async t => {
  const run = scenario('unwanted')
  const made = call(run)
  send(run, made, [[bytesOf(100_000), 'image/png', 'plans']])
  hangUp(run, made)
  t.equal(run.box.counters.get('history_records', 'begun'), 0)
  t.equal(run.box.counters.get('history_records', 'unwanted'), 0)
  t.same(items(run, BOB), [])
})

/** When each message was answered, and how, with a store of that speed. */
function answers(seed: string, wants: boolean, flushMs: number): unknown[] {
  const run = scenario(seed)
  run.box.disk.faults = { ...GOOD_DISK, flushMinMs: 0, flushMaxMs: 0 }
  keepPagerHistory(run, run.alice, wants)
  keepPagerHistory(run, run.bob, wants)
  run.box.disk.faults = { ...GOOD_DISK, flushMinMs: flushMs, flushMaxMs: flushMs }
  const { world, alice } = run
  const from = world.clock.at
  const made = call(run)
  const told: unknown[] = [made.status, world.clock.at - from]
  const bodies = [bytesOf(3_000_000), Buffer.from('short'), bytesOf(60_000, 1)]
  const sent = bodies.map((body, at) => alice.act(now => made.send(now, body, 'image/png', `message-${at}`)))
  for (const one of sent) {
    world.until(() => one.outcome !== undefined, 'an outcome')
    told.push(one.outcome, world.clock.at - from)
  }
  hangUp(run, made)
  world.pass(20_000)
  t.equal(waitingFor(run).length, 3)
  if (wants)
    t.same(
      items(run, BOB).map(({ state, size }) => [state, size > 0]),
      bodies.map(() => ['whole', true]),
      `whole with flushes of ${flushMs} ms`,
    )
  return told
}

t.test(
  'history does not hold a large message back: at most one commit of another is waited for, however slow the flash',
  async t => {
    for (const flushMs of [1, 20, 400]) {
      const kept = answers('slow', true, flushMs)
      for (const [at, plain] of answers('slow', false, flushMs).entries()) {
        if (typeof plain !== 'number' || plain === 200) t.same(kept[at], plain)
        else
          t.ok((kept[at] as number) - plain <= flushMs, `${kept[at]} instead of ${plain} ms, flushes of ${flushMs} ms`)
      }
    }
  },
)

t.test(
  'a power cut ends what is being kept there: what was stored is whole in its octets, nothing is open for ever',
  async t => {
    const run = keeping('cut')
    const tap = new Wiretap(run.world)
    const made = call(run)
    send(run, made, [[Buffer.from('stored before'), 'text/plain', 'stored.before']])
    run.alice.act(now => made.send(now, bytesOf(3_000_000), 'image/png', 'cut.off'))
    const { flushes } = run.box.disk
    run.world.until(() => run.box.disk.flushes > flushes + 4, 'some of it is on flash')
    run.box.crashFor(500)
    run.world.until(() => run.box.isUp, 'it is up again')
    run.world.pass(10_000)
    const kept = items(run, BOB)
    t.same(
      kept.map(({ state }) => state),
      ['interrupted', 'interrupted'],
    )
    t.ok(kept[0]!.bytes.equals(Buffer.concat(tap.sends(run.alice, 'stored.before'))))
    const cut = Buffer.concat(tap.sends(run.alice, 'cut.off'))
    const { bytes } = kept[1]!
    t.ok(bytes.length > 0 && bytes.length < 3_000_000)
    t.ok(bytes.equals(cut.subarray(0, bytes.length)), 'and what is there of it is as it came')
    t.equal(waitingFor(run).length, 1)
  },
)
