import fc from 'fast-check'
import t from 'tap'
import { headerOf } from '../testing/session-wire.ts'
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

const HEADERS = ['Contact', 'Record-Route', 'Event', 'Expires', 'Accept', 'Require', 'Route', 'Supported']
const VALUES = [
  '',
  '*',
  '*/*',
  '<sip:a',
  '<sip:a@b>',
  '<sip:p;lr>',
  'weather',
  'weather;id=1',
  ';;',
  '"',
  '0',
  '60',
  '-1',
  '4294967296',
  ', ,',
]
const header = fc
  .tuple(fc.constantFrom(...HEADERS), fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 30 })))
  .map(([name, value]) => `${name}: ${value.replace(/[^\x20-\x7e]/g, '?')}`)
const step = fc.oneof(
  fc.record({
    kind: fc.constant('ask' as const),
    method: fc.constantFrom('SUBSCRIBE', 'SUBSCRIBE', 'SUBSCRIBE', 'NOTIFY', 'BYE', 'OPTIONS', 'X'),
    isInDialog: fc.boolean(),
    headers: fc.array(header, { maxLength: 3 }),
    expires: fc.constantFrom(0, 60, 600, 'x'),
    seq: fc.constantFrom(undefined, 0, 1, 2, 99),
    contact: fc.constantFrom('', '<sip:alice@192.0.2.10:5070>', '<sip:x'),
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    status: fc.constantFrom(100, 200, 202, 302, 401, 408, 481, 486, 500, 503),
    headers: fc.array(
      fc.constantFrom('Retry-After: 5', 'Retry-After: x', 'Contact: <sip:b@192.0.2.10>', 'Contact: *'),
      {
        maxLength: 2,
      },
    ),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 33_000, 100_000, 900_000) }),
  fc.constantFrom({ kind: 'change' as const }, { kind: 'approve' as const }, { kind: 'end' as const }),
)

t.test(
  'whatever the subscriber says, one NOTIFY is under way at a time, numbers rise, and in the end nothing is left',
  async t => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), fc.boolean(), (steps, isPending) => {
        const peer = new SubscriberWire({ package: { changeIntervalMs: 700 } })
        if (isPending) peer.decision = 'pending'
        let toTag = ''
        const last = new Map<string, { seq: number; text: string; isOpen: boolean }>()
        let isSound = true
        const look = (): void => {
          for (const text of peer.texts()) {
            if (text.startsWith('SIP/2.0 200')) toTag = /;tag=(\S+)/.exec(headerOf(text, 'To')!)?.[1] ?? toTag
            if (!text.startsWith('NOTIFY')) continue
            const dialog = `${headerOf(text, 'Call-ID')} ${headerOf(text, 'From')}`
            const seq = Number.parseInt(headerOf(text, 'CSeq')!, 10)
            const before = last.get(dialog)
            if (before && seq > before.seq && before.isOpen) isSound = false
            if (before && seq < before.seq) isSound = false
            last.set(dialog, { seq, text, isOpen: true })
          }
        }
        const { now } = { now: () => peer.wire.now }
        for (const each of steps) {
          if (each.kind === 'ask')
            peer.ask({ ...each, ...(each.isInDialog && { toTag }), seq: each.seq ?? 10, callId: 'fuzz' } as never)
          else if (each.kind === 'answer') {
            for (const sent of last.values()) {
              if (each.status >= 200) sent.isOpen = false
              peer.reply(sent.text, each.status, each.headers)
            }
          } else if (each.kind === 'wait') {
            if (each.ms > 32_000) for (const sent of last.values()) sent.isOpen = false
            peer.pass(each.ms)
          } else if (each.kind === 'change') peer.change()
          else if (each.kind === 'approve')
            peer.subscriptions.approve(now(), 'weather', 'sip:bob@example.org', peer.subscriber)
          else peer.subscriptions.end(now(), 'weather', 'sip:bob@example.org', { reason: 'noresource' })
          look()
        }
        for (let rest = 0; rest < 10; rest++) peer.pass(1_000_000)
        return isSound && peer.wire.running === '' && peer.subscriptions.describe().total === 0 && peer.kept.size === 0
      }),
      { seed: 20_260, numRuns: 300 },
    )
    t.pass('300 conversations')
  },
)
