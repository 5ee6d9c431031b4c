import type { Config } from '../../base/config.ts'
import type { Entropy } from '../../base/entropy.ts'
import type { Log } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import type {
  CapturedMessage,
  CaptureWish,
  Diagnosis,
  Recovered,
  ResetLevel,
  TestStep,
} from '../../services/diagnosis.ts'
import type { Reset } from '../../services/status.ts'
import type { Access } from '../access.ts'
import type { BoundListener } from '../box-options.ts'
import type { Certificates } from '../certificates.ts'
import { Dns } from '../dns.ts'
import { storeError } from '../plain-error.ts'
import { dialPolicy, TlsDialler } from '../tls-dial.ts'
import { bootId } from '../watchdog/run-book.ts'
import type { WatchedStore } from '../watched-store.ts'
import type { Again } from './again.ts'
import type { Capture } from './capture.ts'
import { testDisk } from './disk-test.ts'
import { type NetworkTestParts, testMsrp, testSip } from './network-tests.ts'
import { isPowerOn, presenceLeftS } from './presence.ts'
import { recoverPassword } from './recovery.ts'
import { factoryReset, reload } from './restarting.ts'

interface DeskParts {
  readonly config: Config
  readonly dataDir: string
  readonly sip: readonly BoundListener[]
  readonly msrp: readonly BoundListener<'tcp' | 'tls'>[]
  /** Undefined where nothing speaks TLS. */
  readonly certificates: Certificates | undefined
  readonly capture: Capture
  readonly store: Pick<WatchedStore, 'ask'>
  readonly clock: { now(): Now; readonly trustedWall: number }
  readonly access: Pick<Access, 'recover'>
  readonly entropy: Entropy
  readonly log: Log
  readonly again?: Again | undefined
  /** Absent: whoever started the box knows nothing that it was shipped with. */
  readonly isShippedKnown?: boolean | undefined
  /** What the program was started for, the latest first; absent: nobody keeps that. */
  readonly starts?: (() => readonly Reset[]) | undefined
}

/** What a technician tries and watches at a box that runs. */
export class DiagnosisDesk implements Diagnosis {
  readonly #parts: DeskParts
  readonly #network: NetworkTestParts

  constructor(parts: DeskParts) {
    const { config, certificates, clock } = parts
    this.#parts = parts
    this.#network = {
      ...parts,
      hostname: config.hostname,
      // A cache of its own: what is wrong now is to be found now.
      dns: new Dns(),
      dialler: certificates && new TlsDialler(certificates, dialPolicy(config.tls)),
      now: () => clock.now(),
    }
  }

  testSip(target: string | undefined, signal: AbortSignal): AsyncIterable<TestStep> {
    return testSip(this.#network, target, signal)
  }

  testMsrp(target: string | undefined, signal: AbortSignal): AsyncIterable<TestStep> {
    return testMsrp(this.#network, target, signal)
  }

  testDisk(signal: AbortSignal): AsyncIterable<TestStep> {
    const { dataDir, config } = this.#parts
    const reserveBytes = config.deferral.reserve_bytes
    return testDisk({ dataDir, reserveBytes, record: () => this.#record() }, signal)
  }

  capture(wish: CaptureWish, signal: AbortSignal): AsyncIterable<CapturedMessage> | undefined {
    return this.#parts.capture.open(wish, signal)
  }

  reload(what: 'service' | 'machine', who: string): Promise<string | undefined> {
    return reload(this.#parts, what, who)
  }

  get isShippedKnown(): boolean {
    return this.#parts.isShippedKnown === true
  }

  async factoryReset(level: ResetLevel, who: string): Promise<string | undefined> {
    return factoryReset(this.#parts, level, who)
  }

  presenceLeftS(): Promise<number> {
    const { starts = () => [] } = this.#parts
    return presenceLeftS({ wasSwitchedOn: () => isPowerOn(starts(), bootId()) })
  }

  recoverPassword(line: string): Promise<Recovered> {
    return recoverPassword({ ...this.#parts, presenceLeftS: () => this.presenceLeftS() }, line)
  }

  /** What time it is, which it knows already: harmless, and flushed as a message is. */
  async #record(): Promise<void> {
    const { store, clock, dataDir } = this.#parts
    const result = await store.ask('clock', { wall: clock.trustedWall as never })
    if ('failure' in result) throw storeError(dataDir, result)
  }
}
