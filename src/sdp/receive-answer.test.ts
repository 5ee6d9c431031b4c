import t from 'tap'
import { obstacleToReceiving, type ReceiveAnswer, receiveAnswer } from './receive-answer.ts'
import { parseSdp } from './sdp.ts'
import { answersSetup, offeredStream } from './stream-answer.ts'

const OURS: ReceiveAnswer = {
  endpoint: { address: '192.0.2.1', port: 2855 },
  path: 'msrp://192.0.2.1:2855/secret;tcp',
  sessionId: '42',
  maxSize: 1000,
}

const offer = (...lines: string[]) =>
  parseSdp(
    Buffer.from(['v=0', 'o=- 1 1 IN IP4 192.0.2.7', 's=-', 'c=IN IP4 192.0.2.7', 't=0 0', ...lines].join('\r\n')),
  )

const stream = (...attributes: string[]) =>
  offer('m=message 9 TCP/MSRP *', 'a=path:msrp://192.0.2.7:9/x;tcp', 'a=accept-types:*', ...attributes)

const answerTo = (sdp: ReturnType<typeof offer>, ours = OURS) =>
  receiveAnswer(sdp, offeredStream(sdp)!, ours).toString('latin1').split('\r\n')

t.test('DM-INV-08: an answer mirrors protocol and direction and says where we are and what we take', async t => {
  t.same(answerTo(stream('a=sendonly', 'a=setup:actpass')), [
    'v=0',
    'o=- 42 1 IN IP4 192.0.2.1',
    's=-',
    'c=IN IP4 192.0.2.1',
    't=0 0',
    'm=message 2855 TCP/MSRP *',
    'a=recvonly',
    'a=accept-types:*',
    'a=max-size:1000',
    'a=path:msrp://192.0.2.1:2855/secret;tcp',
    'a=setup:passive',
    '',
  ])
})

t.test('RFC 6135 4.2: whoever offers to wait is connected to, everybody else connects', async t => {
  for (const [offered, answered] of [
    ['active', 'passive'],
    ['actpass', 'passive'],
    ['passive', 'active'],
  ] as const) {
    t.ok(answerTo(stream(`a=setup:${offered}`)).includes(`a=setup:${answered}`), offered)
    t.equal(answersSetup(offered), answered)
  }
  t.notOk(
    answerTo(stream()).some(line => line.startsWith('a=setup')),
    'RFC 4975 8.5: nothing said, nothing answered',
  )
  t.equal(answersSetup(undefined), 'passive')
})

t.test('RFC 3264 6: every other stream is refused in its place', async t => {
  const sdp = offer(
    'm=audio 4000 RTP/AVP 0 8',
    'm=message 0 TCP/MSRP *',
    'm=message 9 TCP/MSRP *',
    'a=path:msrp://192.0.2.7:9/x;tcp',
    'm=message 11 TCP/MSRP *',
  )
  t.equal(offeredStream(sdp)?.index, 2, 'a withdrawn stream is no offer')
  t.same(
    answerTo(sdp).filter(line => line.startsWith('m=')),
    ['m=audio 0 RTP/AVP 0 8', 'm=message 0 TCP/MSRP *', 'm=message 2855 TCP/MSRP *', 'm=message 0 TCP/MSRP *'],
  )
})

t.test('RFC 8122: a secure stream is answered with our fingerprint; IPv6 is named as such', async t => {
  const sdp = offer('m=message 9 TCP/TLS/MSRP *', 'a=path:msrps://[2001:db8::7]:9/x;tcp')
  const lines = answerTo(sdp, {
    ...OURS,
    endpoint: { address: '2001:db8::1', port: 2856 },
    path: 'msrps://[2001:db8::1]:2856/s;tcp',
    fingerprint: 'sha-256 AA:BB',
  })
  t.ok(lines.includes('m=message 2856 TCP/TLS/MSRP *'))
  t.ok(lines.includes('c=IN IP6 2001:db8::1'))
  t.ok(lines.includes('a=fingerprint:sha-256 AA:BB'))
})

t.test('who cannot send to us is told why', async t => {
  const why = (...attributes: string[]) => obstacleToReceiving(offeredStream(stream(...attributes))!)
  t.equal(why('a=sendonly'), undefined)
  t.equal(why(), undefined, 'sendrecv')
  t.equal(why('a=recvonly'), 'the offer is recvonly')
  t.equal(why('a=inactive'), 'the offer is inactive')
  t.equal(why('a=setup:holdconn'), 'the offer is a=setup:holdconn')
  t.equal(obstacleToReceiving(offeredStream(offer('m=message 9 TCP/MSRP *'))!), 'the offer has no a=path')
  const along = (path: string) => obstacleToReceiving(offeredStream(offer('m=message 9 TCP/MSRP *', `a=path:${path}`))!)
  t.equal(along('msrps://u@relay.example.net:9/r;tcp;x=1 MSRP://[2001:db8::7]:9/x;tcp'), undefined)
  for (const path of ['http://192.0.2.7/x', 'msrp://192.0.2.7:9/x', 'msrp://192.0.2.7:9/x;tcp garbage'])
    t.equal(along(path), 'the offer has an a=path that is none of MSRP', 'RFC 4975 6')
  t.equal(offeredStream(offer('m=audio 9 RTP/AVP 0')), undefined)
})
