import fc from 'fast-check'
import t from 'tap'
import { deletePart, putPart, XcapConflict } from './xcap-edit.ts'
import { readBindings, readSelector } from './xcap-selector.ts'
import { readXml, XmlError } from './xml-read.ts'

const BOUNDS = { bytesMax: 4096, depthMax: 8 }
const DOCUMENT = `<l xmlns="urn:l" xmlns:o="urn:o"><!-- kept --><e n="1"/>
  <e  n = '2' o:k="v">two</e><f/><o:g></o:g></l>`

const selectorOf = (text: string) => readSelector(text, readBindings('xmlns(q=urn:o)xmlns(z=urn:z)'), 'urn:l')
const put = (selector: string, content: string | Buffer, text = DOCUMENT): string => {
  const document = readXml(Buffer.from(text))
  const { text: changed, isNew } = putPart(document, selectorOf(selector), Buffer.from(content), BOUNDS)
  return `${isNew ? 'new ' : ''}${changed.slice(changed.indexOf('>') + 1, -4)}`
}
const remove = (selector: string, text = DOCUMENT): string | undefined => {
  const changed = deletePart(readXml(Buffer.from(text)), selectorOf(selector), BOUNDS)
  return changed?.slice(changed.indexOf('>') + 1, -4)
}
const conflict = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof XcapConflict) return `${error.condition}: ${error.message}`
    throw error
  }
  return 'no conflict'
}

t.test(
  'RFC 4825 8.2.3: an element takes the place of another, or stands where the selector says; the rest stays',
  async t => {
    const [a, b, c] = ['<!-- kept --><e n="1"/>', '\n  <e  n = \'2\' o:k="v">two</e>', '<f/><o:g></o:g>']
    t.equal(a + b + c, DOCUMENT.slice(DOCUMENT.indexOf('>') + 1, -4))
    t.equal(put('l/e[@n="2"]', '<e n="2"><x/></e>'), `${a}\n  <e n="2"><x/></e>${c}`)
    t.equal(put('l/e[@n="3"]', ' <e n="3"/>\n'), `new ${a}${b}<e n="3"/>${c}`, 'behind the last of its name')
    t.equal(put('l/e[1][@n="3"]', '<e n="3"/>'), `new <!-- kept --><e n="3"/><e n="1"/>${b}${c}`)
    t.equal(put('l/e[3]', '<e/>'), `new ${a}${b}<e/>${c}`)
    t.equal(put('l/*[3][@n="3"]', '<e n="3"/>'), `new ${a}${b}<e n="3"/>${c}`)
    t.equal(put('l/h', '<h/>'), `new ${a}${b}${c}<h/>`)
    t.equal(put('l/f/h', '<h/>'), `new ${a}${b}<f><h/></f><o:g></o:g>`)
    t.equal(put('l/q:g/q:h', '<o:h/>'), `new ${a}${b}<f/><o:g><o:h/></o:g>`, 'among the prefixes of the document')
    t.equal(put('l', '<l xmlns="urn:l"><n/></l>'), '<n/>')
  },
)

