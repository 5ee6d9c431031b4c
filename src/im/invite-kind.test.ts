import t from 'tap'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { readInvite } from './invite.fixture.ts'
import { inviteKind } from './invite-kind.ts'

const SDP = (...lines: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.7', 's=-', 'c=IN IP4 192.0.2.7', 't=0 0', ...lines, ''].join('\r\n')

const STREAM = ['m=message 9 TCP/MSRP *', 'a=path:msrp://192.0.2.7:9/x;tcp', 'a=accept-types:*']
const CHAT = SDP(...STREAM)
const ONE_WAY = SDP(...STREAM, 'a=sendonly')
const TAGGED = 'Accept-Contact: *;+g.oma.sip-im'
const LARGE = 'Accept-Contact: *;+g.oma.sip-im.large-message;require'

const invite = (body: string, headers: readonly string[] = [], contentType = 'application/sdp'): SipRequest =>
  readInvite([...headers, ...(body ? [`Content-Type: ${contentType}`] : [])], body)

const kindOf = (request: SipRequest, isLenient = true): string => inviteKind(request, isLenient).kind

t.test('DM-DEC-06, DM-INV-01: the large-message tag tells, wherever and however it is written', async t => {
  for (const header of [
    LARGE,
    'a: *;+G.OMA.SIP-IM.Large-Message="TRUE";explicit',
    'Accept-Contact: *;+g.oma.sip-im, *;+g.oma.sip-im.large-message',
    'Accept-Contact: *;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.largemsg"',
  ]) {
    t.equal(kindOf(invite(CHAT, [header])), 'large message', header)
    t.equal(kindOf(invite(ONE_WAY, [header]), false), 'large message', header)
  }
  t.equal(kindOf(invite(CHAT, ['Accept-Contact: *;+g.oma.sip-im.large-message="FALSE"'])), 'conversation')
  const file = SDP(...STREAM, 'a=sendonly', 'a=file-selector:size:1')
  t.equal(kindOf(invite(file, [LARGE])), 'large message', 'the tag goes before what the stream says')
})

t.test('DM-DEC-06: a conversation is not taken for a message', async t => {
  t.equal(kindOf(invite(CHAT, [TAGGED])), 'conversation')
  t.equal(kindOf(invite(ONE_WAY)), 'conversation', 'a client that names no messaging service')
  t.equal(kindOf(invite(ONE_WAY, ['Contact: <sip:focus@192.0.2.7>;+g.oma.sip-im;isfocus'])), 'conversation')
  t.equal(kindOf(invite(ONE_WAY, ['Accept-Contact: *;+g.oma.sip-im;+g.oma.sip-im.system-message'])), 'conversation')
  const service =
    'Accept-Contact: *;+g.oma.sip-im;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'
  t.equal(kindOf(invite(ONE_WAY, [service])), 'conversation')
  t.equal(kindOf(invite(SDP(...STREAM, 'a=sendonly', ...STREAM), [TAGGED])), 'conversation', 'two streams')
})

t.test(
  'DM-DEC-06, RFC 3840: what the phone of the caller can do does not make a large message of its conversations',
  async t => {
    const able = 'Contact: <sip:alice@192.0.2.7>;+g.oma.sip-im;+g.oma.sip-im.large-message'
    t.equal(kindOf(invite(CHAT, [able, TAGGED])), 'conversation')
    t.equal(kindOf(invite(SDP('m=audio 4000 RTP/AVP 0'), [able])), 'not messages')
    t.equal(kindOf(invite(SDP(...STREAM, 'a=sendonly', 'a=file-selector:size:1'), [able, TAGGED])), 'file transfer')
    t.equal(kindOf(invite(ONE_WAY, [able]), false), 'large message', 'one way it is one')
  },
)

t.test('DM-DEC-06: one way, one stream and the plain tag is a large message, unless told otherwise', async t => {
  t.equal(kindOf(invite(ONE_WAY, [TAGGED])), 'large message')
  t.equal(kindOf(invite(ONE_WAY, ['Contact: <sip:alice@192.0.2.7>;+g.oma.sip-im'])), 'large message')
  t.equal(kindOf(invite(ONE_WAY, [TAGGED]), false), 'conversation', 'deferral.lenient_large_messages = false')
})

t.test('RFC 5547: a file is a file', async t => {
  const file = SDP(...STREAM, 'a=sendonly', 'a=file-selector:name:"a.png" size:5')
  t.equal(kindOf(invite(file, [TAGGED])), 'file transfer')
})

t.test('what offers no stream of messages is none of them', async t => {
  t.equal(kindOf(invite('')), 'not messages', 'no offer')
  t.equal(kindOf(invite(SDP('m=audio 4000 RTP/AVP 0'))), 'not messages')
  t.equal(kindOf(invite(SDP('m=message 0 TCP/MSRP *', ...STREAM.slice(1)))), 'not messages', 'port 0')
  t.equal(kindOf(invite('garbage')), 'not messages')
  t.equal(kindOf(invite('<x/>', [], 'text/xml')), 'not messages')
  for (const [body, type] of [
    ['', undefined],
    ['garbage', undefined],
    ['<x/>', 'text/xml'],
    ['no boundary in here', 'multipart/mixed;boundary=b'],
    ['x', 'multipart/mixed'],
  ] as const)
    t.equal(kindOf(invite(body, [LARGE], type)), 'unusable large message', body)
})

t.test('RFC 5621: the description may be one part of several', async t => {
  const body = `--b\r\nContent-Type: message/cpim\r\n\r\nhello\r\n--b\r\nContent-Type: application/sdp\r\n\r\n${CHAT}\r\n--b--`
  t.equal(kindOf(invite(body, [LARGE], 'multipart/mixed;boundary="b"')), 'large message')
})

t.test('a malformed header is the sender’s to mend', async t => {
  t.throws(() => kindOf(invite(CHAT, ['Accept-Contact: *;+g.oma.sip-im;+g.oma.sip-im'])), { message: /Accept-Contact/ })
})
