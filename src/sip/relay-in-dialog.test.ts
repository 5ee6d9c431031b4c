import t from 'tap'
import { ALICE_CONTACT, allOf, DESK, POCKET, RelayWire, target } from '../testing/relay-wire.ts'
import { ALICES, BOB, confirmed, finder } from '../testing/relayed-dialog.ts'
import { headerOf } from '../testing/session-wire.ts'
import { ALICE, inbound } from '../testing/sip-wire.ts'
import type { SessionContext } from './session-types.ts'

t.test('RFC 3261 16.4, 16.6 the ACK goes to the phone, without our Route and without credentials for us', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const [invite] = relay.ring()
  relay.reply(invite!, 200, { headers: [`Contact: <${BOB}>`] })
  const [ok] = relay.texts()
  const route = `Route: ${headerOf(ok!, 'Record-Route')}`
  const credentials = [
    'Authorization: Digest realm="example.org", username="alice"',
    'Proxy-Authorization: Digest realm="else"',
  ]
  relay.send('ACK', { seq: 1, toTag: 'desk', uri: BOB, headers: [route, ...credentials] })
  const [sent] = relay.sent()
  t.equal(sent?.flow.id, DESK.id)
  t.match(sent?.text, /^ACK sip:bob@192\.0\.2\.21:5060 /)
  t.strictSame(allOf(sent!.text, 'Route'), [])
  t.equal(headerOf(sent!.text, 'Max-Forwards'), '69')
  t.equal(headerOf(sent!.text, 'Authorization'), undefined)
  t.equal(headerOf(sent!.text, 'Proxy-Authorization'), 'Digest realm="else"')
  t.equal(allOf(sent!.text, 'Via').length, 2)
})

t.test('requests pass both ways over the flows of the call, and their answers go back', async t => {
  const { relay, alice, desk } = confirmed()
  alice('INFO')
  const [toDesk] = relay.sent()
  t.equal(toDesk?.flow.id, DESK.id)
  t.match(toDesk?.text, /^INFO sip:bob@192\.0\.2\.21:5060 /)
  relay.reply(toDesk!.text, 200)
  t.strictSame(relay.lines(), ['192.0.2.10 200'])
  desk('MESSAGE')
  const [toAlice] = relay.sent()
  t.equal(toAlice?.flow.id, ALICE.id, 'not to the address of her Contact, which is behind a NAT')
  t.match(toAlice?.text, /^MESSAGE sip:alice@10\.0\.0\.7:5070 /)
  relay.reply(toAlice!.text, 603, { flow: ALICE })
  t.strictSame(relay.lines(), ['192.0.2.21 603'])
})

t.test('RFC 3261 15 BYE ends the dialog; what crosses it still passes, what comes much later does not', async t => {
  const { relay, alice, desk } = confirmed()
  alice('BYE')
  const [one] = relay.texts()
  desk('BYE')
  const [other] = relay.texts()
  relay.reply(one!, 200)
  relay.reply(other!, 200, { flow: ALICE })
  t.strictSame(relay.lines(), ['192.0.2.10 200', '192.0.2.21 200'])
  t.equal(relay.wire.counters.get('relayed_dialogs_ended', 'bye'), 1)
  desk('BYE', { seq: 500 })
  t.strictSame(relay.lines(), ['192.0.2.10 BYE'], 'sent again because its answer was lost')
  relay.pass(70_000)
  relay.texts()
  desk('BYE', { seq: 600 })
  t.strictSame(relay.lines(), ['192.0.2.21 481'])
  t.strictSame(relay.events, ['not relayed: BYE'])
  relay.pass(70_000)
  t.equal(relay.wire.running, '')
})

t.test('RFC 3261 14 a re-INVITE of either side: progress, 2xx and its ACK', async t => {
  const { relay, desk } = confirmed()
  desk('INVITE', { seq: 7, headers: ['Contact: <sip:bob@192.0.2.21:5060>'] })
  const [invite] = relay.sent()
  t.equal(invite?.flow.id, ALICE.id)
  t.match(headerOf(invite!.text, 'Record-Route'), /;lr>$/)
  relay.reply(invite!.text, 180, { flow: ALICE })
  relay.reply(invite!.text, 200, { flow: ALICE, headers: [ALICE_CONTACT] })
  relay.reply(invite!.text, 200, { flow: ALICE, headers: [ALICE_CONTACT] })
  t.strictSame(relay.lines(), ['192.0.2.21 180', '192.0.2.21 200', '192.0.2.21 200'])
  desk('ACK', { seq: 7 })
  t.strictSame(relay.lines(), ['192.0.2.10 ACK'])
})

