import t from 'tap'
import { NotifierWire } from '../testing/notifier-wire.ts'
import { headerOf } from '../testing/session-wire.ts'

const MINUTE = 60_000

t.test('RFC 6665 4.1.2.1: a SUBSCRIBE, its answer, and what is told', async t => {
  const peer = new NotifierWire()
  const subscribe = peer.begin({ routes: ['<sip:core.example.org;lr>'] })
  t.match(subscribe, /^SUBSCRIBE sip:conf1@192\.0\.2\.10:5070 SIP\/2\.0\r\n/)
  const expected: Record<string, string> = {
    Route: '<sip:core.example.org;lr>',
    Event: 'conference',
    Expires: '3600',
    Contact: '<sip:im@192.0.2.1:5060>',
    Accept: 'text/plain, text/xml',
    'Accept-Contact': '*;+g.oma.sip-im;explicit',
    'User-Agent': 'IM-serv/OMA1.0 edge/1.0',
    CSeq: '1 SUBSCRIBE',
    'Max-Forwards': '70',
    'Content-Length': '0',
  }
  for (const [name, text] of Object.entries(expected)) t.equal(headerOf(subscribe, name), text, name)
  t.match(headerOf(subscribe, 'From'), /^<sip:alice@example\.org>;tag=[a-z2-7]{16}$/)
  peer.reply(subscribe, 200, ['Expires: 1800'])
  t.equal(peer.tell({ body: 'one' }), '200')
  t.equal(peer.tell({ body: 'two', type: 'TEXT/XML;charset=utf-8' }), '200')
  t.equal(peer.tell({ state: 'pending' }), '200')
  t.equal(peer.tell({ state: 'new-state' }), '200')
  t.strictSame(peer.take(), [
    'first active text/plain one',
    'then active text/xml two',
    'then pending -',
    'then active -',
  ])
  t.match(peer.subscribers.describe(), { open: 1 })
})

t.test('RFC 6665 4.1.2.4: a NOTIFY before the 2xx makes the dialog', async t => {
  const peer = new NotifierWire()
  const subscribe = peer.begin()
  const told = { state: 'active;expires=100', body: 'one', headers: ['Record-Route: <sip:p1@192.0.2.10:5070;lr>'] }
  t.equal(peer.tell({ ...told, fromTag: 'b', contact: '<sip:other@192.0.2.10:5070>' }), '200')
  t.strictSame(peer.take(), ['first active text/plain one'])
  peer.reply(subscribe, 200, ['Expires: 3600'], 'a')
  peer.pass(49_000)
  t.strictSame(peer.rest(), [])
  peer.pass(1000)
  const refresh = peer.sent()
  t.match(refresh, /^SUBSCRIBE sip:other@192\.0\.2\.10:5070 /, 'the time that the NOTIFY said counts')
  t.equal(headerOf(refresh, 'Route'), '<sip:p1@192.0.2.10:5070;lr>')
  t.match(headerOf(refresh, 'To'), /;tag=b$/)
  t.equal(headerOf(refresh, 'CSeq'), '2 SUBSCRIBE')
  t.equal(headerOf(refresh, 'Call-ID'), headerOf(subscribe, 'Call-ID'))
  t.equal(headerOf(refresh, 'From'), headerOf(subscribe, 'From'))
})

t.test('RFC 6665 4.1.4: of a fork one branch is heard, whichever answered', async t => {
  const peer = new NotifierWire()
  peer.reply(peer.begin(), 200, ['Expires: 3600'], 'a')
  t.equal(peer.tell({ fromTag: 'b', body: 'one' }), '200')
  t.equal(peer.tell({ fromTag: 'a', body: 'two' }), '481')
  t.equal(peer.tell({ fromTag: 'b', body: 'three' }), '200')
  t.strictSame(peer.take(), ['first active text/plain one', 'then active text/plain three'])
  peer.own?.refresh(peer.wire.now)
  peer.pass(5000)
  t.match(headerOf(peer.sent(), 'To'), /;tag=b$/)
})

