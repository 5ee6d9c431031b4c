import t from 'tap'
import { sipDate, type WallTime } from '../../base/time.ts'
import { boundaryOf, parseMultipart } from '../../content/multipart.ts'
import type { HistoryPiece } from '../../store/history.ts'
import { inPieces, type MessageKept, messageKept, sendWritten, sessionOpened } from '../../testing/history-items.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { ALICE_AOR, BOB_AOR, STORED_AT } from '../../testing/store-fixtures.ts'
import { type HistoryBody, LargeHistoryBody, messageBody, sessionBody } from './history-body.ts'
import type { ItemChunk } from './history-chunks.ts'
import type { HistoryForms } from './history-forms.ts'
import { GivenHistory } from './history-given.fixture.ts'
import { PageChunks } from './history-page.ts'

const ALL = { message: 'message/sip', hasFragments: true, hasLarge: true, isWrapped: false } as const
type MessageForms = HistoryForms & { message: 'message/sip' | 'message/sipfrag' }
const entropy = () => new SeededEntropy('page')
const octets = (length: number) => Buffer.from(entropy().bytes(length))

const joined = (chunks: readonly ItemChunk[]) => Buffer.concat(chunks.flatMap(({ send }) => send.body ?? []))

const partsOf = (chunks: readonly ItemChunk[]) => {
  const type = /^Content-Type: (.*)\r\n$/m.exec(chunks[0]!.send.headers)![1]!
  return parseMultipart(joined(chunks), boundaryOf(type)!).map(({ headers, body }) => ({
    type: headers.find(([name]) => name === 'content-type')![1],
    id: headers.find(([name]) => name === 'content-id')?.[1],
    body,
  }))
}

const idOf = (reference: string) => `<${reference.replace('sip:', '')}>`

function bodyOfMessage(given: GivenHistory, reference: string, forms: MessageForms): HistoryBody {
  let made: HistoryBody | undefined
  const parts = { pieces: given.pieces(reference), entropy: entropy() }
  messageBody(given.now, given.item(reference), forms, parts, (_now, body) => {
    if ('why' in body) throw new Error(body.why)
    made = body
  })
  return made!
}

function messageGiven(kept: MessageKept, forms: MessageForms = ALL) {
  const given = new GivenHistory()
  given.model.execute(messageKept(7, kept))
  const [reference] = given.references()
  const page = new PageChunks(bodyOfMessage(given, reference!, forms), 'id01')
  return { reference: reference!, ...given.taken(page) }
}

const BYTES = Buffer.from(
  `MESSAGE ${BOB_AOR} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nX-Odd:  \xe9 ;;\r\n\tmore\r\n` +
    `f: "A" <${ALICE_AOR}>;tag=1\r\nP-Asserted-Identity: <${ALICE_AOR}>\r\nDate: Sun, 09 Jul 2006 21:23:01 GMT\r\n` +
    'l: 5\r\n\r\n--\x00\xff\r',
  'latin1',
)
const RECEIVED = sipDate((STORED_AT + 7000) as WallTime)

t.test(
  'HIS-DLV-02, 03, 04: a MESSAGE is message/sip byte for byte, its reference with it, and the time of receipt',
  async t => {
    const { chunks, ended, reference } = messageGiven({ bytes: BYTES })
    t.equal(ended, 'end')
    t.equal(chunks.length, 1)
    const length = joined(chunks).length
    t.match(
      chunks[0]!.send.headers,
      `Message-ID: id01\r\nByte-Range: 1-${length}/${length}\r\nContent-Type: multipart/mixed;`,
    )
    t.equal(chunks[0]!.send.flag, '$')
    const [message, receipt, ...others] = partsOf(chunks)
    t.same(others, [])
    t.same(message, { type: 'message/sip', id: idOf(reference), body: BYTES })
    t.same(receipt?.type, 'message/sipfrag')
    t.equal(receipt?.body.toString(), `Date: ${RECEIVED}\r\nCall-ID: call-7@192.0.2.9\r\n`)
  },
)

t.test(
  'HIS-DLV-03: a client that takes no fragments has the time of receipt in Date, where the sender wrote none',
  async t => {
    const forms = { ...ALL, hasFragments: false, hasLarge: false }
    t.same(
      partsOf(messageGiven({ bytes: BYTES }, forms).chunks).map(({ body }) => body),
      [BYTES],
      'the sender wrote one',
    )
    const [part, ...others] = partsOf(messageGiven({}, forms).chunks)
    t.same(others, [])
    t.match(part!.body.toString(), `\r\nDate: ${RECEIVED}\r\n\r\nmessage 7`)
  },
)

t.test('HIS-DLV-04: message/sipfrag, where that is all that the client takes, is without Via', async t => {
  const [message] = partsOf(messageGiven({ bytes: BYTES }, { ...ALL, message: 'message/sipfrag' }).chunks)
  t.equal(message!.type, 'message/sipfrag')
  t.equal(message!.body.toString('latin1'), BYTES.toString('latin1').replace(/Via: .*\r\n/, ''))
})

t.test('RFC 3325: who asked for privacy is named to nobody', async t => {
  const [message] = partsOf(messageGiven({ bytes: BYTES, item: { isAnonymous: true } }).chunks)
  t.notMatch(message!.body.toString('latin1'), /alice|P-Asserted/)
  t.match(message!.body.toString('latin1'), 'f: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1\r\n')
})

t.test('RFC 4975 5.1: more than a chunk goes in several, whose total is known at the last', async t => {
  const bytes = Buffer.concat([BYTES, octets(65_536 - BYTES.length)])
  const { chunks } = messageGiven({ bytes })
  t.same(
    chunks.map(({ send, bytes: length }) => [send.flag, length > 65_536]),
    [
      ['+', false],
      ['$', false],
    ],
  )
  t.match(chunks[0]!.send.headers, 'Byte-Range: 1-*/*\r\n')
  t.match(chunks[1]!.send.headers, `Byte-Range: 65537-${joined(chunks).length}/${joined(chunks).length}\r\n`)
  t.ok(partsOf(chunks)[0]!.body.equals(bytes))
})