t.test('RFC 3261 14.1, 16.10 a re-INVITE that is refused, cancelled, or not answered', async t => {
  const { relay, alice } = confirmed()
  alice('INVITE', { seq: 2 })
  const [refused] = relay.texts()
  relay.reply(refused!, 491)
  t.strictSame(relay.lines(), ['192.0.2.21 ACK', '192.0.2.10 491'])
  alice('INVITE', { seq: 3, branch: 'z9hG4bKagain' })
  const [again] = relay.texts()
  relay.reply(again!, 180)
  relay.texts()
  relay.send('CANCEL', { seq: 3, toTag: 'desk', branch: 'z9hG4bKagain', uri: BOB })
  t.strictSame(relay.lines(), ['192.0.2.10 200', '192.0.2.21 CANCEL'])
  relay.reply(again!, 487)
  t.strictSame(relay.lines(), ['192.0.2.21 ACK', '192.0.2.10 487'])
  alice('INVITE', { seq: 4 })
  relay.pass(33_000)
  t.ok(relay.lines().includes('192.0.2.10 408'))
  alice('INFO')
  t.strictSame(relay.lines(), ['192.0.2.21 INFO'], 'the dialog stands')
})

t.test('after its BYE nothing keeps a dialog any longer', async t => {
  const { relay, alice, desk } = confirmed()
  alice('BYE')
  relay.reply(relay.texts()[0]!, 200)
  relay.pass(20_000)
  relay.texts()
  desk('INFO')
  relay.reply(relay.texts()[0]!, 200, { flow: ALICE })
  relay.pass(13_000)
  t.match(relay.relay.describe(), { open: 0 })
})

t.test('RFC 3261 9.2 a re-INVITE that is cancelled while its way is looked for is not sent', async t => {
  const hop = { transport: 'udp', address: '192.0.2.21', port: 5060 } as const
  const waiting: (() => void)[] = []
  const locate: SessionContext['locate'] = (now, _uri, done) => waiting.push(() => done(now, hop))
  const relay = new RelayWire({ targets: [target(hop)], locate })
  const { alice } = confirmed(relay)
  alice('INVITE', { seq: 2, branch: 'z9hG4bKagain' })
  relay.send('CANCEL', { seq: 2, toTag: 'desk', branch: 'z9hG4bKagain', uri: BOB })
  t.strictSame(relay.lines(), ['192.0.2.10 200', '192.0.2.10 487'])
  waiting.at(-1)?.()
  t.strictSame(relay.lines(), [])
})

t.test('RFC 3261 12.2.1.1 an early dialog has its requests too', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const [invite] = relay.ring()
  relay.reply(invite!, 183, { headers: [`Contact: <${BOB}>`, 'RSeq: 1', 'Require: 100rel'] })
  const [progress] = relay.texts()
  const headers = [`Route: ${headerOf(progress!, 'Record-Route')}`]
  relay.send('PRACK', { toTag: 'desk', uri: BOB, headers })
  t.strictSame(relay.lines(), ['192.0.2.21 PRACK'])
  relay.send('PRACK', { toTag: 'pocket', uri: BOB, headers })
  t.strictSame(relay.lines(), ['192.0.2.10 481'])
})

t.test('RFC 3261 12.2.1.1 sides behind proxies are reached by the first of those that stay on the way', async t => {
  const asked: string[] = []
  const hop = { transport: 'udp', address: '192.0.2.99', port: 5060 } as const
  const relay = new RelayWire({ targets: [target(DESK, '<sip:edge;lr>')], locate: finder(asked, hop) })
  const headers = [
    'Contact: <sip:alice@192.0.2.10:5070>',
    'Record-Route: <sip:up2.example.net;lr>, <sip:up1.example.net;lr>',
  ]
  const [invite] = relay.ring({ headers })
  const beyond = 'Record-Route: <sip:down2.example.net;lr>, <sip:down1.example.net;lr>\r\nRecord-Route:'
  relay.reply(invite!.replace('Record-Route:', beyond), 200, { headers: [`Contact: <${BOB}>`] })
  const [ok] = relay.texts()
  const own = allOf(ok!, 'Record-Route')[1]
  const down = ['<sip:down1.example.net;lr>', '<sip:down2.example.net;lr>']
  relay.send('ACK', { seq: 1, toTag: 'desk', uri: BOB, headers: [own, ...down].map(route => `Route: ${route}`) })
  const [ack] = relay.sent()
  t.equal(ack?.flow.remote.address, '192.0.2.99')
  t.strictSame(allOf(ack!.text, 'Route'), down)
  const up = [own, '<sip:up2.example.net;lr>', '<sip:up1.example.net;lr>']
  const bye = { toTag: 'a1', fromTag: 'desk', uri: ALICES, flow: DESK, headers: up.map(route => `Route: ${route}`) }
  relay.send('BYE', bye)
  const [sent] = relay.sent()
  t.equal(sent?.flow.remote.address, '192.0.2.99')
  t.strictSame(allOf(sent!.text, 'Route'), up.slice(1))
  t.strictSame(asked, ['sip:down1.example.net;lr', 'sip:up2.example.net;lr'])
})

