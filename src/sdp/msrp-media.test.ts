import t from 'tap'
import { acceptsInside, acceptsOutside, canPush } from './accept.ts'
import type { MsrpMedia } from './msrp-media.ts'
import { msrpMedia, readAnswer, whoConnects } from './msrp-media.ts'
import { pushOffer } from './push-offer.ts'
import { parseSdp } from './sdp.ts'

const PATH = 'a=path:msrp://192.0.2.10:2855/x;tcp'
const described = (
  lines: readonly string[],
  session: readonly string[] = [],
  line = 'message 2855 TCP/MSRP *',
): Buffer =>
  Buffer.from(['v=0', 'o=- 1 1 IN IP4 192.0.2.10', 's=-', 't=0 0', ...session, `m=${line}`, ...lines, ''].join('\r\n'))
const media = (lines: readonly string[], session?: readonly string[], line?: string): MsrpMedia =>
  msrpMedia(parseSdp(described(lines, session, line)))!

t.test('docs/protocol.md the offer to push is the one of the example, 272 octets', async t => {
  const offer = pushOffer({
    endpoint: { address: '192.0.2.10', port: 8888 },
    path: 'msrp://192.0.2.10:8888/9di4ea;tcp',
    sessionId: '3912345',
  })
  const example = [
    'v=0',
    'o=- 3912345 1 IN IP4 192.0.2.10',
    's=-',
    'c=IN IP4 192.0.2.10',
    't=0 0',
    'm=message 8888 TCP/MSRP *',
    'a=sendonly',
    'a=accept-types:multipart/mixed',
    'a=accept-wrapped-types:message/sip message/sipfrag message/msrpfrag *',
    'a=path:msrp://192.0.2.10:8888/9di4ea;tcp',
    'a=setup:actpass',
    '',
  ]
  t.equal(offer.toString('latin1'), example.join('\r\n'))
  t.equal(offer.length, 272)
})

t.test('DM-DLV-12 the offer over IPv6 and TLS', async t => {
  const fingerprint = 'SHA-256 AA:BB'
  const endpoint = { address: '2001:db8::1', port: 2856 }
  const path = 'msrps://[2001:db8::1]:2856/x;tcp'
  const sdp = parseSdp(pushOffer({ endpoint, path, sessionId: '7', isSecure: true, fingerprint }))
  t.equal(sdp.origin, '- 7 1 IN IP6 2001:db8::1')
  t.equal(sdp.connection, 'IN IP6 2001:db8::1')
  t.match(msrpMedia(sdp), {
    isSecure: true,
    port: 2856,
    direction: 'sendonly',
    setup: 'actpass',
    fingerprints: [fingerprint],
  })
})

t.test('RFC 4975 8 attributes of the stream, also in other case and misspelt', async t => {
  const stream = media([
    'a=recvonly',
    'a=accept-types:* message/CPIM',
    'a=accept-wrapped-types:text/plain  text/*',
    'a=maxsize:10240',
    'a=Setup:Active',
    'a=path:msrp://relay.example.org:9000/r;tcp msrp://192.0.2.10:2855/x;tcp',
    'a=msrp-cema',
    'a=msrp-acm:1',
  ])
  t.strictSame(stream, {
    index: 0,
    port: 2855,
    isSecure: false,
    path: ['msrp://relay.example.org:9000/r;tcp', 'msrp://192.0.2.10:2855/x;tcp'],
    acceptTypes: ['*', 'message/CPIM'],
    acceptWrappedTypes: ['text/plain', 'text/*'],
    maxSize: 10240,
    direction: 'recvonly',
    setup: 'active',
    fingerprints: [],
    isFileTransfer: false,
  })
  t.equal(media(['a=max-size:5', 'a=maxsize:6']).maxSize, 5)
  t.equal(media(['a=max-size:lots']).maxSize, undefined)
  t.equal(media(['a=file-selector:size:5']).isFileTransfer, true)
})

t.test(
  "RFC 8866 6.7 direction, setup and fingerprint may stand at session level, and the stream's own win",
  async t => {
    const session = ['a=sendonly', 'a=setup:passive', 'a=fingerprint:SHA-256 AA']
    t.match(media([], session), { direction: 'sendonly', setup: 'passive', fingerprints: ['SHA-256 AA'] })
    t.match(media(['a=recvonly', 'a=setup:active'], session), { direction: 'recvonly', setup: 'active' })
    t.equal(media([]).direction, 'sendrecv')
    t.equal(media(['a=setup:sideways']).setup, undefined)
  },
)

