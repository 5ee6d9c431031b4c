import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Config } from '../../base/config.ts'
import type { Log } from '../../base/log.ts'
import type { SelfTestView } from '../../base/self-test-view.ts'
import type { Now } from '../../base/time.ts'
import type { ListenerTrials, ProgressFigures, Reset, ResetKind } from '../../services/status.ts'
import type { native } from '../native.ts'
import { messageOf, PlainError } from '../plain-error.ts'
import type { Notifier } from '../service/notifier.ts'
import { openingS } from '../service/voice.ts'
import type { WatchedStore } from '../watched-store.ts'
import { keptItsPower } from './board-reset.ts'
import { BoxState } from './box-state.ts'
import { type Deadman, forgetBlocked, wasBlocked } from './deadman.ts'
import { WatchdogDevice, wasResetByDevice } from './device.ts'
import { Heartbeat, type ManagerWord } from './heartbeat.ts'
import { judge, type Progress, STORE_SLOW_MS, type Verdict } from './progress.ts'
import { bootId, OWN_RESTARTS_MAX, RunBook } from './run-book.ts'

/** What is watched of a box. */
export interface WatchedBox {
  readonly config: Pick<Config, 'watchdog'>
  readonly store: Pick<WatchedStore, 'oldestMs' | 'stalledMs' | 'flushedAgoMs'>
  /** `examined`: without what this watch itself has to say, which it adds by `also`. */
  readonly health: { examined(): Promise<string | undefined>; also: () => string | undefined }
  readonly clock: { now(): Now }
  readonly loop: { readonly lateMs: number }
  readonly engine: { readonly selfTest?: SelfTestView | undefined }
  /** Absent: nobody tries its listeners. */
  readonly trials?: { readonly view: ListenerTrials } | undefined
}

interface WatchOptions {
  readonly notifier: Notifier
  readonly log: Log
  /** A service manager starts another process where this one ends with an error. */
  readonly isManaged: boolean
  /** RUNTIME_DIRECTORY: memory, no flash. */
  readonly runtimeDir?: string | undefined
  /** Ends a process that stands still where no service manager does. Absent: nothing of the process's own does. */
  readonly deadman?: Deadman | undefined
  readonly factoryReset?: 'config' | 'full' | undefined
  readonly addon?: typeof native
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicMs?: () => number
  /** The longest that the loop stood since it was asked before. */
  readonly lagMs?: () => number
  readonly root?: string
}

/** The manager's and the device's time is divided by it: two words may be late. */
const WORDS = 3
const TICK_MS_MAX = 5000
const TICK_MS_MIN = 200
/** What is looked through before it is opened is read twice. */
const OPENING_READS = 2
/** Between two boxes of one process, while it takes another configuration or other data. */
const WITHOUT_BOX_MS_MAX = 120_000

/**
 * Looks every few seconds whether messages get on, and only then feeds the watchdogs: the service manager's, and the machine's where one is
 * configured. Outlives the box, which may be had anew.
 */
export class BoxWatch {
  readonly state = new BoxState()
  /** Only a new start can help; why. It feeds nobody any more. */
  readonly ended: Promise<PlainError>
  readonly #options: WatchOptions
  readonly #end: (why: PlainError) => void
  readonly #heartbeat: Heartbeat
  readonly #monotonicMs: () => number
  readonly #lagMs: () => number
  #dataDir = ''
  #runs: RunBook | undefined
  #box: WatchedBox | undefined
  #withoutSince: number | undefined
  #device: WatchdogDevice | undefined
  #deviceTrouble = ''
  #latest: Progress | undefined
  #excused = 0
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #isOver = false

