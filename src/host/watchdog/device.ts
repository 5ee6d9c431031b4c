import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import type { Log } from '../../base/log.ts'
import { type Native, native, nativeError } from '../native.ts'
import { messageOf } from '../plain-error.ts'

/** Twice what a slow write of the store may take to be noticed; hardware that cannot wait so long is asked for less (a BCM2835 ends at 15 s). */
const TIMEOUTS_S = [60, 30, 15, 10]
/** linux/watchdog.h */
const WDIOF_CARDRESET = 0x20
const WDIOF_MAGICCLOSE = 0x100

/** The name below /sys/class/watchdog: /dev/watchdog is the first one's other name. */
const sysfsName = (path: string): string => (basename(path) === 'watchdog' ? 'watchdog0' : basename(path))

function sysfs(root: string, path: string, file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(`${root}/sys/class/watchdog/${sysfsName(path)}/${file}`, 'latin1'), 10)
  } catch {
    return undefined
  }
}

/** Where the configuration names none, PID 1 may feed it (`RuntimeWatchdogSec`): it takes the first. */
const FIRST = '/dev/watchdog0'

/** Whether the watchdog of the machine was what reset it last; asked without opening the device, which would start it. */
export const wasResetByDevice = (path: string, root = ''): boolean =>
  ((sysfs(root, path === '' ? FIRST : path, 'bootstatus') ?? 0) & WDIOF_CARDRESET) !== 0

interface DeviceOptions {
  readonly path: string
  readonly log: Log
  readonly addon?: typeof native
  /** Where the files of the machine begin; a test has its own. */
  readonly root?: string
}

/** A watchdog of the machine: from the opening on it resets everything, unless it is kept from it in time. */
export class WatchdogDevice {
  readonly path: string
  /** How long it waits; undefined: the driver does not tell. */
  readonly timeoutS: number | undefined
  readonly wasCardReset: boolean
  readonly #descriptor: number
  readonly #calls: Native | undefined
  readonly #log: Log
  readonly #root: string
  #isFailing = false

  /** Throws where it is not there, or another program has it. */
  constructor({ path, log, addon = native, root = '' }: DeviceOptions) {
    this.path = path
    this.#log = log
    this.#root = root
    this.#descriptor = openSync(path, 'w')
    const calls = addon()
    this.#calls = 'missing' in calls ? undefined : calls
    if ('missing' in calls) log.warn('the time of the watchdog device cannot be set', { reason: calls.missing })
    this.timeoutS = this.#setTimeout()
    this.wasCardReset = ((this.#calls?.watchdogBootStatus(this.#descriptor) ?? 0) & WDIOF_CARDRESET) !== 0
    log.info('the watchdog device is open', { device: path, seconds: this.timeoutS })
  }

  keepAlive(): void {
    const failure = this.#fed()
    if (failure !== undefined && !this.#isFailing)
      this.#log.error('the watchdog device cannot be fed', { device: this.path, reason: failure })
    this.#isFailing = failure !== undefined
  }

  get isFailing(): boolean {
    return this.#isFailing
  }

  /** It stands still from now on, where the driver allows that. */
  close(): void {
    const options = this.#calls?.watchdogOptions(this.#descriptor) ?? WDIOF_MAGICCLOSE
    const isUnstoppable = sysfs(this.#root, this.path, 'nowayout') === 1
    if (isUnstoppable || (options >= 0 && (options & WDIOF_MAGICCLOSE) === 0))
      this.#log.warn('the watchdog device cannot be stopped: it resets the machine unless somebody feeds it', {
        device: this.path,
        seconds: this.timeoutS,
      })
    try {
      // The magic character: without it, closing is taken for a crash.
      if (!isUnstoppable) writeSync(this.#descriptor, 'V')
      closeSync(this.#descriptor)
    } catch (error) {
      this.#log.error('the watchdog device cannot be closed', { device: this.path, reason: messageOf(error) })
    }
  }

  #setTimeout(): number | undefined {
    const calls = this.#calls
    if (!calls) return undefined
    for (const wantedS of TIMEOUTS_S) {
      const takenS = calls.watchdogSetTimeout(this.#descriptor, wantedS)
      if (takenS > 0) return takenS
    }
    const asIsS = calls.watchdogTimeout(this.#descriptor)
    return asIsS > 0 ? asIsS : undefined
  }

  #fed(): string | undefined {
    try {
      if (!this.#calls) writeSync(this.#descriptor, '\0')
      const result = this.#calls?.watchdogKeepAlive(this.#descriptor) ?? 0
      return result < 0 ? nativeError(result) : undefined
    } catch (error) {
      return messageOf(error)
    }
  }
}