const INVITE = `INVITE ${BOB_AOR} SIP/2.0\r\nFrom: <${ALICE_AOR}>;tag=1\r\nSubject: s\r\n`
const LARGE = {
  ...sessionOpened(3, { kind: 'large' }),
  heads: { invite: Buffer.from(`${INVITE}c: application/sdp\r\nl: 9\r\n`) },
}

function largeGiven(pieces: readonly HistoryPiece[], heads = {}, opened: typeof LARGE = LARGE) {
  const given = new GivenHistory()
  const reference = given.session(pieces, opened, heads)
  const body = () => new LargeHistoryBody(given.item(reference), given.pieces(reference), entropy())
  return { given, reference, page: new PageChunks(body(), 'id01') }
}

t.test('HIS-DLV-04 C3: a large message is its INVITE, each SEND with all its headers, and its BYE', async t => {
  const sends = [
    sendWritten('one1', octets(70_000), { messageId: 'mess', range: '1-*/70004', flag: '+' }),
    sendWritten('two2', '\r\n--x', { messageId: 'mess', range: '70001-70004/70004' }),
  ]
  const answered = sendWritten('back', 'not a part of it', { from: 'callee' })
  const [first, ...rest] = inPieces(sends[0]!, 9000)
  const heads = {
    answer: Buffer.from('SIP/2.0 200 OK\r\nl: 3\r\n'),
    bye: Buffer.from('BYE sip:x SIP/2.0\r\nCSeq: 2 BYE\r\n'),
  }
  const { given, reference, page } = largeGiven([first!, answered, ...rest, sends[1]!], heads)
  const { chunks, ended } = given.taken(page)
  t.equal(ended, 'end')
  const parts = partsOf(chunks)
  t.same(
    parts.map(({ type, id, body }) => [type, id, body.toString('latin1')]),
    [
      ['message/sipfrag', idOf(reference), INVITE],
      ['message/sipfrag', undefined, 'SIP/2.0 200 OK\r\n'],
      ['message/msrp', undefined, sends[0]!.bytes.toString('latin1')],
      ['message/msrp', undefined, sends[1]!.bytes.toString('latin1')],
      ['message/sipfrag', undefined, 'BYE sip:x SIP/2.0\r\nCSeq: 2 BYE\r\n'],
      [
        'message/sipfrag',
        undefined,
        `Date: ${sipDate((STORED_AT + 3000) as WallTime)}\r\nCall-ID: call-3@192.0.2.9\r\n`,
      ],
    ],
  )
})

t.test('a large message without heads is still one', async t => {
  const { given, reference, page } = largeGiven([sendWritten('one1', 'text')], {}, { ...LARGE, heads: {} as never })
  const parts = partsOf(given.taken(page).chunks)
  t.same(
    parts.map(({ type }) => type),
    ['message/sipfrag', 'message/msrp', 'message/sipfrag'],
  )
  t.equal(parts[0]!.id, idOf(reference))
})

t.test('what the client refuses, or what vanishes, half-way is told to be forgotten', async t => {
  const sends = Array.from({ length: 9 }, (_, at) => sendWritten(`s${at}xx`, octets(60_000), { messageId: 'mess' }))
  const refused = largeGiven(sends)
  const { chunks, ended } = refused.given.taken(refused.page, () => refused.page.refused('id01'))
  t.same([chunks.map(({ send }) => send.flag).join(''), ended], ['+#', 'end'])
  const gone = largeGiven(sends)
  const { reference } = gone
  const taken = gone.given.taken(gone.page, () => {
    gone.given.model.execute({ verb: 'history.remove', aor: BOB_AOR, reference })
  })
  t.match(taken.chunks.map(({ send }) => send.flag).join(''), /^\+{1,3}#$/)
  t.equal(taken.ended, 'removed meanwhile')
  const failing = largeGiven(sends)
  failing.given.failure = 'busy'
  t.same(failing.given.taken(failing.page), { chunks: [], ended: 'storage: too many' })
})

t.test(
  'HIS-STO-02, 05, HIS-DLV-06: what goes before the SENDs of a session is its heads and when it began',
  async t => {
    const given = new GivenHistory()
    const reference = given.session([], sessionOpened(4), { bye: Buffer.from('BYE sip:x SIP/2.0\r\n') })
    const { chunks } = given.taken(new PageChunks(sessionBody(given.item(reference), entropy()), 'id01'))
    const parts = partsOf(chunks)
    t.same(
      parts.map(({ type, id, body }) => [type, id, body.toString().split('\r\n')[0]]),
      [
        ['message/sipfrag', idOf(reference), `INVITE ${BOB_AOR} SIP/2.0`],
        ['message/sipfrag', undefined, 'SIP/2.0 200 OK'],
        ['message/sipfrag', undefined, 'BYE sip:x SIP/2.0'],
        ['message/sipfrag', undefined, `Date: ${sipDate((STORED_AT + 4000) as WallTime)}`],
      ],
    )
  },
)

t.test('RFC 3325: the heads of a session name nobody who asked for privacy', async t => {
  const given = new GivenHistory()
  const reference = given.session([], sessionOpened(4, { isAnonymous: true }))
  const { chunks } = given.taken(new PageChunks(sessionBody(given.item(reference), entropy()), 'id01'))
  t.notMatch(joined(chunks).toString('latin1'), /alice|P-Asserted/)
  t.match(joined(chunks).toString('latin1'), 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1')
})
