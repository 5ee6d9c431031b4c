import { listeners } from '../base/config.ts'
import { machineAddresses } from './addresses.ts'
import type { BoundListener, Opening, ServeOptions } from './box-options.ts'
import type { Certificates } from './certificates.ts'
import type { Clock } from './clock.ts'
import type { Capture } from './diagnosis/capture.ts'
import { Dns } from './dns.ts'
import { Doors } from './doors.ts'
import { endWork } from './end-work.ts'
import type { Listening } from './listening.ts'
import { type DrivenEngine, Loop } from './loop.ts'
import { engineLimits } from './memory/engine-limits.ts'
import { originPolicy } from './origins.ts'
import { Streams } from './streams.ts'
import { dialPolicy } from './tls-dial.ts'
import { Datagrams } from './udp.ts'
import type { WatchedStore } from './watched-store.ts'
import type { Xdms } from './xdms.ts'

/** Of the 5 s that a stop may take, beside what work under way takes: the last bytes of each stream. */
const STREAM_STOP_MS = 500

interface EngineNeeds {
  readonly makeEngine: ServeOptions['makeEngine']
  readonly store: WatchedStore
  readonly clock: Clock
  readonly certificates: Certificates | undefined
  readonly mailboxes: Xdms | undefined
  readonly capture: Capture
  readonly isSelfTesting: boolean
}

/** The engine with its sockets, its store and its clock. */
export interface RunningEngine {
  readonly engine: DrivenEngine
  readonly loop: Loop
  readonly streams: Streams
  readonly sip: readonly BoundListener[]
  readonly msrp: readonly BoundListener<'tcp' | 'tls'>[]
  readonly listeners: readonly Listening[]
}

export async function runEngine(opening: Opening, needs: EngineNeeds): Promise<RunningEngine> {
  const { config, log, entropy, counters, onClose } = opening
  const { makeEngine, store, clock, certificates, mailboxes, capture } = needs
  // The sockets come before the engine, which needs their ports; until the loop starts they deliver to nobody.
  let loop: Loop | undefined
  const datagrams = new Datagrams(
    {
      received: (flow, bytes) => loop?.received(flow, bytes),
      failed: (flow, reason) => loop?.closed(flow, reason),
    },
    counters,
  )
  const streams = new Streams(
    {
      opened: flow => loop?.opened(flow),
      received: (flow, bytes) => loop?.received(flow, bytes),
      closed: (flow, reason) => loop?.closed(flow, reason),
      full: (flow, isFull) => loop?.full(flow, isFull),
    },
    counters,
    entropy,
    new Doors({ certificates, dial: dialPolicy(config.tls), isAllowedOrigin: originPolicy(config), counters, log }),
  )
  onClose(async () => {
    loop?.end()
    await Promise.all([streams.closeAll(STREAM_STOP_MS), datagrams.close()])
  })
  const { sip, msrp } = await listen(opening, datagrams, streams)
  const engine = await makeEngine({
    config,
    sip,
    msrp,
    addresses: machineAddresses(),
    ...(certificates && { localFingerprint: () => certificates.fingerprint }),
    entropy,
    log,
    counters,
    isSelfTesting: needs.isSelfTesting,
    limits: engineLimits(),
  })
  const started = new Loop({ engine, clock, log, counters, capture })
  loop = started
  onClose(() => endWork(engine, started, streams, store))
  started.start({ datagrams, streams, dns: new Dns(), store, mailboxes })
  streams.open()
  const standing = [...datagrams.listeners, ...streams.listeners]
  return { engine, loop: started, streams, sip, msrp, listeners: standing }
}

async function listen(
  { config }: Opening,
  datagrams: Datagrams,
  streams: Streams,
): Promise<Pick<RunningEngine, 'sip' | 'msrp'>> {
  const wanted = listeners(config)
  const sip: BoundListener[] = []
  const msrp: BoundListener<'tcp' | 'tls'>[] = []
  for (const listener of wanted.sip) {
    const isDatagram = listener.transport === 'udp'
    const endpoint = isDatagram ? await datagrams.listen(listener) : await streams.listen('sip', listener)
    sip.push({ transport: listener.transport, endpoint })
  }
  for (const listener of wanted.msrp)
    msrp.push({ transport: listener.transport, endpoint: await streams.listen('msrp', listener) })
  return { sip, msrp }
}
