import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import type { FactoryVerdict } from './testing/focus.ts'
import { HISTORY, recorded, recording, recordingScenario, refer } from './testing/recorded.ts'
import { ALICE, BOB } from './testing/scenario.ts'

/** Longer than any transaction, ring limit or MSRP connection takes. */
const SETTLED_MS = 120_000

const open = (run: ReturnType<typeof recordingScenario>) => {
  const { recordings, sessions, msrp } = run.box.engine.describe() as Record<string, Record<string, number>>
  return { recordings: recordings?.running, sessions: sessions?.active, msrp: msrp?.sessions }
}
const NOTHING = { recordings: 0, sessions: 0, msrp: 0 }

const NO_SDP = 'v=0\r\nthis is none'
const REJECTED = 'v=0\r\no=- 1 1 IN IP4 10.0.2.9\r\ns=-\r\nc=IN IP4 10.0.2.9\r\nt=0 0\r\nm=message 0 TCP/MSRP *\r\n'
const NO_PATH = REJECTED.replace('message 0', 'message 2855')
const DEAF = `${NO_PATH}a=recvonly\r\na=path:msrp://10.0.2.9:2855/abc;tcp\r\n`

const BAD: readonly (readonly [what: string, verdict: FactoryVerdict, last: RegExp])[] = [
  ['603', { status: 603 }, /^SIP\/2\.0 603 /],
  ['404', { status: 404 }, /^SIP\/2\.0 404 /],
  ['302 elsewhere', { status: 302, headers: [['Contact', '<sip:other@10.0.2.9>']] }, /^SIP\/2\.0 302 /],
  ['407', { status: 407, headers: [['Proxy-Authenticate', 'Digest realm="x", nonce="y"']] }, /^SIP\/2\.0 407 /],
  ['401', { status: 401, headers: [['WWW-Authenticate', 'Digest realm="x", nonce="y"']] }, /^SIP\/2\.0 401 /],
  ['415 to everything', { status: 415 }, /^SIP\/2\.0 415 /],
  ['nothing', { status: 'silence' }, /^SIP\/2\.0 408 /],
  ['200 with garbage', { status: 200, sdp: NO_SDP }, /^SIP\/2\.0 502 /],
  ['200 without a description', { status: 200, sdp: '' }, /^SIP\/2\.0 502 /],
  ['200 with the stream refused', { status: 200, sdp: REJECTED }, /^SIP\/2\.0 502 /],
  ['200 without a path', { status: 200, sdp: NO_PATH }, /^SIP\/2\.0 502 /],
  [
    '200 with a path of something else',
    { status: 200, sdp: `${NO_PATH}a=path:http://10.0.2.9/\r\n` },
    /^SIP\/2\.0 502 /,
  ],
  ['200 with a stream that says nothing', { status: 200, sdp: DEAF }, /^SIP\/2\.0 502 /],
  ['200 with a malformed Contact', { status: 200, contact: '<sip:room@>' }, /^SIP\/2\.0 502 /],
  ['200 that is inactive', { status: 200, direction: 'inactive' }, /^SIP\/2\.0 502 /],
]

for (const [what, verdict, last] of BAD) {
  t.test(`HIS-REF-10: a factory that answers ${what}: NOTIFY tells, and nothing is left open`, async t => {
    const run = recordingScenario(what)
    run.focus.focus.factory = () => verdict
    const referring = refer(run, run.alice)
    run.world.until(() => referring.isOver, 'the last word')
    t.match(referring.progress.at(-1), last)
    run.world.pass(SETTLED_MS)
    t.same(open(run), NOTHING)
    t.ok(run.focus.members.length === 0, 'whoever answered was hung up on')
    t.same(recorded(run), [], 'no half recording')
  })
}

