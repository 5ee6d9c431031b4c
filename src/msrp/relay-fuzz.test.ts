import fc from 'fast-check'
import t from 'tap'
import { type Frame, framesIn, otherOf, RelayTrial } from './relay.fixture.ts'
import type { RelaySide } from './relay-types.ts'
import { Side, seeded } from './simulated.fixture.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** What looks like ends of requests, and is none. */
const TRAPS = [
  '\r\n',
  '\r\n-------',
  '-------tran$\r\n',
  '\r\n-------zzzz+\r\n',
  '\r',
  '\0',
  '\xff',
  'MSRP abcd SEND\r\n',
]

const body = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...TRAPS), { maxLength: 12 }).map(parts => latin1(parts.join(''))) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.nat(100_000).map(length => Buffer.alloc(length, '\r\n------')) },
)

const header = fc
  .tuple(
    fc.stringMatching(/^X-[A-Za-z]{1,8}$/),
    fc.constantFrom(':', ': ', ':  \t'),
    fc.stringMatching(/^[ -~\xa0-\xff]{0,20}$/),
  )
  .map(parts => `${parts.join('')}\r\n`)

interface Made {
  readonly from: RelaySide
  readonly lines: string
  readonly method: 'SEND' | 'REPORT'
  readonly messageId: string
  readonly body: Buffer | undefined
  readonly flag: string
}

const made: fc.Arbitrary<Made> = fc.record({
  from: fc.constantFrom('caller' as const, 'callee' as const),
  lines: fc
    .tuple(fc.array(header, { maxLength: 3 }), fc.constantFrom('', 'Byte-Range: 1-*/*\r\n', 'byte-range:7-*/*\r\n'))
    .map(([lines, range]) => `${lines.join('')}${range}`),
  method: fc.constantFrom('SEND' as const, 'SEND' as const, 'SEND' as const, 'REPORT' as const),
  messageId: fc.constantFrom('one1', 'two2', 'three3'),
  body: fc.option(body, { nil: undefined }),
  flag: fc.constantFrom('$', '+', '#'),
})

/** Of the lines that are not ours to change. */
const others = ({ head }: Frame): string[] => head.lines.filter(line => !/^(to-path|from-path|byte-range):/i.test(line))

/** What came out for one request that went in; its parts, put together again. */
function takeWhole(out: Frame[], frame: Frame): Frame[] {
  const parts: Frame[] = []
  let length = 0
  do {
    const part = out.shift()
    if (!part) throw new Error('something is missing')
    parts.push(part)
    length += part.body.length
  } while (length < frame.body.length)
  return parts
}

function isSame(parts: Frame[], frame: Frame): boolean {
  const start = (frame.head.byteRange?.start ?? 1) - 1
  let at = start
  for (const part of parts) {
    if (parts.length > 1 && part.head.byteRange?.start !== at + 1) return false
    at += part.body.length
    if (part.flag !== (part === parts.at(-1) ? frame.flag : '+')) return false
    if (others(part).join('\r\n') !== others(frame).join('\r\n') || part.head.hasBody !== frame.head.hasBody)
      return false
  }
  return Buffer.concat(parts.map(part => part.body)).equals(frame.body)
}

t.test(
  'HIS-STO-03 HIS-STO-04 however it is cut on its way: what comes out is what went in, and so is what was captured',
  async t => {
    const property = fc.property(
      fc.array(made, { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(3000)),
      (all, cuts) => {
        const trial = new RelayTrial().start('caller', 'callee')
        const given: Record<RelaySide, Buffer[]> = { caller: [], callee: [] }
        const captured: Record<RelaySide, Buffer[]> = { caller: [], callee: [] }
        for (const [at, { from, method, messageId, lines, ...more }] of all.entries()) {
          // What is no SEND is never cut, hence bounded.
          const isReport = method === 'REPORT'
          const whole = isReport ? more.body?.subarray(0, 1000) : more.body
          const flag = isReport ? '$' : more.flag
          const parts = { id: `tran${at}`, method, messageId, flag, ...(whole && { body: whole }) }
          const request = trial.request(from, parts)
          // As text would be taken for lines to be ended.
          const place = request.indexOf('Message-ID')
          const bytes = Buffer.concat([request.subarray(0, place), latin1(lines), request.subarray(place)])
          given[from].push(bytes)
          const isSaying = whole !== undefined || flag === '#' || lines.includes('7-')
          if (!isReport && isSaying) captured[from].push(bytes)
        }
        let cut = 0
        for (const side of ['caller', 'callee'] as const) {
          const bytes = Buffer.concat(given[side])
          for (let at = 0; at < bytes.length; ) {
            const size = 1 + (cuts[cut++ % (cuts.length || 1)] ?? 4000)
            trial.say(side, bytes.subarray(at, at + size))
            at += size
          }
        }
        for (const side of ['caller', 'callee'] as const) {
          const heard = framesIn(trial.heardBytes(otherOf(side))).filter(({ head }) => head.method !== undefined)
          for (const frame of framesIn(Buffer.concat(given[side])))
            if (!isSame(takeWhole(heard, frame), frame)) return false
          if (heard.length > 0 || !trial.captured(side).equals(Buffer.concat(captured[side]))) return false
        }
        return trial.relay.state === 'ready'
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 150 }))
  },
)

t.test('whatever a peer makes of its octets, nothing throws, others are served, and nothing stays', async t => {
  const random = seeded(7)
  for (let round = 0; round < 150; round++) {
    const side = new Side(1, { relayHeldBytes: 10_000, relayWaitingBytes: 20_000 }, random.entropy)
    const options = { caller: {}, callee: {} }
    const good = new RelayTrial({}, options, side, 'good').start('caller', 'callee')
    const bad = new RelayTrial({}, options, side, 'bad').start(
      'caller',
      ...(random.below(2) ? (['callee'] as const) : []),
    )
    const frames = Array.from({ length: 8 }, (_, at) =>
      bad.request('caller', {
        id: `tran${at}`,
        messageId: `mess${random.below(3)}`,
        lines: ['', 'Byte-Range: 1-*/*\n', 'Byte-Range: 1-3/9\n', 'Failure-Report: partial\n'][random.below(4)]!,
        body: 'x'.repeat(random.below(2) ? 40_000 : 20),
        flag: '$+#'[random.below(3)]!,
      }),
    )
    const bytes = Buffer.concat(frames)
    for (let wrong = random.below(30); wrong > 0; wrong--) bytes[random.below(bytes.length)] = random.below(256)
    const stopAt = random.below(4) ? bytes.length : random.below(bytes.length)
    for (let at = 0; at < stopAt; ) {
      const size = 1 + random.below(20_000)
      bad.say('caller', bytes.subarray(at, Math.min(stopAt, at + size)))
      at += size
      if (random.below(10) === 0) side.endpoint.flowFull(side.now, bad.flows.callee, random.below(2) === 0)
      if (random.below(20) === 0) side.advance(20_000)
    }
    good.heardBytes('callee')
    good.say('caller', good.request('caller', { body: 'still served' }))
    if (framesIn(good.heardBytes('callee'))[0]?.body.toString() !== 'still served') t.fail(`round ${round}`)
    for (const flow of [...Object.values(bad.flows), ...Object.values(good.flows)])
      side.endpoint.flowClosed(side.now, flow, 'gone')
    side.advance(60_000)
    t.match(side.endpoint.describe(), {
      relays: { open: 0, unanswered: 0, waitingBytesLeft: 32 * 1024 * 1024 },
      sessions: 0,
    })
    if (side.timers.size !== 0) t.fail(`round ${round}: timers left`)
  }
})
