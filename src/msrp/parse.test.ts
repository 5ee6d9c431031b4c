import fc from 'fast-check'
import t from 'tap'
import type { MsrpHead } from './frame.ts'
import { MsrpParser, MsrpSyntaxError } from './parse.ts'
import { bytesOf } from './simulated.fixture.ts'

interface Frame {
  head: MsrpHead
  body: Buffer
  flag: string
}

/** All whole frames, and what the parser threw at the end. */
const parse = (pieces: Iterable<Buffer>): { frames: Frame[]; error?: string; partial?: MsrpHead | undefined } => {
  const parser = new MsrpParser()
  const frames: Frame[] = []
  let open: { head: MsrpHead; parts: Buffer[] } | undefined
  try {
    for (const piece of pieces) {
      parser.push(piece)
      for (let event = parser.next(); event; event = parser.next()) {
        if (event.kind === 'head') open = { head: event.head, parts: [] }
        else if (event.kind === 'body') open!.parts.push(event.bytes)
        else frames.push({ head: open!.head, body: Buffer.concat(open!.parts), flag: event.flag })
      }
    }
  } catch (error) {
    if (!(error instanceof MsrpSyntaxError)) throw error
    return { frames, error: error.why, partial: error.partial }
  }
  return { frames }
}

const octetByOctet = (bytes: Buffer): Buffer[] => Array.from(bytes, octet => Buffer.from([octet]))

const PATHS =
  'To-Path: msrp://bob.example.org:7000/kjhd37s2;tcp\nFrom-Path: msrp://alice.example.org:7654/jshA7wez;tcp\n'

/** `lines` from the first header after the paths to what is before the end-line. */
const frame = (id: string, what: string, lines: string, flag = '$'): string =>
  `MSRP ${id} ${what}\n${PATHS}${lines}-------${id}${flag}\n`

const TEXT = 'Content-Type: text/plain\n\n'

const LOOKALIKES = '-------lookalik\n-------lookalik$x\n-------lookalik!\n\r\n-------lookali$\n'

/** One message and its answer, one in two chunks, a report after a keep-alive, bodiless, empty, and hard to delimit. */
const CONVERSATION = bytesOf(
  frame('a786hjs2', 'SEND', `Message-ID: 87652491\nByte-Range: 1-15/15\n${TEXT}Good evening.\n\n`) +
    frame('a786hjs2', '200 OK', '') +
    frame('d93kswow', 'SEND', `Message-ID: 12339sdqwer\nByte-Range: 1-*/32\n${TEXT}The first half.\n\n`, '+') +
    frame('op2nc9a', 'SEND', `Message-ID: 12339sdqwer\nByte-Range: 18-32/32\n${TEXT}And the other.\n\n\n`) +
    `\n${frame('dkei38sd', 'REPORT', 'Message-ID: 12339sdqwer\nByte-Range: 1-32/32\nStatus: 000 200 OK\n')}` +
    frame('bindbind', 'SEND', 'Message-ID: 9900\nByte-Range: 1-0/0\nFailure-Report: no\n') +
    frame('emptybdy', 'SEND', `Message-ID: 9901\n${TEXT}\n`, '#') +
    frame('emptytoo', 'SEND', 'Message-ID: 9902\n\n') +
    frame('lookalik', 'SEND', `Message-ID: 9903\n${TEXT}${LOOKALIKES}`).slice(0, -1),
)

/** The last end-line again, then its line break. */
const WHOLE = Buffer.concat([CONVERSATION, bytesOf('x\n-------lookalik$\n')])

const shown = (frames: Frame[]) =>
  frames.map(({ head, body, flag }) => [head.transactionId, head.method ?? head.status, body.toString(), flag])