t.test('RFC 3261 21.4.13: a factory that answers 415 to the multipart is asked once more with plain SDP', async t => {
  const run = recordingScenario('415')
  run.focus.focus.factory = request =>
    /^multipart/.test(value(request, 'content-type') ?? '') ? { status: 415 } : { status: 200 }
  const { member } = recording(run)
  run.focus.say(BOB, 'heard')
  run.world.pass(1000)
  const [first, second] = run.focus.focus.invites
  t.equal(value(second!, 'content-type'), 'application/sdp')
  t.equal(value(second!, 'call-id'), value(first!, 'call-id'))
  t.equal(run.focus.focus.invites.length, 2)
  run.focus.end()
  run.world.pass(2000)
  t.same(recorded(run)[0]?.sends, run.focus.focus.wireTo(member))
})

t.test('HIS-REF-01, HIS-REF-02, HIS-REF-06: what is refused, and by which code', async t => {
  const run = recordingScenario('refused', { history: 'conference_factory_uri = "sip:factory@10.0.2.3"' })
  const { world, alice, factory } = run
  const stranger = world.phone('mallory', { password: null, domain: 'elsewhere.example' })
  const answer = (phone = alice, options: Parameters<typeof refer>[2] = {}) => {
    const referring = refer(run, phone, options)
    world.until(() => referring.status !== undefined, 'an answer')
    return referring.status
  }
  t.equal(factory, 'sip:factory@10.0.2.3')
  t.equal(answer(stranger), 403, 'no identity')
  t.equal(answer(alice, { acceptContact: null }), 403)
  t.equal(answer(alice, { to: `${BOB};history-type=session` }), 403, 'the history of another')
  t.equal(answer(alice, { referTo: '<sip:factory@10.0.9.9>' }), 403, 'a factory nobody allowed')
  t.equal(answer(alice, { referTo: [] }), 400)
  t.equal(answer(alice, { referTo: [`<${factory}>`, `<${factory}>`] }), 400)
  t.match(String(answer(alice, { referTo: '<tel:+15551234>' })), /^(416|603)$/)
  t.match(String(answer(alice, { referTo: '<http://example.org/>' })), /^(416|603)$/)
  world.pass(1000)
  t.equal(run.focus.focus.invites.length, 0)
  t.equal(answer(alice), 202)
})

t.test('history.enabled = false: there is no such function', async t => {
  const run = recordingScenario('off', { history: 'enabled = false' })
  const referring = refer(run, run.alice)
  run.world.until(() => referring.status !== undefined, 'an answer')
  t.match(String(referring.status), /^40[34]$/)
  run.world.pass(1000)
  t.equal(run.focus.focus.invites.length, 0)
})

t.test('HIS-REF-01 b: 486 over history.recordings_max and over what one user may have', async t => {
  const run = recordingScenario('limits', { history: 'recordings_max = 5' })
  const { world, alice, bob, focus } = run
  for (let n = 0; n < 4; n++) recording(run)
  const fifth = refer(run, alice)
  world.until(() => fifth.status !== undefined, 'an answer')
  t.equal(fifth.status, 486, 'of one user')
  t.match(value(fifth.answer!, 'retry-after'), /^\d+$/)
  recording(run, {}, bob)
  const sixth = refer(run, bob)
  world.until(() => sixth.status !== undefined, 'an answer')
  t.equal(sixth.status, 486, 'of all')
  focus.end()
  world.pass(5000)
  recording(run, {}, bob)
  t.equal(recorded(run, BOB).length, 2)
})

t.test('HIS-REF-01: a flood of REFERs is bounded, and so are the INVITEs that it makes', async t => {
  const run = recordingScenario('flood', { history: 'recordings_max = 100' })
  run.focus.focus.factory = () => ({ status: 480 })
  const all = Array.from({ length: 60 }, () => {
    const referring = refer(run, run.alice)
    run.world.until(() => referring.status !== undefined, 'an answer')
    run.world.pass(200)
    return referring
  })
  const refused = all.filter(({ status }) => status === 486)
  t.ok(refused.length > 40, `${refused.length} of 60 refused`)
  t.ok(run.focus.focus.invites.length < 20, `${run.focus.focus.invites.length} INVITEs`)
  run.world.pass(SETTLED_MS)
  t.same(open(run), NOTHING)
})

