import t from 'tap'
import { parseSdp } from '../../sdp/sdp.ts'
import { offeredStream } from '../../sdp/stream-answer.ts'
import type { HistoryPiece } from '../../store/history.ts'
import { inPieces, sendWritten } from '../../testing/history-items.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { GivenHistory, plain, plainPiece } from './history-given.fixture.ts'
import { ReplayChunks } from './history-replay.ts'

const mediaOf = (accept: string) => {
  const lines = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0']
  const stream = ['m=message 9 TCP/MSRP *', `a=accept-types:${accept}`, 'a=path:msrp://192.0.2.1:9/a;tcp']
  return offeredStream(parseSdp(Buffer.from(`${[...lines, ...stream].join('\r\n')}\r\n`)))!
}

function replayed(pieces: readonly HistoryPiece[], accept = '*') {
  const given = new GivenHistory()
  const replay = new ReplayChunks(given.pieces(given.session(pieces)), mediaOf(accept))
  return { given, replay, ...given.taken(replay) }
}

const octets = (length: number) => Buffer.from(new SeededEntropy('replay').bytes(length))

t.test('HIS-DLV-05, 06 C15: SEND by SEND as they came, from whichever side, with every header and flag', async t => {
  const odd = sendWritten('odd1', octets(3000), { range: '1-*/9000', flag: '+' })
  const text = odd.bytes.toString('latin1').replace('Message-ID', 'X-Any: \xe9;  b\r\nmessage-id')
  const pieces = [
    { ...odd, bytes: Buffer.from(text, 'latin1') },
    sendWritten('back', 'I hear you', { from: 'callee', type: 'message/cpim; a="b"' }),
    sendWritten('none', undefined),
    sendWritten('void', ''),
    sendWritten('gone', 'half', { flag: '#', from: 'focus' }),
    sendWritten('last', '\r\n-------othr+\r\n'),
  ]
  const { chunks, ended, replay } = replayed(pieces)
  t.equal(ended, 'end')
  t.same(
    chunks.map(plain),
    pieces.map(piece => plainPiece(piece)),
  )
  t.equal(replay.passedOver, 0)
})

t.test('HIS-DLV-06: however it was cut into pieces, and whatever the other side said between them', async t => {
  for (const size of [1, 7, 100, 2048]) {
    const long = sendWritten('long', octets(size * 20))
    const [first, ...rest] = inPieces(long, size)
    const back = sendWritten('back', 'meanwhile', { from: 'callee' })
    const { chunks, ended } = replayed([first!, back, ...rest])
    t.equal(ended, 'end')
    t.same(chunks.map(plain), [plainPiece(back), plainPiece(long)], `pieces of ${size}`)
  }
})

t.test('RFC 4975 5.1: a very long SEND is cut, its message is the same, and little of it is in memory', async t => {
  for (const [range, total] of [
    ['1-*/*', '*'],
    ['5-*/1000004', '1000004'],
  ] as const) {
    const body = octets(1_000_000)
    const long = sendWritten('long', body, { range })
    const { chunks } = replayed(inPieces(long, 65_536))
    t.ok(chunks.length > 3 && chunks.every(({ bytes }) => bytes <= 330_000), `${chunks.map(({ bytes }) => bytes)}`)
    t.ok(Buffer.concat(chunks.flatMap(({ send }) => send.body ?? [])).equals(body))
    t.equal(chunks.map(({ send }) => send.flag).join(''), `${'+'.repeat(chunks.length - 1)}$`)
    let next = Number(range[0])
    for (const { send, bytes } of chunks) {
      t.match(send.headers, `Byte-Range: ${next}-*/${total}\r\n`)
      next += bytes
    }
  }
})

t.test('a SEND without Byte-Range has none but where it is cut', async t => {
  const without = (piece: HistoryPiece): HistoryPiece => ({
    ...piece,
    bytes: Buffer.from(piece.bytes.toString('latin1').replace(/Byte-Range: .*\r\n/, ''), 'latin1'),
  })
  const [short] = replayed([without(sendWritten('shrt', 'text'))]).chunks
  t.notMatch(short!.send.headers, /byte-range/i)
  const long = replayed(inPieces(without(sendWritten('long', octets(500_000))), 65_536)).chunks
  t.ok(long.length > 1)
  for (const { send } of long) t.match(send.headers, /^Message-ID: long\r\nByte-Range: \d+-\*\/\*\r\nContent-Type:/)
})

