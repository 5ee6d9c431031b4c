/**
 * MSRP without sockets: how fast frames are parsed, and how fast two endpoints in one thread exchange them.
 *   node bench/msrp-throughput.ts [MB of messages, default 100]
 */
import { randomBytes } from 'node:crypto'
import { Counters } from '../src/base/counters.ts'
import type { Flow } from '../src/base/flow.ts'
import { silentLog } from '../src/base/log.ts'
import type { Instant, Now, WallTime } from '../src/base/time.ts'
import { Timers } from '../src/base/timers.ts'
import { MsrpEndpoint } from '../src/msrp/endpoint.ts'
import { encodeEndLine, encodeSendHead } from '../src/msrp/frame.ts'
import { MsrpParser } from '../src/msrp/parse.ts'

const MB = Number(process.argv[2] ?? 100)
const now: Now = { at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }

const timed = (label: string, bytes: number, frames: number, work: () => void, runs = 1): void => {
  const start = performance.now()
  for (let run = 0; run < runs; run++) work()
  const seconds = (performance.now() - start) / 1000 / runs
  console.log(`${label}: ${(bytes / 1e6 / seconds).toFixed(0)} MB/s, ${(frames / seconds).toFixed(0)} frames/s`)
}

const framesOf = (bodyBytes: number, count: number): Buffer => {
  const body = randomBytes(bodyBytes)
  const frames = Array.from({ length: count }, (_, i) => {
    const head = {
      transactionId: `tran${i}`,
      toPath: 'msrp://192.0.2.1:2855/abcdefghijklmnop;tcp',
      fromPath: 'msrp://192.0.2.2:2855/qrstuvwxyz234567;tcp',
      messageId: 'mess1',
      byteRange: { start: 1, end: bodyBytes, total: bodyBytes },
      contentType: 'text/plain',
    }
    return [Buffer.from(encodeSendHead(head)), body, Buffer.from(encodeEndLine(head.transactionId, '$', true))]
  })
  return Buffer.concat(frames.flat())
}

const parse = (bodyBytes: number, readBytes: number): void => {
  const count = Math.ceil(Math.min(MB * 1e6, 40e6) / Math.max(bodyBytes, 500))
  const wire = framesOf(bodyBytes, count)
  const work = (): void => {
    const parser = new MsrpParser()
    for (let at = 0; at < wire.length; at += readBytes) {
      parser.push(wire.subarray(at, at + readBytes))
      while (parser.next());
    }
  }
  work()
  timed(`parse, bodies of ${bodyBytes}, reads of ${readBytes}`, wire.length, count, work, 5)
}

/** Two endpoints whose transmissions are each other's input. */
const exchange = (messageBytes: number): void => {
  const wire: { to: number; flow: Flow; bytes: Buffer }[] = []
  const endpoints = [0, 1].map(
    side =>
      new MsrpEndpoint({
        hostname: '192.0.2.1',
        listeners: [{ transport: 'tcp', endpoint: { address: '192.0.2.1', port: 2855 + side } }],
        ...{ timers: new Timers(), counters: new Counters(), log: silentLog, entropy: { bytes: randomBytes } },
        outputs: {
          transmit: (flow, bytes) => wire.push({ to: 1 - side, flow, bytes }),
          connect: flow => endpoints[1 - side]!.flowOpened(now, flow),
          close: () => {},
          hold: () => {},
        },
      }),
  )
  const failed = (_now: Now, reason: string) => console.log(`failed: ${reason}`)
  const events = { onReady() {}, onClosed: failed, onMessage: () => 200 }
  const sessions = endpoints.map(endpoint => endpoint.open(events))
  sessions[1]!.start(now, { remotePath: [sessions[0]!.localPath], role: 'passive' })
  sessions[0]!.start(now, { remotePath: [sessions[1]!.localPath], role: 'active' })
  const body = [Buffer.alloc(messageBytes, 'x')]
  const count = Math.ceil((MB * 1e6) / Math.max(messageBytes, 2000))
  let sent = 0
  const send = (): void => {
    if (sent < count) sessions[0]!.send(now, { messageId: `mess${sent++}`, contentType: 'text/plain', body }, send)
  }
  for (let i = 0; i < 64; i++) send()
  const frames = count * Math.ceil(messageBytes / 2048)
  timed(`two endpoints, messages of ${messageBytes} in chunks of 2048`, count * messageBytes, frames, () => {
    for (let next = wire.shift(); next; next = wire.shift()) endpoints[next.to]!.received(now, next.flow, next.bytes)
  })
}

for (const readBytes of [65_536, 1448]) for (const bodyBytes of [2048, 200]) parse(bodyBytes, readBytes)
for (const messageBytes of [1_000_000, 200]) exchange(messageBytes)
