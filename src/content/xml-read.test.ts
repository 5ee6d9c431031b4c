import fc from 'fast-check'
import t from 'tap'
import { placeOf, readXml, type XmlElement, XmlError, xmlEscaped } from './xml-read.ts'

const read = (text: string) => readXml(Buffer.from(text))

const errorOf = (text: string | Buffer, bounds?: { bytesMax: number; depthMax: number }): XmlError => {
  try {
    readXml(Buffer.from(text), bounds)
  } catch (error) {
    if (error instanceof XmlError) return error
    throw error
  }
  throw new Error('was taken')
}

const all = (element: XmlElement): XmlElement[] => [element, ...element.children.flatMap(all)]

t.test('elements by namespace and local name, with the offsets of what they are written in', async t => {
  const text =
    '\uFEFF<?xml version="1.0"?>\r\n<a xmlns="urn:x" xmlns:p=\'urn:p\'>\r\n \u{1F600}<p:b p:k = "1&amp;2" z=\'q"q\' />t&lt;<c\n>x</c ><!-- <d> --><![CDATA[<e>]]></a>\n'
  const { root } = read(text)
  const [b, c] = root.children
  if (!b || !c) throw new Error('two children')
  t.same(
    all(root).map(({ namespace, name, prefix }) => [namespace, name, prefix]),
    [
      ['urn:x', 'a', ''],
      ['urn:p', 'b', 'p'],
      ['urn:x', 'c', ''],
    ],
  )
  const between = (from: number, to: number) => text.slice(from, to)
  t.equal(between(b.start, b.end), '<p:b p:k = "1&amp;2" z=\'q"q\' />')
  t.ok(b.isEmptyTag)
  t.equal(between(c.start, c.end), '<c\n>x</c >')
  t.equal(between(c.contentStart, c.contentEnd), 'x')
  t.equal(between(root.start, root.start + 3), '<a ')
  t.equal(between(root.contentEnd, root.end), '</a>')
  t.same(
    b.attributes.map(({ namespace, name, value, valueStart, valueEnd }) => [
      namespace,
      name,
      value,
      between(valueStart, valueEnd),
    ]),
    [
      ['urn:p', 'k', '1&2', '1&amp;2'],
      ['', 'z', 'q"q', 'q"q'],
    ],
  )
  t.equal(root.text, '\n \u{1F600}t<<e>')
})

t.test('malformed: the place of the error', async t => {
  const cases: readonly (readonly [text: string, line: number, what: RegExp])[] = [
    ['<a>\n<b></a>', 2, /unexpected close tag/],
    ['<a>\n\n  <b x=1/></a>', 3, /unquoted attribute value/],
    ['<a b="1" b="2"/>', 1, /duplicate attribute/],
    ['<p:a/>', 1, /unbound namespace prefix/],
    ['<a>&x;</a>', 1, /undefined entity/],
    ['<a/>\n<b/>', 2, /only one root/],
    ['<a>\n', 2, /unclosed tag/],
    ['', 1, /must contain a root/],
    ['<a>\u0001</a>', 1, /disallowed character/],
  ]
  for (const [text, line, what] of cases) {
    const error = errorOf(text)
    t.equal(error.place?.line, line, JSON.stringify(text))
    t.match(error.message, what)
    t.match(error.message, /^line \d+, column \d+: /)
  }
})

t.test('no document type, no entities, no encoding but UTF-8, nothing too large or too deep', async t => {
  t.match(errorOf('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>').message, /document type is not taken/)
  t.match(errorOf('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>').message, /document type is not taken/)
  t.match(errorOf('<?xml version="1.0" encoding="UTF-16"?><a/>').message, /only UTF-8/)
  t.match(errorOf(Buffer.from([0x3c, 0x61, 0x2f, 0x3e, 0xff])).message, /not UTF-8/)
  t.match(errorOf(Buffer.from('<a/>', 'utf16le')).message, /disallowed character|not UTF-8/)
  t.match(errorOf(`<a>${' '.repeat(65_530)}</a>`).message, /more than 65536 bytes/)
  const nested = (depth: number) => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`
  t.match(errorOf(nested(33)).message, /more than 32 elements deep/)
  t.equal(all(read(nested(32)).root).length, 32)
  t.match(errorOf(nested(3), { bytesMax: 100, depthMax: 2 }).message, /more than 2 elements deep/)
})

t.test('names of objects are names like others', async t => {
  const { root } = read('<a __proto__="1" constructor="2"><__proto__/></a>')
  t.same(
    root.attributes.map(({ name, value }) => [name, value]),
    [
      ['__proto__', '1'],
      ['constructor', '2'],
    ],
  )
  t.equal(root.children[0]?.name, '__proto__')
})

t.test('a place counts lines of every ending, and characters', async t => {
  const document = read('<a>\r\n\n\u{1F600}<b/></a>')
  t.same(placeOf(document, document.root.children[0]!.start), { line: 3, column: 2 })
})

t.test('what is escaped comes back', async t => {
  const value = 'a<b>&"c"\'d\n\te\r'
  const { root } = read(`<a b="${xmlEscaped(value)}">${xmlEscaped(value)}</a>`)
  t.equal(root.attributes[0]?.value, value)
  t.equal(root.text, value)
})

t.test('whatever comes is a tree whose parts lie inside one another, or an XmlError', async () => {
  const piece = fc.constantFrom(
    '<a',
    '<p:b',
    '>',
    '/>',
    '</a>',
    '</p:b>',
    ' x="1"',
    " xmlns:p='u'",
    '&amp;',
    '&#x41;',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?y z?>',
    '\r\n',
    'text',
    '"',
    '\u00e9',
    '\u{1F600}',
    '<!DOCTYPE a>',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
      const text = `<a xmlns:p="u">${pieces.join('')}</a>`
      try {
        const document = read(text)
        for (const element of all(document.root)) {
          if (document.text[element.start] !== '<' || document.text[element.end - 1] !== '>') return false
          if (element.children.some(child => child.start < element.contentStart || child.end > element.contentEnd))
            return false
          for (const { valueStart, valueEnd, value } of element.attributes)
            if (document.text.slice(valueStart, valueEnd) !== value) return false
        }
        return true
      } catch (error) {
        return error instanceof XmlError
      }
    }),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        readXml(Buffer.from(bytes))
        return true
      } catch (error) {
        return error instanceof XmlError
      }
    }),
  )
})
