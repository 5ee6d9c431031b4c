import t from 'tap'
import type { Now } from '../../base/time.ts'
import { addLast, has } from '../../sip-parser-lite/access.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import { asReceived, bareUri, headAsReceived, historyItem } from './history-item.ts'

const NOW: Now = { at: 1 as never, wall: 1_900_000_000_000 as never, isWallTrusted: true }

const HEAD = [
  'MESSAGE sip:bob@example.org SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
  'v:  SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK0',
  'f: "A. L." <sip:alice@Example.ORG;user=phone>;tag=1',
  't:<sip:bob@example.org:5070;lr>',
  'Call-ID: a',
  'CSeq: 1 MESSAGE',
  'Subject: a',
  '\tfolded one',
  'Content-Length: 5',
]
const WIRE = Buffer.from(`${HEAD.join('\r\n')}\r\n\r\nbody\0`)

const parsed = (): SipRequest => parseMessage(WIRE) as SipRequest

t.test('HIS-STO-01: as received, line by line, compact and folded ones too, less credentials', async t => {
  t.ok(asReceived(parsed()).equals(WIRE))
  const request = parsed()
  request.headers.splice(3, 0, { name: 'Proxy-Authorization', key: 'proxy-authorization', value: 'Digest x' })
  addLast(request, 'Authorization', 'Digest y')
  t.ok(asReceived(request).equals(WIRE))
  t.ok(has(request, 'proxy-authorization'), 'which stay in the request itself')
})

t.test('HIS-STO-02, 05: a head ends with its last header', async t => {
  t.equal(headAsReceived(parsed()).toString(), `${HEAD.join('\r\n')}\r\n`)
})

t.test('what is listed of a message', async t => {
  const request = parsed()
  addLast(request, 'P-Asserted-Identity', '<sip:alice@example.org;x>, <tel:+1234;phone-context=a>')
  t.same(historyItem('message', NOW, request, { name: 'sip:alice@example.org', isProven: true }), {
    kind: 'message',
    receivedAt: NOW.wall,
    from: 'sip:alice@example.org',
    to: 'sip:bob@example.org:5070',
    subject: 'a folded one',
    callId: 'a',
    isAnonymous: false,
    assertedIdentity: 'sip:alice@example.org',
  })
  const hidden = historyItem('large', NOW, request, { name: 'anonymous', isProven: true })
  t.match(hidden, { from: 'anonymous', isAnonymous: true, kind: 'large' })
  t.notOk('assertedIdentity' in hidden)
})

t.test('URIs without parameters and headers; what is none stays as it is', async t => {
  for (const [uri, bare] of [
    ['sip:a@b.example', 'sip:a@b.example'],
    ['sips:a;b=c@B.example:5061;transport=tcp?X=y', 'sips:a;b=c@b.example:5061'],
    ['sip:a:secret@b.example', 'sip:a@b.example'],
    ['sip:[2001:DB8::1]', 'sip:[2001:db8::1]'],
    ['tel:+1-2;phone-context=x', 'tel:+1-2'],
    ['urn:service:sos', 'urn:service:sos'],
    ['no uri', 'no uri'],
  ] as const)
    t.equal(bareUri(uri), bare)
})
