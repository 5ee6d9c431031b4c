import t from 'tap'
import { shownHeads, shownMessage } from './history-privacy.ts'

const head = (...lines: string[]): Buffer => Buffer.from(lines.map(line => `${line}\r\n`).join(''), 'latin1')
const text = (bytes: Buffer | undefined): string => bytes?.toString('latin1') ?? ''

const message = Buffer.concat([
  head(
    'MESSAGE sip:bob@example.org SIP/2.0',
    'f: "Alice; A" <sip:alice@example.org;x=1>',
    ' ;tag=77;y',
    't: <sip:bob@example.org>',
    'P-Asserted-Identity: <sip:alice@example.org>,',
    '\t<tel:+4711>',
    'm: <sip:alice@10.0.0.1>',
    'Privacy: id',
    'Call-ID: one',
    'X-Any: \xe9',
    '',
  ),
  Buffer.from('From: sip:alice@example.org\r\n\r\n\xff\x00', 'latin1'),
])

t.test('HIS-STO-01: without privacy the octets are the very same', async t => {
  t.equal(shownMessage(message, false), message)
  const invite = head('INVITE sip:bob@example.org SIP/2.0', 'P-Asserted-Identity: <sip:alice@example.org>')
  const answer = head('SIP/2.0 200 OK', 'P-Asserted-Identity: <sip:bob@example.org>')
  t.same(shownHeads({ invite, answer }, false), { invite, answer })
  t.equal(shownHeads({ invite }, false).invite, invite)
})

t.test('HIS-DLV-03 RFC 3325: of an anonymous sender nothing that names them, and all the rest', async t => {
  const shown = shownMessage(message, true)
  const [at, from] = [shown.indexOf('\r\n\r\n'), message.indexOf('\r\n\r\n')]
  t.same(shown.subarray(at), message.subarray(from), 'the body as it was')
  t.equal(
    text(shown.subarray(0, at + 2)),
    text(
      head(
        'MESSAGE sip:bob@example.org SIP/2.0',
        'f: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=77;y',
        't: <sip:bob@example.org>',
        'Privacy: id',
        'Call-ID: one',
        'X-Any: \xe9',
      ),
    ),
  )
})

t.test('RFC 5502, 7315, 8496: what a core wrote about an anonymous sender names them no less', async t => {
  const said = head(
    'MESSAGE sip:bob@example.org SIP/2.0',
    'From: <sip:anonymous@anonymous.invalid>;tag=1',
    'P-Served-User: <sip:alice@example.org>;sescase=orig;regstate=reg',
    'P-Charge-Info: <sip:alice@example.org>',
    'P-DCS-Trace-Party-ID: <sip:alice@example.org>',
    'P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=alice-cell',
    'P-Charging-Vector: icid-value=alice-1',
    'P-Called-Party-ID: <sip:bob@example.org>',
  )
  const shown = text(shownMessage(Buffer.concat([said, head('')]), true))
  t.notMatch(shown, 'alice')
  t.match(shown, 'P-Called-Party-ID: <sip:bob@example.org>', 'of the receiver')
  t.notMatch(text(shownHeads({ invite: said }, true).invite), 'alice')
})

t.test('DM-STO-03: what is the network’s own goes to no reader of a history, whoever sent it', async t => {
  const own = [
    'P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=cell-1',
    'p-charging-vector : icid-value=secret',
    'P-Charging-Function-Addresses: ccf=192.0.2.7;',
    ' ecf=192.0.2.8',
    'P-Served-User: <sip:alice@example.org>;sescase=orig',
  ]
  const shared = ['From: <sip:alice@example.org>;tag=a', 'P-Asserted-Identity: <sip:alice@example.org>', 'X-Any: \xe9']
  const body = Buffer.from('\r\nP-Served-User: said\r\n\r\n\xff', 'latin1')
  const start = 'MESSAGE sip:bob@example.org SIP/2.0'
  const received = Buffer.concat([head(start, ...own, ...shared), body])
  t.same(shownMessage(received, false), Buffer.concat([head(start, ...shared), body]))
  const every = head('INVITE sip:bob@example.org SIP/2.0', ...own, ...shared)
  for (const [name, shown] of Object.entries(shownHeads({ invite: every, answer: every, bye: every }, false)))
    t.equal(text(shown), text(head('INVITE sip:bob@example.org SIP/2.0', ...shared)), name)
  t.notMatch(text(shownHeads({ answer: every }, true).answer), /P-(Access|Charging|Served)/i, 'of who answered')
})

t.test('RFC 3323 4.1.1.3: a From that is anonymous already stays as it was written', async t => {
  const from = 'From: "Nobody" <sip:anonymous@anonymous.invalid>;tag=1'
  t.match(text(shownMessage(Buffer.concat([head('MESSAGE sip:b SIP/2.0', from), head('')]), true)), from)
  const lie = head('MESSAGE sip:b SIP/2.0', 'From: <sip:alice@anonymous.invalid.example.org>;tag=1')
  t.notMatch(text(shownMessage(lie, true)), 'example.org')
})

t.test('an address without brackets, and one without a tag', async t => {
  const shown = (from: string) => text(shownMessage(head('MESSAGE sip:b SIP/2.0', from), true)).split('\r\n')[1]
  t.equal(shown('From: sip:alice@example.org;tag=5'), 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=5')
  t.equal(shown('From:sip:alice@example.org'), 'From: "Anonymous" <sip:anonymous@anonymous.invalid>')
  t.equal(shown('From: "a>;tag=\\"" <sip:alice@h>;tag=5'), 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=5')
})

const CALLER = 'From: <sip:alice@example.org>;tag=a'
const heads = {
  invite: head('INVITE sip:bob@example.org SIP/2.0', CALLER, 'To: <sip:bob@example.org>', 'Privacy: id'),
  answer: head(
    'SIP/2.0 200 OK',
    CALLER,
    'To: <sip:bob@example.org>;tag=b',
    'P-Asserted-Identity: <sip:bob@example.org>',
  ),
}

t.test('HIS-STO-02, HIS-STO-05: an anonymous caller is named in no head, whoever hung up', async t => {
  for (const [from, to] of [
    [CALLER, 'To: <sip:bob@example.org>;tag=b'],
    ['From: <sip:bob@example.org>;tag=b', 'To: <sip:alice@example.org>;tag=a'],
  ]) {
    const shown = shownHeads({ ...heads, bye: head('BYE sip:x SIP/2.0', from!, to!) }, true)
    const all = [shown.invite, shown.answer, shown.bye].map(text).join('')
    t.notMatch(all, 'alice')
    t.equal(all.match(/anonymous\.invalid>;tag=a/g)?.length, 3)
    t.match(text(shown.bye), '<sip:bob@example.org>;tag=b')
    t.match(text(shown.answer), 'P-Asserted-Identity: <sip:bob@example.org>')
  }
})

t.test('a BYE of nobody knows whom names neither', async t => {
  const bye = head('BYE sip:x SIP/2.0', 'From: <sip:bob@example.org>;tag=b', 'To: <sip:alice@example.org>;tag=a')
  t.notMatch(text(shownHeads({ bye }, true).bye), 'example.org')
})

t.test('RFC 3325: whoever answered and asked for privacy is not asserted', async t => {
  const answer = Buffer.concat([heads.answer, head('Privacy: foo; ID')])
  const shown = text(shownHeads({ invite: heads.invite, answer }, false).answer)
  t.notMatch(shown, 'P-Asserted-Identity')
  t.match(shown, CALLER)
})
