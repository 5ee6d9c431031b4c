import t from 'tap'
import type { Now } from '../base/time.ts'
import { BOB, type Publish, PublisherWire } from '../testing/publisher-wire.ts'
import { headerOf } from '../testing/session-wire.ts'
import { SipWire } from '../testing/sip-wire.ts'
import type { LoadedPublications, PublicationPackage } from './publication-types.ts'

t.test('RFC 3903 4.3: an initial publication is kept, and gets a tag and a duration', async t => {
  const peer = new PublisherWire()
  const { status, etag, text } = peer.publish({ expires: 600, body: 'one' })
  t.equal(status, 200)
  t.match(etag, /^[a-z2-7]{24}$/)
  t.equal(headerOf(text, 'Expires'), '600')
  t.ok(headerOf(text, 'To')?.includes(';tag='))
  t.match(peer.kept.get(BOB)?.publications, [
    { etag, publisher: BOB, contentType: 'application/settings+xml', modifiedAt: peer.wire.now.wall },
  ])
  t.equal(peer.kept.get(BOB)?.publications[0]?.expiresAt, peer.wire.now.wall + 600_000)
  t.strictSame(peer.changes, ['published one'])
})

t.test('RFC 3903 4.1: refresh, modify and remove by the latest tag; each makes a new one', async t => {
  const peer = new PublisherWire()
  const first = peer.publish({ body: 'one' })
  peer.pass(10_000)
  const refreshed = peer.publish({ etag: first.etag, expires: 100 })
  t.equal(refreshed.status, 200)
  t.strictSame(peer.bodies, ['one'])
  const [kept] = peer.kept.get(BOB)!.publications
  t.equal(kept?.modifiedAt, peer.wire.now.wall - 10_000, 'a refresh is no modification')
  t.equal(kept?.expiresAt, peer.wire.now.wall + 100_000)
  const modified = peer.publish({ etag: refreshed.etag, body: 'two' })
  t.equal(modified.status, 200)
  t.strictSame(peer.bodies, ['two'])
  const removed = peer.publish({
    etag: modified.etag,
    expires: 0,
    body: 'not looked at',
    headers: ['Content-Type: x/y'],
  })
  t.equal(removed.status, 200)
  t.equal(headerOf(removed.text, 'Expires'), '0')
  t.strictSame(peer.bodies, [])
  t.strictSame(peer.changes, ['published one', 'refreshed one', 'modified two', 'removed'])
  t.equal(new Set([first.etag, refreshed.etag, modified.etag, removed.etag]).size, 4)
  for (const { etag } of [first, refreshed, modified, removed]) t.equal(peer.publish({ etag }).status, 412)
  t.equal(peer.wire.running, 'J', 'no expiry is waited for')
})

t.test('RFC 3903 6 step 4: a tag that is unknown, expired, or somebody else’s is 412', async t => {
  const peer = new PublisherWire({ package: { authorise: () => undefined } })
  const { etag } = peer.publish({ expires: 60, body: 'one' })
  for (const unknown of ['x', `${etag}x`, '"', etag.toUpperCase()])
    t.equal(peer.publish({ etag: unknown, body: 'two' }).status, 412, unknown)
  peer.publisher = 'sip:admin@example.org'
  t.equal(peer.publish({ etag, body: 'two' }).status, 412)
  peer.publisher = BOB
  peer.pass(60_000)
  t.equal(peer.publish({ etag }).status, 412)
  t.strictSame(peer.bodies, [])
})

t.test('RFC 3903 6: a tag that has expired is 412 though nobody gave it up yet', async t => {
  const peer = new PublisherWire({ limits: { watched: 0 } })
  const { etag } = peer.publish({ expires: 60, body: 'one' })
  peer.pass(60_000)
  t.strictSame(peer.bodies, ['one'])
  t.equal(peer.publish({ etag, expires: 60 }).status, 412)
  peer.publish({ body: 'two' })
  t.strictSame(peer.bodies, ['two'], 'and it goes with the next change')
})

t.test('an expiry that another change crosses, or that the store cannot tell, comes all the same', async t => {
  const crossed = new PublisherWire()
  crossed.publish({ expires: 60, body: 'one' })
  crossed.meanwhile = () => {
    const { version, publications } = crossed.kept.get(BOB)!
    crossed.kept.set(BOB, { version: version + 1, publications })
  }
  crossed.pass(60_000)
  t.strictSame(crossed.changes, ['published one', 'expired'])
  const failing = new PublisherWire()
  failing.publish({ expires: 60, body: 'one' })
  failing.failure = 'flash'
  failing.pass(60_000)
  failing.failure = undefined
  t.strictSame(failing.bodies, ['one'])
  failing.pass(30_000)
  t.strictSame(failing.changes, ['published one', 'expired'])
})

