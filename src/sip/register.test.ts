import t from 'tap'
import { udpFlow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import { atSecond, exampleFlow, exampleRegister } from '../testing/sip-examples.ts'
import type { Binding } from './binding.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import { type Applied, applyRegister, contactValue, remainingS } from './register.ts'
import { REGISTER_LIMITS, readRegister } from './register-ask.ts'

function attempt(bindings: readonly Binding[], now: Now, ...lines: string[]): Applied | Refusal {
  const ask = readRegister(exampleRegister(...lines), REGISTER_LIMITS)
  return isRefusal(ask) ? ask : applyRegister(bindings, ask, now, exampleFlow, REGISTER_LIMITS)
}

function register(bindings: readonly Binding[], now: Now, ...lines: string[]): Applied {
  const applied = attempt(bindings, now, ...lines)
  if (isRefusal(applied)) throw new Error(`refused: ${applied.status} ${applied.reason}`)
  return applied
}

const status = (bindings: readonly Binding[], ...lines: string[]): number | undefined => {
  const applied = attempt(bindings, atSecond(1), ...lines)
  return isRefusal(applied) ? applied.status : undefined
}

const events = (applied: Applied): string[] =>
  applied.changes.map(({ event, binding }) => `${event} ${binding.contact}`)
const contacts = (applied: Applied): string[] => applied.bindings.map(({ contact }) => contact)
const seq = (cseq: number, callId = 'example-1'): string[] => [`Call-ID: ${callId}`, `CSeq: ${cseq} REGISTER`]

const phone = 'Contact: <sip:bob@192.0.2.1>'
const tablet = 'Contact: <sip:bob@192.0.2.2>'

t.test('RFC 3261 10.3 step 7: what a binding remembers', async t => {
  const applied = register(
    [],
    atSecond(0),
    'Contact: <sip:bob@192.0.2.1;x=1>;expires=600;q=0.5;+g.oma.sip-im="TRUE"',
    'Path: <sip:p1;lr>',
    'User-Agent: Example/1.0',
  )
  t.same(applied.bindings, [
    {
      contact: 'sip:bob@192.0.2.1;x=1',
      params: ';q=0.5;+g.oma.sip-im="TRUE"',
      q: 500,
      callId: 'example-1',
      cseq: 1,
      registeredAt: atSecond(0).wall,
      expiresAt: atSecond(600).wall,
      path: ['<sip:p1;lr>'],
      flow: {
        id: exampleFlow.id,
        transport: 'udp',
        local: exampleFlow.local,
        remote: exampleFlow.remote,
      },
      isElsewhere: true,
      userAgent: 'Example/1.0',
      isInstantMessaging: true,
    },
  ])
  t.same(events(applied), ['registered sip:bob@192.0.2.1;x=1'])
})

t.test('RFC 3261 10.3 step 7: added, refreshed and removed, each in its place', async t => {
  const both = register([], atSecond(0), phone, tablet).bindings
  const refreshed = register(both, atSecond(10), `${phone};q=0.1`, ...seq(2))
  t.same(contacts(refreshed), ['sip:bob@192.0.2.1', 'sip:bob@192.0.2.2'])
  t.match(refreshed.bindings[0], { q: 100, cseq: 2, registeredAt: atSecond(10).wall })
  t.same(events(refreshed), ['refreshed sip:bob@192.0.2.1'])
  const removed = register(refreshed.bindings, atSecond(20), `${phone};expires=0`, ...seq(3))
  t.same(contacts(removed), ['sip:bob@192.0.2.2'])
  t.same(events(removed), ['removed sip:bob@192.0.2.1'])
  const unknown = register(removed.bindings, atSecond(30), `${phone};expires=0`, ...seq(4))
  t.same(events(unknown), [], 'removing what is not there is no error')
})

t.test('RFC 3261 19.1.4: contacts are compared as URIs', async t => {
  const bound = register([], atSecond(0), 'Contact: <sip:b%6fb@EXAMPLE.org:5060;ob>').bindings
  const again = register(bound, atSecond(1), 'Contact: <sip:bob@example.org:5060>', ...seq(2))
  t.same(contacts(again), ['sip:bob@example.org:5060'])
  const other = register(bound, atSecond(1), 'Contact: <sip:bob@example.org>', ...seq(2))
  t.equal(other.bindings.length, 2, 'a port is not its default')
})

t.test('RFC 3261 10.3 step 7: same Call-ID and no higher CSeq fails, another Call-ID passes', async t => {
  const bound = register([], atSecond(0), phone, ...seq(5)).bindings
  t.equal(status(bound, `${phone};q=0.1`, ...seq(5)), 500)
  t.equal(status(bound, `${phone};expires=600`, ...seq(5)), 500)
  t.equal(status(bound, phone, tablet, ...seq(5)), 500)
  t.equal(status(bound, phone, ...seq(4)), 500)
  t.equal(status(bound, `${phone};expires=0`, ...seq(5)), 500)
  t.equal(status(bound, phone, ...seq(6)), undefined)
  t.equal(status(bound, phone, ...seq(1, 'after-restart')), undefined)
  t.equal(status(bound, tablet, ...seq(5)), undefined, 'a contact not bound yet has no order')
})

t.test(
  'RFC 3261 10.3 step 7: the very request that was carried out is no reordering: answered, and nothing moves',
  async t => {
    const asked = [phone, `${tablet};expires=0`, ...seq(5)]
    const bound = register([], atSecond(0), ...asked).bindings
    const again = register(bound, atSecond(30), ...asked)
    t.same(again, { bindings: bound, changes: [] })
    const gone = register(bound, atSecond(40), `${phone};expires=0`, ...seq(6)).bindings
    t.same(register(gone, atSecond(41), `${phone};expires=0`, ...seq(6)), { bindings: [], changes: [] })
    const newer = register(bound, atSecond(50), phone, ...seq(6)).bindings
    t.equal(status(newer, ...asked), 500, 'but not once a later one was')
  },
)

t.test('RFC 3261 10.3 step 7: the same request over another flow says where the client is now', async t => {
  const bound = register([], atSecond(0), phone, ...seq(5)).bindings
  const ask = readRegister(exampleRegister(phone, ...seq(5)), REGISTER_LIMITS)
  if (isRefusal(ask)) throw new Error(ask.reason)
  const elsewhere = udpFlow(exampleFlow.local, { address: '198.51.100.8', port: 5060 })
  const moved = applyRegister(bound, ask, atSecond(30), elsewhere, REGISTER_LIMITS) as Applied
  t.same(events(moved), ['refreshed sip:bob@192.0.2.1'])
  t.match(moved.bindings, [{ flow: { id: elsewhere.id }, registeredAt: atSecond(30).wall }])
})

t.test('RFC 3261 10.3 step 6: * removes all, or none when one of them is newer', async t => {
  const bound = register([], atSecond(0), phone, tablet, ...seq(5)).bindings
  const gone = register(bound, atSecond(1), 'Contact: *', 'Expires: 0', ...seq(6))
  t.same(gone.bindings, [])
  t.same(events(gone), ['removed sip:bob@192.0.2.1', 'removed sip:bob@192.0.2.2'])
  t.equal(status(bound, 'Contact: *', 'Expires: 0', ...seq(5)), 500)
  t.equal(status(bound, 'Contact: *', 'Expires: 0', ...seq(1, 'another')), undefined)
})

t.test('RFC 3261 10.3 step 7: all of a request or nothing', async t => {
  const bound = register([], atSecond(0), phone, ...seq(5)).bindings
  t.equal(status(bound, tablet, phone, ...seq(5)), 500)
  t.equal(status(bound, 'Contact: *', 'Expires: 0', ...seq(2)), 500)
})

t.test('one request may name a contact twice: the last word counts', async t => {
  const applied = register([], atSecond(0), `${phone};q=0.1`, `${phone};q=0.9`)
  t.match(applied.bindings, [{ q: 900 }])
  t.same(events(applied), ['registered sip:bob@192.0.2.1', 'refreshed sip:bob@192.0.2.1'])
})

t.test('RFC 5626 6: instance and reg-id replace a binding whatever its URI', async t => {
  const keyed = (host: string, regId: number, id = 'ABC'): string =>
    `Contact: <sip:bob@${host}>;reg-id=${regId};+sip.instance="<urn:uuid:${id}>"`
  const outbound = 'Supported: outbound'
  const bound = register([], atSecond(0), keyed('a', 1), outbound).bindings
  const moved = register(bound, atSecond(1), keyed('b', 1, 'abc'), outbound, ...seq(1, 'rebooted'))
  t.same(contacts(moved), ['sip:bob@b'])
  t.same(events(moved), ['refreshed sip:bob@b'])
  const second = register(moved.bindings, atSecond(2), keyed('b', 2), outbound, ...seq(2))
  t.equal(second.bindings.length, 2, 'another reg-id is another flow')
  const plain = register(second.bindings, atSecond(3), 'Contact: <sip:bob@b>', ...seq(3))
  t.equal(plain.bindings.length, 3, 'a contact without a key is none of these')
  const goodbye = register(moved.bindings, atSecond(4), 'Contact: <sip:bob@b>;expires=0', ...seq(2, 'rebooted'))
  t.same(goodbye.bindings, [], 'unless it says goodbye')
})

t.test('RFC 3261 10.3 step 8: what expired is gone, but only by a clock to be trusted', async t => {
  const bound = register([], atSecond(0), `${phone};expires=60`).bindings
  t.same(contacts(register(bound, atSecond(59.9))), ['sip:bob@192.0.2.1'])
  t.same(contacts(register(bound, atSecond(60))), [])
  t.same(contacts(register(bound, atSecond(60, false))), ['sip:bob@192.0.2.1'])
  const again = register(bound, atSecond(60), phone, ...seq(1))
  t.same(events(again), ['registered sip:bob@192.0.2.1'], 'an expired binding has no CSeq to be behind')
})

t.test('RFC 3261 10.3 step 8: Contact with what remains, rounded up, and the parameters as they came', async t => {
  const [binding] = register([], atSecond(0), `${phone};expires=100;q=0.5;+Sip.Foo="a;b"`).bindings
  const value = (now: Now): string => contactValue(binding!, now, REGISTER_LIMITS)
  t.equal(value(atSecond(0)), '<sip:bob@192.0.2.1>;q=0.5;+Sip.Foo="a;b";expires=100')
  t.match(value(atSecond(99.5)), /;expires=1$/)
  t.equal(remainingS(binding!, atSecond(500, false), REGISTER_LIMITS), 1)
  t.equal(remainingS(binding!, atSecond(-1e9, false), REGISTER_LIMITS), 86_400)
})

t.test('RFC 3261 21.5.4: beyond the bound 503, with when the first binding ends', async t => {
  let bindings: readonly Binding[] = []
  for (let n = 0; n < REGISTER_LIMITS.bindingsMax; n++) {
    const line = `Contact: <sip:bob@host${n}>;expires=${600 + n}`
    bindings = register(bindings, atSecond(0), line).bindings
  }
  t.same(attempt(bindings, atSecond(100), phone), {
    status: 503,
    reason: 'Too many contacts',
    headers: [['Retry-After', '500']],
  })
  t.same(events(register(bindings, atSecond(100), 'Contact: <sip:bob@host3>', ...seq(2))), ['refreshed sip:bob@host3'])
  const swap = register(bindings, atSecond(100), phone, 'Contact: <sip:bob@host3>;expires=0', ...seq(2))
  t.equal(swap.bindings.length, REGISTER_LIMITS.bindingsMax)
  t.match(events(register(bindings, atSecond(600.5), phone)), ['registered sip:bob@192.0.2.1'])
})