t.test(
  'flash that is full: 503 is the last word, the focus is hung up on, and for a while nobody is invited',
  async t => {
    const run = recordingScenario('full flash')
    run.box.disk.freeBytes = 1
    const referring = refer(run, run.alice)
    run.world.until(() => referring.isOver, 'the last word')
    t.match(referring.progress.at(-1), /^SIP\/2\.0 503 /)
    run.world.pass(5000)
    t.same(open(run), NOTHING)
    const again = refer(run, run.alice)
    run.world.until(() => again.status !== undefined, 'an answer')
    t.equal(again.status, 503)
    t.match(value(again.answer!, 'retry-after'), /^\d+$/)
    t.equal(run.focus.focus.invites.length, 1)
  },
)

t.test('history.quota_bytes: a recording that fills it is cut short, and the focus is hung up on', async t => {
  const run = recordingScenario('quota', { history: 'quota_bytes = 100000' })
  const { member } = recording(run)
  for (let n = 0; n < 40; n++) {
    run.focus.say(BOB, Buffer.alloc(5000, 'x'))
    run.world.pass(100)
  }
  run.world.pass(5000)
  t.equal(member.ended, 'bye')
  t.match(recorded(run), [{ entry: { state: 'cut short' } }])
  const [item] = recorded(run)
  const wire = run.focus.focus.wireTo(member)
  t.ok(item!.sends.length > 10)
  t.same(item!.sends.slice(0, -1), wire.slice(0, item!.sends.length - 1), 'what is there is what was said first')
})

t.test('HIS-INV-09: conference documents with gaps, refused or senseless: the recording goes on', async t => {
  const run = recordingScenario('gaps')
  const { focus, world } = run
  recording(run)
  world.pass(1000)
  focus.focus.roster.dropped = 1
  focus.join(BOB, 'Bob')
  focus.join('sip:dave@example.org')
  world.pass(20_000)
  t.ok(focus.focus.roster.refreshes >= 1, 'the whole state was asked for')
  focus.act(now => focus.focus.roster.tell(now, '<conference-info'))
  focus.act(now => focus.focus.roster.tell(now, '<a/>'))
  world.pass(5000)
  focus.say(BOB, 'still here')
  world.pass(1000)
  focus.end()
  world.pass(2000)
  const [item] = recorded(run)
  t.equal(item?.entry.state, 'whole')
  t.equal(item?.sends.length, 1)
  t.ok(
    item?.participants.some(({ uri }) => uri === BOB),
    'who came in the gap is known',
  )
  const deaf = recordingScenario('no subscription')
  deaf.focus.focus.roster.status = 489
  recording(deaf)
  deaf.focus.say(BOB, 'heard')
  deaf.world.pass(30_000)
  deaf.focus.end()
  deaf.world.pass(2000)
  t.match(recorded(deaf), [{ entry: { state: 'whole', count: 1 }, participants: [] }])
})

t.test(
  'HIS-REF-07, HIS-REF-08: without a function URI users refer to themselves; a hostile name is a plain one',
  async t => {
    const run = recordingScenario('own address')
    recording(run, { to: `${ALICE};history-type=session;filename=%22..%5c..%2fetc%2fpasswd%00%22` })
    run.focus.end()
    run.world.pass(2000)
    t.equal(recorded(run)[0]?.entry.recordingName, '_.._etc_passwd')
    const other = refer(run, run.alice, { to: ALICE })
    run.world.until(() => other.status !== undefined, 'an answer')
    t.equal(other.status, 403)
    const unknown = refer(run, run.alice, { to: `${HISTORY};history-type=banana` })
    run.world.until(() => unknown.status !== undefined, 'an answer')
    t.equal(unknown.status, 400)
  },
)
