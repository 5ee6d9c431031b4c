import t from 'tap'
import { encodeSdp, parseSdp, SDP_BYTES_MAX, SDP_LINES_MAX, SDP_MEDIA_MAX, SdpSyntaxError } from './sdp.ts'

const HEAD = ['v=0', 'o=- 1 2 IN IP4 192.0.2.10', 's=-', 't=0 0']
const described = (...lines: string[]): Buffer => Buffer.from(`${[...HEAD, ...lines].join('\r\n')}\r\n`, 'latin1')

t.test('RFC 8866 5 a description goes through the parser and back byte by byte', async t => {
  const text = described(
    'a=sendonly',
    'm=message 8888 TCP/MSRP *',
    'c=IN IP6 2001:db8::1',
    'a=path:msrp://[2001:db8::1]:8888/x;tcp',
    'a=x:\xe4\xff',
    'm=audio 0 RTP/AVP 0 8',
  )
  t.same(encodeSdp(parseSdp(text)), text)
})

t.test('RFC 8866 5 line ends may be LF, the last may be missing, and lines of no use are passed over', async t => {
  const text = [...HEAD, 'i=none', 'b=AS:64', 'z=0 0', 'm=MESSAGE 2855/1  TCP/MSRP  *', 'a=path:msrp://a/b;tcp'].join(
    '\n',
  )
  const { media } = parseSdp(Buffer.from(text))
  t.match(media, [{ media: 'message', port: 2855, protocol: 'TCP/MSRP', formats: ['*'] }])
  t.strictSame(media[0]?.attributes, [{ name: 'path', value: 'msrp://a/b;tcp' }])
})

t.test('RFC 8866 5 what is no description is refused', async t => {
  const bad = [
    Buffer.alloc(0),
    Buffer.from('hello'),
    Buffer.from('v=1\r\n'),
    Buffer.from('v=0\r\ns=-\r\n'),
    described('m=message x TCP/MSRP *'),
    described('m=message 65536 TCP/MSRP *'),
    described('m=message 2855'),
    described('nonsense'),
    described('', 'a=x'),
  ]
  for (const bytes of bad) t.ok(isRefused(bytes), JSON.stringify(bytes.toString()))
})

t.test('a description is bounded in bytes, lines and streams', async t => {
  t.throws(() => parseSdp(described(`a=${'x'.repeat(SDP_BYTES_MAX)}`)), /too large/)
  t.throws(() => parseSdp(described(...Array(SDP_LINES_MAX).fill('a=x'))), /too many lines/)
  t.throws(() => parseSdp(described(...Array(SDP_MEDIA_MAX + 1).fill('m=message 1 TCP/MSRP *'))), /too many m=/)
  t.equal(parseSdp(described(...Array(SDP_MEDIA_MAX).fill('m=message 1 TCP/MSRP *'))).media.length, SDP_MEDIA_MAX)
})

function isRefused(bytes: Buffer): boolean {
  try {
    parseSdp(bytes)
    return false
  } catch (error) {
    return error instanceof SdpSyntaxError
  }
}
