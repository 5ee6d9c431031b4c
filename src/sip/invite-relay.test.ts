import t from 'tap'
import { ALICE_CONTACT, allOf, DESK, POCKET, RelayWire, target } from '../testing/relay-wire.ts'
import { headerOf } from '../testing/session-wire.ts'
import { ALICE, ALICE6, inbound, LISTENERS } from '../testing/sip-wire.ts'

const BOB = 'Contact: <sip:bob@192.0.2.21:5060>'

t.test(
  'RFC 3261 16.6 every phone gets a copy: its own Request-URI, one hop less, our Record-Route and Via',
  async t => {
    const relay = new RelayWire()
    const [desk, pocket, ...others] = relay.ring({ headers: [ALICE_CONTACT, 'Record-Route: <sip:up;lr>', 'X-Foo: 1'] })
    t.strictSame(others, [])
    t.match(desk, /^INVITE sip:bob@192\.0\.2\.21:5060 SIP/)
    t.match(pocket, /^INVITE sip:bob@192\.0\.2\.22:5060 SIP/)
    for (const text of [desk!, pocket!]) {
      t.equal(headerOf(text, 'Max-Forwards'), '69')
      t.equal(headerOf(text, 'X-Foo'), '1')
      t.equal(headerOf(text, 'To'), '<sip:bob@example.org>')
      t.equal(allOf(text, 'Via').length, 2)
      const [own, upstream] = allOf(text, 'Record-Route')
      t.match(own, /^<sip:[a-z2-7]{16}@edge1\.example\.org:5060;lr>$/)
      t.equal(upstream, '<sip:up;lr>')
    }
  },
)

t.test('RFC 5658 5 sides of different transports get a Record-Route value each, that of the callee on top', async t => {
  const relay = new RelayWire({ targets: [target(inbound('s1', '192.0.2.21'))] })
  relay.wire.open(inbound('s1', '192.0.2.21'))
  const [invite] = relay.ring()
  const [outer, inner, ...others] = allOf(invite!, 'Record-Route')
  t.match(outer, /^<sip:[a-z2-7]{16}@edge1\.example\.org:5060;transport=tcp;lr>$/)
  t.match(inner, /^<sip:[a-z2-7]{16}@edge1\.example\.org:5060;lr>$/)
  t.strictSame(others, [])
})

t.test('RFC 5658 5 and of different families too, where our name is an address', async t => {
  const relay = new RelayWire({ hostname: '192.0.2.1', targets: [target(ALICE6)] })
  const [invite] = relay.ring()
  t.match(allOf(invite!, 'Record-Route'), [/@\[2001:db8::1\]:5060;lr>$/, /@192\.0\.2\.1:5060;lr>$/])
})

t.test('RFC 3261 16.6 step 4 a sips call is routed by sips', async t => {
  const [invite] = new RelayWire({ targets: [{ ...target(DESK), uri: 'sips:bob@192.0.2.21' }] }).ring()
  t.match(allOf(invite!, 'Record-Route'), [/^<sips:/])
})

t.test(
  'RFC 3261 16.7 100 stays here, 101 to 199 and the 2xx go to the caller at once, by the Vias of the caller',
  async t => {
    const relay = new RelayWire()
    const [desk, pocket] = relay.ring()
    relay.reply(desk!, 100)
    t.strictSame(relay.lines(), [])
    relay.reply(desk!, 180, {
      headers: [BOB, 'Via: SIP/2.0/UDP victim;branch=z9hG4bKv', 'P-Asserted-Identity: <sip:x@y>'],
    })
    const [ringing] = relay.texts()
    t.match(ringing, /^SIP\/2\.0 180 /)
    t.strictSame(allOf(ringing!, 'Via'), ['SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKcall'])
    t.equal(headerOf(ringing!, 'P-Asserted-Identity'), undefined)
    relay.reply(pocket!, 183, { toTag: 'pocket', flow: POCKET })
    t.strictSame(relay.lines(), ['192.0.2.10 183'])
    relay.reply(desk!, 200, { headers: [BOB] })
    t.strictSame(relay.lines(), ['192.0.2.22 CANCEL', '192.0.2.10 200'])
    t.strictSame(relay.events, ['answered'])
    relay.reply(pocket!, 487, { toTag: 'pocket', flow: POCKET })
    t.strictSame(relay.lines(), ['192.0.2.22 ACK'])
    t.strictSame(relay.events, ['answered'])
    t.equal(relay.wire.counters.get('relayed_calls', 'answered'), 1)
  },
)

