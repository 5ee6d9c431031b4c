import t from 'tap'
import { summaryBodies, summaryCounts, summaryGroup } from './message-summary.ts'

const ACCOUNT = 'sip:alice@example.org'
const NONE = { newCount: 0, oldCount: 0, urgentNew: 0, urgentOld: 0 }
const COUNTS = summaryCounts(ACCOUNT, { newCount: 2, oldCount: 0, urgentNew: 1, urgentOld: 0 })

const FIRST = summaryGroup([
  ['To', '<sip:alice@example.org>'],
  ['From', '<sip:bob@example.net>;tag=786'],
  ['Date', 'Sun, 09 Jul 2006 21:23:01 GMT'],
  ['Subject', 'carpool tomorrow?'],
  ['Priority', 'normal'],
  ['Message-ID', 'sip:13684434990@mailserver32.example.org'],
  ['P-Asserted-Identity', '<sip:bob@example.net>'],
])

const SECOND = summaryGroup([
  ['To', '<sip:alice@example.org>'],
  ['From', '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=91'],
  ['Date', 'Sun, 09 Jul 2006 21:25:12 GMT'],
  ['Priority', 'urgent'],
  ['Message-ID', 'sip:13684434991@mailserver32.example.org'],
])

t.test('DM-MWI-02, DM-MWI-03: the body of the worked example, 537 octets', async t => {
  const [body, ...others] = summaryBodies(COUNTS, [FIRST, SECOND], 1300)
  t.same(others, [])
  const example = [
    'Messages-Waiting: yes',
    'Message-Account: sip:alice@example.org',
    'Text-Message: 2/0 (1/0)',
    '',
    'To: <sip:alice@example.org>',
    'From: <sip:bob@example.net>;tag=786',
    'Date: Sun, 09 Jul 2006 21:23:01 GMT',
    'Subject: carpool tomorrow?',
    'Priority: normal',
    'Message-ID: sip:13684434990@mailserver32.example.org',
    'P-Asserted-Identity: <sip:bob@example.net>',
    '',
    'To: <sip:alice@example.org>',
    'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=91',
    'Date: Sun, 09 Jul 2006 21:25:12 GMT',
    'Priority: urgent',
    'Message-ID: sip:13684434991@mailserver32.example.org',
    '',
  ]
  t.equal(body?.toString('latin1'), example.join('\r\n'))
  t.same([COUNTS.length, FIRST.length, SECOND.length, body?.length], [88, 249, 200, 537])
})

t.test('RFC 3842 5.2: nothing waits', async t => {
  t.equal(
    summaryCounts(ACCOUNT, NONE).toString(),
    'Messages-Waiting: no\r\nMessage-Account: sip:alice@example.org\r\nText-Message: 0/0 (0/0)\r\n',
  )
})

t.test('RFC 3842 5.2: old messages wait as well, and no counter passes 2^32-1', async t => {
  const body = summaryCounts(ACCOUNT, { newCount: 0, oldCount: 2 ** 40, urgentNew: 0, urgentOld: 3 }).toString()
  t.match(body, /^Messages-Waiting: yes\r\n/)
  t.match(body, /\r\nText-Message: 0\/4294967295 \(0\/3\)\r\n$/)
})

t.test('docs/protocol.md: nothing in a header makes a line of its own, and octets stay as they are', async t => {
  const group = summaryGroup([['Subject', 'one\r\n two\r\nMessages-Waiting: no\n\ngr\u00c3\u00bcn']])
  t.equal(group.toString(), '\r\nSubject: one two Messages-Waiting: no gr\u00fcn\r\n')
})

t.test('RFC 3842 3.8: groups are shared out over bodies that fit, each with the counts before them', async t => {
  const room = COUNTS.length + FIRST.length + SECOND.length
  t.same(summaryBodies(COUNTS, [FIRST, SECOND, SECOND], room), [
    Buffer.concat([COUNTS, FIRST, SECOND]),
    Buffer.concat([COUNTS, SECOND]),
  ])
  t.same(summaryBodies(COUNTS, [FIRST, SECOND], room - 1), [
    Buffer.concat([COUNTS, FIRST]),
    Buffer.concat([COUNTS, SECOND]),
  ])
})

t.test('RFC 3842 3.8: a message too large for any body goes alone, and no message is the counts alone', async t => {
  t.same(summaryBodies(COUNTS, [SECOND, FIRST, SECOND], 300), [
    Buffer.concat([COUNTS, SECOND]),
    Buffer.concat([COUNTS, FIRST]),
    Buffer.concat([COUNTS, SECOND]),
  ])
  t.same(summaryBodies(COUNTS, [], 10), [COUNTS])
})