t.test('RFC 4975 8.1 the first stream over MSRP is the one, whatever stands before it', async t => {
  const bytes = described(['m=message 9 tcp/tls/msrp *', PATH], [], 'audio 4000 RTP/AVP 0')
  t.match(msrpMedia(parseSdp(bytes)), { index: 1, isSecure: true, port: 9 })
  t.equal(msrpMedia(parseSdp(described([], [], 'message 9 sip sip:alice@example.org'))), undefined)
})

t.test('RFC 3264 6 an answer that refuses, or that nobody can send to, says why', async t => {
  const why = (bytes: Buffer): string | false => {
    const answer = readAnswer(bytes)
    return answer.kind === 'refused' && answer.why
  }
  t.equal(why(described([PATH], [], 'message 0 TCP/MSRP *')), 'port 0')
  t.equal(why(described([])), 'answer without a=path')
  t.equal(why(described([PATH, 'a=inactive'])), 'answer is inactive')
  t.equal(why(described([PATH, 'a=sendonly'])), 'answer is sendonly')
  t.equal(why(described([PATH, 'a=setup:holdconn'])), 'a=setup:holdconn')
  t.equal(why(described([], [], 'audio 1 RTP/AVP 0')), 'answer without m=message over MSRP')
  t.match(why(Buffer.from('')), 'begin with v=0')
  t.equal(why(described([PATH])), false)
})

t.test('RFC 6135 4.2, RFC 4975 8.5 who connects; the offerer when the answer does not say', async t => {
  t.equal(whoConnects('active'), 'answerer')
  t.equal(whoConnects('passive'), 'offerer')
  t.equal(whoConnects(undefined), 'offerer')
  t.match(readAnswer(described([PATH, 'a=setup:active'])), { kind: 'accepted', connects: 'answerer' })
  t.match(readAnswer(described([PATH])), { kind: 'accepted', connects: 'offerer' })
})

const accepting = (types: string, wrapped?: string): MsrpMedia =>
  media([`a=accept-types:${types}`, ...(wrapped === undefined ? [] : [`a=accept-wrapped-types:${wrapped}`])])

t.test('RFC 4975 8.6, DM-PSH-05 the gate: multipart/mixed outside and a message type inside', async t => {
  const forms: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['*', undefined, 'message/sip'],
    ['multipart/mixed', '*', 'message/sip'],
    ['multipart/*', 'message/*', 'message/sip'],
    ['Multipart/Mixed', 'Message/SIP', 'message/sip'],
    ['multipart/mixed message/sip', undefined, 'message/sip'],
    ['multipart/mixed', 'message/sipfrag', 'message/sipfrag'],
    ['multipart/mixed', 'message/sipfrag;version=2.0', 'message/sipfrag'],
    ['multipart/mixed', undefined, undefined],
    ['multipart/mixed', 'text/plain', undefined],
    ['multipart/mixed message/cpim', 'text/plain', 'message/cpim'],
    ['message/cpim', 'message/sip *', 'message/cpim'],
    ['text/plain', '*', undefined],
    ['message/sip', undefined, undefined],
    ['message/*', undefined, 'message/cpim'],
    ['multipart/mixed', 'message/sipx messages/sip', undefined],
    ['', undefined, undefined],
  ]
  for (const [types, wrapped, form] of forms) t.equal(canPush(accepting(types, wrapped)), form, `${types} | ${wrapped}`)
})

t.test('C6 without Via if asked, as far as the peer takes it', async t => {
  t.equal(canPush(accepting('*'), 'message/sipfrag'), 'message/sipfrag')
  t.equal(canPush(accepting('multipart/mixed', 'message/sip'), 'message/sipfrag'), 'message/sip')
})

t.test('RFC 4975 8.6 what may stand alone may be wrapped, not the other way round', async t => {
  const stream = accepting('message/cpim text/html', 'text/plain')
  t.ok(acceptsInside(stream, 'text/html') && acceptsInside(stream, 'text/plain') && acceptsOutside(stream, 'text/html'))
  t.notOk(acceptsOutside(stream, 'text/plain'))
  t.notOk(acceptsInside(stream, 'image/png'))
})
