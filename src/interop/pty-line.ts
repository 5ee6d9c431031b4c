import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { until } from './until.ts'

const EXPECT_MS = 15_000

/** What was found, and what stood before it. */
interface Found {
  readonly text: string
  readonly match: RegExpExecArray
}

/** One end of a pseudo-terminal, as a person with a terminal has it: types, and waits for what is shown. Needs socat. */
export class PtyLine {
  readonly #child: ChildProcess
  #shown = ''
  #from = 0
  #isPaused = false

  private constructor(args: readonly string[], env?: NodeJS.ProcessEnv) {
    this.#child = spawn('socat', args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } })
    this.#child.stdout!.on('data', bytes => (this.#shown += bytes.toString('latin1')))
    // The program at the other end may be gone.
    this.#child.stdin!.on('error', () => {})
    const orphan = (): void => void this.#child.kill('SIGKILL')
    process.once('exit', orphan)
    this.#child.once('exit', () => process.off('exit', orphan))
  }

  /** A serial line whose other end is the device `path`, a link that is there while this is plugged in. */
  static async device(path: string): Promise<PtyLine> {
    const line = new PtyLine(['-', `PTY,link=${path},rawer,mode=666`])
    await until(`${path} is there`, EXPECT_MS, () => existsSync(path))
    return line
  }

  /** A program on a terminal of 80 columns and 24 rows. */
  static program(command: readonly string[], env?: NodeJS.ProcessEnv): PtyLine {
    const quoted = command.map(each => `'${each.replaceAll("'", `'\\''`)}'`).join(' ')
    // socat reads quotes, colons and commas of its own arguments.
    return new PtyLine(['-', 'SYSTEM:set -f; eval $PTY_SCRIPT,pty,setsid,ctty,stderr,sighup,sigint'], {
      ...env,
      PTY_SCRIPT: `stty rows 24 cols 80; exec ${quoted}`,
    })
  }

  get shown(): string {
    return this.#shown
  }

  /** All since the last `expect`. */
  get rest(): string {
    return this.#shown.slice(this.#from)
  }

  type(text: string): void {
    this.#child.stdin!.write(text, 'latin1')
  }

  bytes(bytes: Buffer): void {
    this.#child.stdin!.write(bytes)
  }

  /** A line and Enter. */
  enter(text: string): void {
    this.type(`${text}\r`)
  }

  /** Of what was shown since the last one; rejects with what there was instead. */
  async expect(pattern: RegExp, ms = EXPECT_MS): Promise<Found> {
    let match: RegExpExecArray | null = null
    await until(`${pattern} on the line`, ms, () => (match = pattern.exec(this.rest)) !== null).catch(error => {
      throw new Error(`${error.message}; shown: ${JSON.stringify(this.rest)}`)
    })
    const found: RegExpExecArray = match!
    const end = this.#from + found.index + found[0].length
    const text = this.#shown.slice(this.#from, end)
    this.#from = end
    return { text, match: found }
  }

  /** Takes nothing that is shown until `look`. */
  lookAway(): void {
    this.#isPaused = true
    this.#child.stdout!.pause()
  }

  look(): void {
    if (this.#isPaused) this.#child.stdout!.resume()
    this.#isPaused = false
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the program there has ended. */
  async ended(): Promise<void> {
    await until('the program ends', EXPECT_MS, () => !this.isOpen)
  }

  /** Unplugged: the device is gone. */
  async unplug(): Promise<void> {
    if (!this.isOpen) return
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
  }
}
