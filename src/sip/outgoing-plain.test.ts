import t from 'tap'
import { headerOf, OFFER, SessionWire, sdpOfPhone } from '../testing/session-wire.ts'

const PARTS = 'multipart/mixed;boundary="b"'
const WHOLE = Buffer.concat([
  Buffer.from('--b\r\nContent-Type: application/sdp\r\n\r\n'),
  OFFER,
  Buffer.from('\r\n--b--'),
])
const OPTIONS = {
  body: WHOLE,
  contentType: PARTS,
  plain: { contentType: 'application/sdp', body: OFFER },
  sessionExpiresS: 100,
}
const CONTACT = 'Contact: <sip:alice@192.0.2.10:5070>'

t.test(
  'RFC 3261 21.4.13: 415 to several parts is tried once more with the description alone, in the same call',
  async t => {
    const peer = new SessionWire()
    const first = peer.invite(OPTIONS)
    t.equal(headerOf(first, 'Content-Type'), PARTS)
    peer.reply(first, 415)
    const second = peer.texts().find(text => text.startsWith('INVITE'))!
    t.equal(headerOf(second, 'Content-Type'), 'application/sdp')
    t.ok(second.endsWith(`\r\n\r\n${OFFER}`))
    t.equal(headerOf(second, 'CSeq'), '2 INVITE')
    for (const name of ['Call-ID', 'From', 'To']) t.equal(headerOf(second, name), headerOf(first, name))
    peer.reply(second, 415)
    t.strictSame(peer.events, ['refused 415 Unsupported Media Type'])
  },
)

t.test('415 to a description that is alone already is the last word', async t => {
  const peer = new SessionWire()
  const first = peer.invite()
  peer.reply(first, 415)
  t.strictSame(peer.events, ['refused 415 Unsupported Media Type'])
})

t.test('RFC 4028 7.4: a refresh by re-INVITE carries the description alone', async t => {
  const peer = new SessionWire()
  const first = peer.invite(OPTIONS)
  peer.reply(first, 200, {
    headers: [CONTACT, 'Session-Expires: 100;refresher=uac', 'Content-Type: application/sdp'],
    body: sdpOfPhone('passive'),
  })
  peer.texts()
  peer.pass(51_000)
  const refresh = peer.texts().find(text => text.startsWith('INVITE'))!
  t.equal(headerOf(refresh, 'Content-Type'), 'application/sdp')
  t.ok(refresh.endsWith(`\r\n\r\n${OFFER}`))
})
