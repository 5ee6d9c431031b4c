import t from 'tap'
import { silentLog } from '../base/log.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { headerOf } from '../testing/session-wire.ts'
import { ALICE, responseText, SipWire } from '../testing/sip-wire.ts'
import { text } from '../testing/subscriber-wire.ts'
import { notifyUnsolicited } from './subscription-unsolicited.ts'

function notify(wire: SipWire, routes: readonly string[] = []): { sent: string; statuses: number[] } {
  const statuses: number[] = []
  const { timers, counters, layer } = wire
  const context = { timers, counters, layer, entropy: new SeededEntropy(3), log: silentLog, userAgent: 'edge/1' }
  const to = { recipient: '<sip:alice@example.org>', sender: '<sip:alice@example.org>' }
  notifyUnsolicited(
    wire.now,
    context,
    {
      ...to,
      event: 'message-summary',
      uri: 'sip:alice@192.0.2.10:5070;transport=udp?X-Secret=1',
      routes,
      to: ALICE,
      contact: 'sip:im@192.0.2.1:5060',
      body: text('Messages-Waiting: no\r\n'),
    },
    (_now, status) => statuses.push(status),
  )
  return { sent: wire.take()[0]?.text ?? '', statuses }
}

t.test('a NOTIFY for a phone that never subscribed claims no subscription', async t => {
  const wire = new SipWire()
  const { sent, statuses } = notify(wire)
  t.equal(sent.split('\r\n')[0], 'NOTIFY sip:alice@192.0.2.10:5070;transport=udp SIP/2.0')
  t.equal(headerOf(sent, 'Event'), 'message-summary')
  t.equal(headerOf(sent, 'Subscription-State'), 'terminated;reason=noresource')
  t.equal(headerOf(sent, 'To'), '<sip:alice@example.org>')
  t.match(headerOf(sent, 'From'), /^<sip:alice@example\.org>;tag=[a-z2-7]{16}$/)
  t.equal(headerOf(sent, 'Content-Type'), 'text/plain')
  t.ok(sent.endsWith('\r\n\r\nMessages-Waiting: no\r\n'))
  wire.receive(responseText(sent, 100))
  wire.receive(responseText(sent, 481))
  wire.receive(responseText(sent, 200))
  t.strictSame(statuses, [481])
})

t.test('silence is 408; a strict first hop stands in the Request-URI', async t => {
  const wire = new SipWire()
  const { sent, statuses } = notify(wire, ['<sip:p1.example.org>', '<sip:p2.example.org;lr>'])
  t.equal(sent.split(' ')[1], 'sip:p1.example.org')
  t.strictSame(sent.match(/^Route: .*(?=\r)/gm), [
    'Route: <sip:p2.example.org;lr>',
    'Route: <sip:alice@192.0.2.10:5070;transport=udp>',
  ])
  wire.runTo(33_000)
  t.strictSame(statuses, [408])
})