const EXPECTED = [
  ['a786hjs2', 'SEND', 'Good evening.\r\n', '$'],
  ['a786hjs2', 200, '', '$'],
  ['d93kswow', 'SEND', 'The first half.\r\n', '+'],
  ['op2nc9a', 'SEND', 'And the other.\r\n\r\n', '$'],
  ['dkei38sd', 'REPORT', '', '$'],
  ['bindbind', 'SEND', '', '$'],
  ['emptybdy', 'SEND', '', '#'],
  ['emptytoo', 'SEND', '', '$'],
  [
    'lookalik',
    'SEND',
    '-------lookalik\r\n-------lookalik$x\r\n-------lookalik!\r\n\r\n-------lookali$\r\n-------lookalik$x',
    '$',
  ],
]

t.test('RFC 4975 7.1, 9: frames are found whole and octet by octet', async t => {
  t.strictSame(shown(parse([WHOLE]).frames), EXPECTED, 'whole')
  t.strictSame(shown(parse(octetByOctet(WHOLE)).frames), EXPECTED, 'octet by octet')
})

t.test('RFC 4975 9: and split in two at every offset', async t => {
  const differing: number[] = []
  for (let at = 1; at < WHOLE.length; at++) {
    const { frames } = parse([Buffer.from(WHOLE.subarray(0, at)), Buffer.from(WHOLE.subarray(at))])
    if (JSON.stringify(shown(frames)) !== JSON.stringify(EXPECTED)) differing.push(at)
  }
  t.strictSame(differing, [])
})

t.test('RFC 4975 7.1: any body comes through any chunking', async t => {
  const piece = fc.constantFrom('\r', '\n', '-', '-------', '-------tidtid', '$', '+\r\n', '\r\n-------tidtid', 'x')
  const body = fc.array(piece, { maxLength: 30 }).map(parts => parts.join(''))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (text, sizes) => {
        fc.pre(!/\r\n-------tidtid[$+#]\r\n/.test(`\r\n${text}\r\n`))
        const bytes = bytesOf(`MSRP tidtid SEND\n${PATHS}Message-ID: m\n\n`)
        const wire = Buffer.concat([bytes, Buffer.from(text), Buffer.from('\r\n-------tidtid+\r\n')])
        const pieces: Buffer[] = []
        for (let at = 0, turn = 0; at < wire.length; at += sizes[turn++ % sizes.length]!)
          pieces.push(wire.subarray(at, at + sizes[turn % sizes.length]!))
        const { frames } = parse(pieces)
        return frames.length === 1 && frames[0]!.body.toString() === text && frames[0]!.flag === '+'
      }),
      { numRuns: 400 },
    ),
  )
})

t.test('RFC 4975 9: a Byte-Range does not end a frame, its end-line does', async t => {
  const { frames } = parse([
    bytesOf(`MSRP abcd SEND\n${PATHS}Message-ID: m\nByte-Range: 1-2/2\n\nlonger\n-------abcd$\n`),
  ])
  t.equal(frames[0]?.body.toString(), 'longer')
})

t.test('bodies are parts of what was pushed, not copies', async t => {
  const bytes = bytesOf(`MSRP abcd SEND\n${PATHS}Message-ID: m\n\nhello\n-------abcd$\n`)
  const parser = new MsrpParser()
  parser.push(bytes)
  parser.next()
  const event = parser.next()
  t.equal(event?.kind, 'body')
  t.equal(event?.kind === 'body' && event.bytes.buffer, bytes.buffer)
})

t.test('a body passes through: what is not yet an end-line is not held back', async t => {
  const parser = new MsrpParser()
  parser.push(bytesOf(`MSRP abcd SEND\n${PATHS}Message-ID: m\n\n`))
  t.equal(parser.next()?.kind, 'head')
  let passed = 0
  for (let i = 0; i < 100; i++) {
    parser.push(Buffer.alloc(65536, '\r\n-------abc'))
    for (let event = parser.next(); event; event = parser.next())
      if (event.kind === 'body') passed += event.bytes.length
  }
  t.ok(passed > 100 * 65536 - 64)
})

