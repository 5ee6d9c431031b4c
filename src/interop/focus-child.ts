import { createInterface } from 'node:readline'
import { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { Streams } from '../host/streams.ts'
import { Focus } from '../testing/focus.ts'
import type { FocusCommand, FocusReport } from './focus.ts'

/** A conference focus over loopback sockets: told what to do by lines of JSON, each answered by one. The first line says its port. */

/** Not the box's own: what is at one of its addresses is the box. */
const ADDRESS = '127.0.0.2'

const systemNow = (): Now => ({
  at: performance.now() as Instant,
  wall: Date.now() as WallTime,
  isWallTrusted: true,
})

let timer: NodeJS.Timeout | undefined
let focus: Focus | undefined

function act(what: (focus: Focus, now: Now) => void): void {
  if (!focus) return
  what(focus, systemNow())
  for (const output of focus.drain()) {
    if (output.kind === 'connect') streams.connect(output.flow)
    else if (output.kind === 'close') streams.close(output.flow)
    else if (output.kind === 'hold') streams.hold(output.flow, output.isHeld)
    else streams.write(output.flow, output.bytes)
  }
  clearTimeout(timer)
  const next = focus.nextTimeout()
  if (next === undefined) return
  timer = setTimeout(() => act((each, now) => each.timeout(now)), Math.max(0, Math.ceil(next - performance.now())))
}

const entropy = new SystemEntropy()
const streams = new Streams(
  {
    opened: (flow: Flow) => act((each, now) => each.flowOpened(now, flow)),
    received: (flow: Flow, bytes: Buffer) => act((each, now) => each.received(now, flow, bytes)),
    closed: (flow: Flow, why: string) => act((each, now) => each.flowClosed(now, flow, why)),
  },
  new Counters(),
  entropy,
)

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

function report(from: Focus): FocusReport {
  const { everybody, roster, invites } = from
  return {
    invites: invites.length,
    isWatched: roster.isWatched,
    members: everybody.map(member => ({
      uri: member.uri,
      agent: member.agent,
      isReady: member.isReady,
      ...(member.ended && { ended: member.ended }),
      answered: member.outcomes.filter(outcome => 'status' in outcome && outcome.status === 200).length,
      sends: from.wireTo(member).map(send => send.toString('base64')),
    })),
  }
}

const listener = { transport: 'tcp' as const, endpoint: { address: ADDRESS, port: 0 }, key: 'focus' }
const sip = await streams.listen('sip', listener)
const msrp = await streams.listen('msrp', listener)
focus = new Focus({ sip: [{ transport: 'tcp', endpoint: sip }], msrp, entropy })
streams.open()
say({ port: sip.port })

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as FocusCommand
  if (command === 'end') act((each, now) => each.end(now))
  say(report(focus))
}
process.exit(0)
