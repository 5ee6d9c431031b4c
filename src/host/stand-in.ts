import { closeSync, existsSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Config } from '../base/config.ts'
import { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import type { ServeOptions } from './box-options.ts'
import { SerialLine } from './console/line.ts'
import { ConsoleSeat } from './console/seat.ts'
import { isResetMarked } from './factory-reset.ts'
import { messageOf, PlainError } from './plain-error.ts'
import type { Notifier } from './service/notifier.ts'
import { standInPages } from './stand-in-pages.ts'
import { storeFileState } from './store-hold.ts'
import type { BoxState } from './watchdog/box-state.ts'

/** What somebody changed is found within this; looking costs two calls. */
const LOOK_MS = 2000
/** How often a medium that failed is tried: less often than what makes the service manager pause (StartLimitIntervalSec). */
const TRIED_MS = 60_000
/** What the manager allows until the next word. */
const EXTEND_S = 60
/** Written, flushed and read back. */
const TRIAL_BYTES = 4096

export interface StandInOptions {
  readonly config: Config
  readonly dataDir: string
  /** The configuration file, for the console. */
  readonly file: string
  /** Why the box cannot serve, in words. */
  readonly reason: string
  /** Nothing that the medium does changes it. */
  readonly isDamaged: boolean
  /** Of what comes out of a backup. */
  readonly openStore: ServeOptions['openStore']
  readonly notifier: Notifier
  readonly state: BoxState
  readonly entropy: Entropy
  readonly log: Log
  readonly lookMs?: number
  readonly triedMs?: number
}

/**
 * What a service is while its store cannot be opened: page, /healthz, LEDs, the service manager and the console of the configuration say why
 * and what to do, and nobody holds the folder, so that a backup can be put in place. The process starts anew once something is different.
 */
export class StandIn {
  /** What is different. */
  readonly over: Promise<string>
  readonly #options: StandInOptions
  readonly #file: string | undefined
  readonly #over: (why: string) => void
  readonly #closings: (() => unknown)[] = []
  #triedAt = performance.now()

  constructor(options: StandInOptions) {
    this.#options = options
    this.#file = fileState(options.dataDir)
    const { promise, resolve } = Promise.withResolvers<string>()
    this.over = promise
    this.#over = resolve
  }

  async start(): Promise<void> {
    const { config, log, notifier, state, reason, dataDir, lookMs = LOOK_MS } = this.#options
    log.error('the box takes no messages, and waits for somebody to help', { reason })
    state.set('fault', reason)
    notifier.status(`cannot take messages: ${reason}`)
    this.#look()
    const timer = setInterval(() => this.#look(), lookMs)
    this.#closings.push(() => clearInterval(timer))
    this.#openLine()
    this.#closings.push(await standInPages({ config, dataDir, reason, log }))
  }

  async close(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) await close()
  }

  #look(): void {
    const { dataDir, notifier, isDamaged, triedMs = TRIED_MS } = this.#options
    notifier.extendS(EXTEND_S)
    notifier.alive()
    if (isResetMarked(dataDir)) return this.#over('a factory reset was asked for')
    if (fileState(dataDir) !== this.#file) return this.#over('the store is another one')
    if (isDamaged || performance.now() - this.#triedAt < triedMs || existsSync(join(dataDir, 'mailbox', 'held'))) return
    this.#triedAt = performance.now()
    if (isWell(dataDir)) this.#over('the medium can be written and read')
  }

  #openLine(): void {
    const { config, file, dataDir, entropy, log, reason, openStore } = this.#options
    const { device, baud, flow_control: flowControl } = config.console
    if (device === '') return
    const counters = new Counters()
    const line = new SerialLine({
      ...{ device, baud, flowControl, log, counters: () => counters },
      session: (write, room) =>
        new ConsoleSeat({
          ...{ file, entropy, log, write, room },
          openStore: (folder, ...rest) =>
            resolve(folder) === dataDir ? Promise.reject(new PlainError(reason)) : openStore(folder, ...rest),
          line: { isPhysical: true, name: device, columns: 80, rows: 24 },
          left: () => {},
        }),
    })
    line.start()
    this.#closings.push(() => line.close('The service starts anew.'))
  }
}

/** A medium that fails tells nothing. */
function fileState(dataDir: string): string | undefined {
  try {
    return storeFileState(dataDir)
  } catch (error) {
    return messageOf(error)
  }
}

/** Whether what failed may do now: something small is written, flushed and read, and the beginning of the store is read. */
function isWell(dataDir: string): boolean {
  const trial = join(dataDir, 'medium-trial')
  try {
    const bytes = Buffer.alloc(TRIAL_BYTES)
    const file = openSync(trial, 'w+', 0o600)
    try {
      writeSync(file, bytes)
      fsyncSync(file)
      readSync(file, bytes, 0, TRIAL_BYTES, 0)
    } finally {
      closeSync(file)
      rmSync(trial, { force: true })
    }
    const store = openSync(join(dataDir, 'mailbox', 'data.mdb'), 'r+')
    try {
      readSync(store, bytes, 0, TRIAL_BYTES, 0)
    } finally {
      closeSync(store)
    }
    return true
  } catch (error) {
    return Object(error).code === 'ENOENT' && existsSync(dataDir)
  }
}
