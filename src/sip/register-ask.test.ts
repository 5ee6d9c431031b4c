import t from 'tap'
import { exampleRegister } from '../testing/sip-examples.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import { REGISTER_LIMITS, type RegisterAsk, readRegister, secondsOf } from './register-ask.ts'

const read = (...lines: string[]): RegisterAsk => {
  const ask = readRegister(exampleRegister(...lines), REGISTER_LIMITS)
  if (isRefusal(ask)) throw new Error(`refused: ${ask.status} ${ask.reason}`)
  return ask
}

const refusal = (...lines: string[]): Refusal | undefined => {
  const ask = readRegister(exampleRegister(...lines), REGISTER_LIMITS)
  return isRefusal(ask) ? ask : undefined
}

const contact = 'Contact: <sip:bob@192.0.2.1>'

t.test('RFC 3261 10.2.1.1: expires parameter before Expires header before one hour; a day at most', async t => {
  const expires = (...lines: string[]): number | undefined => read(...lines).contacts[0]?.expiresS
  t.equal(expires(contact), 3600)
  t.equal(expires(contact, 'Expires: 600'), 600)
  t.equal(expires(`${contact};expires=120`, 'Expires: 600'), 120)
  t.equal(expires(contact, 'Expires: 600000'), 86_400)
  t.equal(expires(`${contact};expires=99999999999999999999`), 86_400)
  t.equal(expires(`${contact};expires=soon`, 'Expires: 600'), 3600, 'malformed counts as an hour')
  t.equal(expires(contact, 'Expires: soon'), 3600)
  t.equal(expires(contact, 'Expires: 0'), 0)
  t.equal(expires(`${contact};expires=0`, 'Expires: 600'), 0)
  t.equal(secondsOf('60;x=1', 1), 60)
})

t.test('RFC 3261 10.3 step 7: a short interval is 423 with Min-Expires, for the whole request', async t => {
  t.same(refusal(`${contact};expires=14`), { status: 423, headers: [['Min-Expires', '15']] })
  t.same(refusal(contact, 'Expires: 1')?.status, 423)
  t.same(refusal(contact, 'Contact: <sip:bob@192.0.2.2>;expires=10')?.status, 423)
  t.equal(refusal(`${contact};expires=15`), undefined)
  t.equal(refusal(`${contact};expires=0`), undefined)
})

t.test('RFC 3261 10.3 step 6: * stands alone and with Expires 0', async t => {
  t.equal(read('Contact: *', 'Expires: 0').removesAll, true)
  for (const lines of [
    ['Contact: *'],
    ['Contact: *', 'Expires: 60'],
    ['Contact: *', 'Expires: none'],
    ['Contact: *', contact, 'Expires: 0'],
    [contact, 'Contact: *', 'Expires: 0'],
    ['Contact: *, *', 'Expires: 0'],
    ['Contact: *;expires=0'],
    ['Contact: *;expires=0', 'Expires: 0'],
  ])
    t.equal(refusal(...lines)?.status, 400, lines.join(' | '))
})

t.test('RFC 3261 10.2: several contacts in one line and in many, each with its own q', async t => {
  const ask = read('Contact: <sip:a@192.0.2.1>;q=0.1, "B, b" <sip:b@192.0.2.1>', 'm: sip:c@192.0.2.1;q=0.25')
  t.same(
    ask.contacts.map(({ uri, q }) => [uri, q]),
    [
      ['sip:a@192.0.2.1', 100],
      ['sip:b@192.0.2.1', 1000],
      ['sip:c@192.0.2.1', 250],
    ],
  )
})

t.test('RFC 3261 10.3: other schemes are passed over beside a SIP contact and refused alone', async t => {
  t.same(
    read('Contact: <mailto:bob@example.org>, <sips:bob@192.0.2.1>').contacts.map(({ uri }) => uri),
    ['sips:bob@192.0.2.1'],
  )
  t.equal(refusal('Contact: <mailto:bob@example.org>')?.status, 400)
})