t.test('what was asked for the one-time sender is not asked again', async t => {
  const asked = sendWritten('asks', 'text')
  const text = asked.bytes.toString('latin1')
  const bytes = Buffer.from(text.replace('Byte-', 'Success-Report: yes\r\nFailure-Report: no\r\nByte-'), 'latin1')
  t.same(replayed([{ ...asked, bytes }]).chunks.map(plain), [plainPiece(asked)])
})

t.test(
  'RFC 4975 8.6: a SEND of a type that the client did not list is passed over, with each of its chunks',
  async t => {
    const pieces = [
      sendWritten('kept', 'text'),
      sendWritten('pict', octets(2000), { type: 'image/png', messageId: 'image', flag: '+' }),
      sendWritten('more', octets(200_000), { type: 'image/png', messageId: 'image', range: '2001-*/*' }),
      sendWritten('mail', 'text', { type: 'Text/Plain;charset=utf-8', from: 'callee' }),
    ]
    const { chunks, replay } = replayed(
      pieces.flatMap(piece => inPieces(piece, 65_536)),
      'text/*',
    )
    t.same(chunks.map(plain), [plainPiece(pieces[0]!), plainPiece(pieces[3]!)])
    t.equal(replay.passedOver, 2)
  },
)

t.test('a message that the client refused is not gone on with, others are', async t => {
  const pieces = [
    sendWritten('one1', 'a', { messageId: 'bad1', flag: '+' }),
    sendWritten('one2', 'b', { messageId: 'bad1', range: '2-2/2' }),
    sendWritten('two1', 'c', { messageId: 'good' }),
  ]
  const given = new GivenHistory()
  const replay = new ReplayChunks(given.pieces(given.session(pieces)), mediaOf('*'))
  const { chunks } = given.taken(replay, ({ messageId }) => replay.refused(messageId === 'bad1' ? messageId : ''))
  t.same(
    chunks.map(({ send }) => send.headers.split('\r\n')[0]),
    ['Message-ID: bad1', 'Message-ID: good'],
  )
})

t.test('half a SEND is given as what it is: its message is to be forgotten, and the rest goes on', async t => {
  const half = inPieces(sendWritten('half', octets(2000)), 700).slice(0, 2)
  const after = sendWritten('next', 'whole')
  const { chunks, ended } = replayed([...half, after, ...half])
  t.equal(ended, 'end')
  t.equal(chunks.map(({ send }) => send.flag).join(''), '#$#')
  t.equal(plain(chunks[1]!), plainPiece(after))
})

t.test('what is no MSRP is passed over, and what follows is not', async t => {
  const good = sendWritten('good', 'text')
  const junk = (text: string): HistoryPiece => ({ ...good, bytes: Buffer.from(text) })
  const pieces = [junk('GET / HTTP/1.1\r\n\r\n'), good, junk(`MSRP bad1 SEND\r\n${'x'.repeat(20_000)}`), good]
  const { chunks, ended, replay } = replayed(pieces)
  t.equal(ended, 'end')
  t.same(chunks.map(plain), [plainPiece(good), plainPiece(good)])
  t.equal(replay.passedOver, 2)
})

t.test('an item that is removed meanwhile, or a store that does not answer, breaks it off', async t => {
  const pieces = Array.from({ length: 10 }, (_, at) => sendWritten(`s${at}xx`, octets(60_000)))
  const given = new GivenHistory()
  const reference = given.session(pieces)
  const removing = new ReplayChunks(given.pieces(reference), mediaOf('*'))
  const gone = given.taken(removing, () => {
    given.model.execute({ verb: 'history.remove', aor: 'sip:bob@example.org', reference })
  })
  t.equal(gone.ended, 'removed meanwhile')
  t.ok(gone.chunks.length > 0 && gone.chunks.length < 10)
  given.failure = 'busy'
  t.equal(given.taken(new ReplayChunks(given.pieces(reference), mediaOf('*'))).ended, 'storage: too many')
})
