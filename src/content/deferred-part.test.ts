import t from 'tap'
import type { Entropy } from '../base/entropy.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { deferredBody, deferredPart } from './deferred-part.ts'
import { boundaryOf, layOut, parseMultipart } from './multipart.ts'

const HEAD = [
  'MESSAGE sip:user2@imserver.com SIP/2.0',
  'Via: SIP/2.0/TCP user1pc.imserver.com;branch=z9hG4bK776sgdkse',
  'Max-Forwards: 70',
  'From: <sip:user1@imserver.com>;tag=49583',
  'To: <sip:user2@imserver.com>',
  'P-Asserted-Identity: <sip:user1@imserver.com>',
  'Call-ID: asd88asd77a@1.2.3.4',
  'Date: Thu, 21 Feb 2002 13:02:03 GMT',
  'CSeq: 1 MESSAGE',
  'Content-Type: text/plain',
  'Content-Length: 18',
]
const message = (lines: readonly string[], body = 'Watson, come here.'): Buffer =>
  Buffer.from([...lines, '', body].join('\r\n'), 'latin1')
const STORED = message(HEAD)

t.test('docs/protocol.md, DM-PSH-02, 05 the push of the example: 449 octets around 390', async t => {
  t.equal(STORED.length, 390)
  const { body, contentType, length } = layOut([deferredPart(STORED, 'message/sip')], 'boundary42')
  t.equal(contentType, 'multipart/mixed;boundary="boundary42"')
  t.equal(length, 449)
  const expected = `--boundary42\r\nContent-Type: message/sip\r\n\r\n${STORED}\r\n--boundary42--`
  t.equal(Buffer.concat(body).toString('latin1'), expected)
})

t.test('docs/protocol.md the whole SEND of the example has 688 octets', async t => {
  const head = [
    'MSRP a786hjs2 SEND',
    'To-Path: msrp://user2.imserver.com:7777/iau39;tcp',
    'From-Path: msrp://imserver.com:8888/9di4ea;tcp',
    'Message-ID: 4520aa01',
    'Byte-Range: 1-449/449',
    'Content-Type: multipart/mixed;boundary="boundary42"',
    '',
    '',
  ].join('\r\n')
  const { length } = layOut([deferredPart(STORED, 'message/sip')], 'boundary42')
  t.equal(head.length + length + '\r\n-------a786hjs2$\r\n'.length, 688)
})

t.test('DM-PSH-04, 07, DM-STO-01 message/sip is every byte as it was kept, without a copy', async t => {
  const odd = message([...HEAD.slice(0, 9), 'X-Foo: 1', 'x-FOO:\t2', 'l : 4'], '\0\r\n\xff')
  const { body } = deferredPart(odd, 'message/sip')
  t.equal(body[0], odd)
  t.equal(body.length, 1)
})

t.test('C6 message/sipfrag goes without Via, compact or folded, and is otherwise the same', async t => {
  const vias = [
    'Via: SIP/2.0/UDP a;branch=z9hG4bK1',
    'v: SIP/2.0/UDP b',
    'VIA : SIP/2.0/UDP c,',
    ' SIP/2.0/UDP d;x',
    '\t;y=1',
  ]
  const kept = [HEAD[0]!, 'Viaduct: 1', 'Subject: x', ' Via: no header', ...HEAD.slice(2)]
  const stored = message(
    [kept[0]!, ...vias.slice(0, 1), ...kept.slice(1, 4), ...vias.slice(1), ...kept.slice(4)],
    'Via: in the body',
  )
  const { body, contentType } = deferredPart(stored, 'message/sipfrag')
  t.equal(contentType, 'message/sipfrag')
  t.equal(Buffer.concat(body).toString('latin1'), message(kept, 'Via: in the body').toString('latin1'))
  t.equal(body[1]?.buffer, stored.buffer, 'the body is a view of what was stored')
})

t.test('docs/protocol.md a Content-Length is added where there was none', async t => {
  const { body } = deferredPart(message(HEAD.slice(0, -1)), 'message/sip')
  t.equal(Buffer.concat(body).toString('latin1'), STORED.toString('latin1'))
})

t.test('DM-PSH-01, 02 the body of a push has a boundary that the message does not contain', async t => {
  const boundary = 'a'.repeat(20)
  const stored = message(HEAD, `--${boundary}--`)
  let draws = 0
  const later = new SeededEntropy(5)
  const entropy: Entropy = { bytes: count => (draws++ === 0 ? new Uint8Array(count) : later.bytes(count)) }
  const { body, contentType, length } = deferredBody(stored, 'message/sip', entropy)
  const bytes = Buffer.concat(body)
  t.equal(bytes.length, length)
  t.not(boundaryOf(contentType), boundary)
  const received = parseMultipart(bytes, boundaryOf(contentType)!)
  t.match(received, [{ headers: [['content-type', 'message/sip']] }])
  t.same(received[0]?.body, stored)
})
