import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { headerOf } from '../testing/session-wire.ts'
import { ALICE, inbound, SipWire } from '../testing/sip-wire.ts'
import { SubscriberWire, summary, text, type WireOptions } from '../testing/subscriber-wire.ts'

const seqOf = (message: string): number => Number.parseInt(headerOf(message, 'CSeq')!, 10)

/** The box as it stands after a power cut at this moment: nothing of the run before but what was kept. */
function restarted(before: SubscriberWire, downMs = 0, options: WireOptions = {}): SubscriberWire {
  const wire = new SipWire()
  wire.runTo(before.wire.now.at + downMs)
  const after = new SubscriberWire({ run: 2, ...options }, wire)
  for (const [id, saved] of before.kept) after.kept.set(id, saved)
  for (const saved of before.kept.values()) after.subscriptions.restore(wire.now, saved)
  return after
}

t.test('a subscription goes on after a restart: same dialog, and the state is told', async t => {
  const before = new SubscriberWire()
  const toTag = before.subscribe({ expires: 3600, event: 'weather;id=7' })
  const after = restarted(before, 60_000)
  t.strictSame(after.lines(), [], 'not all at once')
  after.pass(30_000)
  const [notify] = after.texts() as [string]
  t.strictSame(after.asked, ['restored'])
  t.equal(summary(notify), 'NOTIFY active one')
  t.equal(notify.split(' ')[1], 'sip:alice@192.0.2.10:5070')
  t.equal(headerOf(notify, 'Call-ID'), 'call-1')
  t.equal(headerOf(notify, 'From'), `<sip:bob@example.org>;tag=${toTag}`)
  t.equal(headerOf(notify, 'Event'), 'weather;id=7')
  t.ok(Number(/expires=(\d+)/.exec(notify)?.[1]) <= 3600 - 60)
  after.reply(notify, 200)
  after.ask({ toTag, expires: 600, event: 'weather;id=7', seq: 50 })
  t.strictSame(after.answerAll(), ['200', 'NOTIFY active one'])
})

t.test('RFC 3261 12.2.1.1: no CSeq number is used twice, however often and whenever the power fails', async t => {
  let peer = new SubscriberWire()
  peer.subscribe()
  let last = 1
  for (const notifies of [0, 1, 3, 130, 300, 0, 5]) {
    peer = restarted(peer)
    peer.pass(30_000)
    for (let count = 0; count <= notifies; count++) {
      const [notify] = peer.texts() as [string]
      t.ok(seqOf(notify) > last)
      last = seqOf(notify)
      if (count === notifies) break
      peer.reply(notify, 200)
      peer.change()
    }
  }
})

t.test('numbers are reserved on flash before the first NOTIFY after a restart', async t => {
  const before = new SubscriberWire()
  before.subscribe()
  const after = restarted(before, 0, { isDiskSlow: true })
  after.pass(30_000)
  t.strictSame(after.lines(), [])
  after.flush()
  t.strictSame(after.answerAll(), ['NOTIFY active one'])
})

t.test('and further ones ahead of their use, so that no NOTIFY waits for the flash', async t => {
  const peer = new SubscriberWire({ isDiskSlow: true })
  peer.ask()
  peer.flush()
  peer.answerAll()
  for (let change = 0; change < 250; change++) {
    peer.change()
    t.strictSame(peer.answerAll(), ['NOTIFY active one'])
  }
  t.equal(peer.puts, 2)
})

t.test('a SUBSCRIBE is accepted when it is kept, not before', async t => {
  const peer = new SubscriberWire({ isDiskSlow: true })
  peer.ask()
  t.strictSame(peer.lines(), [])
  peer.change()
  peer.flush()
  t.strictSame(peer.answerAll(), ['200', 'NOTIFY active one'])
})

t.test('it is kept anew when it is refreshed or moves, not with each NOTIFY', async t => {
  const peer = new SubscriberWire()
  const toTag = peer.subscribe()
  t.equal(peer.puts, 1)
  for (let change = 0; change < 100; change++) {
    peer.change()
    peer.answerAll()
  }
  t.equal(peer.puts, 1)
  for (let again = 0; again < 10; again++) {
    peer.ask({ toTag, expires: 3600 })
    peer.answerAll()
  }
  t.equal(peer.puts, 1, 'a refresh at once changes nothing worth a write')
  peer.pass(1_800_000)
  peer.ask({ toTag, expires: 3600 })
  peer.answerAll()
  t.equal(peer.puts, 2)
  peer.ask({ toTag, expires: 3600, contact: '<sip:alice@192.0.2.10:5099>' })
  peer.answerAll()
  t.equal(peer.puts, 3)
  const after = restarted(peer)
  after.pass(30_000)
  t.equal(after.texts()[0]?.split(' ')[1], 'sip:alice@192.0.2.10:5099')
})