t.test('malformed and oversized values are 400 and the reason names the header', async t => {
  const long = 'x'.repeat(5000)
  for (const [line, reason] of [
    ['Contact: <sip:bob@>', /Contact/],
    ['Contact: <sip:bob@192.0.2.1>;q=high', /Contact/],
    ['Contact: sip:bob@192.0.2.1?Route=%3Csip:evil%3E', /Contact/],
    [`Contact: <sip:${long}@192.0.2.1>`, /Contact too long/],
    [`Contact: <sip:bob@192.0.2.1>;x=${long}`, /Contact too long/],
    [`Contact: ${Array.from({ length: 21 }, (_, n) => `<sip:b${n}@h>`)}`, /Too many Contacts/],
    [`${contact};+sip.instance="<${'x'.repeat(300)}>"`, /instance too long/],
    [`${contact}\r\nPath: <sip:${long}@h>`, /Path too long/],
    [`${contact}\r\nPath: <sip:p@>`, /Malformed Path/],
    [`${contact}\r\nPath: ${Array.from({ length: 11 }, () => '<sip:p>')}`, /Too many Path/],
    [`Call-ID: ${long}`, /Call-ID too long/],
  ] as const)
    t.match(refusal(...line.split('\r\n')), { status: 400, reason }, line.slice(0, 60))
})

t.test('RFC 5626 6: reg-id counts with instance and Supported: outbound only', async t => {
  const keyed = `${contact};reg-id=3;+sip.instance="<urn:uuid:0c67446e>"`
  t.match(read(keyed, 'Supported: path, outbound'), { isOutbound: true, contacts: [{ regId: 3 }] })
  t.match(read(keyed, 'Require: outbound').contacts, [{ regId: 3, instance: '<urn:uuid:0c67446e>' }])
  t.match(read(keyed), { isOutbound: false, contacts: [{ regId: undefined, instance: '<urn:uuid:0c67446e>' }] })
  t.match(read(`${contact};reg-id=3`, 'Supported: outbound'), { isOutbound: false, contacts: [{ regId: undefined }] })
  for (const regId of ['0', '-1', 'x', '2147483648', '99999999999'])
    t.equal(refusal(keyed.replace('reg-id=3', `reg-id=${regId}`), 'Supported: outbound')?.status, 400, regId)
})

t.test('RFC 5626 6: 439 where the proxy next to the client does not keep flows; direct clients need none', async t => {
  const keyed = `${contact};reg-id=1;+sip.instance="<urn:uuid:1>"`
  const vias = 'Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKp, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKc'
  const outbound = 'Supported: outbound'
  t.equal(refusal(keyed, outbound), undefined)
  t.equal(refusal(keyed, outbound, vias)?.status, 439)
  t.equal(refusal(keyed, outbound, vias, 'Path: <sip:p2;lr;ob>, <sip:p1;lr>')?.status, 439)
  t.equal(refusal(keyed, outbound, vias, 'Path: <sip:p2;lr>, <sip:p1;lr;ob>'), undefined)
  t.equal(refusal(keyed, vias), undefined)
})

t.test('RFC 3327 5.3: Path in order, returned to those who understand it', async t => {
  t.match(read(contact, 'Path: <sip:p2;lr>, <sip:p1;lr>', 'Supported: path'), {
    path: ['<sip:p2;lr>', '<sip:p1;lr>'],
    returnsPath: true,
  })
  t.match(read(contact, 'Path: <sip:p1;lr>'), { path: ['<sip:p1;lr>'], returnsPath: false })
})

t.test('RFC 3261 10.2.3: without Contact nothing is asked for but the list', async t => {
  t.match(read('Expires: 5', 'User-Agent: Example/1.0'), {
    contacts: [],
    removesAll: false,
    callId: 'example-1',
    cseq: 1,
    userAgent: 'Example/1.0',
  })
  t.equal(read(`User-Agent: ${'x'.repeat(999)}`).userAgent?.length, 200)
})
