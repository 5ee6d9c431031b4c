import type { Log } from '../../base/log.ts'
import { type Native, native, nativeError } from '../native.ts'

/** What the service manager is told (sd_notify(3)). None of these fails or throws; where no manager asks, they do nothing. */
export interface Notifier {
  /** How long the manager waits for `alive` before it ends the process; undefined: it does not watch. */
  readonly watchdogMs: number | undefined
  /** Messages can be taken into custody. */
  ready(): void
  /** What it does now, as one line; shown by `systemctl status`. */
  status(text: string): void
  /** Files are read again; `ready` ends it. */
  reloading(): void
  stopping(): void
  /** Only while messages get on: see `host/watchdog`. */
  alive(): void
  /** As if `alive` had not come in time: the manager ends and starts the process. */
  dead(): void
  /** Starting or stopping goes on, and takes no longer than so many seconds from now. */
  extendS(seconds: number): void
}

/** What `systemctl status` shows in a line or two. */
const STATUS_CHARACTERS_MAX = 200

/** A queue of the manager that is full now may have room then. */
const AGAIN_MS = 500

type Environment = Record<string, string | undefined>

export const silentNotifier: Notifier = {
  watchdogMs: undefined,
  ready() {},
  status() {},
  reloading() {},
  stopping() {},
  alive() {},
  dead() {},
  extendS() {},
}

/** Takes its variables out of the environment: programs that the box starts shall not speak for it. */
export function openNotifier(environment: Environment, log: Log, addon = native): Notifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
  if (!socket) return silentNotifier
  const calls = addon()
  if ('missing' in calls) {
    log.warn('the service manager cannot be told how the box is', { reason: calls.missing })
    return silentNotifier
  }
  return new ServiceNotifier(socket, watchdogMsOf(usec, pid), calls, log)
}

/** Of another process: not meant for this one. */
function watchdogMsOf(usec: string | undefined, pid: string | undefined): number | undefined {
  if (pid !== undefined && pid !== String(process.pid)) return undefined
  const ms = Number(usec) / 1000
  return ms > 0 && Number.isFinite(ms) ? ms : undefined
}

class ServiceNotifier implements Notifier {
  readonly watchdogMs: number | undefined
  readonly #socket: string
  readonly #native: Native
  readonly #log: Log
  /** What did not arrive and still holds, by name: the latest of each. */
  readonly #untold = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #status = ''
  #isFailing = false

  constructor(socket: string, watchdogMs: number | undefined, calls: Native, log: Log) {
    this.#socket = socket
    this.watchdogMs = watchdogMs
    this.#native = calls
    this.#log = log
  }

  ready(): void {
    this.#hold('STATE', 'READY=1')
  }

  status(text: string): void {
    const line = oneLine(text)
    if (line === this.#status) return
    this.#status = line
    this.#hold('STATUS', `STATUS=${line}`)
  }

  reloading(): void {
    this.#hold('STATE', `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
  }

  stopping(): void {
    this.#hold('STATE', 'STOPPING=1')
  }

  alive(): void {
    this.#send('WATCHDOG=1')
  }

  dead(): void {
    this.#send('WATCHDOG=trigger')
  }

  extendS(seconds: number): void {
    this.#send(`EXTEND_TIMEOUT_USEC=${Math.round(seconds * 1e6)}`)
  }

  #hold(name: string, line: string): void {
    this.#untold.delete(name)
    if (!this.#send(line)) {
      this.#untold.set(name, line)
      this.#timer ??= setTimeout(() => this.#again(), AGAIN_MS).unref()
    }
  }

  #again(): void {
    this.#timer = undefined
    for (const [name, line] of [...this.#untold]) this.#hold(name, line)
  }

  #send(text: string): boolean {
    const result = this.#native.notify(this.#socket, text)
    const hasArrived = result >= 0
    if (!hasArrived && !this.#isFailing)
      this.#log.warn('the service manager cannot be told how the box is', { reason: nativeError(result) })
    this.#isFailing = !hasArrived
    return hasArrived
  }
}

const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, STATUS_CHARACTERS_MAX)
