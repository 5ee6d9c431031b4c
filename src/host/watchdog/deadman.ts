import { existsSync, rmSync } from 'node:fs'
import { url as inspectorUrl } from 'node:inspector'
import { join } from 'node:path'
import type { Log } from '../../base/log.ts'
import { native, nativeError } from '../native.ts'
import type { Notifier } from '../service/notifier.ts'

/** Of a process that stood still and was ended by its own dead man's switch (sysexits.h: EX_SOFTWARE). */
export const BLOCKED_CODE = 70
const TICK_MS = 1000
const MARK = 'blocked'

interface DeadmanOptions {
  readonly log: Log
  readonly addon?: typeof native
  readonly tickMs?: number
  readonly monotonicMs?: () => number
  /** Somebody debugs the program: it may stand still for as long as they look at it. */
  readonly isDebugged?: () => boolean
}

/**
 * Ends the process where its event loop stands and nobody else would: no service manager watches it. It counts its own ticks and no time, so
 * that a process that was stopped, or slept with its machine, is not ended when it goes on.
 */
export class Deadman {
  readonly #options: Required<DeadmanOptions>
  /** Undefined: it does not watch. */
  #ticks: number | undefined
  #isArmed = false
  #allowedUntilMs = Number.NEGATIVE_INFINITY

  constructor({ log, ...options }: DeadmanOptions) {
    const isDebugged = (): boolean => inspectorUrl() !== undefined
    const usual = { addon: native, tickMs: TICK_MS, monotonicMs: () => performance.now(), isDebugged }
    this.#options = { log, ...usual, ...options }
  }

  /** Seconds without a word that it waits for; undefined: it does not watch. */
  get limitS(): number | undefined {
    return this.#ticks === undefined ? undefined : (this.#ticks * this.#options.tickMs) / 1000
  }

  /** From here on, with so many seconds; 0: it does not watch. What cannot be is said in the log. */
  watch(dataDir: string, seconds: number): void {
    const { tickMs } = this.#options
    const ticks = Math.ceil((seconds * 1000) / tickMs)
    if (ticks > 0 && (this.#isArmed || this.#arm(dataDir, ticks))) this.#ticks = ticks
    else this.stop()
    this.feed()
  }

  /** The loop runs, and messages get on. */
  feed(): void {
    if (this.#ticks !== undefined) this.#feed(this.#ticksNow(this.#ticks))
  }

  /** Something is about to stand in the loop, for so long at most. What was allowed before still is. */
  allow(seconds: number): void {
    this.#allowedUntilMs = Math.max(this.#allowedUntilMs, this.#options.monotonicMs() + seconds * 1000)
    this.feed()
  }

  /** Nothing stands any more that may. */
  forbid(): void {
    this.#allowedUntilMs = Number.NEGATIVE_INFINITY
    this.feed()
  }

  stop(): void {
    if (this.#ticks !== undefined) this.#feed(0)
    this.#ticks = undefined
  }

  #arm(dataDir: string, ticks: number): boolean {
    const { log, addon, tickMs } = this.#options
    const calls = addon()
    const msg = 'a program that stands still cannot be ended from inside'
    const line = `${JSON.stringify({ level: 'error', msg: 'the program stood still, and is ended' })}\n`
    const mark = 'it stood still\n'
    const armed =
      'missing' in calls ? 0 : calls.deadmanArm(tickMs, ticks, BLOCKED_CODE, line, join(dataDir, MARK), mark)
    if ('missing' in calls) log.warn(msg, { reason: calls.missing })
    else if (armed < 0) log.warn(msg, { reason: nativeError(armed) })
    this.#isArmed = !('missing' in calls) && armed >= 0
    return this.#isArmed
  }

  #ticksNow(ticks: number): number {
    const { monotonicMs, tickMs, isDebugged } = this.#options
    return isDebugged() ? 0 : Math.max(ticks, Math.ceil((this.#allowedUntilMs - monotonicMs()) / tickMs))
  }

  #feed(ticks: number): void {
    const calls = this.#options.addon()
    if (!('missing' in calls)) calls.deadmanFeed(ticks)
  }
}

/** Whatever tells the service manager that the program gets on, or takes its time, tells the switch too. */
export const fedBy = (notifier: Notifier, deadman: Deadman): Notifier => ({
  watchdogMs: notifier.watchdogMs,
  ready: () => notifier.ready(),
  status: text => notifier.status(text),
  reloading: () => notifier.reloading(),
  stopping: () => notifier.stopping(),
  dead: () => notifier.dead(),
  alive() {
    notifier.alive()
    deadman.feed()
  },
  extendS(seconds) {
    notifier.extendS(seconds)
    deadman.allow(seconds)
  },
})

/** The run before stood still until its switch ended it. */
export const wasBlocked = (dataDir: string): boolean => existsSync(join(dataDir, MARK))

/** The next run has written it down. */
export function forgetBlocked(dataDir: string): void {
  try {
    rmSync(join(dataDir, MARK), { force: true })
  } catch {
    // A folder that cannot be written: then nothing else of this start is kept either.
  }
}