t.test('RFC 6665 4.1.2.2: it is refreshed before it ends, for as long as it is wanted', async t => {
  const peer = new NotifierWire()
  peer.stand()
  for (let hour = 0; hour < 30; hour++) {
    peer.pass(3480_000)
    const refresh = peer.sent()
    t.match(refresh, /^SUBSCRIBE /)
    t.equal(headerOf(refresh, 'CSeq'), `${hour + 2} SUBSCRIBE`)
    t.equal(headerOf(refresh, 'Expires'), '3600')
    peer.reply(refresh, 200, ['Expires: 3600'])
    peer.tell({ body: String(hour) })
    t.strictSame(
      peer.rest().filter(text => text.startsWith('SUBSCRIBE')),
      [],
    )
  }
  t.strictSame(peer.take().length, 30)
  t.match(peer.subscribers.describe(), { open: 1 })
})

t.test('RFC 6665 4.1.3: a NOTIFY shortens it', async t => {
  const peer = new NotifierWire()
  peer.stand()
  peer.tell({ state: 'active;expires=60' })
  peer.pass(29_999)
  t.strictSame(peer.rest(), [])
  peer.pass(1)
  t.match(peer.sent(), /^SUBSCRIBE /)
})

t.test('the whole state is asked for again soon, and not more often than every few seconds', async t => {
  const peer = new NotifierWire()
  peer.stand()
  peer.pass(10_000)
  for (let gap = 0; gap < 20; gap++) peer.own?.refresh(peer.wire.now)
  peer.pass(0)
  const refresh = peer.sent()
  t.match(refresh, /^SUBSCRIBE /)
  peer.own?.refresh(peer.wire.now)
  peer.reply(refresh, 200, ['Expires: 3600'])
  peer.own?.refresh(peer.wire.now)
  peer.pass(4999)
  t.strictSame(peer.rest(), [])
  peer.pass(1)
  t.match(peer.sent(), /^SUBSCRIBE /)
})

t.test('a refresh that is wanted before there is a dialog', async t => {
  const peer = new NotifierWire()
  const subscribe = peer.begin()
  peer.own?.refresh(peer.wire.now)
  peer.pass(0)
  t.strictSame(peer.rest(), [])
  peer.reply(subscribe, 200, ['Expires: 3600'])
  peer.tell()
  peer.pass(5000)
  t.match(peer.sent(), /^SUBSCRIBE /)
})

t.test('RFC 6665 4.1.2.3: unsubscribe, and the last NOTIFY', async t => {
  const peer = new NotifierWire()
  peer.stand()
  peer.own?.end(peer.wire.now)
  peer.own?.end(peer.wire.now)
  const [last, ...more] = peer.texts() as [string]
  t.equal(headerOf(last, 'Expires'), '0')
  t.strictSame(more, [])
  peer.reply(last, 200, ['Expires: 0'])
  t.equal(peer.tell({ body: 'late' }), '200')
  t.strictSame(peer.rest(), [], 'it is said once')
  t.strictSame(peer.take(), [])
  t.equal(peer.tell({ state: 'terminated;reason=timeout', body: 'last' }), '200')
  t.strictSame(peer.take(), ['ended local'], 'nothing is told any more')
  t.equal(peer.tell({}), '481')
  t.strictSame(peer.take(), ['not ours: NOTIFY'])
  t.match(peer.subscribers.describe(), { open: 0 })
  peer.pass(MINUTE)
  t.equal(peer.wire.running, '')
})

t.test('unsubscribe where the notifier says nothing more', async t => {
  const silent = new NotifierWire()
  silent.stand()
  silent.own?.end(silent.wire.now)
  silent.pass(31_999)
  t.strictSame(silent.take(), [])
  silent.pass(1)
  t.strictSame(silent.take(), ['ended local'])
  const unknown = new NotifierWire()
  unknown.stand()
  unknown.own?.end(unknown.wire.now)
  unknown.reply(unknown.sent(), 481)
  t.strictSame(unknown.take(), ['ended local'])
})

