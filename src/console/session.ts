import type { Who } from '../services/access.ts'
import { partOf, Refused } from './command.ts'
import { banner, firstRun, login, type SignedIn } from './login.ts'
import type { ConsoleEnd, ConsoleKeys, ConsoleOptions } from './options.ts'
import { Gone, Output } from './output.ts'
import { ShellLoop } from './shell.ts'
import { Idle, Interrupted, Terminal } from './terminal.ts'

/** Serial lines are left with somebody signed in. */
const IDLE_MS = 10 * 60_000

/** One line with somebody on it, or nobody: login, commands, and the next login. */
export class ConsoleSession implements ConsoleKeys {
  readonly #options: ConsoleOptions
  #output: Output
  #terminal: Terminal | undefined
  #isOver = false

  constructor(options: ConsoleOptions) {
    this.#options = options
    this.#output = new Output(options.write)
  }

  start(): void {
    if (this.#isOver || this.#terminal) return
    const { line, clock, write, room } = this.#options
    this.#output = new Output(write, this.#output.isBehind)
    const terminal = new Terminal({ output: this.#output, clock, columns: line.columns, rows: line.rows, room })
    this.#terminal = terminal
    this.#run(terminal).catch(error => this.#failed(terminal, error))
  }

  keys(bytes: Buffer): boolean {
    return this.#terminal?.keys(bytes) ?? true
  }

  /** Something that nobody there asked for, above the line that is typed. */
  notice(text: string): void {
    this.#terminal?.notice(text)
  }

  drained(): void {
    this.#output.drained()
  }

  hangUp(): void {
    this.#leave(new Gone())
    // What was not taken is lost with the line.
    this.#output.drained()
    if (!this.#options.line.isPhysical) this.#end('lost')
  }

  close(text?: string): void {
    if (this.#isOver) return
    if (text !== undefined) this.#output.last(`\r\n${text}\r\n`)
    this.#leave(new Gone())
    this.#end('closed')
  }

  async #run(terminal: Terminal): Promise<void> {
    const { line, clock, services } = this.#options
    const parts = { terminal, box: services, line, clock }
    for (;;) {
      await banner(parts)
      const signedIn = await login(parts)
      if (signedIn) await this.#signedIn(terminal, signedIn)
      if (line.isPhysical) continue
      this.#leave(new Gone())
      return this.#end('logout')
    }
  }

  async #signedIn(terminal: Terminal, signedIn: SignedIn): Promise<void> {
    const { line, clock, services } = this.#options
    const parts = { terminal, box: services, line, clock }
    const { who, cookie } = signedIn
    services().log.info('console login', { name: who.name, line: line.name })
    terminal.idleAfter(IDLE_MS)
    try {
      await firstRun(parts, signedIn)
      await new ShellLoop({ ...parts, signedIn, seen: () => this.#seen(cookie) }).run()
    } catch (error) {
      if (error instanceof Refused) await terminal.line(`% ${error.message}`)
      else if (!(error instanceof Interrupted)) throw error
    } finally {
      services().access?.signOut(cookie)
      services().log.info('console logout', { name: who.name, line: line.name })
    }
  }

  /** Undefined: the account went, its password was changed elsewhere, or the day is over. */
  #seen(cookie: string): Who | undefined {
    return partOf(this.#options.services(), 'access').session(cookie, true)
  }

  #failed(terminal: Terminal, error: unknown): void {
    if (this.#terminal !== terminal) return
    const isIdle = error instanceof Idle
    if (!isIdle) this.#options.services().log.error('console failed', { error: String(error) })
    this.#leave(new Gone())
    const told = isIdle ? 'Nobody typed anything: signed out.' : 'The console failed. The log says why.'
    if (!this.#output.isBehind) this.#options.write(`\r\n${told}\r\n`)
    if (!this.#options.line.isPhysical) this.#end(isIdle ? 'idle' : 'lost')
    else if (isIdle) this.start()
    else this.#options.clock.after(1000, () => this.start())
  }

  #leave(failure: Error): void {
    const terminal = this.#terminal
    this.#terminal = undefined
    terminal?.fail(failure)
  }

  #end(why: ConsoleEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onEnd(why)
  }
}
