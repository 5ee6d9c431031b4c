import t from 'tap'
import { headerOf } from '../testing/session-wire.ts'
import { inbound } from '../testing/sip-wire.ts'
import { SubscriberWire, summary } from '../testing/subscriber-wire.ts'

t.test('a client that subscribes in a loop gets an answer a second, and others are served as before', async t => {
  const peer = new SubscriberWire({ limits: { burst: 5, intervalMs: 1000 } })
  const answers: Record<string, number> = {}
  let carol = ''
  for (let round = 0; round < 6000; round++) {
    if (round === 3000) {
      peer.subscriber = 'sip:carol@example.org'
      carol = peer.subscribe({ callId: 'carol', fromTag: 'c' })
      peer.subscriber = 'sip:alice@example.org'
    }
    peer.ask({ callId: `loop-${round}` })
    for (const answer of peer.answerAll()) answers[answer] = (answers[answer] ?? 0) + 1
    peer.pass(10)
  }
  t.equal(answers['200'], 5 + 59)
  t.equal(answers['NOTIFY active one'], 5 + 59)
  t.equal(answers['480'], 6000 - 64)
  t.match(peer.subscriptions.describe(), { total: 16 })
  peer.subscriber = 'sip:carol@example.org'
  peer.ask({ callId: 'carol', fromTag: 'c', toTag: carol })
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY active one'], 'only its own gave way')
})

t.test('the same within one dialog; whoever leaves may always leave', async t => {
  const peer = new SubscriberWire({ limits: { burst: 5, intervalMs: 1000 } })
  const toTag = peer.subscribe()
  const answers: string[] = []
  for (let round = 0; round < 100; round++) {
    peer.ask({ toTag, expires: 3600 })
    answers.push(...peer.answerAll())
  }
  t.equal(answers.filter(answer => answer === '200').length, 4)
  t.equal(answers.filter(answer => answer === '480').length, 96)
  peer.ask({ toTag, expires: 3600 })
  const [refused] = peer.texts() as [string]
  t.equal(headerOf(refused, 'Retry-After'), '1')
  peer.ask({ toTag, expires: 0 })
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY terminated;reason=timeout one'])
})

t.test('a resource has so many subscriptions; of a device that was restarted the oldest gives way', async t => {
  const peer = new SubscriberWire({ limits: { perResource: 3 } })
  for (const device of [1, 2, 3]) peer.subscribe({ callId: `c${device}`, contact: `<sip:alice@192.0.2.10:${device}>` })
  peer.ask({ callId: 'c4', contact: '<sip:alice@192.0.2.10:4>' })
  const [refused] = peer.texts() as [string]
  t.equal(summary(refused), '480')
  t.equal(headerOf(refused, 'Retry-After'), '60')
  peer.subscribe({ callId: 'c5', contact: '<sip:alice@192.0.2.10:2>' })
  peer.change()
  t.strictSame(peer.answerAll(), Array(3).fill('NOTIFY active one'))
  t.equal(peer.kept.size, 3)
  t.equal(peer.wire.counters.get('subscriptions_ended', 'displaced'), 1)
})

t.test('where there is no room, one whose connection is gone gives way', async t => {
  const peer = new SubscriberWire({ limits: { perResource: 2 } })
  peer.subscribe({ callId: 'c1', contact: '<sip:alice@192.0.2.10:1>' })
  const flow = peer.wire.open(inbound('ws/1', '192.0.2.11', 40_000, 'ws'))
  peer.ask({ callId: 'c2', contact: '<sip:x@r.invalid;transport=ws>', flow })
  peer.reply(peer.texts()[1]!, 200, [], flow)
  const third = { callId: 'c3', contact: '<sip:alice@192.0.2.10:3>' }
  peer.ask(third)
  t.strictSame(peer.lines(), ['480'])
  peer.wire.transport.flowClosed(peer.wire.now, flow)
  peer.ask(third)
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY active one'])
  t.match(
    [...peer.kept.values()].map(({ dialog }) => dialog.callId),
    ['c1', 'c3'],
  )
})

t.test('a subscriber has so many, and the box has', async t => {
  const own = new SubscriberWire({ limits: { perSubscriber: 2 } })
  const all = new SubscriberWire({ limits: { total: 2 } })
  for (const peer of [own, all])
    for (const device of [1, 2, 3]) {
      if (peer === all) peer.subscriber = `sip:u${device}@example.org`
      peer.ask({ callId: `c${device}`, contact: `<sip:alice@192.0.2.10:${device}>` })
      t.strictSame(peer.answerAll(), device === 3 ? ['480'] : ['200', 'NOTIFY active one'])
    }
  own.subscriber = 'sip:carol@example.org'
  own.ask({ callId: 'carol' })
  t.strictSame(own.answerAll(), ['200', 'NOTIFY active one'])
})

t.test('one that never answers does not hold a place for longer than its NOTIFY', async t => {
  const peer = new SubscriberWire({ limits: { perSubscriber: 2 } })
  for (const device of [1, 2])
    peer.ask({ callId: `c${device}`, expires: 0, contact: `<sip:alice@192.0.2.99:${device}>` })
  peer.ask({ callId: 'c3' })
  t.match(peer.lines().at(-1), /480/)
  peer.pass(33_000)
  t.match(peer.subscriptions.describe(), { total: 0 })
  t.equal(peer.wire.running, '')
})
