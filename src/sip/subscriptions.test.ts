import t from 'tap'
import { headerOf } from '../testing/session-wire.ts'
import { SubscriberWire, summary, tagOf, text } from '../testing/subscriber-wire.ts'

t.test('RFC 6665 4.2.1.2: a SUBSCRIBE is answered and the state told at once', async t => {
  const peer = new SubscriberWire()
  peer.ask({ expires: 600, headers: ['Record-Route: <sip:proxy.example.org;lr>'] })
  const [accepted, notify] = peer.texts() as [string, string]
  t.equal(summary(accepted), '200')
  t.equal(headerOf(accepted, 'Expires'), '600')
  t.equal(headerOf(accepted, 'Contact'), '<sip:im@192.0.2.1:5060>')
  t.equal(headerOf(accepted, 'Record-Route'), '<sip:proxy.example.org;lr>')
  t.equal(headerOf(accepted, 'Allow-Events'), 'weather')
  t.match(tagOf(accepted), /^[a-z2-7]{16}$/)
  t.equal(notify.split('\r\n')[0], 'NOTIFY sip:alice@192.0.2.10:5070 SIP/2.0')
  t.equal(headerOf(notify, 'Route'), '<sip:proxy.example.org;lr>')
  t.equal(headerOf(notify, 'Event'), 'weather')
  t.equal(headerOf(notify, 'Subscription-State'), 'active;expires=600')
  t.equal(headerOf(notify, 'Content-Type'), 'text/plain')
  t.equal(headerOf(notify, 'From'), `<sip:bob@example.org>;tag=${tagOf(accepted)}`)
  t.equal(headerOf(notify, 'To'), '<sip:alice@example.org>;tag=a1')
  t.equal(headerOf(notify, 'CSeq'), '1 NOTIFY')
  t.equal(headerOf(notify, 'User-Agent'), 'IM-serv/OMA1.0 edge/1.0')
  t.ok(notify.endsWith('\r\n\r\none'))
})

t.test('RFC 6665 4.2.1.1: the duration is the default, at most the maximum, or refused with the minimum', async t => {
  const granted = (expires?: number | string) => {
    const peer = new SubscriberWire()
    peer.ask(expires === undefined ? {} : { expires })
    const [answer] = peer.texts() as [string]
    return `${summary(answer)} ${headerOf(answer, 'Expires') ?? headerOf(answer, 'Min-Expires')}`
  }
  t.equal(granted(), '200 3600')
  t.equal(granted(4_000_000_000), '200 7200')
  t.equal(granted(60), '200 60')
  t.equal(granted(59), '423 60')
  t.match(granted('soon'), /^400 /)
})

t.test('RFC 6665 7.2: an event that nobody serves is 489 with those that are', async t => {
  for (const event of ['presence', '']) {
    const peer = new SubscriberWire()
    peer.ask({ event })
    const [answer] = peer.texts() as [string]
    t.equal(summary(answer), '489')
    t.equal(headerOf(answer, 'Allow-Events'), 'weather')
  }
})

t.test('what is malformed or cannot be served is refused, and nothing is kept of it', async t => {
  const answers: [Parameters<SubscriberWire['ask']>[0], string][] = [
    [{ contact: '' }, '400'],
    [{ contact: '*' }, '400'],
    [{ contact: '<tel:+15551234>' }, '400'],
    [{ contact: '<sip:alice' }, '400'],
    [{ contact: `<sip:${'a'.repeat(2000)}@example.org>` }, '400'],
    [{ event: 'weather;id=a b' }, '400'],
    [{ event: 'weather;id="a;b"' }, '400'],
    [{ event: `weather;id=${'x'.repeat(200)}` }, '400'],
    [{ event: 'weather', headers: ['Event: weather'] }, '400'],
    [{ headers: ['Record-Route: <sip:p'] }, '400'],
    [{ headers: Array(40).fill(`Record-Route: <sip:${'p'.repeat(100)};lr>`) }, '400'],
    [{ body: '<filter/>', headers: ['Content-Type: application/simple-filter+xml'] }, '415'],
    [{ headers: ['Accept: application/pidf+xml'] }, '406'],
    [{ headers: ['Accept:'] }, '406'],
    [{ headers: ['Accept: text/*;q=0.0'] }, '406'],
  ]
  for (const [asking, status] of answers) {
    const peer = new SubscriberWire()
    peer.ask(asking)
    t.strictSame(peer.lines(), [status], JSON.stringify(asking).slice(0, 80))
    t.match(peer.subscriptions.describe(), { total: 0 })
    t.equal(peer.kept.size, 0)
  }
})

t.test('RFC 3261 20.1: what the subscriber takes is for the package to choose from', async t => {
  const taken = (accept: string) => {
    let types: readonly string[] = []
    const peer = new SubscriberWire()
    peer.told = (now, { accept: given }, _why, done) => {
      types = given
      done(now, [])
    }
    peer.ask({ headers: [`Accept: ${accept}`] })
    return types
  }
  t.strictSame(taken('text/html'), ['text/html'])
  t.strictSame(taken('application/x, TEXT/*'), ['text/plain', 'text/html'])
  t.strictSame(taken('*/*;q=0.1, text/html;q=0'), ['text/plain'])
})

