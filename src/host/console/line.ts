import type { SerialPort } from 'serialport'
import type { FlowControl } from '../../base/config-schema.ts'
import type { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import type { ConsoleKeys } from '../../console/options.ts'
import { messageOf } from '../plain-error.ts'
import { Outgoing } from './outgoing.ts'
import { openSerialPort } from './serial-port.ts'

/** An adapter that is plugged in again is found within this; looking costs one call. */
const AGAIN_MIN_MS = 500
const AGAIN_MAX_MS = 5000
/** A line that stood for so long was not on its way down. */
const STEADY_MS = 10_000
/** The last words on 9600 baud: some 500 characters. Then what is left is thrown away, as closing would wait for it. */
const LAST_WORDS_MS = 500

export interface SerialLineOptions {
  readonly device: string
  readonly baud: number
  /** `none`: what is too much is the session's to lose. Else it waits in the system, which has the other side wait. */
  readonly flowControl: FlowControl
  readonly log: Log
  /** Of the box that serves now. */
  readonly counters: () => Counters
  /** One for the line's whole life: it hangs up when the line is lost and starts anew when it is back. */
  readonly session: (write: (text: string) => boolean, room: () => void) => ConsoleKeys
  readonly againMinMs?: number
}

/** A console on a serial device, for as long as the box runs, whether the device is there or not. */
export class SerialLine {
  readonly #options: SerialLineOptions
  readonly #session: ConsoleKeys
  #port: SerialPort | undefined
  #outgoing: Outgoing | undefined
  #timer: NodeJS.Timeout | undefined
  #opening: Promise<void> = Promise.resolve()
  #failures = 0
  #openedAt = 0
  #trouble: string | undefined
  #troubleSince = performance.now()
  #isClosed = false

  constructor(options: SerialLineOptions) {
    this.#options = options
    this.#session = options.session(
      text => this.#outgoing?.write(text) ?? true,
      () => void this.#port?.resume(),
    )
  }

  /** Why nobody can work on it; undefined: it is open, or was less than so many milliseconds ago. */
  troubleFor(ms: number): string | undefined {
    return performance.now() - this.#troubleSince >= ms ? this.#trouble : undefined
  }

  start(): void {
    this.#opening = this.#open()
  }

  /** `lastWords` are told to whoever is there, if the line takes them soon. */
  async close(lastWords?: string): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#opening
    this.#session.close(lastWords)
    const port = this.#port
    if (!port?.isOpen) return
    const isSent = await within(LAST_WORDS_MS, sent(port))
    await closed(port, isSent)
  }

  async #open(): Promise<void> {
    const { device, baud, flowControl, log } = this.#options
    try {
      const port = await openSerialPort(device, baud, flowControl)
      if (this.#isClosed) return await closed(port, false)
      this.#opened(port)
      log.info('the console’s line is open', { device, baud, flowControl })
      this.#options.counters().count('console_line_opened')
      this.#session.start()
    } catch (error) {
      const reason = messageOf(error)
      // Once for each reason: the line may be missing for years.
      if (this.#trouble !== reason) log.warn('the console’s line cannot be used; it is tried again', { device, reason })
      this.#options.counters().count('console_line_failed')
      this.#trouble = reason
      this.#again()
    }
  }

  #opened(port: SerialPort): void {
    this.#port = port
    this.#trouble = undefined
    this.#openedAt = performance.now()
    this.#outgoing = new Outgoing(port, {
      drained: () => this.#session.drained(),
      dropped: bytes => this.#options.counters().count('console_line_dropped_bytes', '', bytes),
    })
    port.on('data', (bytes: Buffer) => this.#received(port, bytes))
    // Which of the two comes depends on how it went away; after an error that left it open it is of no use either.
    port.once('close', (error: Error | null) => this.#lost(port, error))
    port.on('error', error => this.#lost(port, error))
  }

  /** BREAK and what a wrong speed makes of a character are read as NUL, which nobody types. */
  #received(port: SerialPort, bytes: Buffer): void {
    const typed = bytes.filter(octet => octet !== 0)
    if (typed.length < bytes.length)
      this.#options.counters().count('console_line_noise', '', bytes.length - typed.length)
    if (typed.length === 0 || this.#session.keys(Buffer.from(typed))) return
    // What is not read fills the system's buffer; then that drops RTS, or sends XOFF.
    if (this.#options.flowControl !== 'none') port.pause()
  }

  #lost(port: SerialPort, error: Error | null): void {
    if (this.#port !== port || this.#isClosed) return
    const { device, log } = this.#options
    this.#port = undefined
    this.#outgoing = undefined
    if (port.isOpen) port.close(() => {})
    this.#trouble = 'the line was lost'
    this.#troubleSince = performance.now()
    log.warn('the console’s line was lost; whoever was signed in there is not any more', {
      device,
      reason: error ? messageOf(error) : 'closed',
    })
    this.#options.counters().count('console_line_lost')
    this.#session.hangUp()
    if (performance.now() - this.#openedAt > STEADY_MS) this.#failures = 0
    this.#again()
  }

  #again(): void {
    if (this.#isClosed) return
    const first = this.#options.againMinMs ?? AGAIN_MIN_MS
    const waitMs = Math.min(first * 2 ** Math.min(this.#failures++, 8), AGAIN_MAX_MS)
    this.#timer = setTimeout(() => {
      this.#opening = this.#open()
    }, waitMs)
  }
}

/** Resolves when all of it went over the wire. */
const sent = (port: SerialPort): Promise<void> =>
  new Promise(resolve => port.write('', () => port.drain(() => resolve())))

/** Whether it was done by then. */
function within(ms: number, done: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const late = setTimeout(resolve, ms, false)
  done.then(() => resolve(true))
  return promise.finally(() => clearTimeout(late))
}

/** What was not sent by now is thrown away: the system would wait for it, for up to 30 s. */
async function closed(port: SerialPort, isSent: boolean): Promise<void> {
  if (!isSent) await new Promise<void>(resolve => port.flush(() => resolve()))
  await new Promise<void>(resolve => port.close(() => resolve()))
}
