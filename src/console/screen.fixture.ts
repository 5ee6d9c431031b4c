import type { ConsoleClock, ConsoleEnd, ConsoleLine } from './options.ts'
import type { ConsoleBox } from './services.ts'
import { ConsoleSession } from './session.ts'

/** Of a terminal that nothing is known of. */
const COLUMNS = 80
const ROWS = 24
/** What did not come by then does not come any more; passwords are checked for a while on a busy machine. */
const WAIT_MS = 10_000

/** A clock that stands until the test says. */
class StandingClock implements ConsoleClock {
  readonly #waiting = new Set<{ readonly at: number; readonly run: () => void }>()
  #now = 0

  nowMs(): number {
    return this.#now
  }

  wall(): number {
    return 1.9e12 + this.#now
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + ms, run }
    this.#waiting.add(entry)
    return () => void this.#waiting.delete(entry)
  }

  pass(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#waiting.delete(next)
      this.#now = next.at
      next.run()
    }
    this.#now = end
  }
}

/** A terminal of 80 by 24 that knows CR, LF and backspace, and takes offence at everything else. */
export class Screen {
  /** Every line that ever stood there, as it last was. */
  readonly lines: string[] = ['']
  /** A document for programs is not broken into lines of the screen. */
  isWide = false
  #column = 0

  write(text: string): void {
    for (const character of text) this.#put(character)
  }

  get text(): string {
    return this.lines.join('\n')
  }

  /** The line that the cursor is in, without what was blanked behind it. */
  get last(): string {
    const line = this.lines.at(-1)!
    return line.slice(this.#column).trim() === '' ? line.slice(0, this.#column) : line
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0
    else if (character === '\n') this.lines.push('')
    else if (character === '\b') this.#column = Math.max(0, this.#column - 1)
    else if (character < ' ' || character > '~') throw new Error(`not for a terminal: ${JSON.stringify(character)}`)
    else {
      if (this.#column >= COLUMNS - 1 && !this.isWide) throw new Error(`wider than the screen: ${this.last}`)
      const line = this.lines.at(-1)!.padEnd(this.#column)
      this.lines[this.lines.length - 1] = line.slice(0, this.#column) + character + line.slice(this.#column + 1)
      this.#column++
    }
  }
}

interface SeatOptions {
  readonly isPhysical?: boolean
  readonly line?: Partial<ConsoleLine>
  /** Asked with everything that was written so far; false: the line is behind. */
  readonly takes?: (text: string) => boolean
  /** In place of the box that was given, e.g. one that starts anew. */
  readonly current?: () => ConsoleBox
}

/** Somebody before a terminal with the console on it. */
export class Seat {
  readonly screen = new Screen()
  readonly clock = new StandingClock()
  readonly ends: ConsoleEnd[] = []
  /** How often it said that there is room for more keys. */
  rooms = 0
  readonly session: ConsoleSession
  box: ConsoleBox
  written = ''
  #seen = 0

  constructor(
    box: ConsoleBox,
    { isPhysical = true, line = {}, takes = () => true, current = () => this.box }: SeatOptions = {},
  ) {
    this.box = box
    this.session = new ConsoleSession({
      services: current,
      write: text => {
        this.written += text
        this.screen.write(text)
        return takes(text)
      },
      line: { isPhysical, name: '/dev/ttyS1', columns: COLUMNS, rows: ROWS, place: 'console line', ...line },
      room: () => void this.rooms++,
      clock: this.clock,
      onEnd: why => this.ends.push(why),
    })
    this.session.start()
  }

  /** A prompt that stands there already is not taken for what comes of an Enter. */
  press(keys: string): boolean {
    if (/[\r\n\x03\x04]/.test(keys)) this.#seen = this.screen.lines.length
    return this.session.keys(Buffer.from(keys, 'latin1'))
  }

  /** Until what stands in the line of the cursor ends so. */
  async until(ending: string | RegExp): Promise<void> {
    const isThere = (): boolean =>
      this.screen.lines.length > this.#seen &&
      (typeof ending === 'string' ? this.screen.last.endsWith(ending) : ending.test(this.screen.last))
    for (const began = performance.now(); performance.now() - began < WAIT_MS; ) {
      if (isThere()) return
      await new Promise(setImmediate)
    }
    throw new Error(`waited for ${ending}, the screen has:\n${this.screen.lines.slice(-ROWS).join('\n')}`)
  }

  /** Until nothing that runs by itself has anything to say any more. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  }

  async signIn(name = 'admin', password = 'right'): Promise<void> {
    await this.until('login: ')
    this.press(`${name}\r`)
    await this.until('Password: ')
    this.press(`${password}\r`)
    await this.until('> ')
  }

  async enable(): Promise<void> {
    await this.signIn()
    await this.run('enable')
  }

  /** What stands below the line that was typed when the prompt is there again. */
  async run(line: string, ending: string | RegExp = /^[\w.-]+(\(config\))?[#>] $/): Promise<string> {
    const before = this.screen.lines.length
    this.screen.isWide = line.endsWith('--json')
    this.press(`${line}\r`)
    await this.until(ending)
    this.screen.isWide = false
    return this.screen.lines.slice(before, -1).join('\n')
  }
}