t.test('what expired meanwhile, is damaged, or is of a package that is gone, is removed without a word', async t => {
  const before = new SubscriberWire()
  before.subscribe({ expires: 100 })
  const expired = restarted(before, 100_000)
  const [saved] = [...before.kept.values()]
  const other = new SubscriberWire({ package: { event: 'tides' } })
  other.kept.set(saved!.id, saved!)
  other.subscriptions.restore(other.wire.now, saved!)
  const damaged = new SubscriberWire()
  damaged.kept.set(saved!.id, saved!)
  const dialog = { ...saved!.dialog, routeSet: ['<sip:'] }
  damaged.subscriptions.restore(damaged.wire.now, { ...saved!, dialog })
  for (const after of [expired, other, damaged]) {
    after.pass(60_000)
    t.strictSame(after.lines(), [])
    t.equal(after.kept.size, 0)
    t.match(after.subscriptions.describe(), { total: 0 })
  }
})

t.test('one that expires before it was told is told that alone', async t => {
  const before = new SubscriberWire()
  before.subscribe({ expires: 100 })
  const after = restarted(before, 99_900)
  after.pass(100)
  t.strictSame(after.answerAll(), ['NOTIFY terminated;reason=timeout one'])
})

t.test('a change right after the restart is told at once', async t => {
  const before = new SubscriberWire()
  before.subscribe()
  const after = restarted(before)
  after.change()
  t.strictSame(after.answerAll(), ['NOTIFY active one'])
  after.pass(60_000)
  t.strictSame(after.lines(), [])
})

t.test('a clock that is not to be trusted yet ends nothing, and grants no more than the package does', async t => {
  const before = new SubscriberWire()
  before.subscribe()
  const [saved] = [...before.kept.values()]
  const after = new SubscriberWire({ run: 2 })
  const long = { ...saved!, expiresAt: (saved!.expiresAt + 1e12) as WallTime }
  after.subscriptions.restore({ ...after.wire.now, isWallTrusted: false }, long)
  after.pass(30_000)
  after.answerAll()
  after.pass(7_169_000)
  t.match(after.subscriptions.describe(), { total: 1 })
  after.pass(2000)
  after.answerAll()
  t.match(after.subscriptions.describe(), { total: 0 })
})

t.test('what a package noted comes back to it', async t => {
  const before = new SubscriberWire()
  before.told = (now, subscription, _why, done) => {
    subscription.note = 'told up to 17'
    done(now, [text('one')])
  }
  const toTag = before.subscribe()
  before.pass(1_800_000)
  before.ask({ toTag, expires: 3600 })
  before.answerAll()
  const after = restarted(before)
  let note = ''
  after.told = (now, subscription, _why, done) => {
    note = subscription.note
    done(now, [])
  }
  after.pass(30_000)
  t.equal(note, 'told up to 17')
})

t.test('RFC 5626 5.3: a browser whose connection died with the box is told again when it is back', async t => {
  const before = new SubscriberWire()
  const old = before.wire.open(inbound('ws/1', '192.0.2.10', 40_000, 'ws'))
  const contact = '<sip:x7@r4nd0m.invalid;transport=ws>'
  before.ask({ flow: old, contact, expires: 3600 })
  const [accepted, notify] = before.texts() as [string, string]
  before.reply(notify, 200, [], old)
  const toTag = /;tag=(\S+)/.exec(headerOf(accepted, 'To')!)![1]!
  const after = restarted(before)
  after.pass(30_000)
  after.change()
  after.pass(60_000)
  t.strictSame(after.lines(), [], 'nothing leads there')
  t.match(after.subscriptions.describe(), { total: 1 })
  const fresh = after.wire.open(inbound('ws/2', '192.0.2.10', 41_000, 'ws'))
  after.ask({ flow: fresh, contact, toTag, expires: 3600, seq: 50 })
  const sent = after.wire.take()
  t.strictSame(
    sent.map(each => `${each.flow.id} ${summary(each.text)}`),
    ['ws/2 200', 'ws/2 NOTIFY active one'],
  )
})

t.test('RFC 3581: over UDP the flow of the subscriber outlives the restart', async t => {
  const nat = { ...ALICE, remote: { address: '203.0.113.9', port: 61_000 } }
  const before = new SubscriberWire()
  before.ask({ flow: nat })
  before.reply(before.texts()[1]!, 200, [], nat)
  const after = restarted(before)
  after.pass(30_000)
  t.same(after.wire.take()[0]?.flow.remote, nat.remote)
})
