import t from 'tap'
import type { MsrpSessionOptions } from './session.ts'
import { answersTo, Owner, Side } from './simulated.fixture.ts'

const REMOTE = 'msrp://198.51.100.7:7000/bob12345;tcp'
const SHOWN = 'sha-256 AB:CD:EF'

const bind = (path: string) =>
  `MSRP tran1 SEND\nTo-Path: ${path}\nFrom-Path: ${REMOTE}\nMessage-ID: bind\nByte-Range: 1-0/0\n-------tran1$\n`

/** `count` sessions of ours that a peer bound to one connection. */
const bound = (count = 1, options: MsrpSessionOptions = {}) => {
  const side = new Side()
  const flow = side.accept()
  const owners = Array.from({ length: count }, () => {
    const owner = new Owner(side, options)
    owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
    side.say(flow, bind(owner.session.localPath))
    return owner
  })
  side.heard()
  return { side, flow, owners, owner: owners[0]! }
}

t.test('hold: a connection is not read while any of its sessions cannot take more', async t => {
  const { side, flow, owners } = bound(2)
  const [a, b] = owners.map(({ session }) => session)
  a!.hold(side.now, true)
  b!.hold(side.now, true)
  a!.hold(side.now, true)
  a!.hold(side.now, false)
  t.strictSame(side.held, [[flow.id, true]])
  b!.hold(side.now, false)
  b!.hold(side.now, false)
  t.strictSame(side.held, [
    [flow.id, true],
    [flow.id, false],
  ])
})

t.test('hold: a session that ends lets its connection go on', async t => {
  const { side, flow, owners } = bound(2)
  owners[0]!.session.hold(side.now, true)
  owners[0]!.session.close(side.now)
  t.strictSame(side.held.at(-1), [flow.id, false])
  owners[0]!.session.hold(side.now, true)
  t.equal(side.held.length, 2, 'it is over')
  owners[1]!.session.hold(side.now, true)
  side.endpoint.flowClosed(side.now, flow, 'reset')
  t.equal(side.held.length, 3, 'nothing is held that is not there')
})

t.test('hold: a session without a connection holds nothing', async t => {
  const side = new Side()
  new Owner(side).session.hold(side.now, true)
  t.strictSame(side.held, [])
})

t.test('a connection on which nothing comes for two hours goes, with its sessions', async t => {
  const { side, flow, owner } = bound()
  side.advance(3_600_000)
  side.say(flow, '\n')
  side.advance(7_199_999)
  t.equal(side.closed.length, 0)
  side.advance(1)
  t.equal(side.closed.length, 1)
  t.match(owner.closed, [/idle/])
  t.equal(side.counters.get('msrp_silent_closed', 'idle'), 1)
  t.equal(side.timers.size, 0)
})

t.test('a connection on which a frame stays half for five minutes goes', async t => {
  for (const half of ['M', `MSRP tran1 SEND\nTo-Path: x`, bind('x').replace('-------tran1$\n', '\nbody')]) {
    const { side, flow } = bound()
    side.advance(1_000_000)
    side.say(flow, half)
    side.advance(299_999)
    t.equal(side.closed.length, 0)
    side.advance(1)
    t.equal(side.closed.length, 1)
    t.equal(side.counters.get('msrp_silent_closed', 'stalled'), 1)
  }
})

t.test('what we do not read does not count as silence', async t => {
  const { side, flow, owner } = bound()
  side.say(flow, 'MSRP half')
  owner.session.hold(side.now, true)
  side.advance(10_000_000)
  t.equal(side.closed.length, 0)
  owner.session.hold(side.now, false)
  side.advance(300_000)
  t.equal(side.closed.length, 1)
})

t.test('two hundred connections without a word are closed within thirty seconds, sessions elsewhere go on', async t => {
  const { side, flow, owner } = bound()
  for (let i = 0; i < 200; i++) side.accept(`idle${i}`, `203.0.113.${i % 100}`)
  t.match(side.endpoint.describe(), { connections: 201 })
  side.advance(30_000)
  t.equal(side.closed.length, 200)
  owner.send('mess1', 'still here')
  side.say(flow, answersTo(side.heard()))
  t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
})

t.test('an IPv6 peer is its /64, in any spelling', async t => {
  const side = new Side(1, { connectionsPerAddress: 2 })
  const first = side.accept('a1', '2001:db8:0:1::1')
  side.accept('a2', '2001:db8:0:1:ffff::2')
  side.accept('a3', '2001:0db8:0000:0001::3')
  side.accept('b1', '2001:db8:0:2::1')
  t.strictSame(
    side.closed.map(({ id }) => id),
    ['a3'],
  )
  side.endpoint.flowClosed(side.now, first, 'gone')
  side.accept('a4', '2001:db8:0:1::4')
  t.equal(side.closed.length, 1)
})

