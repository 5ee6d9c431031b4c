import t from 'tap'
import { FACTORY, ReferrerWire } from '../testing/referrer-wire.ts'
import { bodyOf, headerOf } from '../testing/session-wire.ts'
import { ALICE, inbound } from '../testing/sip-wire.ts'
import { summary, tagOf } from '../testing/subscriber-wire.ts'

const refusedWith = (headers: readonly string[], asking = {}): string => {
  const peer = new ReferrerWire()
  peer.refer(headers, asking)
  const [line, ...more] = peer.lines()
  return peer.taken.length + more.length === 0 ? line! : 'taken'
}

t.test('HIS-REF-04, HIS-REF-09: a REFER is answered 202, told of at once, and begun after that', async t => {
  const peer = new ReferrerWire()
  const order: string[] = []
  peer.take = referral => referral.accept(peer.wire.now, () => order.push(...peer.lines(), 'begun'))
  peer.refer([FACTORY, 'Allow: INVITE, bye', 'Allow: NOTIFY'])
  t.strictSame(order, ['202', 'NOTIFY active SIP/2.0 100 Trying', 'begun'])
  t.match(peer.taken, [
    {
      initiator: 'sip:alice@example.org',
      referTo: 'sip:factory@example.org',
      method: 'INVITE',
      contact: 'sip:alice@192.0.2.10:5070',
      allow: ['INVITE', 'BYE', 'NOTIFY'],
      isWatched: true,
    },
  ])
})

