import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { headerOf } from '../testing/session-wire.ts'
import { ALICE, inbound } from '../testing/sip-wire.ts'
import { SubscriberWire, summary, tagOf, text } from '../testing/subscriber-wire.ts'

t.test('a refresh that crosses a NOTIFY is answered at once, and told when that NOTIFY is', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.change()
  const [notify] = peer.texts() as [string]
  peer.ask({ toTag, expires: 600 })
  t.strictSame(peer.lines(), ['200'])
  peer.reply(notify, 200)
  t.strictSame(peer.answerAll(), ['NOTIFY active one'])
  t.strictSame(peer.asked, ['change', 'refresh'])
})

t.test('an unsubscribe that crosses a NOTIFY and a change: one last NOTIFY, after that one', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.bodies = [text('a'), text('b'), text('c')]
  peer.change()
  const [notify] = peer.texts() as [string]
  peer.ask({ toTag, expires: 0 })
  peer.change()
  t.strictSame(peer.lines(), ['200'])
  peer.bodies = [text('last')]
  peer.reply(notify, 200)
  peer.change()
  t.strictSame(peer.answerAll(), ['NOTIFY terminated;reason=timeout last'])
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('an unsubscribe while the package is asked: what it answers is not told, only the last', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  const answers: (() => void)[] = []
  peer.told = (_now, _subscription, why, done) => answers.push(() => done(peer.wire.now, [text(why)]))
  peer.change()
  peer.ask({ toTag, expires: 0 })
  answers.shift()?.()
  answers.shift()?.()
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY terminated;reason=timeout final'])
})

t.test('an expiry while a NOTIFY is under way waits for its answer', async t => {
  const peer = new SubscriberWire()
  peer.subscribe({ expires: 60 })
  peer.pass(59_000)
  peer.change()
  const [notify] = peer.texts() as [string]
  peer.pass(2000)
  peer.texts()
  peer.reply(notify, 200)
  t.strictSame(peer.answerAll(), ['NOTIFY terminated;reason=timeout one'])
})

t.test('silence where the subscriber was is no end when it refreshed from elsewhere meanwhile', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.change()
  peer.pass(20_000)
  peer.texts()
  const elsewhere = { ...ALICE, remote: { address: '198.51.100.7', port: 5070 } }
  peer.ask({ toTag, expires: 3600, flow: elsewhere, contact: '<sip:alice@198.51.100.7:5070>' })
  t.strictSame(peer.lines(), ['200'])
  peer.pass(13_000)
  const again = peer.wire.take().find(({ flow }) => flow.remote.address === '198.51.100.7')
  t.equal(summary(again!.text), 'NOTIFY active one')
  peer.reply(again!.text, 200)
  t.match(peer.subscriptions.describe(), { total: 1 })
})

