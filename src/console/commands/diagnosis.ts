import type { CapturedMessage, TestStep } from '../../services/diagnosis.ts'
import { isoText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, partOf, Refused, running } from '../command.ts'

const CAPTURED_MAX = 10_000

async function tell({ report }: Context, steps: AsyncIterable<TestStep>): Promise<void> {
  let [count, failed] = [0, 0]
  for await (const { what, isOk, result } of steps) {
    count++
    if (!isOk) failed++
    await report.line(`${isOk ? 'ok    ' : 'FAILED'}  ${what}`)
    if (result !== '') await report.line(`        ${result}`, '        ')
  }
  await report.line(failed === 0 ? (count === 1 ? 'Passed.' : `All ${count} passed.`) : `${failed} of ${count} FAILED.`)
}

async function capture(context: Context, args: Args): Promise<void> {
  const { box, report, signal, key } = context
  const ends = new AbortController()
  signal.addEventListener('abort', () => ends.abort(), { once: true })
  const wish = { withBodies: args.has('bodies'), matching: args.get('TEXT') ?? '' }
  const messages = running(box).diagnosis.capture(wish, ends.signal)
  if (!messages) throw new Refused('As many look on as may. Try again later.')
  const most = Number(args.get('N') ?? CAPTURED_MAX)
  report.isPaged = false
  await report.line('--- SIP as it passes; any key ends ---')
  const end = () => ends.abort()
  key().then(end, end)
  let count = 0
  for await (const message of messages) {
    if (ends.signal.aborted) break
    await report.lines(capturedLines(message))
    if (++count >= most) break
  }
  ends.abort()
  await report.line(`--- ${count} captured ---`)
}

const capturedLines = ({ at, direction, transport, peer, head, dropped, ...seen }: CapturedMessage): string[] => [
  ...(dropped > 0 ? [`--- ${dropped} came too fast for this line ---`] : []),
  `--- ${isoText(at)} ${direction === 'in' ? '<-' : '->'} ${peer} ${transport} ---`,
  ...head.split('\n').filter(line => line !== ''),
  ...(seen.bodyBytes > 0 ? [`(${seen.bodyBytes} octets of body)`] : []),
  ...(seen.body === undefined ? [] : seen.body.split('\n')),
]

export const testCommands: readonly Command[] = commandsOf('enabled', [
  {
    syntax: 'test sip [URI]',
    help: 'OPTIONS to the listeners of the box, or to a URI',
    params: { URI: { help: 'e.g. sip:core.example.org' } },
    isReduced: true,
    run: (context, args) => tell(context, partOf(context.box, 'diagnosis').testSip(args.get('URI'), context.signal)),
  },
  {
    syntax: 'test msrp [HOST:PORT]',
    help: 'a connection to the listeners of the box, or elsewhere',
    params: { 'HOST:PORT': { help: 'e.g. 192.0.2.7:2855' } },
    isReduced: true,
    run: (context, args) =>
      tell(context, partOf(context.box, 'diagnosis').testMsrp(args.get('HOST:PORT'), context.signal)),
  },
  {
    syntax: 'test disk',
    help: 'writes, flushes and reads back',
    isReduced: true,
    run: context => tell(context, partOf(context.box, 'diagnosis').testDisk(context.signal)),
  },
])

export const captureCommands: readonly Command[] = commandsOf('enabled', [
  {
    syntax: 'capture sip [bodies] [count N] [matching TEXT...]',
    help: 'SIP as it passes, until a key; headers alone',
    params: {
      bodies: { help: 'what was written, too: others read it here' },
      count: { help: 'ends after so many' },
      N: { help: `1 to ${CAPTURED_MAX}`, range: [1, CAPTURED_MAX] },
      matching: { help: 'only what has this in its head' },
      TEXT: { help: 'in any case of letters' },
    },
    run: capture,
  },
])
