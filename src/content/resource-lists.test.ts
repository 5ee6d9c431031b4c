import t from 'tap'
import { resourcesListed } from './resource-lists.ts'

const read = (inner: string, namespace = 'urn:ietf:params:xml:ns:resource-lists') =>
  resourcesListed(Buffer.from(`<?xml version="1.0"?><resource-lists xmlns="${namespace}">${inner}</resource-lists>`))

t.test('RFC 4826 3.2: the entries of all lists in their order, and nothing of what nobody here knows', async t => {
  t.same(
    read(
      '<list name="a"><entry uri="sip:1@box.example.org"><display-name>one</display-name></entry>' +
        '<list><entry x="y" uri="sip:2@box.example.org"/></list><external anchor="http://example.org"/></list>' +
        '<x:entry xmlns:x="urn:x" uri="sip:9@box.example.org"/><list><entry uri="sip:3@box.example.org"/></list>',
    ),
    ['sip:1@box.example.org', 'sip:2@box.example.org', 'sip:3@box.example.org'],
  )
  t.same(read(''), [])
})

t.test('RFC 4826 3.2: what names nothing, and what is no XML', async t => {
  t.same(read('<list><entry/></list>'), [])
  t.same(read('<list><entry uri="sip:1@box.example.org"/></list>', 'urn:other'), [])
  t.throws(() => read('<list>'), { message: /unexpected close tag/ })
  t.throws(() => resourcesListed(Buffer.alloc(0)), { message: /document/ })
})