t.test('RFC 3261 16.4 a strict router before us has put our URI into the Request-URI', async t => {
  const relay = new RelayWire({ targets: [target(DESK)] })
  const { toDesk } = relay.confirm()
  const uri = toDesk[0]!.slice(1, -1)
  relay.send('INFO', { toTag: 'desk', uri, headers: [`Route: <${BOB}>`] })
  const [info] = relay.texts()
  t.match(info, /^INFO sip:bob@192\.0\.2\.21:5060 /)
  t.strictSame(allOf(info!, 'Route'), [])
})

t.test('RFC 5658 both of our Route values are taken off', async t => {
  const stream = inbound('s1', '192.0.2.21')
  const relay = new RelayWire({ targets: [target(stream)] })
  relay.wire.open(stream)
  const { alice, desk } = confirmed(relay, {}, { flow: stream })
  alice('INFO')
  const [toDesk] = relay.sent()
  t.equal(toDesk?.flow.id, 's1')
  t.strictSame(allOf(toDesk!.text, 'Route'), [])
  desk('INFO', { flow: stream })
  const [toAlice] = relay.sent()
  t.equal(toAlice?.flow.id, ALICE.id)
  t.strictSame(allOf(toAlice!.text, 'Route'), [])
})

t.test(
  'RFC 7118 5, RFC 5626 5.3 browsers: over their connections, 430 when it is gone, and again from a new one',
  async t => {
    const browser = inbound('ws1', '198.51.100.7')
    const asked: string[] = []
    const relay = new RelayWire({ targets: [target(DESK)], locate: finder(asked) })
    relay.wire.open(browser)
    const contact = ['Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>']
    const { alice, desk } = confirmed(relay, { flow: browser, headers: contact })
    desk('INFO')
    const [info] = relay.sent()
    t.equal(info?.flow.id, 'ws1')
    relay.wire.transport.flowClosed(relay.wire.now, browser)
    t.strictSame(relay.lines(), ['192.0.2.21 430'], 'what was on the way')
    desk('INFO')
    t.strictSame(relay.lines(), ['192.0.2.21 430'])
    desk('ACK', { seq: 1 })
    t.strictSame(relay.lines(), [])
    t.strictSame(asked, [])
    const anew = relay.wire.open(inbound('ws2', '198.51.100.7', 40_001))
    alice('UPDATE', { flow: anew, headers: contact })
    relay.texts()
    desk('INFO')
    t.equal(relay.sent()[0]?.flow.id, 'ws2')
  },
)

t.test(
  'RFC 4028 8.2 a dialog lives as long as its session timer says, and each refresh gives it that again',
  async t => {
    const answer = { headers: [`Contact: <${BOB}>`, 'Session-Expires: 200;refresher=uac'] }
    const { relay, alice, desk } = confirmed(new RelayWire({ targets: [target(DESK)] }), {}, answer)
    relay.pass(200_000)
    alice('UPDATE', { headers: [ALICE_CONTACT] })
    const [update] = relay.texts()
    relay.reply(update!, 200, { headers: ['Session-Expires: 400;refresher=uac'] })
    relay.pass(400_000 + 31_000)
    relay.texts()
    desk('INFO')
    t.strictSame(relay.lines(), ['192.0.2.10 INFO'])
    relay.pass(2_000)
    relay.texts()
    desk('BYE')
    t.strictSame(relay.lines(), ['192.0.2.21 481'])
    t.equal(relay.wire.counters.get('relayed_dialogs_ended', 'expired'), 1)
    t.match(relay.relay.describe(), { open: 0 })
  },
)

