import fc from 'fast-check'
import t from 'tap'
import { inPieces, sendWritten } from '../testing/history-items.ts'
import { SendReader } from './send-reader.ts'

/** What a reader tells of those octets, bodies joined. */
function read(pieces: readonly { readonly bytes: Buffer; readonly isEnd: boolean }[]) {
  const reader = new SendReader()
  const told: unknown[] = []
  let body = Buffer.alloc(0)
  const take = (all: ReturnType<SendReader['push']>) => {
    for (const piece of all)
      if (piece.kind === 'head') told.push(piece.head)
      else if (piece.kind === 'body') body = Buffer.concat([body, piece.bytes])
      else {
        told.push(body.toString('latin1'), piece.flag)
        body = Buffer.alloc(0)
      }
  }
  for (const { bytes, isEnd } of pieces) take(reader.push(bytes, isEnd))
  take(reader.end())
  return told
}

t.test('RFC 4975 9: head, body and end-line of SENDs, however they are cut into pieces', async t => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom('-------ab12$\r\n', '\r\n-------ab1', '\r\n\r\n', '\r\n').map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(bodies, fc.integer({ min: 1, max: 400 }), fc.constantFrom('$', '+', '#'), (bytes, size, flag) => {
      const body = Buffer.from(bytes)
      const first = sendWritten('ab12', body, { flag, messageId: 'm1', range: '7-*/*' })
      const second = sendWritten('cd34', undefined)
      const told = read([first, second].flatMap(send => inPieces(send, size)))
      t.strictSame(told, [
        { contentType: 'text/plain', messageId: 'm1', rangeStart: 7 },
        body.toString('latin1'),
        flag,
        { messageId: 'cd34', rangeStart: 1 },
        '',
        '$',
      ])
    }),
    { numRuns: 300 },
  )
})

t.test('what was cut off in the middle is given as far as it goes', async t => {
  const [whole] = inPieces(sendWritten('ab12', 'hello world'), 1000)
  const cut = (bytes: number) => read([{ bytes: whole!.bytes.subarray(0, -bytes), isEnd: false }]).slice(1)
  t.strictSame(cut(20), ['hello w', undefined])
  t.strictSame(
    cut(5),
    ['hello world', undefined].map(one => one && `${one}\r\n-------ab`),
  )
  t.strictSame(read([{ bytes: whole!.bytes.subarray(0, 20), isEnd: false }]).length, 3, 'a head alone')
})

t.test('octets that are no SEND are a body', async t => {
  t.strictSame(read([{ bytes: Buffer.from('nonsense\r\n\r\nmore'), isEnd: true }]), [{}, 'more', undefined])
  const long = Buffer.alloc(70_000, 'x')
  t.strictSame(read([{ bytes: long, isEnd: true }]), [{}, long.toString(), undefined])
})
