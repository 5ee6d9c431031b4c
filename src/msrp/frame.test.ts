import t from 'tap'
import {
  encodeEndLine,
  encodeResponse,
  encodeSendHead,
  freshTransactionId,
  isIdent,
  parseByteRange,
  parseReportStatus,
} from './frame.ts'
import { MsrpParser } from './parse.ts'
import { bytesOf } from './simulated.fixture.ts'

const MULTIPART = bytesOf(`--boundary42
Content-Type: message/sip

MESSAGE sip:user2@imserver.com SIP/2.0
Via: SIP/2.0/TCP user1pc.imserver.com;branch=z9hG4bK776sgdkse
Max-Forwards: 70
From: <sip:user1@imserver.com>;tag=49583
To: <sip:user2@imserver.com>
P-Asserted-Identity: <sip:user1@imserver.com>
Call-ID: asd88asd77a@1.2.3.4
Date: Thu, 21 Feb 2002 13:02:03 GMT
CSeq: 1 MESSAGE
Content-Type: text/plain
Content-Length: 18

Watson, come here.
--boundary42--`)

t.test('DM-PSH-01: the SEND of the corrected push example has 688 octets', async t => {
  const head = encodeSendHead({
    transactionId: 'a786hjs2',
    toPath: 'msrp://user2.imserver.com:7777/iau39;tcp',
    fromPath: 'msrp://imserver.com:8888/9di4ea;tcp',
    messageId: '4520aa01',
    byteRange: { start: 1, end: 449, total: 449 },
    contentType: 'multipart/mixed;boundary="boundary42"',
  })
  t.equal(MULTIPART.length, 449)
  t.equal(head.length + MULTIPART.length + encodeEndLine('a786hjs2', '$', true).length, 688)
  t.match(head, /^MSRP a786hjs2 SEND\r\nTo-Path: .*\r\nFrom-Path: .*\r\nMessage-ID: .*\r\nByte-Range: 1-449\/449\r\n/)
})

t.test('RFC 4975 9: Byte-Range', async t => {
  t.strictSame(parseByteRange('1-39/39'), { start: 1, end: 39, total: 39 })
  t.strictSame(parseByteRange('1-*/*'), { start: 1, end: undefined, total: undefined })
  t.strictSame(parseByteRange('1-0/0'), { start: 1, end: 0, total: 0 })
  for (const bad of [
    '',
    '1',
    '0-1/1',
    '1-2',
    '3-1/5',
    '1-6/5',
    '7-*/5',
    '1-2/3 ',
    '-1-2/3',
    '1-1e3/*',
    `1-${'9'.repeat(16)}/*`,
  ])
    t.equal(parseByteRange(bad), undefined, bad)
})

t.test('RFC 4975 9: Status has namespace 000', async t => {
  t.strictSame(parseReportStatus('000 200 OK'), { status: 200, comment: 'OK' })
  t.strictSame(parseReportStatus('000 413'), { status: 413, comment: '' })
  t.equal(parseReportStatus('001 200 OK'), undefined)
  t.equal(parseReportStatus('200 OK'), undefined)
})

t.test('RFC 4975 9: ident has 4 to 32 characters', async t => {
  for (const good of ['abcd', 'a.-+', 'A%=1', 'a'.repeat(32)]) t.ok(isIdent(good), good)
  for (const bad of ['', 'abc', '.abc', 'a b c', 'ab@cd', 'a'.repeat(33)]) t.notOk(isIdent(bad), bad)
})

t.test('RFC 4975 7.1: a transaction id whose end-line occurs in the body is not used', async t => {
  const entropy = { bytes: (count: number) => new Uint8Array(count) }
  const id = 'a'.repeat(12)
  t.equal(freshTransactionId(entropy, [Buffer.from('harmless')]), id)
  const body = Buffer.from(`x-------${id}$\r\n-------${id}.0+\r\n`)
  for (const length of [1, 2, 5, 18, 19, 20, 25, 40, body.length]) {
    const parts: Buffer[] = []
    for (let from = 0; from < body.length; from += length) parts.push(body.subarray(from, from + length))
    const fresh = freshTransactionId(entropy, parts)
    t.ok(isIdent(fresh))
    t.notOk(body.includes(`-------${fresh}`), `in parts of ${length}`)
  }
})

t.test('RFC 4975 7.2: a SEND is answered to the previous hop, another method along the whole path', async t => {
  const answer = (method: string) => {
    const parser = new MsrpParser()
    const paths = 'To-Path: msrp://me/1;tcp msrp://x/2;tcp\nFrom-Path: msrp://relay/3;tcp msrp://you/4;tcp\n'
    parser.push(bytesOf(`MSRP abcd ${method}\n${paths}Message-ID: m1\n-------abcd$\n`))
    const event = parser.next()
    if (event?.kind !== 'head') throw new Error('no head')
    return encodeResponse(event.head, 481)
  }
  t.equal(
    answer('SEND'),
    'MSRP abcd 481 No Such Session\r\nTo-Path: msrp://relay/3;tcp\r\nFrom-Path: msrp://me/1;tcp\r\n-------abcd$\r\n',
  )
  t.match(answer('AUTH'), '\r\nTo-Path: msrp://relay/3;tcp msrp://you/4;tcp\r\nFrom-Path: msrp://me/1;tcp\r\n')
})