t.test('RFC 3261 12.2.1.1, 18 whose flow does not end at the user agent is looked for at its Contact', async t => {
  const contact = ['Contact: <sip:alice@192.0.2.10:5099>']
  const via = ['SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKcall', 'SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKpc']
  for (const message of [{ headers: contact }, { headers: [ALICE_CONTACT], via }]) {
    const asked: string[] = []
    const hop = { transport: 'udp', address: '192.0.2.10', port: 5099 } as const
    const relay = new RelayWire({ targets: [target(DESK)], locate: finder(asked, hop) })
    const { desk } = confirmed(relay, message)
    desk('INFO')
    t.equal(relay.sent()[0]?.flow.remote.port, 5099)
    t.strictSame(asked, [/<(.*)>/.exec(message.headers[0]!)?.[1]])
  }
})

t.test('RFC 7118 5 nobody dials a browser, whatever host its Contact names', async t => {
  const browser = inbound('ws1', '198.51.100.7', 40_000, 'ws')
  const asked: string[] = []
  const relay = new RelayWire({ targets: [target(DESK)], locate: finder(asked) })
  relay.wire.open(browser)
  const headers = ['Contact: <sip:alice@198.51.100.7;transport=ws>']
  const { desk } = confirmed(relay, { flow: browser, headers })
  relay.wire.transport.flowClosed(relay.wire.now, browser)
  desk('INFO')
  t.strictSame(relay.lines(), ['192.0.2.21 430'])
  t.strictSame(asked, [])
})

t.test('a dialog without a timer is kept for a day of silence, and no longer interval is believed', async t => {
  for (const timer of [[], ['Session-Expires: 4294967295']]) {
    const answer = { headers: [`Contact: <${BOB}>`, ...timer] }
    const { relay, alice } = confirmed(new RelayWire({ targets: [target(DESK)] }), {}, answer)
    relay.pass(23 * 3_600_000)
    alice('MESSAGE')
    relay.reply(relay.texts()[0]!, 200)
    relay.pass(23 * 3_600_000)
    t.match(relay.relay.describe(), { open: 1 })
    relay.pass(2 * 3_600_000)
    t.match(relay.relay.describe(), { open: 0 })
  }
})

t.test('RFC 3261 12.2.1.2 a Contact of a refresh is where a side without proxies is looked for', async t => {
  const asked: string[] = []
  const hop = { transport: 'udp', address: '192.0.2.21', port: 5060 } as const
  const relay = new RelayWire({ targets: [target(hop)], locate: finder(asked, hop) })
  const { alice, desk } = confirmed(relay)
  desk('UPDATE', { headers: ['Contact: <sip:bob@192.0.2.77>'] })
  const [update] = relay.texts()
  relay.reply(update!, 200, { flow: ALICE, headers: [ALICE_CONTACT] })
  asked.length = 0
  alice('INFO')
  t.strictSame(asked, ['sip:bob@192.0.2.77'])
})

t.test('both phones of a fork: the caller hangs up on one and talks to the other', async t => {
  const relay = new RelayWire()
  const [desk, pocket] = relay.ring()
  relay.reply(desk!, 200, { headers: [`Contact: <${BOB}>`] })
  relay.reply(pocket!, 200, { toTag: 'pocket', flow: POCKET, headers: ['Contact: <sip:bob@192.0.2.22:5060>'] })
  const [ok] = relay.texts().filter(text => text.startsWith('SIP/2.0 200'))
  const headers = [`Route: ${headerOf(ok!, 'Record-Route')}`]
  for (const [toTag, uri] of [
    ['desk', BOB],
    ['pocket', 'sip:bob@192.0.2.22:5060'],
  ] as const)
    relay.send('ACK', { seq: 1, toTag, uri, headers })
  t.strictSame(relay.lines(), ['192.0.2.21 ACK', '192.0.2.22 ACK'])
  relay.send('BYE', { toTag: 'pocket', uri: 'sip:bob@192.0.2.22:5060', headers })
  const [bye] = relay.texts()
  relay.reply(bye!, 200, { flow: POCKET })
  relay.pass(40_000)
  relay.texts()
  t.match(relay.relay.describe(), { calls: [{ dialogs: 1 }] })
  relay.send('INFO', { toTag: 'desk', uri: BOB, headers })
  t.strictSame(relay.lines(), ['192.0.2.21 INFO'])
})
