import fc from 'fast-check'
import t from 'tap'
import { namespacesInScope, pathTo, readBindings, readSelector, SelectorError } from './xcap-selector.ts'
import { readXml } from './xml-read.ts'

const DOCUMENT = `<?xml version="1.0"?>
<lists xmlns="urn:l" xmlns:o="urn:o">
  <list name="a&amp;b"><entry uri="1"/><entry uri="2" o:kind="x"/></list>
  <list name="c"><o:entry/><entry uri="1"/><sub xmlns=""><entry/></sub></list>
</lists>`
const { root, text } = readXml(Buffer.from(DOCUMENT))

const selected = (selector: string, query = ''): string | undefined => {
  const { steps } = readSelector(selector, readBindings(query), 'urn:l')
  const found = pathTo(root, steps)?.at(-1)
  return found && text.slice(found.start, found.end)
}

/** Whether it throws what callers expect. */
const isRefused = (run: () => unknown): boolean => {
  try {
    run()
  } catch (error) {
    return error instanceof SelectorError
  }
  return false
}

t.test('RFC 4825 6.3: by name, position, attribute, and both; each step selects exactly one element', async t => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['lists', text.slice(root.start, root.end)],
    ['*', text.slice(root.start, root.end)],
    ['lists[1]', text.slice(root.start, root.end)],
    ['lists[2]', undefined],
    ['list', undefined],
    ['lists/list', undefined],
    ['lists/*', undefined],
    ['lists/list[1]/entry[2]', '<entry uri="2" o:kind="x"/>'],
    ['lists/list[@name="a&amp;b"]/entry[1]', '<entry uri="1"/>'],
    ["lists/list[@name='a&#38;b']/entry[1]", '<entry uri="1"/>'],
    ['lists/list[@name="a&#x26;b"]/*[2]', '<entry uri="2" o:kind="x"/>'],
    ['lists/list[2][@name="c"]/entry', '<entry uri="1"/>'],
    ['lists/list[1][@name="c"]', undefined],
    ['lists/list[2]/*[1]', '<o:entry/>'],
    ['lists/list[0]', undefined],
    ['lists/list[999999999]', undefined],
    ['lists/list[@name="none"]', undefined],
  ]
  for (const [selector, found] of cases) t.equal(selected(selector), found, selector)
})

t.test('RFC 4825 6.4: prefixes are bound by the query, and the document’s own count for nothing', async t => {
  t.equal(selected('q:lists/q:list[2]/p:entry', 'xmlns(p=urn:o)xmlns(q=urn:l)'), '<o:entry/>')
  t.equal(selected('lists/list[1]/entry[@p:kind="x"]', ' xmlns( p =urn:o) '), '<entry uri="2" o:kind="x"/>')
  t.equal(selected('lists/list[2]/n:sub/n:entry', 'xmlns(n=)'), '<entry/>', 'of no namespace')
  t.same([...readBindings('xmlns(a=urn:x^(1^)^^)')], [['a', 'urn:x(1)^']])
  t.throws(() => selected('o:lists'), /the prefix o is bound to nothing in the query/)
  for (const query of [
    'xmlns',
    'a=b',
    'xmlns(a=b',
    'xmlns(a)',
    'xmlns(1=b)',
    'xmlns(a=b)x',
    'xpointer(a)',
    'xmlns(a=b^c)',
  ])
    t.ok(
      isRefused(() => readBindings(query)),
      query,
    )
})

t.test('RFC 4825 6.3: attribute and namespace selectors end it', async t => {
  const read = (selector: string) => readSelector(selector, new Map([['p', 'urn:o']]), 'urn:l').terminal
  t.strictSame(read('a/@b'), { kind: 'attribute', attribute: { namespace: '', name: 'b' } })
  t.strictSame(read('a/b/@p:c'), { kind: 'attribute', attribute: { namespace: 'urn:o', name: 'c' } })
  t.strictSame(read('a/namespace::*'), { kind: 'namespaces' })
  const path = pathTo(root, readSelector('lists/list[2]/n:sub', new Map([['n', '']]), 'urn:l').steps)!
  t.strictSame([...namespacesInScope(path)], [['o', 'urn:o']])
  t.strictSame(
    [...namespacesInScope(path.slice(0, 2))],
    [
      ['', 'urn:l'],
      ['o', 'urn:o'],
    ],
  )
})

t.test('what is no selector is refused, with the place', async t => {
  const wrong = [
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    'a[b]',
    'a[-1]',
    'a[1',
    'a[@b]',
    'a[@b=c]',
    'a[@b="c\']',
    'a[@b="<"]',
    'a[1][2]',
  ]
  const more = [
    'a[@b="c"][1]',
    'a[@b="&"]',
    'a[@b="&x;"]',
    'a[@b="&#x110000;"]',
    '@b',
    'a/@b/c',
    'a/@',
    'a/namespace::b',
  ]
  const axes = [
    '..',
    'a/..',
    '.',
    'a/text()',
    'child::a',
    'a|b',
    'a[last()]',
    'a/@*',
    '1',
    'a b',
    'a[1234567890]',
    'p::a',
    '**',
  ]
  for (const selector of [...wrong, ...more, ...axes])
    t.ok(
      isRefused(() => readSelector(selector, new Map(), '')),
      selector,
    )
  t.throws(() => readSelector('a/b/[', new Map(), ''), /at character 5$/)
  t.throws(() => readSelector(Array(33).fill('a').join('/'), new Map(), ''), /more than 32 steps/)
  t.throws(() => readSelector('a'.repeat(4097), new Map(), ''), /longer than 4096/)
})

t.test('any text is a selector or refused, and quickly', async t => {
  const token = fc.constantFrom(
    'a',
    '*',
    '/',
    '[',
    ']',
    '@',
    '=',
    '"',
    "'",
    '1',
    ':',
    'p',
    '&',
    '&lt;',
    '::',
    'namespace::*',
    '.',
    '\u00e9',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(token, { maxLength: 40 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(texts, fc.string({ unit: 'binary', maxLength: 30 }), (selector, query) => {
      try {
        pathTo(root, readSelector(selector, readBindings(query), 'urn:l').steps)
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error
      }
    }),
    { numRuns: 3000 },
  )
  for (const long of ['[1]'.repeat(1300), 'a:'.repeat(2000), `a[@b="${'&amp;'.repeat(700)}`, '"'.repeat(4000)])
    t.ok(isRefused(() => readSelector(long, new Map(), '')))
})