t.test('one that only refreshes and answers no NOTIFY is given up', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.change()
  for (let minute = 0; minute < 5; minute++) {
    peer.pass(20_000)
    peer.ask({ toTag, expires: 3600 })
    peer.texts()
  }
  peer.pass(40_000)
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('RFC 3261 8.2.2.2: the same SUBSCRIBE by another way makes no second subscription', async t => {
  const peer = new SubscriberWire()
  peer.ask({ seq: 7 })
  const [accepted, notify] = peer.texts() as [string, string]
  peer.reply(notify, 200)
  peer.pass(33_000)
  peer.ask({ seq: 7 })
  const [again, ...more] = peer.texts()
  t.equal(tagOf(again!), tagOf(accepted))
  t.equal(headerOf(again!, 'Expires'), '3567', 'what is left')
  t.strictSame(more, [])
  peer.ask({ seq: 6 })
  t.strictSame(peer.lines(), ['500'])
  t.match(peer.subscriptions.describe(), { total: 1 })
})

t.test('RFC 3261 8.2.2.2: nor does it while the first is not answered', async t => {
  const peer = new SubscriberWire({ package: { authorise: () => {} } })
  peer.ask({ seq: 7 })
  peer.ask({ seq: 7 })
  t.strictSame(peer.lines(), ['482'])
})

t.test('RFC 3261 8.2.2.2: nor is a fetch answered twice', async t => {
  const peer = new SubscriberWire()
  peer.ask({ seq: 7, expires: 0 })
  t.strictSame(peer.lines(), ['200', 'NOTIFY terminated;reason=timeout one'])
  peer.ask({ seq: 7, expires: 0 })
  t.strictSame(peer.lines(), ['482'])
  peer.ask({ seq: 8, expires: 0 })
  t.strictSame(peer.lines(), ['200', 'NOTIFY terminated;reason=timeout one'], 'but another one is')
  t.match(peer.subscriptions.describe(), { total: 2 }, 'and the first is told on')
  peer.ask({ seq: 8, expires: 0 })
  t.strictSame(peer.lines(), ['482'])
})

t.test('one that begins anew while its first is being kept: that one is told so, the second accepted', async t => {
  const peer = new SubscriberWire({ isDiskSlow: true })
  peer.ask({ seq: 7 })
  peer.ask({ seq: 8 })
  peer.flush()
  t.strictSame(peer.lines(), ['480', '200', 'NOTIFY active one'])
  t.match(peer.subscriptions.describe(), { total: 1 })
  t.equal(peer.kept.size, 1)
})

t.test('an account that is removed while its SUBSCRIBE is being kept', async t => {
  const peer = new SubscriberWire({ isDiskSlow: true })
  peer.ask()
  peer.subscriptions.end(peer.wire.now, 'weather', peer.resource, { reason: 'noresource' })
  peer.flush()
  t.strictSame(peer.lines(), ['480'])
  t.equal(peer.kept.size, 0)
})

t.test('a subscription that was given up hears nothing more, of its package or its subscriber', async t => {
  for (const isAsked of [true, false]) {
    const peer = new SubscriberWire({ package: { changeIntervalMs: 60_000 } })
    peer.subscribe({ seq: 7 })
    const answers: (() => void)[] = []
    if (isAsked) peer.told = (now, _subscription, _why, done) => answers.push(() => done(now, []))
    peer.pass(60_000)
    peer.change()
    peer.change()
    const notify = peer.texts().at(-1)
    peer.told = undefined
    peer.subscribe({ seq: 8, expires: 0 })
    if (notify) peer.reply(notify, 200)
    for (const answer of answers) answer()
    peer.pass(40_000)
    t.equal(peer.wire.running, '')
    t.match(peer.subscriptions.describe(), { total: 0 })
  }
})

t.test('while the last NOTIFY is under way there is no subscription any more', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.ask({ toTag, expires: 0 })
  t.strictSame(peer.lines(), ['200', 'NOTIFY terminated;reason=timeout one'])
  peer.ask({ toTag, expires: 600 })
  t.strictSame(peer.lines(), ['481'])
})

t.test('an unsubscribe waits for no Retry-After', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.change()
  const [notify] = peer.texts() as [string]
  peer.ask({ toTag, expires: 0 })
  peer.reply(notify, 503, ['Retry-After: 100'])
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY terminated;reason=timeout one'])
})

t.test('a provisional answer to a NOTIFY is none yet', async t => {
  const peer = new SubscriberWire()
  peer.subscribe()
  peer.change()
  const [notify] = peer.texts() as [string]
  peer.reply(notify, 100)
  peer.change()
  t.strictSame(peer.lines(), [])
  peer.reply(notify, 200)
  t.strictSame(peer.answerAll(), ['NOTIFY active one'])
})

t.test('a refresh excuses one silence, not the next', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.change()
  const [notify] = peer.texts() as [string]
  peer.ask({ toTag, expires: 3600 })
  peer.reply(notify, 200)
  peer.answerAll()
  peer.change()
  peer.pass(32_000)
  t.match(peer.subscriptions.describe(), { total: 0 })
})

t.test('a refresh over a new connection while the way by the old one is looked for', async t => {
  const asked: (() => void)[] = []
  const peer = new SubscriberWire({ locate: (now, _uri, done) => asked.push(() => done(now, undefined)) })
  const contact = '<sip:alice@192.0.2.10:5070;transport=tcp>'
  const old = peer.wire.open(inbound('tcp/1'))
  peer.ask({ flow: old, contact })
  const [accepted, notify] = peer.texts() as [string, string]
  peer.reply(notify, 200, [], old)
  peer.wire.transport.flowClosed(peer.wire.now, old)
  peer.change()
  t.equal(asked.length, 1)
  const fresh = peer.wire.open(inbound('tcp/2', '192.0.2.10', 41_000))
  peer.ask({ flow: fresh, contact, toTag: tagOf(accepted) })
  t.strictSame(peer.lines(), ['200'])
  asked.shift()?.()
  const [again] = peer.wire.take()
  t.equal(again?.flow.id, 'tcp/2')
})