t.test('RFC 3261 13.2.2.4, RFC 6026 7.2 both phones answer: both 2xx go to the caller, also again', async t => {
  const relay = new RelayWire()
  const [desk, pocket] = relay.ring()
  relay.reply(desk!, 200, { headers: [BOB] })
  relay.reply(pocket!, 200, { toTag: 'pocket', flow: POCKET, headers: ['Contact: <sip:bob@192.0.2.22:5060>'] })
  relay.reply(desk!, 200, { headers: [BOB] })
  const oks = relay.texts().filter(text => text.startsWith('SIP/2.0 200'))
  t.strictSame(
    oks.map(text => headerOf(text, 'To')),
    ['desk', 'pocket', 'desk'].map(tag => `<sip:bob@example.org>;tag=${tag}`),
  )
  t.strictSame(relay.events, ['answered'])
  t.match(relay.relay.describe(), { open: 1, ringing: 0, calls: [{ dialogs: 2, state: 'answered' }] })
})

t.test('RFC 3261 16.7 step 6 when all have refused the best of it is for the layer above to pass on', async t => {
  const relay = new RelayWire()
  const [desk, pocket] = relay.ring()
  relay.reply(desk!, 404)
  t.strictSame(relay.events, [])
  relay.reply(pocket!, 486, { toTag: 'pocket', flow: POCKET })
  t.strictSame(relay.events, ['failed 486'])
  t.strictSame(relay.lines(), ['192.0.2.21 ACK', '192.0.2.22 ACK'], 'the caller has heard nothing')
  t.match(relay.relay.describe(), { open: 0, ringing: 0 })
  if (relay.failure !== undefined && relay.failure !== 'no answer')
    relay.transaction?.respond(relay.wire.now, relay.failure)
  const [answer] = relay.texts()
  t.match(answer, /^SIP\/2\.0 486 /)
  t.strictSame(allOf(answer!, 'Via'), ['SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKcall'])
})

t.test('RFC 3261 16.7 step 5 a 6xx cancels the others; the 2xx that crosses it still wins', async t => {
  const refused = new RelayWire()
  const [desk, pocket] = refused.ring()
  refused.reply(pocket!, 180, { toTag: 'pocket', flow: POCKET })
  refused.texts()
  refused.reply(desk!, 603)
  t.strictSame(refused.lines(), ['192.0.2.21 ACK', '192.0.2.22 CANCEL'])
  t.strictSame(refused.events, [])
  refused.reply(pocket!, 487, { toTag: 'pocket', flow: POCKET })
  t.strictSame(refused.events, ['failed 603'])

  const crossed = new RelayWire()
  const [one, two] = crossed.ring()
  crossed.reply(two!, 180, { toTag: 'pocket', flow: POCKET })
  crossed.reply(one!, 603)
  crossed.reply(two!, 200, { toTag: 'pocket', flow: POCKET })
  t.strictSame(crossed.events, ['answered'])
  crossed.pass(10_000)
  t.strictSame(crossed.events, ['answered'])
})

t.test('nobody is there: silence until the limit is no answer, without waiting for more', async t => {
  const relay = new RelayWire({ limitMs: 10_000 })
  relay.ring()
  relay.pass(9_900)
  t.strictSame(relay.events, [])
  relay.pass(200)
  t.strictSame(relay.events, ['failed no answer'])
  t.equal(relay.wire.counters.get('relayed_calls', 'no answer'), 1)
})