t.test('RFC 3903 6: what stands against a PUBLISH, and with which header', async t => {
  const answers: [Publish, number, string?, string?][] = [
    [{ event: 'presence', body: 'x' }, 489, 'Allow-Events', 'settings'],
    [{ event: '', body: 'x' }, 489, 'Allow-Events', 'settings'],
    [{ expires: 59, body: 'x' }, 423, 'Min-Expires', '60'],
    [{ expires: 'soon', body: 'x' }, 400],
    [{}, 400],
    [{ expires: 0 }, 400],
    [{ body: 'x', headers: ['Content-Type: text/plain'] }, 415, 'Accept', 'application/settings+xml'],
    [{ body: 'x', headers: ['Content-Type: ;'] }, 400],
    [{ body: 'x', headers: ['Content-Encoding: gzip'] }, 415, 'Accept-Encoding', 'identity'],
    [{ body: 'x', headers: [`Content-Type: application/settings+xml;x=${'y'.repeat(300)}`] }, 415],
    [{ body: 'x'.repeat(101) }, 413],
    [{ body: 'bad' }, 400],
    [{ etag: 'a', headers: ['SIP-If-Match: b'] }, 400],
  ]
  for (const [publish, status, name, value] of answers) {
    const peer = new PublisherWire()
    const answer = peer.publish(publish)
    t.equal(answer.status, status, JSON.stringify(publish).slice(0, 80))
    if (name) t.equal(headerOf(answer.text, name), value)
    t.strictSame(peer.bodies, [])
    t.strictSame(peer.changes, [])
  }
})

t.test('RFC 3903 6 step 2: only who may, and only for what there is', async t => {
  const peer = new PublisherWire()
  peer.publisher = 'sip:eve@example.org'
  t.equal(peer.publish({ body: 'bad' }).status, 403, 'before anything is said of the body')
  peer.publisher = 'sip:nobody@example.org'
  peer.resource = peer.publisher
  t.equal(peer.publish({ body: 'one' }).status, 404)
})

t.test('an initial publication that ends as it begins is not kept, and keeps what is there', async t => {
  const peer = new PublisherWire()
  peer.publish({ body: 'one' })
  const { status, etag } = peer.publish({ expires: 0, body: 'two' })
  t.equal(status, 200)
  t.strictSame(peer.bodies, ['one'])
  t.equal(peer.publish({ etag }).status, 412)
})

t.test('several devices publish side by side; one too many takes the place of the oldest', async t => {
  const peer = new PublisherWire()
  const tags = ['a', 'b', 'c'].map(body => peer.publish({ body }).etag)
  t.equal(peer.publish({ etag: tags[0]!, body: 'a2' }).status, 200)
  t.strictSame(peer.bodies, ['b', 'c', 'a2'])
  t.equal(peer.publish({ body: 'd' }).status, 200)
  t.strictSame(peer.bodies, ['c', 'a2', 'd'])
  t.equal(peer.publish({ etag: tags[1]! }).status, 412)
  const single = new PublisherWire({ package: { publicationsMax: 1 } })
  for (const body of ['a', 'b']) single.publish({ body })
  t.strictSame(single.bodies, ['b'])
})

t.test('RFC 3903 6: each ends at its own time, and the package hears of it', async t => {
  const peer = new PublisherWire()
  peer.publish({ expires: 7200, body: 'long' })
  peer.publish({ expires: 60, body: 'short' })
  peer.pass(59_999)
  t.strictSame(peer.bodies, ['long', 'short'])
  peer.pass(1)
  t.strictSame(peer.bodies, ['long'])
  peer.pass(7_200_000)
  t.strictSame(peer.changes.slice(2), ['expired long', 'expired'])
  t.equal(peer.wire.running, '')
})

t.test('a refresh puts the end off', async t => {
  const peer = new PublisherWire()
  const { etag } = peer.publish({ expires: 60, body: 'one' })
  peer.pass(50_000)
  peer.publish({ etag, expires: 60 })
  peer.pass(59_000)
  t.strictSame(peer.bodies, ['one'])
  peer.pass(1000)
  t.strictSame(peer.bodies, [])
})

