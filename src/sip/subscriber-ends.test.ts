import t from 'tap'
import { NotifierWire } from '../testing/notifier-wire.ts'
import { headerOf } from '../testing/session-wire.ts'

const MINUTE = 60_000

t.test('RFC 6665 4.1.3: a subscription that its notifier ends', async t => {
  for (const reason of ['rejected', 'noresource', 'invariant', 'NoResource']) {
    const peer = new NotifierWire()
    peer.stand()
    peer.tell({ state: `terminated;reason=${reason};retry-after=5`, body: 'last' })
    t.strictSame(peer.take(), ['then terminated text/plain last', `ended terminated ${reason.toLowerCase()} 5`])
    peer.pass(MINUTE)
    t.strictSame(peer.rest(), [])
  }
})

t.test('RFC 6665 4.1.3: one that may be made anew is, when its notifier says', async t => {
  const waits: Record<string, number> = {
    deactivated: 1,
    timeout: 1,
    'timeout;retry-after=20': 20,
    probation: 30,
    'probation;retry-after=90': 90,
    giveup: 60,
    'of-tomorrow': 5,
  }
  for (const [reason, seconds] of Object.entries(waits)) {
    const peer = new NotifierWire()
    peer.stand()
    const before = peer.subscribe
    peer.tell({ state: `terminated;reason=${reason}` })
    peer.pass(seconds * 1000 - 1)
    t.strictSame(peer.rest(), [], reason)
    peer.pass(1)
    const anew = peer.sent()
    t.not(headerOf(anew, 'Call-ID'), headerOf(before, 'Call-ID'))
    t.equal(headerOf(anew, 'CSeq'), '1 SUBSCRIBE')
    peer.reply(anew, 200, ['Expires: 3600'])
    peer.take()
    peer.tell({ body: 'anew', seq: 1 })
    t.strictSame(peer.take(), ['first active text/plain anew'])
  }
  const long = new NotifierWire()
  long.stand()
  long.tell({ state: 'terminated;reason=giveup;retry-after=3600' })
  t.strictSame(long.take(), ['then terminated -', 'ended terminated giveup 3600'])
})

t.test(
  'RFC 6665 4.1.3: one that is ended while its last NOTIFY is told is neither unsubscribed from nor made anew',
  async t => {
    for (const reason of ['noresource', 'timeout', 'deactivated']) {
      const peer = new NotifierWire()
      peer.stand()
      peer.whenTold = () => peer.own!.end(peer.wire.now)
      peer.tell({ state: `terminated;reason=${reason}`, body: 'over' })
      t.strictSame(peer.take(), ['then terminated text/plain over', 'ended local'])
      peer.pass(10 * MINUTE)
      t.strictSame(peer.rest(), [])
      t.equal(peer.wire.running, '')
    }
  },
)

t.test('RFC 6665 4.1.3: bounded, and ended while it waits', async t => {
  const peer = new NotifierWire()
  peer.stand()
  for (let count = 0; count < 5; count++) {
    peer.tell({ state: 'terminated;reason=deactivated' })
    peer.pass(1000)
    peer.reply(peer.sent(), 200, ['Expires: 3600'])
    peer.tell({ seq: 1 })
  }
  peer.take()
  peer.tell({ state: 'terminated;reason=deactivated' })
  t.strictSame(peer.take(), ['then terminated -', 'ended terminated deactivated'])
  const steady = new NotifierWire()
  steady.stand()
  for (let count = 0; count < 10; count++) {
    steady.pass(10 * MINUTE)
    steady.tell({ state: 'terminated;reason=deactivated' })
    steady.pass(1000)
    steady.reply(steady.sent(), 200, ['Expires: 3600'])
    steady.tell({ seq: 1 })
  }
  t.match(steady.subscribers.describe(), { open: 1 })
  steady.tell({ state: 'terminated;reason=deactivated' })
  steady.take()
  steady.own?.refresh(steady.wire.now)
  steady.own?.end(steady.wire.now)
  steady.own?.end(steady.wire.now)
  steady.pass(MINUTE)
  t.strictSame(steady.take(), ['ended local'])
  t.strictSame(
    steady.rest().filter(text => text.startsWith('SUBSCRIBE')),
    [],
  )
})

t.test('RFC 6665 4.1.2.2: a refresh that is refused', async t => {
  for (const status of [404, 405, 410, 416, 480, 482, 483, 484, 485, 489, 501, 604]) {
    const peer = new NotifierWire()
    peer.stand()
    peer.pass(3480_000)
    peer.reply(peer.sent(), status)
    t.strictSame(peer.take(), [`ended refused ${status}`])
  }
  const restarted = new NotifierWire()
  restarted.stand()
  restarted.pass(3480_000)
  restarted.reply(restarted.sent(), 481)
  t.strictSame(restarted.take(), [], 'a notifier that knows nothing of it is asked anew')
  restarted.pass(5000)
  t.equal(headerOf(restarted.sent(), 'CSeq'), '1 SUBSCRIBE')
})

t.test('RFC 6665 4.1.2.2: a refresh that fails for another reason is tried again until the time is over', async t => {
  const peer = new NotifierWire()
  peer.stand()
  peer.pass(3480_000)
  peer.reply(peer.sent(), 500, ['Retry-After: 20'])
  peer.pass(19_999)
  t.strictSame(peer.rest(), [])
  peer.pass(1)
  peer.reply(peer.sent(), 503)
  peer.pass(25_000)
  peer.reply(peer.sent(), 200, ['Expires: 3600'])
  peer.pass(3000_000)
  t.strictSame(peer.take(), [])
  const silent = new NotifierWire()
  silent.stand()
  silent.pass(3480_000)
  for (let second = 0; second < 120; second++) silent.pass(1000)
  t.strictSame(silent.take(), [])
  const before = silent.subscribe
  silent.texts()
  silent.pass(5000)
  const anew = silent.texts().find(text => headerOf(text, 'CSeq') === '1 SUBSCRIBE')!
  t.not(headerOf(anew, 'Call-ID'), headerOf(before, 'Call-ID'), 'expired, and made anew')
  silent.pass(32_000)
  t.strictSame(silent.take(), ['ended refused 408'])
})