  constructor(options: WatchOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<PlainError>()
    this.ended = promise
    this.#end = resolve
    this.#heartbeat = new Heartbeat(options.runtimeDir)
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now())
    this.#lagMs = options.lagMs ?? loopDelay()
  }

  /** The folder is this process's alone from now on, and a store in it is opened next: why it was started is found out, once. */
  began(dataDir: string, { watchdog }: Pick<Config, 'watchdog'>): void {
    const { log, factoryReset, root, deadman, notifier } = this.#options
    if (notifier.watchdogMs === undefined) deadman?.watch(dataDir, watchdog.hang_s)
    deadman?.allow(openingS(dataDir) * OPENING_READS)
    if (this.#runs) return
    this.#dataDir = dataDir
    const traces = { boot: bootId(), beat: this.#heartbeat.last(), word: this.#heartbeat.word(), factoryReset }
    const machine = { wasResetByDevice: wasResetByDevice(watchdog.device, root), keptItsPower: keptItsPower(root) }
    this.#runs = new RunBook(dataDir, { ...traces, ...machine, wasBlocked: wasBlocked(dataDir) }, log)
  }

  /** A box serves; the function that is given back is called when it no longer does. */
  use(box: WatchedBox): () => void {
    this.#box = box
    this.#withoutSince = undefined
    this.#runs?.serves(box.clock.now())
    forgetBlocked(this.#dataDir)
    this.#options.deadman?.forbid()
    this.#openDevice(box.config.watchdog.device)
    this.#arm()
    void this.tick()
    return () => {
      if (this.#box !== box) return
      this.#box = undefined
      this.#withoutSince = this.#monotonicMs()
      this.#show('stopping', '')
    }
  }

  /** How the run before ended, as the service manager says. */
  get word(): ManagerWord | undefined {
    return this.#heartbeat.word()
  }

  get starts(): number {
    return this.#runs?.starts ?? 0
  }

  get resets(): readonly Reset[] {
    return this.#runs?.resets ?? []
  }

  get figures(): ProgressFigures {
    const { notifier, deadman } = this.#options
    const { condition, reason } = this.state.view
    const selfTest = this.#box?.engine.selfTest
    const flushedAgoMs = this.#box?.store.flushedAgoMs
    const at = this.#box?.clock.now().at ?? 0
    const device = this.#box?.config.watchdog.device ?? ''
    return {
      ...{ condition, reason },
      loopLagMs: Math.round(this.#latest?.loopLagMs ?? 0),
      storeMs: Math.round(this.#latest?.storeMs ?? 0),
      timersLateMs: Math.round(this.#latest?.timersLateMs ?? 0),
      flushedAgoS: flushedAgoMs === undefined ? undefined : Math.floor(flushedAgoMs / 1000),
      selfTest: {
        result: selfTest?.result ?? 'none yet',
        detail: selfTest?.detail ?? '',
        failures: selfTest?.failures ?? 0,
        agoS: selfTest?.at === undefined ? undefined : Math.max(0, Math.floor((at - selfTest.at) / 1000)),
      },
      listeners: this.#box?.trials?.view,
      serviceS: notifier.watchdogMs === undefined ? undefined : notifier.watchdogMs / 1000,
      deadmanS: deadman?.limitS,
      device:
        device === '' ? undefined : { path: device, timeoutS: this.#device?.timeoutS, problem: this.#deviceFault },
    }
  }

  /** Numbers for /metrics. */
  describe(): object {
    const { loopLagMs, storeMs, timersLateMs, listeners } = this.figures
    const kinds = Object.fromEntries(this.resets.slice(0, 1).map(({ kind }) => [kind, 1]))
    return {
      starts: this.starts,
      last_reset: kinds,
      progress: { loopLagMs, storeMs, timersLateMs, listenersSilent: listeners?.silent.length ?? 0 },
    }
  }

  /** The process is about to end, and this is why; the first word counts. */
  ending(kind: ResetKind, detail = ''): void {
    this.#runs?.ending(kind, detail)
  }

  /** Everything is closed, in order: nobody waits for a word any more. */
  close(): void {
    this.#isOver = true
    clearInterval(this.#timer)
    this.#options.deadman?.stop()
    this.#device?.close()
    this.#device = undefined
  }

  /** One look. Never rejects. */
  async tick(): Promise<void> {
    // A look that does not end is no progress.
    if (this.#isOver || this.#isLooking) return
    this.#isLooking = true
    try {
      this.#act(await this.#look())
    } catch (error) {
      this.#options.log.error('internal error', { stack: error instanceof Error ? error.stack : String(error) })
    } finally {
      this.#isLooking = false
    }
  }

  async #look(): Promise<Verdict | undefined> {
    const box = this.#box
    if (!box) {
      const withoutMs = this.#withoutSince === undefined ? 0 : this.#monotonicMs() - this.#withoutSince
      const reason = 'the box did not start again'
      return withoutMs > WITHOUT_BOX_MS_MAX ? { condition: 'restart', reason } : undefined
    }
    const problem = await box.health.examined()
    // What was due while the loop stood comes first.
    await nextTurn()
    const { selfTest } = box.engine
    const storeMs = box.store.oldestMs
    const isExcused = problem !== undefined || storeMs >= STORE_SLOW_MS || selfTest?.isRefused === true
    this.#excused = Math.min(selfTest?.failures ?? 0, isExcused ? Number.POSITIVE_INFINITY : this.#excused)
    const silent = box.trials?.view.silent.map(({ name, reason }) => `${name}: ${reason}`) ?? []
    const progress = {
      ...(silent.length > 0 && { silent: silent.join('; ') }),
      ...{ problem, loopLagMs: this.#lagMs(), selfTest, excused: this.#excused },
      ...{ storeMs, stalledMs: box.store.stalledMs, timersLateMs: box.loop.lateMs },
    }
    this.#latest = progress
    const verdict = judge(progress)
    const isOurs = problem === undefined && (verdict.condition === 'fault' || verdict.condition === 'restart')
    box.health.also = () => (isOurs ? verdict.reason : undefined)
    return verdict
  }

  #act(verdict: Verdict | undefined): void {
    if (this.#isOver) return
    if (verdict?.condition === 'restart') {
      const obstacle = this.#whyNot()
      if (obstacle === undefined) return this.#giveUp(verdict.reason)
      this.#show('fault', `${verdict.reason}; ${obstacle}`)
    } else if (verdict && this.#box) this.#show(verdict.condition, verdict.reason)
    const { condition, reason } = this.state.view
    this.#heartbeat.beat(condition, reason)
    this.#options.notifier.alive()
    this.#device?.keepAlive()
  }

  #show(condition: Exclude<Verdict['condition'], 'restart'> | 'stopping', reason: string): void {
    const { view } = this.state
    if (view.condition !== condition || view.reason !== reason) {
      const said = { state: condition, ...(reason !== '' && { reason }) }
      if (condition === 'ready' || condition === 'stopping') this.#options.log.info('state of the box', said)
      else if (view.condition !== condition) this.#options.log.warn('state of the box', said)
    }
    this.state.set(condition, reason)
  }

  /** Why it cannot begin anew by itself; undefined: it can. */
  #whyNot(): string | undefined {
    if (!this.#options.isManaged && !this.#device) return 'nobody would start it anew, so it goes on'
    if (this.#runs?.mayRestart) return undefined
    return `it began anew ${OWN_RESTARTS_MAX} times within an hour and nothing was better, so it goes on`
  }

  /** Nobody is fed any more, so that it ends even where it cannot end by itself. */
  #giveUp(reason: string): void {
    this.#isOver = true
    clearInterval(this.#timer)
    this.#options.log.error('the box begins anew', { reason })
    this.#runs?.ending('watchdog', reason)
    this.#heartbeat.beat('fault', reason)
    this.state.set('fault', `begins anew: ${reason}`)
    this.#options.notifier.status(`begins anew: ${reason}`)
    this.#end(new PlainError(`The box begins anew: ${reason}`))
  }

  #openDevice(path: string): void {
    if (this.#device?.path === path) return
    this.#device?.close()
    this.#device = undefined
    this.#deviceTrouble = ''
    if (path === '') return
    const { log, addon, root } = this.#options
    try {
      this.#device = new WatchdogDevice({ path, log, ...(addon && { addon }), ...(root !== undefined && { root }) })
      if (this.#device.wasCardReset) this.#runs?.resetByDevice()
    } catch (error) {
      this.#deviceTrouble = messageOf(error)
      log.error('the watchdog device cannot be opened', { device: path, reason: this.#deviceTrouble })
    }
  }

  get #deviceFault(): string {
    return this.#device?.isFailing ? 'it cannot be fed' : this.#deviceTrouble
  }

  #arm(): void {
    clearInterval(this.#timer)
    const { watchdogMs = Number.POSITIVE_INFINITY } = this.#options.notifier
    const deviceMs = this.#device ? (this.#device.timeoutS ?? TICK_MS_MAX / 1000) * 1000 : Number.POSITIVE_INFINITY
    const deadmanMs = (this.#options.deadman?.limitS ?? Number.POSITIVE_INFINITY) * 1000
    const everyMs = Math.min(TICK_MS_MAX, Math.min(watchdogMs, deviceMs, deadmanMs) / WORDS)
    this.#timer = setInterval(() => void this.tick(), Math.max(TICK_MS_MIN, everyMs))
  }
}

/** Each look at the loop wakes the machine: fifty a second would cost ten times what all the rest of this does. */
const LAG_LOOK_MS = 250

/** Since it was asked before, as far as looks so far apart can tell. */
function loopDelay(): () => number {
  const delays = monitorEventLoopDelay({ resolution: LAG_LOOK_MS })
  delays.enable()
  return () => {
    const ms = Math.max(0, delays.max / 1e6 - LAG_LOOK_MS)
    delays.reset()
    return ms
  }
}
