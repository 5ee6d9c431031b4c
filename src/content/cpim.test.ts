import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { encodeCpim } from './cpim.ts'

const AT = Date.UTC(2026, 1, 3, 4, 5, 6, 7) as WallTime
const alice = { displayName: 'Alice', uri: 'sip:alice@example.org' }
const bob = { uri: 'sip:bob@example.org' }

t.test('RFC 3862 2 headers, blank line, content headers, blank line, content', async t => {
  const body = Buffer.from([0, 13, 10, 255])
  const pieces = encodeCpim({
    from: alice,
    to: bob,
    dateTime: AT,
    subject: 'lunch',
    contentHeaders: [
      ['Content-Type', 'text/plain;charset=UTF-8'],
      ['Content-Encoding', 'deflate'],
    ],
    body,
  })
  t.equal(pieces[1], body, 'the body is not copied')
  t.equal(
    pieces[0]?.toString('latin1'),
    [
      'From: "Alice" <sip:alice@example.org>',
      'To: <sip:bob@example.org>',
      'DateTime: 2026-02-03T04:05:06.007Z',
      'Subject: lunch',
      '',
      'Content-Type: text/plain;charset=UTF-8',
      'Content-Encoding: deflate',
      '',
      '',
    ].join('\r\n'),
  )
})

t.test('RFC 3862 2.3 control characters cannot add a header, and quotes and backslashes are escaped', async t => {
  const from = { displayName: 'A "B" \\ C\r\nTo: <sip:eve@example.org>', uri: 'sip:alice@example.org' }
  const subject = 'a\\b\nX: y'
  const [head] = encodeCpim({
    from,
    to: bob,
    dateTime: AT,
    subject,
    contentHeaders: [['Content-Type', 'a/b\r\nX: y']],
    body: Buffer.alloc(0),
  })
  const lines = head!.toString('latin1').split('\r\n')
  t.equal(lines[0], 'From: "A \\"B\\" \\\\ C To: <sip:eve@example.org>" <sip:alice@example.org>')
  t.equal(lines[3], 'Subject: a\\\\b X: y')
  t.equal(lines[5], 'Content-Type: a/b X: y')
  t.equal(lines.length, 8)
})

t.test('bytes of UTF-8 go through as they are', async t => {
  const displayName = Buffer.from('Zoë').toString('latin1')
  const [head] = encodeCpim({
    from: { ...alice, displayName },
    to: bob,
    dateTime: AT,
    contentHeaders: [],
    body: Buffer.alloc(0),
  })
  t.match(head!.toString('utf8'), 'From: "Zoë" <sip:alice@example.org>\r\n')
  t.notMatch(head!.toString('utf8'), 'Subject')
})
