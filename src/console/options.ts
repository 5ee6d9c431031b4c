import type { ConsoleBox } from './services.ts'

/** What the session hangs on. */
export interface ConsoleLine {
  /** A serial line, where whoever types stands before the box: it is left at the login, not ended, and a lost password can be put right. */
  readonly isPhysical: boolean
  /** For the log and `who`, e.g. `/dev/ttyS1` or `pid 4711`. */
  readonly name: string
  /** Of the terminal, e.g. 80 and 24. */
  readonly columns: number
  readonly rows: number
  /** Wrong passwords count for each of these by itself, and `who` shows it. The box says which it is, never whoever connects. */
  readonly place: string
}

/** Time as the console has it, so that a test can let it pass. */
export interface ConsoleClock {
  /** Milliseconds that never jump. */
  nowMs(): number
  /** Milliseconds since 1970. */
  wall(): number
  /** Runs it once after so many milliseconds; what it returns takes that back. */
  after(ms: number, run: () => void): () => void
}

/** Why a session ended: somebody left, nobody typed for long, the line was lost, or whoever made the session closed it. */
export type ConsoleEnd = 'logout' | 'idle' | 'lost' | 'closed'

export interface ConsoleOptions {
  /** Asked anew for each command: the box may serve with another configuration by then. */
  readonly services: () => ConsoleBox
  /**
   * ASCII with CR LF. False: the line is behind, and nothing more is written until `drained()`; the session then holds at most some
   * KiB, and commands wait. Called again after `close` and `hangUp` never.
   */
  readonly write: (text: string) => boolean
  /** After `keys` was answered with false: more may come. */
  readonly room?: () => void
  readonly line: ConsoleLine
  readonly clock: ConsoleClock
  /** Once. Never on a physical line that was left: the session waits for the next login there. */
  readonly onEnd: (why: ConsoleEnd) => void
}

/**
 * `new ConsoleSession(options)`, then `start()` writes the banner and the login. All of it is synchronous and never throws; what takes
 * long runs on by itself and writes when it has something.
 */
export interface ConsoleKeys {
  start(): void
  /**
   * Octets as they came, any of them. False: enough is typed ahead; whoever can make the other side wait does so until `room`. Of what comes
   * all the same 64 Ki keys are kept; lines beyond are lost whole, and that is told.
   */
  keys(bytes: Buffer): boolean
  /** After `write` was answered with false: there is room again. */
  drained(): void
  /** The other side is gone (unplugged, no carrier): whoever was signed in is out, what runs is ended. A physical line begins anew with `start()`. */
  hangUp(): void
  /** The last thing that is done with it, e.g. because the box stops; `text` is told, if the line takes it at once. */
  close(text?: string): void
}