t.test('a subscriber that begins anew under the same Call-ID has one subscription', async t => {
  const peer = new SubscriberWire()
  const old = peer.subscribe({ seq: 7 })
  const fresh = peer.subscribe({ seq: 8 })
  t.not(fresh, old)
  t.equal(peer.kept.size, 1)
  peer.change()
  t.strictSame(peer.answerAll(), ['NOTIFY active one'])
  peer.ask({ toTag: old })
  t.strictSame(peer.lines(), ['481'])
})

t.test('somebody else under the same Call-ID and tag takes nothing away', async t => {
  const peer = new SubscriberWire()
  peer.subscribe({ seq: 7 })
  peer.subscriber = 'sip:eve@example.org'
  peer.subscribe({ seq: 8 })
  t.match(peer.subscriptions.describe(), { total: 2 })
  peer.resource = 'sip:carol@example.org'
  peer.subscribe({ seq: 9 })
  t.match(peer.subscriptions.describe(), { total: 3 }, 'nor does it for another resource')
})

t.test('RFC 3261 12.2.1.1: NOTIFY goes to the Contact of the last SUBSCRIBE or of the last answer', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  peer.ask({ toTag, contact: '<sip:alice@192.0.2.10:5080>' })
  const [, notify] = peer.texts() as [string, string]
  t.equal(notify.split(' ')[1], 'sip:alice@192.0.2.10:5080')
  peer.reply(notify, 200, ['Contact: <sip:alice@192.0.2.10:5090>'])
  peer.change()
  const [next] = peer.texts() as [string]
  t.equal(next.split(' ')[1], 'sip:alice@192.0.2.10:5090')
  peer.reply(next, 200, ['Contact: <sip:'])
  peer.ask({ toTag, contact: '' })
  t.equal(peer.texts()[1]?.split(' ')[1], 'sip:alice@192.0.2.10:5090', 'what is malformed or missing changes nothing')
})

t.test(
  'RFC 6665 4.2.2: a connection that breaks under a NOTIFY ends the subscription; one broken before waits',
  async t => {
    for (const isUnder of [true, false]) {
      const peer = new SubscriberWire()
      const flow = peer.wire.open(inbound('ws/1', '192.0.2.10', 40_000, 'ws'))
      peer.ask({ flow, contact: '<sip:x@r.invalid;transport=ws>' })
      peer.reply(peer.texts()[1]!, 200, [], flow)
      if (isUnder) peer.change()
      peer.wire.transport.flowClosed(peer.wire.now, flow)
      peer.change()
      peer.pass(1000)
      t.match(peer.subscriptions.describe(), { total: isUnder ? 0 : 1 })
      peer.pass(3_600_000)
      t.match(peer.subscriptions.describe(), { total: 0 })
      t.equal(peer.kept.size, 0)
    }
  },
)

t.test('RFC 3261 12.2.1.1: the route set says where a NOTIFY goes', async t => {
  const peer = new SubscriberWire({
    locate: (now, uri, done) =>
      done(now, uri.includes('proxy') ? { transport: 'udp', address: '203.0.113.5', port: 5060 } : undefined),
  })
  peer.ask({ headers: ['Record-Route: <sip:proxy.example.org;lr>'] })
  const [, notify] = peer.wire.take()
  t.equal(notify?.flow.remote.address, '203.0.113.5')
})

t.test('over a network that loses and repeats, every subscriber is told what holds at the end', async t => {
  for (let seed = 1; seed <= 30; seed++) {
    const chance = new SeededEntropy(seed)
    const peer = new SubscriberWire({ run: seed })
    const toTag = peer.subscribe()
    let heard = ''
    let highest = 0
    const hear = (message: string): void => {
      if (!message.startsWith('NOTIFY') || chance.chance(0.3)) return
      const seq = Number.parseInt(headerOf(message, 'CSeq')!, 10)
      if (seq > highest) heard = message.slice(message.indexOf('\r\n\r\n') + 4)
      highest = Math.max(highest, seq)
      for (let copy = 0; copy < 2; copy++) if (!chance.chance(0.3)) peer.reply(message, 200)
    }
    for (let change = 1; change <= 40; change++) {
      peer.bodies = [text(`${change} counts`), text(String(change))]
      peer.change()
      if (chance.chance(0.1)) peer.ask({ toTag, expires: 3600 })
      peer.pass(chance.below(700))
      peer.texts().forEach(hear)
    }
    for (let settle = 0; settle < 200; settle++) {
      peer.pass(500)
      peer.texts().forEach(hear)
    }
    if (peer.subscriptions.describe().total === 1) t.equal(heard, '40', `seed ${seed}`)
    else t.fail(`seed ${seed}: a subscriber that answers was given up`)
  }
})
