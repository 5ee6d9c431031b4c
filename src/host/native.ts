import { getSystemErrorName } from 'node:util'
import { addon } from './embedded.ts'
import { codeOf, messageOf } from './plain-error.ts'

/** The addon of `native/`. All but the last give a number: 0 or more is the result, below 0 what the system refused (`nativeError`). */
export interface Native {
  /** One datagram to a socket of the service manager: a path, or `@name`. Waits 200 ms at most. */
  notify(socket: string, text: string): number
  /** The seconds that the driver took, which may be others. */
  watchdogSetTimeout(descriptor: number, seconds: number): number
  /** Seconds. */
  watchdogTimeout(descriptor: number): number
  /** `WDIOF_` flags: why the machine was reset last. */
  watchdogBootStatus(descriptor: number): number
  /** `WDIOF_` flags: what the driver can do. */
  watchdogOptions(descriptor: number): number
  watchdogKeepAlive(descriptor: number): number
  /** Until it is closed nobody else opens that terminal, but root. */
  terminalExclusive(descriptor: number): number
  /** The folder is this process's alone until the descriptor is closed; `EAGAIN` where it is another's. */
  lockFolder(descriptor: number): number
  /**
   * Once in a process: from here on a thread of its own ends it with `code` when it was not fed for so many ticks. It writes `line` to stderr and `mark`
   * into the file first, where that takes no longer than 2 s.
   */
  deadmanArm(tickMs: number, ticks: number, code: number, line: string, path: string, mark: string): number
  /** So many ticks from now; 0: it watches no more, until it is fed again. */
  deadmanFeed(ticks: number): number
  /** Ends the process at once; `endProcess` calls it. */
  exitNow(code: number): number
  /** From here on the C library keeps less of what was given back to it. */
  memoryFrugal(): number
  /** What it keeps of it goes back to the system; takes some milliseconds. */
  memoryTrim(): number
  /** The ASCII text that these bytes are, without a copy of them: they must never change, nor be let go. */
  textInPlace(bytes: Buffer): string
}

let loaded: Native | { readonly missing: string } | undefined

/** Or why there is none: from a checkout it is compiled by `scripts/lib/native`, which needs a compiler. */
export function native(): Native | { readonly missing: string } {
  loaded ??= load()
  return loaded
}

/** `EACCES` for the number that a call refused with. */
export const nativeError = (result: number): string => getSystemErrorName(result)

function load(): Native | { readonly missing: string } {
  try {
    return addon('restante') as Native
  } catch (error) {
    const isCheckout = codeOf(error) === 'MODULE_NOT_FOUND'
    return {
      missing: isCheckout
        ? 'the addon of native/ is not compiled: install gcc and run scripts/lib/native'
        : messageOf(error),
    }
  }
}
