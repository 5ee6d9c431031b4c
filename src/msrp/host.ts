import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { AssemblyBudget } from './assembly.ts'
import type { Connection } from './connection.ts'
import type { MsrpLimits } from './limits.ts'
import type { RelayRoom } from './relay-leg.ts'
import type { Session } from './session.ts'
import type { MsrpUri } from './uri.ts'

export interface MsrpOutputs {
  /** `bytes` are the host's from then on. */
  transmit(flow: Flow, bytes: Buffer): void
  /** `transmit` may follow at once; the host keeps it, bounded, until connected, or reports the flow closed. */
  connect(flow: Flow): void
  close(flow: Flow): void
  /** Stop or go on reading from it. What was read before still comes. */
  hold(flow: Flow, isHeld: boolean): void
}

/** What sessions and connections need of the endpoint that holds them. */
export interface MsrpHost {
  readonly timers: Timers
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
  readonly limits: MsrpLimits
  readonly outputs: MsrpOutputs
  readonly budget: AssemblyBudget
  readonly relayRoom: RelayRoom
  /** Every input runs inside one of these; when the outermost ends, each connection transmits once. */
  run(now: Now, work: () => void): void
  wakes(connection: Connection): void
  sessionAt(toPath: string): Session | undefined
  /** A connection to where `uri` points, shared if there is one. Undefined: there may be no more. */
  connectionTo(uri: MsrpUri, address: string): Connection | undefined
  forget(now: Now, session: Session, connection: Connection | undefined): void
  drop(now: Now, connection: Connection, reason: string): void
}
