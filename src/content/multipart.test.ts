import t from 'tap'
import type { Entropy } from '../base/entropy.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import {
  boundaryOf,
  contains,
  encodeMultipart,
  freshBoundary,
  layOut,
  MultipartSyntaxError,
  parseMultipart,
} from './multipart.ts'

const parts = (...texts: string[]) =>
  texts.map(text => ({ contentType: 'text/plain', body: [Buffer.from(text, 'latin1')] }))
const crlf = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1')

t.test('RFC 2046 5.1.1 the break before a delimiter is its own, and nothing follows the last hyphen', async t => {
  const { body, contentType, length } = layOut(parts('one', 'two\r\n'), 'b')
  const bytes = Buffer.concat(body)
  const head = 'Content-Type: text/plain'
  t.equal(bytes.toString(), crlf('--b', head, '', 'one', '--b', head, '', 'two', '', '--b--').toString())
  t.equal(contentType, 'multipart/mixed;boundary="b"')
  t.equal(length, bytes.length)
})

t.test('docs/protocol.md bodies are neither copied nor changed', async t => {
  const binary = Buffer.from(Array.from({ length: 256 }, (_, code) => code))
  const composed = encodeMultipart([{ contentType: 'image/png', body: [binary] }], new SeededEntropy(1))
  t.ok(composed.body.includes(binary))
  const [part] = parseMultipart(Buffer.concat(composed.body), boundaryOf(composed.contentType)!)
  t.same(part?.body, binary)
})

/** Gives out the same bytes for the first `repeats` boundaries, then others. */
const repeating = (repeats: number): Entropy => {
  const later = new SeededEntropy(3)
  return { bytes: count => (repeats-- > 0 ? new Uint8Array(count) : later.bytes(count)) }
}

t.test('docs/protocol.md a boundary that occurs in the content is drawn anew', async t => {
  const content = parts('x', `a${'a'.repeat(20)}b`)
  const boundary = freshBoundary(content, repeating(2))
  t.not(boundary, 'a'.repeat(20))
  t.match(boundary, /^[a-z2-7]{20}$/)
  t.equal(freshBoundary(parts('x'), repeating(1)), 'a'.repeat(20))
  t.throws(() => freshBoundary(content, repeating(1000)), RangeError)
})

t.test('a text is found also across the seams of pieces', async t => {
  const pieces = ['xx', 'a', 'b', '', 'cd', 'yy'].map(text => Buffer.from(text))
  t.ok(contains(pieces, 'abcd'))
  t.ok(contains(pieces, 'xabc'))
  t.ok(contains(pieces, 'dy'))
  t.notOk(contains(pieces, 'abd'))
  t.notOk(contains([], 'a'))
})

t.test('RFC 2046 5.1 preamble and epilogue are passed over, nested multiparts left alone', async t => {
  const nested = crlf('--inner', '', 'deep', '--inner--').toString()
  const body = crlf(
    'preamble --b',
    '--b  ',
    'Content-Type: multipart/mixed;',
    ' boundary=inner',
    '',
    nested,
    '--b',
    '',
    'plain',
    '--b-- ',
    'epilogue',
    '--b',
    '',
    'no',
  )
  const [first, second, ...rest] = parseMultipart(body, 'b')
  t.strictSame(first?.headers, [['content-type', 'multipart/mixed; boundary=inner']])
  t.equal(first?.body.toString(), nested)
  t.strictSame(second?.headers, [])
  t.equal(second?.body.toString(), 'plain')
  t.strictSame(rest, [])
})

t.test('RFC 2046 5.1.1 a boundary is one at the start of a line and whole', async t => {
  const [part] = parseMultipart(crlf('--b', '', ' --b', '--bc', 'x--b', '--b--'), 'b')
  t.equal(part?.body.toString(), ' --b\r\n--bc\r\nx--b')
  const [unix] = parseMultipart(Buffer.from('--b\nA: 1\n\nx\n--b--'), 'b')
  t.equal(unix?.body.toString(), 'x')
  const [open] = parseMultipart(crlf('--b', 'A: 1', '', 'cut short'), 'b')
  t.equal(open?.body.toString(), 'cut short')
  t.match(parseMultipart(crlf('--b', 'A: 1', '--b--'), 'b'), [{ headers: [['a', '1']], body: Buffer.alloc(0) }])
  t.match(parseMultipart(crlf('--b', '--b--'), 'b'), [{ headers: [], body: Buffer.alloc(0) }])
})

t.test('what is no multipart is refused, and its parts are bounded', async t => {
  t.throws(() => parseMultipart(crlf('text'), 'b'), new MultipartSyntaxError('boundary does not occur in the body'))
  t.throws(() => parseMultipart(crlf('--', ''), ''), /1 to 70/)
  t.throws(() => parseMultipart(crlf('--b', 'no colon', '', '--b--'), 'b'), /malformed header/)
  t.throws(() => parseMultipart(crlf(...Array(101).fill('--b\r\n\r\n'), '--b--'), 'b'), /too many/)
  t.throws(() => parseMultipart(crlf('--b', `A: ${'x'.repeat(20_000)}`, '', '--b--'), 'b'), /too long/)
})

t.test('RFC 2046 5.1.1 the boundary of a Content-Type, quoted or not', async t => {
  t.equal(boundaryOf('multipart/mixed;boundary="a b"'), 'a b')
  t.equal(boundaryOf('Multipart/Related; type="x;boundary=no"; Boundary = "q\\"x"'), 'q"x')
  t.equal(boundaryOf('multipart/mixed; boundary=abc;x=1'), 'abc')
  t.equal(boundaryOf('text/plain;boundary=abc'), undefined)
  t.equal(boundaryOf('multipart/mixed'), undefined)
})
