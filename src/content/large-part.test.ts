import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { around, fragmentsOf, largeAround } from './large-part.ts'
import { boundaryOf, parseMultipart } from './multipart.ts'

const HEAD = [
  'INVITE sip:user2@imserver.com SIP/2.0',
  'To: <sip:user2@imserver.com>',
  'From: <sip:user1@imserver.com>;tag=786',
  'P-Asserted-Identity: <sip:user1@imserver.com>',
  'Call-ID: 3413an89KU',
  'Date: Mon, 21 Feb 2005 13:02:03 GMT',
  '',
].join('\r\n')

const PARTS = {
  head: Buffer.from(HEAD),
  messageId: '4564',
  contentType: 'text/plain',
  transactionId: 'dkei38sd',
}

t.test('DM-PSH-06: a stored large message as sipfrag and msrpfrag, octet for octet', async t => {
  const { contentType, before, after } = around(fragmentsOf(PARTS), 'boundary42')
  t.equal(contentType, 'multipart/mixed;boundary="boundary42"')
  const whole = [
    '--boundary42',
    'Content-Type: message/sipfrag',
    '',
    HEAD,
    '--boundary42',
    'Content-Type: message/msrpfrag',
    '',
    'MSRP dkei38sd SEND',
    'Message-ID: 4564',
    'Content-Type: text/plain',
    '',
    "Hi, Alice!  I'm Bob!",
    '-------dkei38sd$',
    '',
    '--boundary42--',
  ].join('\r\n')
  t.equal(`${before}Hi, Alice!  I'm Bob!${after}`, whole)
  t.equal(whole.length, 433)
})

t.test('DM-STO-06: of the SEND nothing but Message-ID and Content-Type', async t => {
  const entropy = new SeededEntropy(1)
  const { contentType, before, after } = largeAround(PARTS, entropy)
  const parts = parseMultipart(Buffer.concat([before, after]), boundaryOf(contentType)!)
  t.same(
    parts.map(({ headers }) => headers),
    [[['content-type', 'message/sipfrag']], [['content-type', 'message/msrpfrag']]],
  )
  t.equal(parts[0]!.body.toString(), HEAD)
  t.equal(
    parts[1]!.body.toString(),
    'MSRP dkei38sd SEND\r\nMessage-ID: 4564\r\nContent-Type: text/plain\r\n\r\n\r\n-------dkei38sd$\r\n',
  )
  t.not(largeAround(PARTS, entropy).contentType, contentType, 'a fresh boundary each time')
})
