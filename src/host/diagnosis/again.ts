import { isSea } from 'node:sea'
import { endProcess } from '../end-process.ts'

/** EX_TEMPFAIL (sysexits.h): not a success, so that a service manager starts it anew, and no failure either. */
const EXIT_AGAIN = 75

/** Whoever asked has its answer before the line is cut. */
const BEFORE_STOP_MS = 300

/** That the program is to be had anew, from its very first step. */
export class Again {
  readonly asked: Promise<'asked to start anew'>
  readonly #ask: (why: 'asked to start anew') => void
  #isAsked = false

  constructor() {
    const { promise, resolve } = Promise.withResolvers<'asked to start anew'>()
    this.asked = promise
    this.#ask = resolve
  }

  get isAsked(): boolean {
    return this.#isAsked
  }

  /** In a moment. */
  ask(): void {
    this.#isAsked = true
    setTimeout(() => this.#ask('asked to start anew'), BEFORE_STOP_MS)
  }
}

/**
 * After everything was closed. A service manager that watches the process starts another one; where there is none, the program takes its own
 * place, with the same arguments and terminal.
 */
export function startAnew(isManaged: boolean): never {
  if (isManaged) endProcess(EXIT_AGAIN)
  const { execPath, execArgv, argv, env } = process
  const script = isSea() ? [] : argv.slice(1, 2)
  process.execve!(execPath, [execPath, ...(isSea() ? [] : execArgv), ...script, ...argv.slice(2)], env)
  throw new Error('execve returned')
}
