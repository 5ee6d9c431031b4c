import t from 'tap'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import { namedReferences } from './fetch-references.ts'

const inviteWith = (list: string): SipRequest => {
  const lines = [
    'INVITE sip:deferred@example.org SIP/2.0',
    'Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1',
    'From: <sip:bob@example.org>;tag=1',
    'To: <sip:deferred@example.org>',
    'Call-ID: c',
    'CSeq: 1 INVITE',
    'Content-Type: application/resource-lists+xml',
    `Content-Length: ${list.length}`,
    '',
    list,
  ]
  return parseMessage(Buffer.from(lines.join('\r\n'), 'latin1')) as SipRequest
}

t.test('C7: a store id is named with its scheme or without', async t => {
  const entries = '<entry uri="13@box.example"/><entry uri="sip:13@box.example"/><entry uri="sip:14@box.example"/>'
  const list = `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`
  t.same(namedReferences(inviteWith(list)), ['sip:13@box.example', 'sip:14@box.example'])
})

t.test('no name from a list fills the status line of its refusal', async t => {
  const named = namedReferences(inviteWith(`<${'n'.repeat(20_000)}:a/>`))
  const { reason = '' } = (named as { refusal: { reason?: string } }).refusal
  t.match(reason, /^resource-lists: line 1/)
  t.ok(reason.length <= 120, `${reason.length}`)
})