t.test('HIS-REF-03, HIS-REF-04, HIS-REF-05: the dialog that it makes', async t => {
  const peer = new ReferrerWire()
  peer.refer([FACTORY, 'Record-Route: <sip:p1.example.org;lr>'], { contact: '<sip:alice@192.0.2.77:5099>' })
  const [accepted, notify] = peer.texts() as [string, string]
  t.match(headerOf(accepted, 'Server'), /^IM-serv\//)
  t.equal(headerOf(accepted, 'Allow'), 'REFER, NOTIFY')
  t.equal(headerOf(accepted, 'Contact'), '<sip:im@192.0.2.1:5060>')
  t.equal(headerOf(accepted, 'Record-Route'), '<sip:p1.example.org;lr>')
  t.equal(headerOf(accepted, 'Refer-Sub'), undefined)
  t.equal(notify.split(' ')[1], 'sip:alice@192.0.2.77:5099', 'to the Contact of the REFER')
  t.equal(headerOf(notify, 'Route'), '<sip:p1.example.org;lr>')
  t.equal(headerOf(notify, 'From'), headerOf(accepted, 'To'))
  t.equal(headerOf(notify, 'To'), headerOf(accepted, 'From'))
  t.equal(headerOf(notify, 'Call-ID'), 'call-1')
  t.equal(headerOf(notify, 'Event'), 'refer')
  t.equal(headerOf(notify, 'Subscription-State'), 'active;expires=300')
  t.equal(headerOf(notify, 'Content-Type'), 'message/sipfrag;version=2.0')
  t.equal(bodyOf(notify), 'SIP/2.0 100 Trying\r\n')
})

t.test('HIS-REF-10: progress and then the final status, and nothing after it', async t => {
  const peer = new ReferrerWire()
  const { referral } = peer.referred()
  peer.pass(2000)
  referral.progress(peer.wire.now, 180, 'Ringing')
  t.strictSame(peer.answerAll(), ['NOTIFY active SIP/2.0 180 Ringing'])
  referral.progress(peer.wire.now, 200, 'OK')
  const [last] = peer.texts() as [string]
  t.equal(headerOf(last, 'Subscription-State'), 'terminated;reason=noresource')
  t.equal(bodyOf(last), 'SIP/2.0 200 OK\r\n')
  peer.reply(last, 200)
  referral.progress(peer.wire.now, 603, 'Decline')
  peer.pass(600_000)
  t.strictSame(peer.lines(), [])
  t.match(peer.subscriptions.describe(), { total: 0 })
  t.equal(peer.kept.size, 0)
})

t.test('HIS-REF-10: a final status that is there before the first NOTIFY is answered comes after it', async t => {
  const peer = new ReferrerWire()
  peer.take = referral =>
    referral.accept(peer.wire.now, now => {
      referral.progress(now, 180, 'Ringing')
      referral.progress(now, 486, 'Busy Here')
    })
  peer.refer()
  t.strictSame(peer.answerAll(), [
    '202',
    'NOTIFY active SIP/2.0 100 Trying',
    'NOTIFY terminated;reason=noresource SIP/2.0 486 Busy Here',
  ])
})

t.test('HIS-REF-10: of much progress in a short time the latest is told', async t => {
  const peer = new ReferrerWire()
  const { referral } = peer.referred()
  for (let count = 0; count < 500; count++) referral.progress(peer.wire.now, 180 + (count % 4), `Step\r\n${count}`)
  t.strictSame(peer.lines(), [])
  peer.pass(1000)
  t.strictSame(peer.answerAll(), ['NOTIFY active SIP/2.0 183 Step  499'])
})

t.test('RFC 4488 4: with Refer-Sub: false nobody is told', async t => {
  const peer = new ReferrerWire()
  peer.refer([FACTORY, 'Refer-Sub: false', 'Require: norefersub'])
  const [accepted, ...more] = peer.texts() as [string]
  t.equal(summary(accepted), '202')
  t.equal(headerOf(accepted, 'Refer-Sub'), 'false')
  t.strictSame(more, [])
  t.equal(peer.begun.length, 1)
  t.equal(peer.taken[0]?.isWatched, false)
  peer.taken[0]?.progress(peer.wire.now, 200, 'OK')
  peer.pass(600_000)
  t.strictSame(peer.lines(), [])
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('HIS-REF-10: with Refer-Sub: true as without it', async t => {
  const peer = new ReferrerWire()
  peer.refer([FACTORY, 'Refer-Sub: TRUE;x=y'])
  t.strictSame(peer.lines(), ['202', 'NOTIFY active SIP/2.0 100 Trying'])
  t.equal(refusedWith([FACTORY, 'Refer-Sub: perhaps']), '400')
  t.equal(refusedWith([FACTORY, 'Refer-Sub: true', 'Refer-Sub: false']), '400')
})

t.test('HIS-REF-04: what RFC 3515 refuses', async t => {
  const wrong: Record<string, readonly string[]> = {
    '400 without Refer-To': [],
    '400 with two': [FACTORY, FACTORY],
    '400 with two, one compact': [FACTORY, 'r: <sip:other@example.org>'],
    '400 with two in one': ['Refer-To: <sip:a@example.org>, <sip:b@example.org>'],
    '400 with two bare ones': ['Refer-To: sip:a@example.org, sip:b@example.org'],
    '400 empty': ['Refer-To:'],
    '400 malformed': ['Refer-To: <sip:>'],
    '400 with its parameters outside': ['Refer-To: sip:factory@example.org;method=BYE'],
    '400 that is huge': [`Refer-To: <sip:${'x'.repeat(1100)}@example.org>`],
    '416 that is a number': ['Refer-To: <tel:+4930123>'],
    '416 that is a page': ['Refer-To: <http://example.org/x>'],
    '405 by another method': ['Refer-To: <sip:a@example.org;method=SUBSCRIBE>'],
  }
  for (const [name, headers] of Object.entries(wrong)) t.equal(refusedWith(headers), name.slice(0, 3), name)
  for (const contact of ['', '<tel:+4930123>', `<sip:${'x'.repeat(1100)}@h>`, '*'])
    t.equal(refusedWith([FACTORY], { contact }), '400', contact.slice(0, 20))
})

t.test('HIS-REF-07: where it refers to, in each way that it may be written', async t => {
  const ways: Record<string, [uri: string, method: string]> = {
    'Refer-To: sip:f@example.org': ['sip:f@example.org', 'INVITE'],
    'r: "F, the one" <sip:F@Example.org:5070;transport=tcp>;x=y': ['sip:F@Example.org:5070;transport=tcp', 'INVITE'],
    'Refer-To: <sips:f@example.org;method=INVITE;user=phone>': ['sips:f@example.org;user=phone', 'INVITE'],
    'Refer-To: <sip:f@example.org;lr;Method=bye>': ['sip:f@example.org;lr', 'BYE'],
    'Refer-To: <sip:f@example.org?Replaces=a%40b&body=x>': ['sip:f@example.org', 'INVITE'],
  }
  for (const [header, [referTo, method]] of Object.entries(ways)) {
    const peer = new ReferrerWire()
    peer.refer([header])
    t.match(peer.taken, [{ referTo, method }], header)
  }
})

t.test('whoever is referred refuses, later, and once', async t => {
  const peer = new ReferrerWire()
  peer.take = () => {}
  peer.refer()
  t.strictSame(peer.lines(), [])
  const [referral] = peer.taken
  referral?.refuse(peer.wire.now, { status: 403 })
  referral?.accept(peer.wire.now, () => t.fail('begun'))
  referral?.refuse(peer.wire.now, { status: 486 })
  t.strictSame(peer.lines(), ['403'])
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('a REFER is accepted when its subscription is kept, not before', async t => {
  const peer = new ReferrerWire({ isDiskSlow: true })
  peer.refer()
  t.strictSame(peer.lines(), [])
  t.strictSame(peer.begun, [])
  peer.flush()
  t.strictSame(peer.lines(), ['202', 'NOTIFY active SIP/2.0 100 Trying'])
  t.equal(peer.begun.length, 1)
})

t.test('HIS-REF-10: several REFERs, each with a dialog of its own', async t => {
  const peer = new ReferrerWire()
  const [one, two] = [peer.referred(), peer.referred()]
  t.not(one.toTag, two.toTag, 'of the same Call-ID and From tag even')
  t.not(one.referral.id, two.referral.id)
  two.referral.progress(peer.wire.now, 200, 'OK')
  const [told] = peer.texts() as [string]
  t.equal(/;tag=(\S+)/.exec(headerOf(told, 'From')!)?.[1], two.toTag)
  peer.reply(told, 200)
  one.referral.progress(peer.wire.now, 603, 'Decline')
  t.strictSame(peer.answerAll(), ['NOTIFY terminated;reason=noresource SIP/2.0 603 Decline'])
})

t.test('RFC 3515 2.4.4: it is refreshed and ended by SUBSCRIBE within its dialog, and begun by none', async t => {
  const peer = new ReferrerWire()
  const { referral, toTag } = peer.referred()
  peer.ask({ toTag, event: 'refer', expires: 60, headers: ['Accept: message/sipfrag'] })
  const [refreshed, notify] = peer.texts() as [string, string]
  t.equal(headerOf(refreshed, 'Expires'), '60')
  t.equal(summary(notify), 'NOTIFY active SIP/2.0 100 Trying')
  peer.reply(notify, 200)
  peer.ask({ toTag, event: 'refer', expires: 3600 })
  t.equal(headerOf(peer.texts()[0]!, 'Expires'), '600', 'bounded')
  peer.ask({ toTag, event: 'refer', expires: 0 })
  t.strictSame(peer.lines(), ['200'])
  peer.pass(40_000)
  referral.progress(peer.wire.now, 200, 'OK')
  t.match(peer.subscriptions.describe(), { total: 0 })
  peer.ask({ event: 'refer', callId: 'new', fromTag: 'new' })
  peer.ask({ event: 'refer', toTag: 'unknown' })
  t.strictSame(
    peer.lines().filter(line => !line.startsWith('NOTIFY')),
    ['403', '481'],
  )
})

t.test('an unsubscribe is told how things stand', async t => {
  const peer = new ReferrerWire()
  const { toTag } = peer.referred()
  peer.ask({ toTag, event: 'refer', expires: 0 })
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY terminated;reason=timeout SIP/2.0 100 Trying'])
})

t.test('it ends after its time, without a final status', async t => {
  const peer = new ReferrerWire()
  const { referral } = peer.referred()
  peer.pass(300_000)
  t.strictSame(peer.answerAll(), ['NOTIFY terminated;reason=timeout SIP/2.0 100 Trying'])
  referral.progress(peer.wire.now, 200, 'OK')
  t.strictSame(peer.lines(), [])
})

t.test('a NOTIFY that fails ends it, and nothing else', async t => {
  for (const status of [481, 405, 489]) {
    const peer = new ReferrerWire()
    peer.refer()
    const [, notify] = peer.texts() as [string, string]
    peer.reply(notify, status)
    t.match(peer.subscriptions.describe(), { total: 0 }, String(status))
    peer.taken[0]?.progress(peer.wire.now, 200, 'OK')
    t.strictSame(peer.lines(), [])
  }
  const silent = new ReferrerWire()
  silent.refer()
  silent.pass(32_000)
  t.match(silent.subscriptions.describe(), { total: 0 }, 'silence')
})

t.test('somebody whose connection is gone is told nothing', async t => {
  const peer = new ReferrerWire()
  const flow = peer.wire.open(inbound('in1'))
  peer.refer([FACTORY], { flow, contact: '<sip:alice@192.0.2.10:40000;transport=tcp>' })
  const [, notify] = peer.texts() as [string, string]
  peer.reply(notify, 200, [], flow)
  peer.wire.transport.flowClosed(peer.wire.now, flow)
  peer.taken[0]?.progress(peer.wire.now, 200, 'OK')
  t.strictSame(peer.lines(), [])
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('after a restart whoever waits for an end is told one: what became of it is not known', async t => {
  const before = new ReferrerWire()
  before.referred()
  const after = new ReferrerWire({ run: 2 })
  for (const saved of before.kept.values()) after.subscriptions.restore(after.wire.now, saved)
  const told: string[] = []
  for (let second = 0; second < 31; second++) {
    told.push(...after.answerAll())
    after.pass(1000)
  }
  t.strictSame([...new Set(told)], ['NOTIFY terminated;reason=noresource SIP/2.0 503 Service Unavailable'])
  t.match(after.subscriptions.describe(), { total: 0 })
})

t.test('HIS-REF-01: bounded for one sender, in number and in time', async t => {
  const peer = new ReferrerWire({ limits: { perSubscriber: 3 } })
  for (let count = 0; count < 3; count++) peer.referred({ callId: `c${count}` })
  peer.refer([FACTORY], { callId: 'too-many' })
  const [refused] = peer.texts() as [string]
  t.equal(summary(refused), '486')
  t.equal(headerOf(refused, 'Retry-After'), '60')
  t.equal(peer.begun.length, 3, 'nothing is done about what was refused')
  const quick = new ReferrerWire()
  for (let count = 0; count < 11; count++) quick.refer([FACTORY, 'Refer-Sub: false'], { callId: `c${count}` })
  t.strictSame(quick.lines(), [...new Array(10).fill('202'), '486'])
  quick.pass(1000)
  quick.refer([FACTORY, 'Refer-Sub: false'], { callId: 'later' })
  t.equal(quick.lines().at(-1), '202')
})

t.test('a REFER that comes again over a lossy way is answered as before, and taken once', async t => {
  const peer = new ReferrerWire()
  const again = [
    'REFER sip:history@example.org SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-again',
    'Max-Forwards: 70',
    'From: <sip:alice@example.org>;tag=a1',
    'To: <sip:history@example.org>',
    'Call-ID: again',
    'CSeq: 1 REFER',
    'Contact: <sip:alice@192.0.2.10:5070>',
    FACTORY,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
  peer.wire.receive(again, ALICE)
  const [first] = peer.texts() as [string]
  peer.pass(500)
  peer.texts()
  peer.wire.receive(again, ALICE)
  const answers = peer.texts().filter(each => each.startsWith('SIP/2.0'))
  t.strictSame(answers.map(tagOf), [tagOf(first)])
  t.equal(peer.taken.length, 1)
})
