import t from 'tap'
import { OFFER, sdpOfPhone } from '../testing/session-wire.ts'
import { answerAgain } from './answer-again.ts'
import { parseSdp } from './sdp.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const THEIRS = bytes(sdpOfPhone('active'))
const again = (offer: string, ours: Buffer = OFFER): string | undefined =>
  answerAgain(ours, THEIRS, bytes(offer))?.toString('latin1')

t.test('RFC 4145 4.1 the connection that stands keeps its roles', async t => {
  t.match(again(sdpOfPhone('active')), 'a=setup:passive\r\n')
  t.match(again(sdpOfPhone('actpass')), 'a=setup:passive\r\n')
  t.match(again(sdpOfPhone('passive')), 'a=setup:active\r\n')
  t.notMatch(again(sdpOfPhone('active').replace('a=setup:active\r\n', '')), 'a=setup')
  const passive = answerAgain(OFFER, bytes(sdpOfPhone('passive')), bytes(sdpOfPhone('actpass')))
  t.match(passive?.toString(), 'a=setup:active\r\n')
})

t.test('RFC 3264 8 the version rises when something changes, and only then', async t => {
  const first = again(sdpOfPhone('active'))!
  t.match(first, 'o=- 3912345 2 IN IP4 192.0.2.1\r\n')
  t.equal(again(sdpOfPhone('active', 9), bytes(first)), first)
})

t.test('RFC 3264 6 further streams are refused in their place', async t => {
  const offer = sdpOfPhone('active').replace('m=message', 'm=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\nm=message')
  const { media } = parseSdp(bytes(again(offer)!))
  t.match(media, [
    { media: 'audio', port: 0, formats: ['0'] },
    { media: 'message', port: 8888 },
  ])
})

t.test('RFC 3261 14.2 an offer that takes, holds or moves the stream is not answered', async t => {
  const offer = sdpOfPhone('active')
  t.equal(again(offer.replace('message 2855', 'message 0')), undefined)
  t.equal(again(offer.replace('recvonly', 'inactive')), undefined)
  t.equal(again(offer.replace('recvonly', 'sendonly')), undefined)
  t.equal(again(sdpOfPhone('active', 2, 'elsewhere')), undefined)
  t.equal(again(offer.replace('TCP/MSRP', 'TCP/TLS/MSRP')), undefined)
  t.equal(again('nonsense'), undefined)
})