t.test('who may not know is refused, as the package says, with nothing told', async t => {
  for (const status of [403, 404, 503]) {
    const peer = new SubscriberWire()
    peer.decision = { status }
    peer.ask()
    t.strictSame(peer.lines(), [String(status)])
    t.match(peer.subscriptions.describe(), { total: 0 })
  }
})

t.test('RFC 6665 4.2.2: one NOTIFY is under way at a time, and what changes meanwhile is told once', async t => {
  const peer = new SubscriberWire()
  peer.subscribe()
  peer.change()
  const [first] = peer.texts() as [string]
  peer.bodies = [text('two')]
  for (let change = 0; change < 5; change++) peer.change()
  t.strictSame(peer.lines(), [])
  peer.reply(first, 200)
  t.strictSame(peer.answerAll(), ['NOTIFY active two'])
  t.strictSame(peer.asked, ['change', 'change'])
})

t.test('changes of a package with an interval are told at once, then once in that time', async t => {
  const peer = new SubscriberWire({ package: { changeIntervalMs: 1000 } })
  peer.subscribe()
  peer.pass(1000)
  for (let change = 0; change < 10; change++) {
    peer.change()
    peer.answerAll()
    peer.pass(100)
  }
  peer.answerAll()
  t.strictSame(peer.asked, ['change', 'change'])
  peer.change()
  t.strictSame(peer.lines(), [])
  peer.pass(1000)
  t.strictSame(peer.answerAll(), ['NOTIFY active one'])
})

t.test('several bodies go out one after the other on the same subscription', async t => {
  const peer = new SubscriberWire()
  peer.bodies = [text('counts'), text('group 1'), text('group 2')]
  peer.ask()
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY active counts', 'NOTIFY active group 1', 'NOTIFY active group 2'])
  t.strictSame(peer.asked, ['initial'])
})

t.test('a package that has more to tell is asked again when that is told', async t => {
  const peer = new SubscriberWire({ package: { changeIntervalMs: 60_000 } })
  let page = 0
  peer.told = (now, _subscription, _why, done) => done(now, [text(`page ${++page}`)], page < 3)
  peer.ask()
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY active page 1', 'NOTIFY active page 2', 'NOTIFY active page 3'])
  t.strictSame(peer.asked, ['initial', 'change', 'change'])
})

t.test('RFC 6665 4.2.1.2: the first NOTIFY goes out even where there is nothing to tell', async t => {
  const peer = new SubscriberWire()
  peer.bodies = []
  peer.ask()
  const [, notify] = peer.texts() as [string, string]
  t.equal(summary(notify), 'NOTIFY active')
  t.equal(headerOf(notify, 'Content-Type'), undefined)
  peer.reply(notify, 200)
  peer.change()
  t.strictSame(peer.lines(), [], 'and for a change none')
})

t.test('RFC 6665 4.1.2.2: a refresh gets the new duration and the state; the last one counts', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe({ expires: 100 })
  peer.pass(90_000)
  peer.ask({ toTag, expires: 200 })
  const [accepted, notify] = peer.texts() as [string, string]
  t.equal(headerOf(accepted, 'Expires'), '200')
  t.equal(headerOf(notify, 'Subscription-State'), 'active;expires=200')
  peer.reply(notify, 200)
  t.strictSame(peer.asked, ['refresh'])
  peer.pass(199_000)
  t.strictSame(peer.lines(), [])
  peer.pass(1000)
  t.strictSame(peer.answerAll(), ['NOTIFY terminated;reason=timeout one'])
  t.match(peer.subscriptions.describe(), { total: 0 })
  t.equal(peer.kept.size, 0)
  peer.pass(60_000)
  t.equal(peer.wire.running, '')
})

t.test('RFC 6665 4.1.2.3: an unsubscribe is answered, told the last state, and over', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.ask({ toTag, expires: 0 })
  t.equal(peer.kept.size, 0)
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY terminated;reason=timeout one'])
  peer.ask({ toTag, expires: 600 })
  t.strictSame(peer.lines(), ['481'])
})

