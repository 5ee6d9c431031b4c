import t from 'tap'
import type { SipResponse } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import { readMedia } from './recording-media.ts'

const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.7',
  's=-',
  'c=IN IP4 192.0.2.7',
  't=0 0',
  'm=message 2855 TCP/MSRP *',
  'a=sendonly',
  'a=accept-types:*',
  'a=path:msrp://192.0.2.7:2855/abc;tcp',
  '',
].join('\r\n')

function answer(contentType: string, body: string): SipResponse {
  const head = [
    'SIP/2.0 200 OK',
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa',
    'From: <sip:alice@example.org>;tag=a',
    'To: <sip:factory@conf.example.org>;tag=b',
    'Call-ID: c',
    'CSeq: 1 INVITE',
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return parseMessage(Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)) as SipResponse
}

t.test('RFC 5621: the description of the answer may be one part of several', async t => {
  const parts = `--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/sdp\r\n\r\n${SDP}\r\n--b--`
  for (const response of [answer('application/sdp', SDP), answer('multipart/mixed;boundary=b', parts)])
    t.match(readMedia(response), { role: 'active', media: { path: ['msrp://192.0.2.7:2855/abc;tcp'] } })
})

t.test('RFC 6135 4.2: who connects is as the answer says; without a word it is the offerer', async t => {
  const roleOf = (setup: string) => readMedia(answer('application/sdp', `${SDP}a=setup:${setup}\r\n`))
  t.match(roleOf('active'), { role: 'passive' })
  t.match(roleOf('passive'), { role: 'active' })
  t.match(roleOf('holdconn'), /holdconn/)
})

t.test('an answer by which nothing can be heard says why, and nothing of it throws', async t => {
  const says = (contentType: string, body: string, why: RegExp) => t.match(readMedia(answer(contentType, body)), why)
  says('text/plain', 'hello', /No Session Description/)
  says(';;', SDP, /No Session Description/)
  says('multipart/mixed', SDP, /No Session Description/)
  says('application/sdp', 'garbage', /Answer Unusable/)
  says('application/sdp', SDP.replace('message 2855', 'message 0'), /port 0/)
  says('application/sdp', SDP.replace('sendonly', 'recvonly'), /recvonly/)
  says('application/sdp', SDP.replace('sendonly', 'inactive'), /inactive/)
  says('application/sdp', SDP.replace('TCP/MSRP', 'TCP/TLS/MSRP'), /fingerprint/)
  for (const path of ['http://192.0.2.7/abc', 'msrp://192.0.2.7:2855', 'msrp://192.0.2.7:2855/abc;tcp x'])
    says('application/sdp', SDP.replace('msrp://192.0.2.7:2855/abc;tcp', path), /a=path is none of MSRP/)
  t.match(readMedia(answer('application/sdp', SDP.replace('sendonly', 'sendrecv'))), { role: 'active' })
})