t.test('unsubscribe before there is an answer', async t => {
  for (const isToldFirst of [true, false]) {
    const peer = new NotifierWire()
    const subscribe = peer.begin()
    if (isToldFirst) peer.tell({ body: 'one' })
    peer.own?.end(peer.wire.now)
    t.strictSame(peer.rest(), [], 'one SUBSCRIBE at a time')
    peer.reply(subscribe, 200, ['Expires: 3600'])
    const last = peer.sent()
    t.equal(headerOf(last, 'Expires'), '0')
    peer.reply(last, 200)
    peer.tell({ state: 'terminated' })
    t.equal(peer.take().at(-1), 'ended local')
  }
  const refused = new NotifierWire()
  const subscribe = refused.begin()
  refused.own?.end(refused.wire.now)
  refused.reply(subscribe, 403)
  t.strictSame(refused.take(), ['ended local'])
  const crossing = new NotifierWire()
  crossing.stand()
  crossing.pass(3480_000)
  const refresh = crossing.sent()
  crossing.own?.end(crossing.wire.now)
  t.strictSame(crossing.rest(), [])
  crossing.reply(refresh, 500)
  t.equal(headerOf(crossing.sent(), 'Expires'), '0')
})

t.test('a SUBSCRIBE that is refused', async t => {
  for (const status of [302, 401, 403, 404, 407, 480, 481, 489, 503, 603]) {
    const peer = new NotifierWire()
    peer.reply(peer.begin(), status, ['Retry-After: 7'])
    const isNew = status === 481
    t.strictSame(peer.take(), isNew ? [] : [`ended refused ${status} 7`])
    t.match(peer.subscribers.describe(), { open: isNew ? 1 : 0 })
  }
  const silent = new NotifierWire()
  silent.begin()
  silent.pass(32_000)
  t.strictSame(silent.take(), ['ended refused 408'])
})

t.test('423: once more, for as long as the notifier wants', async t => {
  const peer = new NotifierWire()
  const subscribe = peer.begin({ expiresS: 60 })
  peer.reply(subscribe, 423, ['Min-Expires: 600'])
  const again = peer.sent()
  t.equal(headerOf(again, 'Expires'), '600')
  t.equal(headerOf(again, 'CSeq'), '2 SUBSCRIBE')
  t.equal(headerOf(again, 'Call-ID'), headerOf(subscribe, 'Call-ID'))
  t.equal(again.match(/^Via:/gm)?.length, 1)
  peer.reply(again, 200, ['Expires: 600'])
  peer.tell({ state: 'active;expires=600' })
  peer.pass(480_000)
  const refresh = peer.sent()
  t.equal(headerOf(refresh, 'Expires'), '600')
  t.equal(headerOf(refresh, 'CSeq'), '3 SUBSCRIBE')
  for (const minExpires of ['Min-Expires: 4000000000', 'Min-Expires: soon', 'X: y']) {
    const other = new NotifierWire()
    other.reply(other.begin(), 423, [minExpires])
    t.strictSame(other.take(), ['ended refused 423'], minExpires)
  }
  const stubborn = new NotifierWire()
  stubborn.reply(stubborn.begin(), 423, ['Min-Expires: 7000'])
  stubborn.reply(stubborn.sent(), 423, ['Min-Expires: 8000'])
  t.strictSame(stubborn.take(), ['ended refused 423'])
})

t.test('RFC 6665 4.1.2.4, Timer N: accepted, and nothing told', async t => {
  const peer = new NotifierWire()
  peer.reply(peer.begin(), 200, ['Expires: 3600'])
  peer.pass(31_999)
  t.strictSame(peer.take(), [])
  peer.pass(1)
  t.strictSame(peer.take(), ['ended silent'])
  t.equal(peer.tell(), '481', 'what comes after it belongs to nothing')
})

t.test('a notifier that tells stands, though its 2xx is lost', async t => {
  const peer = new NotifierWire()
  peer.begin()
  peer.tell({ state: 'active', body: 'one' })
  peer.pass(32_000)
  t.strictSame(peer.take(), ['first active text/plain one'])
  peer.texts()
  peer.pass(3480_000)
  t.match(peer.sent(), /^SUBSCRIBE /)
})