const tls = { transport: 'tls' } as const

t.test('RFC 8122: a TLS connection binds only with a certificate of the agreed fingerprint', async t => {
  const trials: [peer: object, fingerprints: string[] | undefined, status: string][] = [
    [{ ...tls, peerFingerprints: [SHOWN] }, [SHOWN], '200'],
    [{ ...tls, peerFingerprints: [SHOWN] }, ['sha-1 00:11', 'SHA-256 ab:cd:ef'], '200'],
    [{ ...tls, peerFingerprints: [SHOWN] }, ['sha-256 00:11'], '403'],
    [{ ...tls, peerFingerprints: [SHOWN] }, [], '403'],
    [tls, [SHOWN], '403'],
    [tls, undefined, '200'],
    [{}, undefined, '403'],
    [{}, [SHOWN], '403'],
  ]
  for (const [peer, fingerprints, status] of trials) {
    const side = new Side()
    const owner = new Owner(side, { ...tls, ...(fingerprints && { fingerprints }) })
    owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
    side.say(side.accept('peer', '198.51.100.7', peer), bind(owner.session.localPath))
    const label = `${JSON.stringify(peer)} ${fingerprints}`
    t.match(side.heard(), `MSRP tran1 ${status}`, label)
    t.equal(side.closed.length, status === '200' ? 0 : 1, label)
    t.equal(owner.ready, status === '200' ? 1 : 0, label)
    t.strictSame(owner.closed, [], 'the right peer may still come')
  }
})

t.test('RFC 8122: a stranger is hung up on, and counted, before the body', async t => {
  const side = new Side()
  const owner = new Owner(side, { ...tls, fingerprints: [SHOWN] })
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  const head = `MSRP tran1 SEND\nTo-Path: ${owner.session.localPath}\nFrom-Path: ${REMOTE}\nMessage-ID: m\n\nstart`
  side.say(side.accept('stranger', '198.51.100.7', tls), head)
  t.match(side.heard(), 'MSRP tran1 403')
  t.equal(side.counters.get('msrp_binding_refused', 'certificate of somebody else'), 1)
  side.say(side.accept('peer', '198.51.100.7', { ...tls, peerFingerprints: [SHOWN] }), bind(owner.session.localPath))
  t.equal(owner.ready, 1)
})

t.test('RFC 8122: a connection that we opened is checked when it stands; its other sessions stay', async t => {
  for (const [peerFingerprints, isGood] of [
    [[SHOWN], true],
    [['sha-256 00:11'], false],
    [undefined, false],
  ] as const) {
    const side = new Side()
    const path = ['msrps://192.0.2.9:7000/bob12345;tcp']
    const owner = new Owner(side, { ...tls, fingerprints: [SHOWN] })
    const easy = new Owner(side, tls)
    owner.session.start(side.now, { remotePath: path, role: 'active' })
    easy.session.start(side.now, { remotePath: path, role: 'active' })
    const flow = side.connected[0]!
    t.equal(flow.transport, 'tls')
    t.strictSame(owner.closed, [], 'nothing is known before the handshake')
    side.endpoint.flowOpened(side.now, { ...flow, ...(peerFingerprints && { peerFingerprints }) })
    t.strictSame(owner.closed, isGood ? [] : ['certificate of somebody else'], 'before a word of the peer')
    side.say(flow, answersTo(side.heard()))
    t.equal(owner.ready, isGood ? 1 : 0)
    t.equal(easy.ready, 1)
    const late = new Owner(side, { ...tls, fingerprints: [SHOWN] })
    late.session.start(side.now, { remotePath: path, role: 'active' })
    t.equal(side.connected.length, 1, 'shared')
    t.equal(late.closed.length, isGood ? 0 : 1)
  }
})

t.test('RFC 8122: without word of a handshake no certificate is taken for shown', async t => {
  const side = new Side()
  const owner = new Owner(side, { ...tls, fingerprints: [SHOWN] })
  owner.session.start(side.now, { remotePath: ['msrps://192.0.2.9:7000/bob12345;tcp'], role: 'active' })
  side.say(side.connected[0]!, answersTo(side.heard()))
  t.strictSame([owner.ready, owner.closed], [0, ['certificate of somebody else']])
})
