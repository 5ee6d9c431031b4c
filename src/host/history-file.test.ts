import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HistoryPiece } from '../store/history.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Verb, Verbs } from '../store/verbs.ts'
import {
  HISTORY_LIMITS,
  inPieces,
  type MessageKept,
  messageKept,
  sendWritten,
  sessionOpened,
} from '../testing/history-items.ts'
import { ALICE_AOR, accountPut, BOB_AOR, STORED_AT } from '../testing/store-fixtures.ts'
import { type HistoryLink, historyFile } from './history-file.ts'

function setUp() {
  const model = new MemoryStore({ hostname: 'edge1.example.org' })
  model.execute(accountPut(BOB_AOR))
  const link: HistoryLink = {
    ask: async <V extends Verb>(verb: V, request: Verbs[V]['request']) =>
      model.execute({ verb, ...request } as never) as Verbs[V]['reply'],
  }
  const keep = (number: number, kept: MessageKept = {}) => model.execute(messageKept(number, kept))
  const record = (opened: ReturnType<typeof sessionOpened>, pieces: readonly HistoryPiece[]) => {
    const begun = model.execute(opened) as { record: number }
    model.execute({ verb: 'history.append', record: begun.record, pieces, limits: HISTORY_LIMITS })
    const participants = [{ uri: 'sip:carol@example.net', displayName: 'Carol', joinedAt: STORED_AT }]
    model.execute({ verb: 'history.close', record: begun.record, at: STORED_AT, keep: true, participants })
  }
  const write = async (filter = {}) => {
    const all: Buffer[] = []
    let done = 0
    for await (const bytes of historyFile(link, BOB_AOR, filter, () => done++)) all.push(bytes)
    return { file: Buffer.concat(all), done }
  }
  return { model, keep, record, write }
}

interface Mail {
  readonly [header: string]: unknown
  readonly parts: readonly { type: string; name: string | null; content: string; charset: string | null }[]
}

const PYTHON = `
import sys, json, mailbox, base64, email.policy
def text(v): return None if v is None else str(v)
for m in mailbox.mbox(sys.argv[1], factory=lambda f: __import__('email').message_from_binary_file(f, policy=email.policy.default)):
    parts = [dict(type=p.get_content_type(), name=p.get_filename(), charset=p.get_content_charset(),
                  content=base64.b64encode(p.get_payload(decode=True)).decode()) for p in m.iter_parts()]
    defects = [str(d) for p in m.walk() for d in p.defects]
    print(json.dumps(dict({k: text(v) for k, v in m.items()}, parts=parts, defects=defects)))
`

/** The file as another program reads it: the mail library of Python, else what its structure says. */
function readMails(t: Test, file: Buffer): Mail[] {
  const path = join(t.testdir(), 'x.mbox')
  writeFileSync(path, file)
  const { status, stdout, error } = spawnSync('python3', ['-c', PYTHON, path], { encoding: 'utf8' })
  if (error || status !== 0) return readByHand(file)
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

function readByHand(file: Buffer): Mail[] {
  const mails = file
    .toString('latin1')
    .split(/^From .*\n/m)
    .slice(1)
  return mails.map(mail => {
    const [head = '', ...rest] = mail.split('\n\n')
    const headers = Object.fromEntries(
      head.split(/\n(?! )/).map(line => [line.slice(0, line.indexOf(':')), decoded(line.slice(line.indexOf(':') + 2))]),
    )
    const parts = rest
      .join('\n\n')
      .split(/^--=_restante\n/m)
      .slice(1)
      .map(part => {
        const [lines = '', content = ''] = part.split('\n\n')
        const field = (name: string) => new RegExp(name, 'i').exec(lines)?.[1] ?? null
        return {
          type: field('^content-type: ([^;\n]*)')!,
          charset: field('charset="?([^;"\n]*)')?.toLowerCase() ?? null,
          name: field('filename="(.*)"'),
          content: content.replace(/\n|--=_restante--/g, ''),
        }
      })
    return { ...headers, parts, defects: [] }
  })
}

const decoded = (text: string): string =>
  text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (_whole, word) => Buffer.from(word, 'base64').toString())

const bytesOf = ({ parts }: Mail, at: number): Buffer => Buffer.from(parts[at]!.content, 'base64')

