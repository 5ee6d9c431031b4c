import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { messageOf } from './plain-error.ts'

/** The addon of `native/`. Each gives a number: 0 or more is the result, below 0 what the system refused (`nativeError`). */
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
}

let loaded: Native | { readonly missing: string } | undefined

/** Or why there is none: from a checkout it is compiled by `scripts/lib/native`, which needs a compiler. */
export function native(): Native | { readonly missing: string } {
  loaded ??= load()
  return loaded
}

/** `EACCES` for the number that a call refused with. */
export const nativeError = (result: number): string => getSystemErrorName(result)

const COMPILED = join(import.meta.dirname, '../../node_modules/.native', `restante-linux-${process.arch}.node`)

function load(): Native | { readonly missing: string } {
  if (!existsSync(COMPILED))
    return { missing: 'the addon of native/ is not compiled: install gcc and run scripts/lib/native' }
  const module = { exports: {} }
  try {
    process.dlopen(module, COMPILED, constants.dlopen.RTLD_NOW)
    return module.exports as Native
  } catch (error) {
    return { missing: messageOf(error) }
  }
}