t.test('RFC 4825 8.2.3, 11: what cannot be put is told by the right condition', async t => {
  const cases: readonly (readonly [string, string | Buffer, RegExp])[] = [
    ['l/x/y', '<y/>', /^no-parent/],
    ['l/e/y', '<y/>', /^no-parent/],
    ['k', '<k xmlns="urn:l"/>', /^cannot-insert/],
    ['l/e[9]', '<e/>', /^cannot-insert: only 2 elements/],
    ['l/e[0]', '<e/>', /^cannot-insert/],
    ['l/e[@n="3"]', '<e n="4"/>', /^cannot-insert/],
    ['l/e[@n="1"]', '<f n="1"/>', /^cannot-insert/],
    ['l/h', '<o:h/>', /^cannot-insert/],
    ['l/e', '<e n="3"/>', /^cannot-insert/],
    ['l/h', '<h>', /^not-xml-frag: line 1, column \d+: /],
    ['l/h', '', /^not-xml-frag/],
    ['l/h', '<h/><h/>', /^not-xml-frag/],
    ['l/h', 'x<h/>', /^not-xml-frag/],
    ['l/h', '</l><l>', /^not-xml-frag/],
    ['l/h', '</parent><parent>', /^not-xml-frag/],
    ['l/h', '<p:h/>', /^not-xml-frag/],
    ['l/h', '<h>&x;</h>', /^not-xml-frag/],
    ['l/h', '<!DOCTYPE h><h/>', /^not-xml-frag/],
    ['l/h', '<?xml version="1.0"?><h/>', /^not-xml-frag/],
    ['l/h', Buffer.from([60, 104, 62, 255, 60, 47, 104, 62]), /^not-utf-8/],
    ['l/x/@n', '1', /^no-parent/],
    ['l/f/@n', '<', /^not-xml-att-value/],
    ['l/f/@n', '&x;', /^not-xml-att-value/],
    ['l/f/@n', Buffer.from([255]), /^not-utf-8/],
    ['l/f/@z:n', '1', /^cannot-insert: no prefix/],
    ['l/e[@n="1"]/@n', '2', /^cannot-insert/],
  ]
  for (const [selector, content, wanted] of cases)
    t.match(
      conflict(() => put(selector, content)),
      wanted,
      `${selector} ${content}`,
    )
  t.match(
    conflict(() => put('l/h', `<h>${'x'.repeat(5000)}</h>`)),
    /^constraint-failure: more than 4096 bytes/,
  )
  t.throws(() => put('l/h', `<h>${'x'.repeat(4000)}</h>`), /^more than 4096 bytes/, 'the document would be too long')
})

t.test('RFC 4825 8.2.4: elements and attributes go, unless the selector would select another one', async t => {
  t.equal(remove('l/e[1]/@n'), DOCUMENT.slice(DOCUMENT.indexOf('>') + 1, -4).replace(' n="1"', ''))
  t.equal(remove('l/e[2]/@q:k')?.includes("<e  n = '2'>two"), true)
  t.equal(remove('l/e[@n="2"]/@n')?.includes('<e o:k="v">two'), true)
  t.equal(remove('l/f')?.includes('<f/>'), false)
  t.equal(remove('l/e[2]')?.includes('two'), false, 'the last one')
  t.equal(remove('l/h'), undefined)
  t.equal(remove('l/f/@n'), undefined)
  t.match(
    conflict(() => remove('l/e[1]')),
    /^cannot-delete: the same selector/,
  )
  t.match(
    conflict(() => remove('l')),
    /^cannot-delete/,
  )
})

t.test('attributes: set, made, with either quote inside', async t => {
  t.equal(put('l/f/@n', `it's "5"`)?.includes('<f n="it&apos;s &quot;5&quot;"/>'), true)
  t.equal(put('l/e[@n="2"]/@q:k', `it's`).includes('o:k="it&apos;s">two'), true)
  t.equal(put('l/f/@q:k', '1').startsWith('new '), true)
  t.equal(put('l/f/@q:k', '1').includes('<f o:k="1"/>'), true)
})

t.test('whatever is put, the document stays one, and has what was put; or it is a conflict', async t => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '/',
    'e',
    ' n="1"',
    '"',
    "'",
    '&amp;',
    '&',
    '<e/>',
    '</l>',
    '<l>',
    ']]>',
    '<![CDATA[',
    '<!--',
    '-->',
    '<?',
    'xmlns="u"',
  )
  const contents = fc.array(piece, { maxLength: 12 }).map(parts => parts.join(''))
  const selectors = fc.constantFrom('l', 'l/e[1]', 'l/e[3]', 'l/h', 'l/e[@n="1"]', 'l/f/@n', 'l/*[2]', 'l/f/e')
  fc.assert(
    fc.property(contents, selectors, (content, selector) => {
      try {
        const { text } = putPart(readXml(Buffer.from(DOCUMENT)), selectorOf(selector), Buffer.from(content), BOUNDS)
        const again = readXml(Buffer.from(text))
        if (again.root.name !== 'l') throw new Error('another root')
        deletePart(again, selectorOf(selector), BOUNDS)
      } catch (error) {
        if (!(error instanceof XcapConflict || error instanceof XmlError)) throw error
      }
    }),
    { numRuns: 3000 },
  )
  t.pass()
})
