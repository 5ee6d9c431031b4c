import t from 'tap'
import { DESK, RelayWire, target } from '../testing/relay-wire.ts'
import { BOB, confirmed, finder } from '../testing/relayed-dialog.ts'
import { headerOf } from '../testing/session-wire.ts'
import { inbound } from '../testing/sip-wire.ts'

t.test('third parties: the token alone opens nothing, nor do the tags without it', async t => {
  const { relay, alice, desk } = confirmed()
  const elsewhere = inbound('s9', '198.51.100.9')
  relay.wire.open(elsewhere)
  for (const forged of [
    { toTag: 'guess' },
    { fromTag: 'guess' },
    { callId: 'other' },
    { toTag: 'a1', fromTag: 'a1' },
  ]) {
    alice('BYE', { ...forged, flow: elsewhere })
    t.strictSame(relay.lines(), ['198.51.100.9 481'], JSON.stringify(forged))
    alice('ACK', { ...forged, seq: 1, flow: elsewhere })
    t.strictSame(relay.lines(), [])
  }
  desk('BYE', { toTag: 'guess', flow: elsewhere })
  t.strictSame(relay.lines(), ['198.51.100.9 481'])
  t.equal(relay.wire.counters.get('relay_dropped', 'no such dialog'), 5)
  relay.send('BYE', { toTag: 'desk', uri: BOB, flow: elsewhere })
  relay.send('BYE', {
    toTag: 'desk',
    uri: BOB,
    flow: elsewhere,
    headers: ['Route: <sip:guessguessguess2@edge1.example.org:5060;lr>'],
  })
  relay.send('BYE', { toTag: 'desk', uri: BOB, flow: elsewhere, headers: ['Route: <nonsense>'] })
  t.strictSame(relay.lines(), Array(3).fill('198.51.100.9 481'))
  t.strictSame(relay.events, Array(3).fill('not relayed: BYE'))
  alice('INFO')
  t.strictSame(relay.lines(), ['192.0.2.21 INFO'], 'the dialog stands')
})

t.test('a request goes to the other side of its dialog and nowhere else, whatever its Request-URI says', async t => {
  const asked: string[] = []
  const hop = { transport: 'udp', address: '192.0.2.21', port: 5060 } as const
  const relay = new RelayWire({ targets: [target(hop)], locate: finder(asked, hop) })
  const { alice } = confirmed(relay)
  asked.length = 0
  alice('MESSAGE', { uri: 'sip:victim@203.0.113.5' })
  t.strictSame(relay.lines(), ['192.0.2.21 MESSAGE'])
  t.strictSame(asked, [BOB], 'the Contact that the phone answered with')
})

t.test('a connection that stands is taken from nobody', async t => {
  const stream = inbound('s1', '192.0.2.30')
  const thief = inbound('s2', '198.51.100.9')
  const relay = new RelayWire({ targets: [target(DESK)] })
  relay.wire.open(stream)
  relay.wire.open(thief)
  const { alice, desk } = confirmed(relay, { flow: stream })
  alice('INFO', { flow: thief })
  relay.texts()
  desk('INFO')
  t.equal(relay.sent()[0]?.flow.id, 's1')
})

t.test('RFC 3261 16.3 no further hop, a loop, an extension that a proxy would have to know', async t => {
  const { relay, alice } = confirmed()
  alice('INFO', { headers: ['Max-Forwards: 0'] })
  t.strictSame(relay.lines(), ['192.0.2.10 483'])
  alice('ACK', { seq: 1, headers: ['Max-Forwards: 0'] })
  t.strictSame(relay.lines(), [])
  alice('INFO', { headers: ['Proxy-Require: magic'] })
  const [refusal] = relay.texts()
  t.match(refusal, /^SIP\/2\.0 420 /)
  t.equal(headerOf(refusal!, 'Unsupported'), 'magic')
  const own = 'SIP/2.0/UDP edge1.example.org:5060;branch=z9hG4bKown'
  const via = ['SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKloop', own]
  alice('INFO', { via })
  t.strictSame(relay.lines(), ['192.0.2.10 482'])
  alice('ACK', { via, seq: 1 })
  t.strictSame(relay.lines(), [])
})

t.test('RFC 3325 5 what a party of the dialog asserts about itself is not passed on, unless it is trusted', async t => {
  const headers = ['P-Asserted-Identity: <sip:president@example.org>', 'P-Charging-Vector: icid-value=1']
  const { relay, alice } = confirmed()
  alice('UPDATE', { headers })
  const [update] = relay.texts()
  t.equal(headerOf(update!, 'P-Asserted-Identity'), undefined)
  t.equal(headerOf(update!, 'P-Charging-Vector'), undefined)
  const trusting = confirmed(new RelayWire({ targets: [target(DESK)], isTrusted: () => true }))
  trusting.alice('UPDATE', { headers })
  const [believed] = trusting.relay.texts()
  t.equal(headerOf(believed!, 'P-Asserted-Identity'), '<sip:president@example.org>')
  t.equal(headerOf(believed!, 'P-Charging-Vector'), undefined)
})

t.test('an answer that is not to the request is 502; 503 of a phone is not about us', async t => {
  for (const forged of [{ callId: 'other' }, { fromTag: 'other' }, { seq: 1 }]) {
    const { relay, alice } = confirmed()
    alice('INFO')
    const [info] = relay.texts()
    relay.reply(info!, 200, forged)
    t.strictSame(relay.lines(), ['192.0.2.10 502'], JSON.stringify(forged))
  }
  const { relay, alice } = confirmed()
  alice('INFO')
  const [info] = relay.texts()
  relay.reply(info!, 503)
  t.strictSame(relay.lines(), ['192.0.2.10 500'])
})

t.test('a Route that cannot be read after ours is the sender’s 400', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const { toDesk } = relay.confirm()
  const headers = [`Route: ${toDesk[0]}`, 'Route: <nonsense>']
  relay.send('INFO', { toTag: 'desk', uri: BOB, headers })
  t.strictSame(relay.lines(), ['192.0.2.10 400'])
  relay.send('ACK', { seq: 1, toTag: 'desk', uri: BOB, headers })
  t.strictSame(relay.lines(), [])
})
