import fc from 'fast-check'
import t from 'tap'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { MemoryAssembly, type MsrpMessage } from './assembly.ts'
import type { ByteRange, ContinuationFlag, MsrpHead } from './frame.ts'
import { MSRP_LIMITS, type MsrpLimits } from './limits.ts'

const at = (ms: number): Now => ({ at: ms as Instant, wall: 0 as WallTime, isWallTrusted: true })

const headOf = (messageId: string, byteRange: ByteRange | undefined): MsrpHead => ({
  transactionId: 'abcd',
  method: 'SEND',
  status: 0,
  comment: '',
  toPath: 'msrp://a/1;tcp',
  fromPath: 'msrp://b/2;tcp',
  messageId,
  byteRange,
  contentType: 'text/plain',
  failureReport: 'yes',
  successReport: false,
  reportStatus: undefined,
  fields: [],
  lines: [],
  hasBody: true,
  defect: undefined,
})

const fixture = (limits: Partial<MsrpLimits> = {}) => {
  const all = { ...MSRP_LIMITS, ...limits }
  const budget = { left: all.assemblyBytes }
  const messages: MsrpMessage[] = []
  const assembly = new MemoryAssembly(all, budget, (_now, message) => {
    messages.push({ ...message, body: Buffer.from(message.body) })
    return 200
  })
  /** One chunk as the endpoint would hand it on; the status answered. */
  const chunk = (id: string, range: ByteRange | undefined, parts: string[], flag: ContinuationFlag, ms = 0): number => {
    let status = assembly.begin(at(ms), headOf(id, range))
    for (const part of parts) if (status === 200) status = assembly.data(at(ms), Buffer.from(part))
    let answered = 0
    assembly.end(at(ms), flag, (_now, decided) => {
      answered = status === 200 ? decided : status
    })
    return answered
  }
  return { assembly, budget, messages, chunk, whole: all.assemblyBytes }
}

const from = (start: number, end?: number, total?: number): ByteRange => ({ start, end, total })

t.test(
  'RFC 4975 5.1: chunks in any order, overlapping, with or without range end and total, make the message',
  async t => {
    const cut = fc.record({ start: fc.nat(99), length: fc.integer({ min: 1, max: 60 }), order: fc.nat(1000) })
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 100 }),
          fc.array(cut, { maxLength: 8 }),
          fc.boolean(),
          (total, extra, isOpen) => {
            const body = Array.from({ length: total }, (_, i) => String.fromCharCode(33 + (i % 90))).join('')
            const cuts = [
              { start: 0, length: Math.ceil(total / 2), order: 500 },
              ...extra.filter(({ start }) => start < total),
            ]
            const chunks = cuts
              .sort((a, b) => a.order - b.order)
              .map(({ start, length }) => [start, Math.min(total, start + length)] as const)
            const { chunk, messages, budget, whole } = fixture()
            for (const [start, end] of chunks) {
              if (end === total) continue
              const text = body.slice(start, end)
              chunk(
                'm',
                from(start + 1, isOpen ? undefined : end, isOpen ? undefined : total),
                [text.slice(0, 3), text.slice(3)],
                '+',
              )
            }
            if (messages.length > 0) return false
            const rest = Math.floor(total / 2)
            const status = chunk('m', from(rest + 1, undefined, isOpen ? undefined : total), [body.slice(rest)], '$')
            return (
              status === 200 && messages.length === 1 && messages[0]!.body.toString() === body && budget.left === whole
            )
          },
        ),
        { numRuns: 300 },
      ),
    )
  },
)

t.test('RFC 4975 5.1: where chunks overlap the latest wins', async t => {
  const { chunk, messages } = fixture()
  chunk('m', from(1), ['aaaa'], '+')
  chunk('m', from(3), ['bbbb'], '$')
  t.equal(messages[0]?.body.toString(), 'aabbbb')
})

t.test('RFC 4975 5.1: the chunk with $ may come first; the message waits for the gap', async t => {
  const { chunk, messages } = fixture()
  t.equal(chunk('m', from(3, 4, 4), ['34'], '$'), 200)
  t.equal(messages.length, 0)
  t.equal(chunk('m', from(1, 2, 4), ['12'], '+'), 200)
  t.equal(messages[0]?.body.toString(), '1234')
})

t.test('RFC 4975 5.1: # throws away what there was', async t => {
  const { chunk, messages, budget, whole } = fixture()
  chunk('m', from(1), ['old '], '+')
  t.equal(chunk('m', from(5), ['x'], '#'), 200)
  t.equal(budget.left, whole)
  chunk('m', from(5), ['late'], '$')
  t.equal(messages.length, 0, 'nothing of the old one is left to complete it')
})

t.test('an empty message and a message without Byte-Range are messages', async t => {
  const { chunk, messages } = fixture()
  t.equal(chunk('m', undefined, [], '$'), 200)
  t.equal(chunk('n', undefined, ['abc', 'def'], '$'), 200)
  t.strictSame(
    messages.map(message => message.body.toString()),
    ['', 'abcdef'],
  )
})

t.test('RFC 4975 10.5: 413 for a message past the bound, declared or not, and for its further chunks', async t => {
  const { chunk, messages, budget, whole } = fixture({ messageBytes: 10 })
  t.equal(chunk('declared', from(1, 2, 11), ['ab'], '+'), 413)
  t.equal(chunk('start', from(12), ['a'], '+'), 413)
  t.equal(chunk('grown', from(1), ['1234567890'], '+'), 200)
  t.equal(chunk('grown', from(11), ['1'], '+'), 413)
  t.equal(chunk('grown', from(1), ['1'], '$'), 413, 'and stays refused until its end')
  t.equal(chunk('grown', from(1), ['1'], '$'), 200, 'then the id is free')
  t.equal(messages.length, 1)
  t.equal(budget.left, whole)
})

t.test('unfinished messages are bounded in number, pieces and memory, and go stale', async t => {
  const { chunk, budget, whole, assembly } = fixture({ partialMessages: 2, pieces: 2, assemblyBytes: 20_000 })
  t.equal(chunk('a', from(1), ['x'], '+'), 200)
  t.equal(chunk('b', from(1), ['x'], '+'), 200)
  t.equal(chunk('c', from(1), ['x'], '+'), 413, 'number')
  t.equal(chunk('a', from(5), ['x'], '+'), 200)
  t.equal(chunk('a', from(9), ['x'], '+'), 413, 'pieces')
  t.equal(chunk('b', from(15_000), ['x'], '+'), 200)
  t.equal(chunk('b', from(21_000), ['x'], '+'), 413, 'memory')
  t.equal(chunk('c', from(1), ['x'], '+', 30_001), 200, 'the others got nothing for long enough')
  t.equal(budget.left, whole - 8192)
  assembly.abandon()
  t.equal(budget.left, whole)
})
