import t from 'tap'
import { sipDate } from '../../base/time.ts'
import { boundaryOf, parseMultipart } from '../../content/multipart.ts'
import type { HistoryPiece } from '../../store/history.ts'
import { inPieces, sendWritten } from '../../testing/history-items.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { BOB_AOR } from '../../testing/store-fixtures.ts'
import type { ItemChunk } from './history-chunks.ts'
import { GivenHistory } from './history-given.fixture.ts'
import { WrappedChunks } from './history-wrapped.ts'

const octets = (length: number) => Buffer.from(new SeededEntropy('wrapped').bytes(length))

function trial(pieces: readonly HistoryPiece[]) {
  const given = new GivenHistory()
  const reference = given.session(pieces)
  const chunks = new WrappedChunks(given.item(reference), given.pieces(reference), new SeededEntropy('boundaries'))
  return { given, reference, wrapped: chunks }
}

/** The messages that the chunks are of, in the order of their beginnings: flags, and the parts of those that are whole. */
function messagesIn(chunks: readonly ItemChunk[]) {
  const byId = new Map<string, ItemChunk[]>()
  for (const chunk of chunks) byId.set(chunk.messageId, [...(byId.get(chunk.messageId) ?? []), chunk])
  return [...byId.values()].map(all => {
    const flags = all.map(({ send }) => send.flag).join('')
    const body = Buffer.concat(all.flatMap(({ send }) => send.body ?? []))
    const boundary = boundaryOf(/^Content-Type: (.*)\r\n$/m.exec(all[0]!.send.headers)![1]!)!
    const parts = flags.endsWith('$') ? parseMultipart(body, boundary) : []
    return { flags, parts: parts.map(part => [part.headers[0]![1], part.body.toString('latin1')]) }
  })
}

const partsOf = (piece: HistoryPiece) => [
  ['message/msrp', piece.bytes.toString('latin1')],
  ['message/sipfrag', `Date: ${sipDate(piece.at)}\r\nCall-ID: call-1@192.0.2.9\r\n`],
]

t.test('HIS-STO-04 HIS-DLV-04: each SEND whole, paths and all, with its time of receipt', async t => {
  const long = sendWritten('long', octets(200_000))
  const pieces = [
    sendWritten('one1', 'a'),
    sendWritten('back', 'b', { from: 'callee' }),
    sendWritten('none', undefined),
  ]
  const { given, wrapped } = trial([...pieces, ...inPieces(long, 65_536)])
  const { chunks, ended } = given.taken(wrapped)
  t.equal(ended, 'end')
  t.ok(chunks.every(({ bytes }) => bytes <= 65_536))
  t.same(
    messagesIn(chunks),
    [...pieces, long].map(piece => ({ flags: piece === long ? '+++$' : '$', parts: partsOf(piece) })),
  )
})

t.test('what one side says while the other is in the middle of it does not mix', async t => {
  const long = sendWritten('long', octets(200_000))
  const back = sendWritten('back', octets(100_000), { from: 'callee' })
  const [first, second, ...rest] = inPieces(long, 65_536)
  const [answer, ...more] = inPieces(back, 65_536)
  const { given, wrapped } = trial([first!, answer!, second!, ...more, ...rest])
  t.same(
    messagesIn(given.taken(wrapped).chunks).map(({ parts }) => parts),
    [partsOf(long), partsOf(back)],
  )
})

t.test('half a SEND is told to be forgotten, be something behind it or not; so is what the client refused', async t => {
  const half = inPieces(sendWritten('half', octets(200_000)), 65_536).slice(0, 3)
  const whole = sendWritten('good', 'text')
  const { given, wrapped } = trial([...half, whole, ...half])
  t.same(
    messagesIn(given.taken(wrapped).chunks).map(({ flags }) => flags),
    ['+++#', '$', '+++#'],
  )
  const refused = trial([...inPieces(sendWritten('long', octets(600_000)), 65_536), whole])
  const seen: string[] = []
  const { chunks } = refused.given.taken(refused.wrapped, ({ messageId }) => {
    seen.push(messageId)
    if (seen.length === 1) refused.wrapped.refused(messageId)
  })
  const [long, good] = messagesIn(chunks)
  t.match(long!.flags, /^\+{1,3}#$/)
  t.equal(good!.flags, '$')
})

t.test('an item that is removed meanwhile breaks it off', async t => {
  const { given, wrapped, reference } = trial(inPieces(sendWritten('long', octets(900_000)), 65_536))
  const { chunks, ended } = given.taken(wrapped, () => {
    given.model.execute({ verb: 'history.remove', aor: BOB_AOR, reference })
  })
  t.equal(ended, 'removed meanwhile')
  t.equal(chunks.at(-1)!.send.flag, '#')
})
