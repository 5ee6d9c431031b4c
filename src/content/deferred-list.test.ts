import fc from 'fast-check'
import t from 'tap'
import { UNDATED } from '../base/time.ts'
import { listEntry } from './deferred-list.ts'
import { headFields } from './head-fields.ts'
import { LIST_END, LIST_START } from './list-xml.ts'
import { readXml } from './xml-read.ts'

const ROW = { storeId: 'sip:1@edge1.example.org', size: 1, receivedAt: 0, expiresAt: 9, sender: '' }

t.test('DM-STO-14: whatever a sender wrote, the list is well-formed and says one entry', async t => {
  const piece = fc.constantFrom(
    'Subject',
    's',
    'From',
    'f',
    'P-Asserted-Identity',
    ':',
    ' ',
    '\r\n',
    '\r\n ',
    '<',
    '>',
    '&',
    '"',
    'sip:a@b',
    ']]>',
    '\u0000',
    '\u00ff',
    '\u0085',
    'Date',
    'Sun, 09 Jul 2006 21:23:01 GMT',
  )
  const heads = fc.oneof(
    fc
      .array(piece, { maxLength: 30 })
      .map(parts => Buffer.from(`MESSAGE x SIP/2.0\r\n${parts.join('')}\r\n`, 'latin1')),
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(heads, fc.string({ unit: 'binary' }), (head, storeId) => {
      const { root } = readXml(Buffer.from(LIST_START + listEntry({ ...ROW, storeId, head }) + LIST_END))
      return (
        root.children.length === 1 &&
        root.children[0]!.children.every(({ name }) => /^(pager|size|expiry|subject|date)$/.test(name))
      )
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('what came while the clock was not trusted has no expiry in the list, and no year 9000', async t => {
  const entry = (expiresAt: number) => listEntry({ ...ROW, expiresAt, head: Buffer.from('MESSAGE x SIP/2.0\r\n\r\n') })
  t.match(entry(60_000), '<expiry>1970-01-01T00:01:00Z</expiry>')
  t.notMatch(entry(UNDATED + 60_000), /expiry|9000/)
})

t.test('the first field of each name, unfolded; a line that was cut off is left out', async t => {
  const fields = (text: string) => [...headFields(Buffer.from(text, 'latin1'))]
  t.strictSame(fields('MESSAGE x SIP/2.0\r\ns: a\r\n b\r\nSubject: c\r\nno field\r\nTo:\r\n\r\nFrom: d'), [
    ['subject', 'a b'],
    ['to', ''],
  ])
  t.strictSame(fields('MESSAGE x SIP/2.0\r\nTo: a\r\nSubject: cut o'), [['to', 'a']])
  t.strictSame(fields('INVITE x SIP/2.0\r\nTo: a\r\n'), [['to', 'a']], 'a head without an empty line')
  t.strictSame(fields(''), [])
})