t.test('HIS-STO-01: each message is a mail with what was written, and the request as received', async t => {
  const { keep, write } = setUp()
  const bytes = Buffer.concat([
    Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\nc: image/x-any;a="b c"\r\nFrom: <${ALICE_AOR}>\r\n\r\n`),
    Buffer.from([0, 255, 13, 10, 70, 114, 111, 109, 32, 13, 10, 46, 13, 10]),
  ])
  keep(1, { item: { subject: Buffer.from('caf\u00e9 \u2014 '.repeat(20)).toString('latin1') } })
  keep(2, { bytes, item: { from: 'tel:+4711', assertedIdentity: ALICE_AOR } })
  const { file, done } = await write()
  t.equal(done, 2)
  t.match(file.toString(), /^From alice@example\.org Sun Mar 17 17:46:41 2030\nFrom: "sip:alice@example\.org" <alice@/)
  const [first, second] = readMails(t, file)
  t.match(first, {
    From: /"?sip:alice@example.org"? <alice@example.org>/,
    To: /<bob@example.org>/,
    Date: 'Sun, 17 Mar 2030 17:46:41 +0000',
    Subject: 'caf\u00e9 \u2014 '.repeat(20).trim(),
    'Message-ID': /^<.*@edge1\.example\.org>$/,
    defects: [],
    parts: [
      { type: 'text/plain', charset: 'utf-8' },
      { type: 'application/octet-stream', name: 'message.sip' },
    ],
  })
  t.equal(bytesOf(first!, 0).toString(), 'message 1')
  t.strictSame(bytesOf(first!, 1), messageKept(1).piece.bytes)
  t.match(second, { From: /unknown@address\.invalid/, parts: [{ type: 'image/x-any' }, {}] })
  t.strictSame(bytesOf(second!, 0), bytes.subarray(bytes.indexOf('\r\n\r\n') + 4), 'octets are octets')
  t.strictSame(bytesOf(second!, 1), bytes)
})

t.test('what stands in CPIM and multipart is shown, and nothing of it is a header of the mail', async t => {
  const { keep, write } = setUp()
  const request = (type: string, body: string) =>
    Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\nContent-Type: ${type}\r\n\r\n${body}`)
  const cpim = 'From: <sip:a@b>\r\nNS: imdn <urn:x>\r\n\r\nContent-Type: text/html; charset=latin1\r\n\r\n<p>hi</p>'
  keep(1, { bytes: request('message/cpim', cpim) })
  keep(2, {
    bytes: request(
      'multipart/mixed;boundary=x',
      `--x\r\n\r\na\r\n--x\r\nContent-Type: message/cpim\r\n\r\n${cpim}\r\n--x--`,
    ),
  })
  keep(3, { bytes: request('multipart/mixed;boundary=x', 'no parts') })
  keep(4, {
    bytes: request('text/plain\tcharset; X-Evil: 1', 'a'),
    item: { subject: 'a\r\nBcc: x@y\r\n\r\nbody', from: 'sip:a\r\nb@c', callId: '\u001b[2J' },
  })
  keep(5, { bytes: Buffer.from('MESSAGE\r\n'), item: { from: 'anonymous', isAnonymous: true } })
  const mails = readMails(t, (await write()).file)
  const types = mails.map(({ parts }) => parts.map(({ type }) => type))
  t.strictSame(types, [
    ['text/html', 'application/octet-stream'],
    ['text/plain', 'text/html', 'application/octet-stream'],
    ['application/octet-stream', 'application/octet-stream'],
    ['application/octet-stream', 'application/octet-stream'],
    ['application/octet-stream'],
  ])
  t.equal(bytesOf(mails[1]!, 1).toString(), '<p>hi</p>')
  t.notMatch(mails[3], { Bcc: String })
  t.equal(Object.keys(mails[3]!).join(), Object.keys(mails[0]!).join(), 'no header of its own')
  t.match(mails[4], { From: 'Anonymous <anonymous@anonymous.invalid>', defects: [] })
})

t.test('HIS-DLV-03: who asked for privacy is nowhere in the file', async t => {
  const { keep, record, write } = setUp()
  const hidden = { from: 'anonymous', isAnonymous: true }
  const owners = [{ aor: BOB_AOR, role: 'receiver', peer: 'anonymous' }] as const
  keep(1, { item: hidden, owners })
  record({ ...sessionOpened(2, hidden), owners }, [sendWritten('ab12', 'hello')])
  const text = readMails(t, (await write()).file)
    .flatMap(({ parts, ...headers }) => [
      JSON.stringify(headers),
      ...parts.map(part => Buffer.from(part.content, 'base64').toString()),
    ])
    .join('\n')
  t.match(text, /message 1/)
  t.match(text, /INVITE sip:bob/)
  t.notMatch(text, 'sip:alice')
})

t.test(
  'HIS-STO-04: a session is one mail with a part for each message, chunks joined, and all SENDs as received',
  async t => {
    const { record, write } = setUp()
    const large = Buffer.alloc(300_000, 'long line\r\n')
    const sends = [
      sendWritten('aa11', 'hello', { type: 'text/plain;charset=UTF-8' }),
      sendWritten('bb22', undefined),
      sendWritten('cc33', 'one ', { messageId: 'm1', range: '1-4/7', flag: '+', from: 'callee' }),
      sendWritten('dd44', 'two', { messageId: 'm1', range: '5-7/7', from: 'callee' }),
      sendWritten('ee55', 'x', { messageId: 'm2', range: '9-9/9' }),
      sendWritten('ff66', large, { type: 'video/any' }),
    ]
    record(
      sessionOpened(1),
      sends.flatMap(send => inPieces(send, 60_000)),
    )
    const { file } = await write()
    const [mail] = readMails(t, file)
    t.match(mail, { 'X-Restante-Kind': 'session', defects: [] })
    t.strictSame(
      mail!.parts.map(({ type, name }) => [type, name]),
      [
        ['text/plain', null],
        ['text/plain', null],
        ['text/plain', null],
        ['video/any', null],
        ['text/plain', 'session.txt'],
        ['application/octet-stream', 'session.msrp'],
      ],
    )
    t.strictSame(
      [0, 1, 2].map(at => bytesOf(mail!, at).toString()),
      ['hello', 'one two', 'x'],
    )
    t.strictSame(bytesOf(mail!, 3), large)
    t.match(
      bytesOf(mail!, 4).toString(),
      /^Carol <sip:carol@example\.net> from 2030-.*\r?\n\r\nINVITE .*\r\n\r\nSIP\/2\.0 200/s,
    )
    t.strictSame(bytesOf(mail!, 5), Buffer.concat(sends.map(({ bytes }) => bytes)), 'as received')
  },
)

t.test('what is gone by its turn is left out, and a filter lets through what it says', async t => {
  const { keep, model, write } = setUp()
  for (const number of [1, 2, 3]) keep(number)
  t.equal(readMails(t, (await write({ subject: 'SUBJECT 2' })).file).length, 1)
  const whole = model.execute.bind(model)
  t.equal(readMails(t, (await write()).file).length, 3)
  model.execute = ((request: { verb: Verb }) =>
    request.verb === 'history.get' ? undefined : whole(request as never)) as never
  t.equal((await write()).file.length, 0)
})