t.test('the silence of one phone outweighs the refusal of another', async t => {
  const relay = new RelayWire({ limitMs: 10_000 })
  const [desk] = relay.ring()
  relay.reply(desk!, 404)
  relay.pass(10_100)
  t.strictSame(relay.events, ['failed no answer'])
})

t.test('no phone rings longer than the transaction of the caller lives', async t => {
  const relay = new RelayWire({ limitMs: 1e9, targets: [target(DESK)] })
  const [desk] = relay.ring()
  for (let minute = 0; minute < 5; minute++) {
    relay.reply(desk!, 180)
    relay.pass(60_000)
  }
  t.strictSame(relay.events, ['failed no answer'])
})

t.test('phones that ring until the limit are cancelled; their 487 is no refusal', async t => {
  const relay = new RelayWire({ limitMs: 10_000, targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.reply(desk!, 180)
  relay.texts()
  relay.pass(10_100)
  t.strictSame(relay.lines(), ['192.0.2.21 CANCEL'])
  t.strictSame(relay.events, [])
  relay.reply(desk!, 487)
  t.strictSame(relay.events, ['failed no answer'])
})

t.test('a phone that does not even answer the CANCEL is not waited for longer than 4 s', async t => {
  const relay = new RelayWire({ limitMs: 10_000, targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.reply(desk!, 180)
  relay.pass(13_900)
  t.strictSame(relay.events, [])
  relay.pass(200)
  t.strictSame(relay.events, ['failed no answer'])
})

t.test('RFC 3261 16.8, 16.9 a flow that is gone is no answer', async t => {
  const relay = new RelayWire({ targets: [target(inbound('gone', '192.0.2.21'))] })
  relay.ring()
  t.strictSame(relay.events, [], 'not from within relay')
  relay.pass(1)
  t.strictSame(relay.events, ['failed no answer'])
  const nobody = new RelayWire({ targets: [] })
  nobody.ring()
  t.strictSame(nobody.events, [])
  nobody.pass(1)
  t.strictSame(nobody.events, ['failed no answer'])
})

t.test('RFC 3261 16.6 step 11 Timer C: a phone that says it rings and then nothing for three minutes', async t => {
  const relay = new RelayWire({ limitMs: 280_000, targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.reply(desk!, 180)
  relay.texts()
  relay.pass(186_000)
  t.strictSame(relay.lines(), ['192.0.2.21 CANCEL', '192.0.2.21 CANCEL'])
  relay.pass(33_000)
  t.strictSame(relay.events, ['failed no answer'])
})

t.test('RFC 3261 16.10 the CANCEL of the caller goes on; the 487 is ours to give', async t => {
  const relay = new RelayWire()
  const [desk, pocket] = relay.ring()
  relay.reply(desk!, 180)
  relay.texts()
  relay.cancel()
  t.strictSame(
    relay.lines(),
    ['192.0.2.10 200', '192.0.2.21 CANCEL'],
    'a phone that said nothing yet hears nothing yet',
  )
  relay.reply(pocket!, 180, { toTag: 'pocket', flow: POCKET })
  t.strictSame(relay.lines(), ['192.0.2.10 180', '192.0.2.22 CANCEL'])
  relay.reply(desk!, 487)
  t.strictSame(relay.events, [])
  relay.reply(pocket!, 487, { toTag: 'pocket', flow: POCKET })
  t.strictSame(relay.events, ['cancelled'])
  t.ok(relay.lines().includes('192.0.2.10 487'))
  t.equal(relay.wire.counters.get('relayed_calls', 'cancelled'), 1)
  t.match(relay.relay.describe(), { open: 0 })
})

t.test('RFC 3261 16.10 a 2xx that crosses the CANCEL is the caller’s to hang up', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.reply(desk!, 180)
  relay.cancel()
  relay.texts()
  relay.reply(desk!, 200, { headers: [BOB] })
  t.strictSame(relay.lines(), ['192.0.2.10 200'])
  t.strictSame(relay.events, ['answered'])
})

t.test('a phone that accepts after all is over is acknowledged and hung up by us, along its route', async t => {
  const relay = new RelayWire({ limitMs: 10_000, targets: [target(DESK, '<sip:edge.example.org;lr>')] })
  const [desk] = relay.ring()
  relay.pass(10_100)
  t.strictSame(relay.events, ['failed no answer'])
  relay.texts()
  const late = { headers: [BOB], toTag: 'desk' }
  const proxied = desk!.replace('Record-Route:', 'Record-Route: <sip:edge.example.org;lr>\r\nRecord-Route:')
  relay.reply(proxied, 200, late)
  const [ack, bye] = relay.texts()
  t.match(ack, /^ACK sip:bob@192\.0\.2\.21:5060 /)
  t.match(bye, /^BYE sip:bob@192\.0\.2\.21:5060 /)
  for (const text of [ack!, bye!]) {
    t.strictSame(allOf(text, 'Route'), ['<sip:edge.example.org;lr>'])
    t.equal(headerOf(text, 'From'), '<sip:alice@example.org>;tag=a1')
    t.equal(headerOf(text, 'To'), '<sip:bob@example.org>;tag=desk')
  }
  t.equal(headerOf(ack!, 'CSeq'), '1 ACK')
  t.equal(headerOf(bye!, 'CSeq'), '2 BYE')
  relay.reply(proxied, 200, late)
  t.match(relay.texts(), [/^ACK /], 'and acknowledged again')
  t.strictSame(relay.events, ['failed no answer'])
  t.equal(relay.wire.counters.get('relayed_calls_hung_up'), 1)
})

t.test('a phone that accepts after all under ever new tags is hung up on ten times and no more', async t => {
  const relay = new RelayWire({ limitMs: 1_000, targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.pass(1_100)
  relay.texts()
  for (let n = 0; n < 50; n++) relay.reply(desk!, 200, { toTag: `t${n}`, headers: [BOB] })
  t.equal(relay.texts().filter(text => text.startsWith('BYE')).length, 10)
})

t.test('after a failure the layer above may try others with the same transaction', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.reply(desk!, 486)
  t.strictSame(relay.events, ['failed 486'])
  relay.texts()
  relay.relay.relay(relay.wire.now, relay.transaction!, relay.transaction!.request, [target(POCKET)], 1000, {
    onFailed: () => relay.events.push('second failed'),
    onAnswered: () => relay.events.push('second answered'),
    onCancelled: () => relay.events.push('second cancelled'),
  })
  const [pocket] = relay.texts()
  relay.reply(pocket!, 200, { toTag: 'pocket', flow: POCKET })
  t.strictSame(relay.lines(), ['192.0.2.10 200'])
  t.strictSame(relay.events, ['failed 486', 'second answered'])
})

t.test('after a failure a CANCEL is not the relay’s any more', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const [desk] = relay.ring()
  relay.reply(desk!, 486)
  t.equal(relay.transaction?.onCancel, undefined)
})

t.test('a response that is not to this INVITE is not passed on, whatever branch its Via names', async t => {
  const forgeries = [{ callId: 'other' }, { fromTag: 'other' }, { seq: 2 }]
  for (const forged of forgeries) {
    const relay = new RelayWire({ targets: [target(DESK)] })
    const [desk] = relay.ring()
    relay.reply(desk!, 180, forged)
    relay.reply(desk!, 200, { headers: [BOB], ...forged })
    t.strictSame(relay.lines(), [], JSON.stringify(forged))
    t.strictSame(relay.events, ['failed no answer'])
    t.equal(relay.wire.counters.get('relay_dropped', 'forged response'), 2)
    t.match(relay.relay.describe(), { open: 0 })
  }
  const stranger = new RelayWire({ targets: [target(DESK)] })
  const [invite] = stranger.ring()
  stranger.reply(invite!.replace(/branch=z9hG4bK[a-z2-7]+/, 'branch=z9hG4bKguessed'), 200, { headers: [BOB] })
  t.strictSame(stranger.lines(), [])
  t.strictSame(stranger.events, ['stray: 200'])
})

t.test('ever new tags of one phone make ten dialogs; the answer of another phone still gets through', async t => {
  const relay = new RelayWire()
  const [desk, pocket] = relay.ring()
  for (let n = 0; n < 50; n++) relay.reply(desk!, 180, { toTag: `t${n}` })
  t.equal(relay.lines().filter(line => line === '192.0.2.10 180').length, 10)
  relay.reply(pocket!, 200, { toTag: 'pocket', flow: POCKET })
  t.ok(relay.lines().includes('192.0.2.10 200'))
  for (let n = 0; n < 50; n++) relay.reply(pocket!, 200, { toTag: `p${n}`, flow: POCKET })
  t.equal(relay.lines().filter(line => line === '192.0.2.10 200').length, 9)
  t.match(relay.relay.describe(), { calls: [{ dialogs: 10 }] })
})

t.test('RFC 3261 16.3 a call that was here before is a loop, one that may go no further has too many hops', async t => {
  const itself = new RelayWire({ targets: [{ uri: 'sip:bob@192.0.2.1:5060', routes: [], to: ALICE }] })
  const [looped] = itself.ring()
  itself.wire.receive(looped!.replace('Call-ID: call-1', 'Call-ID: call-2'), ALICE)
  itself.pass(1)
  t.strictSame(itself.events, ['failed 482'])
  t.equal(itself.texts().filter(text => text.startsWith('INVITE')).length, 0)
  const tired = new RelayWire()
  t.strictSame(tired.ring({ headers: [ALICE_CONTACT, 'Max-Forwards: 0'] }), [])
  tired.pass(1)
  t.strictSame(tired.events, ['failed 483'])
})

t.test('a contact or Path that is no URI reaches nobody, and stops nobody', async t => {
  const relay = new RelayWire({ targets: [{ ...target(DESK), routes: ['nonsense'] }, target(POCKET)] })
  t.equal(relay.ring().length, 1)
})

t.test('a full table: who has rung longest makes room; calls that were answered stay', async t => {
  const relay = new RelayWire({ callsMax: 2, targets: [target(DESK)], isTrusted: () => true })
  relay.confirm()
  relay.ring({ callId: 'second', branch: 'z9hG4bKtwo' })
  const third = relay.ring({ callId: 'third', branch: 'z9hG4bKthree' })
  t.match(third, [/Call-ID: third/])
  t.strictSame(relay.events, ['failed no answer'], 'the second')
  relay.reply(third[0]!, 200, { headers: [BOB] })
  relay.texts()
  t.strictSame(relay.ring({ callId: 'fourth', branch: 'z9hG4bKfour' }), [])
  relay.pass(1)
  t.strictSame(relay.events, ['failed no answer', 'answered', 'failed no answer'])
  t.equal(relay.wire.counters.get('relayed_calls', 'too many'), 1)
  t.match(relay.relay.describe(), { open: 2, ringing: 0 })
})

t.test('nothing stays behind a call that nobody took', async t => {
  const relay = new RelayWire()
  const [desk] = relay.ring()
  relay.reply(desk!, 180)
  relay.cancel()
  relay.pass(100_000)
  t.strictSame(relay.events, ['cancelled'])
  t.equal(relay.wire.running, '')
  t.match(relay.relay.describe(), { open: 0, ringing: 0, calls: [] })
})

t.test('each call has a token of its own', async t => {
  const relay = new RelayWire({ targets: [target(DESK)], listeners: LISTENERS })
  const tokens = ['one', 'two'].map(callId => {
    const [invite] = relay.ring({ callId, branch: `z9hG4bK${callId}` })
    return /sip:([a-z2-7]+)@/.exec(headerOf(invite!, 'Record-Route')!)?.[1]
  })
  t.not(tokens[0], tokens[1])
})
