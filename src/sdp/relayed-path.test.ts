import fc from 'fast-check'
import t from 'tap'
import { msrpMedia } from './msrp-media.ts'
import { relayedPath } from './relayed-path.ts'
import { parseSdp } from './sdp.ts'

const OURS = 'msrp://192.0.2.1:2855/ours1234;tcp'
const THEIRS = 'msrp://198.51.100.7:7000/bob12345;tcp'
const endpoint = { address: '192.0.2.1', port: 2855 }

const sdpOf = (text: string, newline = '\r\n'): Buffer =>
  Buffer.from(text.replace(/^\n/, '').replaceAll('\n', newline), 'latin1')

const OFFER = `
v=0
o=- 1 1 IN IP4 198.51.100.7
s=caf\xe9
c=IN IP4 198.51.100.7
t=0 0
m=audio 5000 RTP/AVP 0
a=path:msrp://none/x;tcp
m=message 7000 TCP/MSRP *
i=a title
a=msrp-cema
a=accept-types:message/cpim  text/*
a=path:${THEIRS}
a=setup:actpass
m=video 0 RTP/AVP 99
a=x
`

const through = (body: Buffer, index: number, more = {}): string =>
  relayedPath(body, index, { path: OURS, endpoint, ...more }).toString('latin1')

for (const newline of ['\r\n', '\n'])
  t.test(
    `our URI before theirs, our address and port; every other byte as it was, ${JSON.stringify(newline)}`,
    async t => {
      const expected = OFFER.replace('message 7000', 'message 2855')
        .replace('i=a title\n', 'i=a title\nc=IN IP4 192.0.2.1\n')
        .replace(THEIRS, `${OURS} ${THEIRS}`)
      t.equal(through(sdpOf(OFFER, newline), 1), sdpOf(expected, newline).toString('latin1'))
    },
  )

t.test('a stream with an address of its own, IPv6, several hops, and no line end at its end', async t => {
  const text = `v=0\no=- 1 1 IN IP6 2001:db8::7\ns=-\nt=0 0\nm=message 9 TCP/MSRP *\nc=IN IP6 2001:db8::7\nA=Path: msrp://r:1/a;tcp ${THEIRS}`
  t.equal(
    through(sdpOf(text, '\n'), 0, { endpoint: { address: '2001:db8::1', port: 2855 } }),
    text
      .replace('message 9', 'message 2855')
      .replace('c=IN IP6 2001:db8::7', 'c=IN IP6 2001:db8::1')
      .replace('msrp://r', `${OURS} msrp://r`)
      .replace('A=Path', 'A=Path'),
  )
})

t.test(
  'RFC 8122: our fingerprint in place of all of theirs; before that of the session where the stream has none',
  async t => {
    const secure = OFFER.replace('TCP/MSRP', 'TCP/TLS/MSRP')
    const own = secure.replace('a=setup', 'a=fingerprint:sha-256 AA:BB\na=x:y\na=fingerprint:sha-1 CC\na=setup')
    const rewritten = through(sdpOf(own), 1, { fingerprint: 'SHA-256 01:02' })
    t.same(msrpMedia(parseSdp(Buffer.from(rewritten)))?.fingerprints, ['SHA-256 01:02'])
    t.match(rewritten, 'a=fingerprint:SHA-256 01:02\r\na=x:y\r\na=setup:actpass\r\nm=video')
    const session = through(sdpOf(secure.replace('t=0 0', 't=0 0\na=fingerprint:sha-256 AA:BB')), 1, {
      fingerprint: 'SHA-256 01:02',
    })
    t.same(msrpMedia(parseSdp(Buffer.from(session)))?.fingerprints, ['SHA-256 01:02'])
    t.match(session, 'a=setup:actpass\r\na=fingerprint:SHA-256 01:02\r\nm=video')
  },
)

t.test('a path that stands for the whole description', async t => {
  const text = `v=0\no=- 1 1 IN IP4 x\ns=-\nt=0 0\na=path:${THEIRS}\nm=message 9 TCP/MSRP *`
  t.same(msrpMedia(parseSdp(Buffer.from(through(sdpOf(text), 0))))?.path, [OURS, THEIRS])
  t.match(through(sdpOf(text), 0), /TCP\/MSRP \*\r\nc=IN IP4 192.0.2.1\r\na=path:\S+ \S+\r\n$/)
  t.throws(() => through(sdpOf(text.replace('a=path', 'a=road')), 0), { message: 'the stream has no a=path' })
  t.throws(() => through(sdpOf(text), 1), { message: 'no such m= line' })
})

t.test('whatever stands around it, only path, port and address differ, and who reads it is led to us', async t => {
  const noise = fc.stringMatching(/^[abkzi]=[ -9;-\x7e]{0,20}$/).filter(line => !/path|fingerprint|^i/i.test(line))
  const rewrites = (): void =>
    fc.assert(
      fc.property(fc.array(noise), fc.array(noise), fc.array(noise), fc.boolean(), (before, inside, after, hasOwn) => {
        const lines = [
          ...['v=0', 'o=- 1 1 IN IP4 x', 's=-', 't=0 0', ...before],
          'm=message 7000 TCP/MSRP *',
          ...(hasOwn ? ['c=IN IP4 198.51.100.7'] : []),
          ...[...inside, `a=path:${THEIRS}`, ...after],
          ...['m=message 7001 TCP/MSRP *', 'c=IN IP4 203.0.113.9', `a=path:${THEIRS}2`, ''],
        ]
        const text = through(sdpOf(lines.join('\n')), 0)
        const read = msrpMedia(parseSdp(Buffer.from(text)))
        const back = text
          .replace('m=message 2855', 'm=message 7000')
          .replace('c=IN IP4 192.0.2.1\r\n', hasOwn ? 'c=IN IP4 198.51.100.7\r\n' : '')
          .replace(`${OURS} `, '')
        return back === lines.join('\r\n') && read?.port === 2855 && read.path.join(' ') === `${OURS} ${THEIRS}`
      }),
    )
  t.doesNotThrow(rewrites)
})
