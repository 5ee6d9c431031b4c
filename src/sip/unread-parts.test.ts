import t from 'tap'
import { readInvite } from '../im/invite.fixture.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { hasUnreadParts } from './unread-parts.ts'

const SDP = 'Content-Type: application/sdp\r\n\r\nv=0\r\n'

function invite(contentType: string, ...parts: readonly string[]): SipRequest {
  const body = parts.map(part => `--b\r\n${part}\r\n`).join('')
  return readInvite([`Content-Type: ${contentType}`], `${body}--b--`)
}

const MIXED = 'multipart/mixed;boundary=b'

t.test(
  'RFC 3261 8.2.3, RFC 5621 3: what is in the body beside the description may not be passed over unasked',
  async t => {
    const list = 'Content-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n<x/>'
    for (const part of [
      list,
      'Content-Type: message/cpim\r\n\r\nfirst message',
      'Content-Type: message/cpim\r\nContent-Disposition: render;handling=required\r\n\r\nfirst message',
      '\r\nwithout a type it is text/plain',
      'Content-Type: not a type\r\n\r\nx',
      SDP,
    ]) {
      t.equal(hasUnreadParts(invite(MIXED, SDP, part)), true, part)
      t.equal(hasUnreadParts(invite(MIXED, part, SDP)), true, part)
    }
  },
)

t.test('RFC 3261 20.11: what is optional, or only there to be referred to, may be passed over', async t => {
  t.equal(hasUnreadParts(invite(MIXED, SDP)), false, 'the description alone')
  for (const disposition of ['render;handling=optional', 'icon;HANDLING=Optional', 'by-reference'])
    t.equal(
      hasUnreadParts(invite(MIXED, SDP, `Content-Type: a/b\r\nContent-Disposition: ${disposition}\r\n\r\nx`)),
      false,
    )
  t.equal(hasUnreadParts(invite('multipart/alternative;boundary=b', 'Content-Type: a/b\r\n\r\nx', SDP)), false)
  t.equal(hasUnreadParts(invite('application/sdp')), false)
  t.equal(hasUnreadParts(invite('multipart/mixed')), false, 'no boundary, and so no parts')
  t.equal(hasUnreadParts(invite('multipart/mixed;boundary=other', SDP, SDP)), false, 'no parts of that boundary')
})