t.test('over a restart tags hold, no new one is like an old one, and what expired meanwhile is given up', async t => {
  const before = new PublisherWire()
  const { etag } = before.publish({ expires: 3600, body: 'one' })
  const [saved] = before.kept.get(BOB)!.publications
  const wire = new SipWire()
  wire.runTo(60_000)
  const after = new PublisherWire({ run: 2, kept: before.kept }, wire)
  after.publications.restore(wire.now, 'settings', BOB, saved!.expiresAt)
  const refreshed = after.publish({ etag, expires: 100 })
  t.equal(refreshed.status, 200)
  t.not(refreshed.etag, etag)
  const late = new SipWire()
  late.runTo(4_000_000)
  const later = new PublisherWire({ run: 3, kept: after.kept }, late)
  later.publications.restore(late.now, 'settings', BOB, saved!.expiresAt)
  later.pass(1)
  t.strictSame(later.changes, ['expired'])
  t.strictSame(later.bodies, [])
})

t.test('without a clock to be trusted nothing expires', async t => {
  const peer = new PublisherWire()
  peer.publish({ expires: 60, body: 'one' })
  peer.wire.take()
  const untrusted = (): Now => ({ ...peer.wire.now, isWallTrusted: false })
  peer.wire.runTo(59_000)
  peer.publications.expire(untrusted(), 'settings', BOB)
  peer.pass(29_000)
  t.strictSame(peer.bodies, ['one'])
  peer.pass(2000)
  t.strictSame(peer.bodies, [], 'it is looked at again')
})

t.test('two devices at once: the one that is slower sees what the other did', async t => {
  const peer = new PublisherWire()
  const { etag } = peer.publish({ body: 'one' })
  peer.meanwhile = () => {
    const { version, publications } = peer.kept.get(BOB)!
    const changed = publications.map(one => ({ ...one, etag: 'other' }))
    peer.kept.set(BOB, { version: version + 1, publications: changed })
  }
  t.equal(peer.publish({ etag, body: 'two' }).status, 412)
  peer.meanwhile = () => {
    const { version, publications } = peer.kept.get(BOB)!
    peer.kept.set(BOB, { version: version + 1, publications })
  }
  t.equal(peer.publish({ etag: 'other', body: 'three' }).status, 200)
  t.strictSame(peer.bodies, ['three'])
})

t.test('an expiry that crosses a refresh gives up nothing', async t => {
  const peer = new PublisherWire()
  const { etag } = peer.publish({ expires: 60, body: 'one' })
  peer.pass(59_999)
  peer.meanwhile = () => peer.pass(1)
  t.equal(peer.publish({ etag, expires: 60 }).status, 412, 'the expiry was first')
  const { etag: again } = peer.publish({ expires: 60, body: 'two' })
  peer.pass(59_000)
  peer.publish({ etag: again, expires: 600 })
  peer.pass(10_000)
  t.strictSame(peer.bodies, ['two'])
})

t.test('what cannot be stored is not accepted', async t => {
  const peer = new PublisherWire()
  peer.failure = 'flash full'
  const refused = peer.publish({ body: 'one' })
  t.equal(refused.status, 503)
  t.equal(headerOf(refused.text, 'Retry-After'), '5')
  const failing: PublicationPackage['save'] = (now, _r, _v, _p, done) => done(now, { failure: 'flash full' })
  t.equal(new PublisherWire({ package: { save: failing } }).publish({ body: 'one' }).status, 500)
  const busy: PublicationPackage['save'] = (now, _r, _v, _p, done) => done(now, 'conflict')
  t.equal(new PublisherWire({ package: { save: busy } }).publish({ body: 'one' }).status, 503)
})

t.test('a client that publishes in a loop is answered once a second, and others at once', async t => {
  const peer = new PublisherWire({ limits: { burst: 3, intervalMs: 1000 }, package: { authorise: () => undefined } })
  const statuses = Array.from({ length: 50 }, () => peer.publish({ body: 'one' }).status)
  t.strictSame(statuses, [200, 200, 200, ...Array(47).fill(480)])
  t.equal(headerOf(peer.publish({ body: 'one' }).text, 'Retry-After'), '1')
  peer.publisher = 'sip:admin@example.org'
  t.equal(peer.publish({ body: 'one' }).status, 200)
})

t.test('more resources than are waited for lose nothing but the word', async t => {
  const kept = new Map([1, 2].map(user => [`sip:u${user}@x`, { version: 0, publications: [] } as LoadedPublications]))
  const peer = new PublisherWire({ limits: { watched: 1 }, kept })
  for (const user of ['sip:u1@x', 'sip:u2@x']) {
    peer.publisher = peer.resource = user
    t.equal(peer.publish({ expires: 60, body: 'one' }).status, 200)
  }
  t.same(peer.publications.describe(), { watched: 1 })
  peer.pass(60_000)
  t.equal(kept.get('sip:u1@x')?.publications.length, 0)
  t.equal(kept.get('sip:u2@x')?.publications.length, 1)
  peer.publications.expire(peer.wire.now, 'settings', 'sip:u2@x')
  t.equal(kept.get('sip:u2@x')?.publications.length, 0)
})
