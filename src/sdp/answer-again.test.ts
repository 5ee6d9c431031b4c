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

t.test('RFC 4145 4.1 a role that we took once stays ours however often actpass is offered', async t => {
  const first = answerAgain(OFFER, THEIRS, bytes(sdpOfPhone('actpass', 2)))!
  t.match(first.toString(), 'a=setup:passive\r\n')
  const second = answerAgain(first, bytes(sdpOfPhone('actpass', 2)), bytes(sdpOfPhone('actpass', 3)))
  t.equal(second?.toString(), first.toString())
})

t.test('RFC 3264 6.1 where we receive, the offerer still has to send', async t => {
  const mine = bytes(OFFER.toString().replace('sendonly', 'recvonly').replace('actpass', 'passive'))
  const theirs = sdpOfPhone('active').replace('recvonly', 'sendonly')
  const answer = (offer: string): string | undefined => answerAgain(mine, bytes(theirs), bytes(offer))?.toString()
  t.equal(answer(theirs), mine.toString(), 'nothing moved')
  t.equal(answer(theirs.replace('sendonly', 'sendrecv')), mine.toString())
  t.equal(answer(theirs.replace('sendonly', 'recvonly')), undefined)
  t.equal(answer(theirs.replace('sendonly', 'inactive')), undefined)
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