t.test('RFC 6665 4.4.3: a fetch is told once and keeps nothing', async t => {
  const peer = new SubscriberWire()
  peer.bodies = [text('counts'), text('groups')]
  peer.ask({ expires: 0 })
  t.equal(peer.puts, 0)
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY terminated;reason=timeout counts'])
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('RFC 6665 4.2.2: answers that end the subscription, and silence', async t => {
  for (const status of [404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]) {
    const peer = new SubscriberWire()
    peer.subscribe()
    peer.change()
    peer.answerAll(status)
    t.match(peer.subscriptions.describe(), { total: 0 }, String(status))
    t.equal(peer.kept.size, 0)
  }
  const silent = new SubscriberWire()
  silent.ask()
  silent.pass(33_000)
  t.match(silent.subscriptions.describe(), { total: 0 })
  t.equal(silent.wire.running, '')
})

t.test('RFC 6665 4.2.2: a refusal for another reason is no end, three in a row are', async t => {
  const peer = new SubscriberWire()
  peer.subscribe()
  for (const status of [500, 403, 200, 500, 400]) {
    peer.change()
    peer.answerAll(status)
    t.match(peer.subscriptions.describe(), { total: 1 })
  }
  peer.change()
  peer.answerAll(503)
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('RFC 6665 4.2.2: Retry-After is kept to, and the same is told again under a new number', async t => {
  const peer = new SubscriberWire()
  peer.subscribe()
  peer.change()
  const [first] = peer.texts() as [string]
  peer.reply(first, 503, ['Retry-After: 20'])
  peer.change()
  peer.pass(19_000)
  t.strictSame(peer.lines(), [])
  peer.pass(1000)
  const [again] = peer.texts() as [string]
  t.equal(summary(again), 'NOTIFY active one')
  t.equal(headerOf(again, 'CSeq'), '3 NOTIFY')
  peer.reply(again, 200)
  t.strictSame(peer.answerAll(), ['NOTIFY active one'], 'the change since then')
})

t.test('RFC 6665 4.1.3: pending, then approved; the state is told only then', async t => {
  const peer = new SubscriberWire()
  peer.decision = 'pending'
  peer.ask()
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY pending'])
  peer.change()
  t.strictSame(peer.lines(), [])
  peer.subscriptions.approve(peer.wire.now, 'weather', 'sip:bob@example.org', 'sip:eve@example.org')
  t.strictSame(peer.lines(), [])
  peer.subscriptions.approve(peer.wire.now, 'weather', 'sip:bob@example.org', peer.subscriber)
  t.strictSame(peer.answerAll(), ['NOTIFY active one'])
  t.equal([...peer.kept.values()][0]?.state, 'active')
})

t.test('RFC 6665 4.1.3: ended from above with a reason', async t => {
  const peer = new SubscriberWire()
  peer.subscribe()
  peer.subscriptions.end(peer.wire.now, 'weather', 'sip:bob@example.org', { reason: 'probation', retryAfterS: 30 })
  t.strictSame(peer.answerAll(), ['NOTIFY terminated;reason=probation;retry-after=30'])
  const rejected = new SubscriberWire()
  rejected.decision = 'pending'
  rejected.ask()
  rejected.answerAll()
  rejected.subscriber = 'sip:eve@example.org'
  rejected.subscribe({ callId: 'eve' })
  const whose = { reason: 'rejected', subscriber: rejected.subscriber } as const
  rejected.subscriptions.end(rejected.wire.now, 'weather', 'sip:bob@example.org', whose)
  t.strictSame(rejected.answerAll(), ['NOTIFY terminated;reason=rejected'])
})

t.test('RFC 6665 8.2.1: the Event header comes back as it was spelled, id included', async t => {
  const peer = new SubscriberWire()
  peer.ask({ event: 'Weather;q=1;id=77' })
  const [accepted, notify] = peer.texts() as [string, string]
  t.equal(headerOf(notify, 'Event'), 'Weather;id=77')
  peer.reply(notify, 200)
  for (const event of ['Weather', 'Weather;id=78', 'weather;id=77']) {
    peer.ask({ toTag: tagOf(accepted), event })
    t.strictSame(peer.lines(), ['481'], event)
  }
  peer.ask({ toTag: tagOf(accepted), event: 'Weather;id=77' })
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY active one'])
})

t.test('what belongs to no subscription, and what a subscription has no use for', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  const answers: [Parameters<SubscriberWire['ask']>[0], string][] = [
    [{ toTag: 'other' }, '481'],
    [{ toTag, fromTag: 'other' }, '481'],
    [{ toTag, callId: 'other' }, '481'],
    [{ toTag, seq: 1, callId: 'call-1', expires: 59 }, '423'],
    [{ toTag, headers: ['Require: eventlist'] }, '420'],
    [{ toTag, headers: ['Accept: application/x'] }, '406'],
    [{ toTag, expires: 'x' }, '400'],
    [{ toTag, contact: '<tel:1>' }, '400'],
    [{ toTag, method: 'OPTIONS' }, '200'],
    [{ toTag, method: 'BYE' }, '481'],
    [{ toTag, method: 'REFER' }, '405'],
    [{ toTag, method: 'FROBNICATE', headers: ['Require: eventlist'] }, '501'],
    [{ toTag, seq: 0 }, '500'],
  ]
  for (const [asking, status] of answers) {
    peer.ask(asking)
    t.strictSame(peer.lines(), [status], JSON.stringify(asking))
  }
  peer.subscriber = 'sip:eve@example.org'
  peer.ask({ toTag })
  t.strictSame(peer.lines(), ['403'])
  peer.ask({ toTag: 'other', method: 'BYE' })
  t.strictSame(peer.asked, ['not ours'])
  peer.change()
  t.strictSame(peer.answerAll(), ['NOTIFY active one'], 'it stands as before')
})