t.test('RFC 4975 9: headers in any case, with or without space, unknown ones kept in order', async t => {
  const paths = 'TO-PATH:msrp://a/1;tcp\nfrom-path:  msrp://b/2;tcp \n'
  const headers = 'message-id: m-1\nX-Caf\xc3\xa0: \xc3\xa0\nSuccess-Report: yes\nFailure-Report: partial\n'
  const text = `MSRP abcd SEND\n${paths}${headers}-------abcd$\n`
  const { head } = parse([bytesOf(text)]).frames[0]!
  t.match(head, { toPath: 'msrp://a/1;tcp', fromPath: 'msrp://b/2;tcp', messageId: 'm-1', successReport: true })
  t.equal(head.failureReport, 'partial')
  t.equal(head.defect, undefined)
  t.equal(head.fields[3]?.value, '\xc3\xa0', 'octet A0 is no white space')
})

t.test('RFC 4975 10.2: what leaves the framing whole is a defect of the head', async t => {
  const defects = {
    'Message-ID: a b': 'Message-ID',
    'X: y': 'no Message-ID',
    'Message-ID: m\nMessage-ID: m': 'Message-ID',
    'Message-ID: m\nByte-Range: 2-1-0': 'Byte-Range',
    'Message-ID: m\nSuccess-Report: maybe': 'Success-Report',
    'Message-ID: m\nFailure-Report: maybe': 'Failure-Report',
    'Message-ID: m\nContent-Type:': 'Content-Type',
    'Message-ID: m\nno header at all': 'header without colon',
  }
  for (const [lines, defect] of Object.entries(defects)) {
    const { frames } = parse([bytesOf(`MSRP abcd SEND\n${PATHS}${lines}\n-------abcd$\n`)])
    t.equal(frames[0]?.head.defect, defect, lines)
  }
})

t.test('bad input: what loses the framing', async t => {
  const lost: [string, string][] = [
    ['GET / HTTP/1.1\n', 'start line'],
    ['\x16\x03\x01', 'start line'],
    ['MSRP abc SEND\n', 'start line'],
    ['MSRP abcd send\n', 'start line'],
    [`MSRP ${'a'.repeat(33)} SEND\n`, 'start line'],
    [`MSRP abcd SEND\n${PATHS}X: ${'y'.repeat(17000)}`, 'head too long'],
    [`MSRP abcd SEND\n${PATHS}${'X: y\n'.repeat(100)}`, 'too many headers'],
    [`MSRP ${'x'.repeat(17000)}`, 'head too long'],
    ['MSRP abcd SEND\nMessage-ID: m\n-------abcd$\n', 'path'],
    ['MSRP abcd SEND\nTo-Path: a\nTo-Path: b\nFrom-Path: c\n\n', 'path'],
    ['MSRP abcd SEND\nTo-Path: a\x01\nFrom-Path: c\n\n', 'path'],
  ]
  for (const [text, why] of lost) {
    t.equal(parse([bytesOf(text)]).error, why, `whole: ${why}`)
    t.equal(parse(octetByOctet(bytesOf(text))).error, why, `octet by octet: ${why}`)
  }
  t.equal(parse([Buffer.from('MSRP abcd SEND\nTo-Path: x\n')]).error, 'bare line feed')
  const { partial } = parse([bytesOf(`MSRP abcd SEND\n${PATHS}${'X: y\n'.repeat(100)}`)])
  t.equal(partial?.transactionId, 'abcd', 'enough for a 400')
})

t.test('bad input: no octets make anything but frames or a syntax error', async t => {
  const mutated = fc.array(fc.tuple(fc.nat(WHOLE.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(mutated, fc.integer({ min: 1, max: 200 }), (changes, size) => {
        const bytes = Buffer.from(WHOLE)
        for (const [at, octet] of changes) bytes[at] = octet
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        )
        const whole = parse([bytes])
        const split = parse(pieces)
        return (
          JSON.stringify(shown(whole.frames)) === JSON.stringify(shown(split.frames)) && whole.error === split.error
        )
      }),
      { numRuns: 300 },
    ),
  )
})