t.test('RFC 6665 8.2, RFC 3261 8.2: a NOTIFY that is none of ours', async t => {
  const wrong: Record<string, Parameters<NotifierWire['tell']>[0]> = {
    '489 of another event': { event: 'presence' },
    '489 of none': { event: '' },
    '400 with two events': { headers: ['Event: conference'] },
    '400 without a state': { state: '' },
    '400 malformed': { state: ';;' },
    '415 in a type we do not know': { body: 'x', type: 'image/png' },
    '415 encoded': { body: 'x', headers: ['Content-Encoding: gzip'] },
    '415 without a type': { body: 'x', type: '' },
    '420 requiring': { headers: ['Require: magic'] },
    '500 out of order': { seq: 1 },
  }
  const peer = new NotifierWire()
  peer.stand()
  peer.tell({ seq: 2000 })
  peer.take()
  for (const [name, telling] of Object.entries(wrong))
    t.match(peer.tell({ seq: 3000, ...telling }), name.slice(0, name.startsWith('415 without') ? 1 : 3), name)
  t.strictSame(peer.take(), [])
  t.equal(peer.tell({ seq: 3000, method: 'OPTIONS' }), '481')
  t.strictSame(peer.take(), ['not ours: OPTIONS'])
  peer.tell({ seq: 3001, body: 'x', type: 'image/png', state: 'terminated;reason=noresource' })
  t.strictSame(peer.take(), ['then terminated -', 'ended terminated noresource'], 'an end is one whatever it carries')
})

t.test('more NOTIFYs than a conference has are put off', async t => {
  const peer = new NotifierWire()
  peer.stand()
  const answers = Array.from({ length: 300 }, () => peer.tell())
  const taken = answers.filter(status => status === '200').length
  t.ok(taken >= 29 && taken <= 31, String(taken))
  t.ok(answers.slice(taken).every(status => status === '500'))
  peer.take()
  peer.pass(500)
  t.equal(peer.tell(), '500')
  peer.pass(1000)
  t.equal(peer.tell(), '200')
  t.equal(peer.tell(), '500')
  t.equal(peer.tell({ state: 'terminated;reason=noresource' }), '200', 'the last one counts at once')
})

t.test('too many at once', async t => {
  const peer = new NotifierWire(2)
  peer.begin()
  peer.begin()
  t.equal(peer.begin(), '')
  t.strictSame(peer.take(), [], 'no event within the call')
  peer.own?.refresh(peer.wire.now)
  peer.own?.end(peer.wire.now)
  peer.pass(0)
  t.strictSame(peer.take(), ['ended full'])
})

t.test('a 2xx that makes no dialog', async t => {
  const peer = new NotifierWire()
  peer.reply(peer.begin(), 200, ['Contact: <<>>'])
  t.strictSame(peer.take(), ['ended refused 502'])
})

t.test('a Contact that is no SIP URI leads nowhere', async t => {
  for (const contact of ['<tel:+4930123>', '<<>>', '*', '']) {
    const peer = new NotifierWire()
    const subscribe = peer.begin()
    if (contact !== '<<>>') peer.reply(subscribe, 200, ['Expires: 3600', `Contact: ${contact}`])
    t.equal(peer.tell({ contact, body: 'one' }), '200', contact)
    peer.own?.refresh(peer.wire.now)
    if (contact === '<<>>') peer.reply(subscribe, 200, ['Expires: 3600', 'Contact: <mailto:a@b>'])
    peer.pass(5000)
    t.match(peer.sent(), /^SUBSCRIBE sip:conf1@192\.0\.2\.10:5070 /, contact)
  }
})

t.test('over a lossy way: what is lost comes again, and counts once', async t => {
  const peer = new NotifierWire()
  const lost = peer.begin()
  peer.pass(500)
  const again = peer.sent()
  t.equal(again, lost)
  peer.reply(again, 200, ['Expires: 3600'])
  peer.reply(again, 200, ['Expires: 3600'])
  peer.tell({ body: 'one' })
  peer.own?.end(peer.wire.now)
  peer.texts()
  peer.pass(500)
  peer.reply(peer.sent(), 200)
  peer.tell({ state: 'terminated' })
  t.strictSame(peer.take(), ['first active text/plain one', 'ended local'])
  peer.pass(MINUTE)
  t.equal(peer.wire.running, '')
})
