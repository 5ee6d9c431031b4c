import { ascii, wrapped } from './ascii.ts'
import { type Key, KeyReader } from './keys.ts'
import { LineEditor } from './line-editor.ts'
import type { ConsoleClock } from './options.ts'
import { Gone, type Output } from './output.ts'

/** Keys typed while something runs, or pasted: whoever brings them is to wait from here on. */
const AHEAD_ENOUGH = 4096
/** Of a line that waits for nobody: a configuration of a thousand lines. What comes beyond is lost. */
const AHEAD_MAX = 65_536

/** Told at the next prompt; what comes beyond is not. */
const NOTICES_MAX = 8
/** In place of a key. */
const NOTICE = 'notice'
/** Among the keys, where some are missing; to whoever reads it is ^C. */
const LOST = 'lost'

/** Whatever a terminal says of itself. */
const COLUMNS_MIN = 40
const COLUMNS_MAX = 512

/** ^C: what runs ends, the line that is typed goes. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Nobody typed anything for as long as is allowed. */
export class Idle extends Error {
  override readonly name = 'Idle'
}

interface Reading {
  readonly prompt: string
  readonly isHidden?: boolean
  /** Notices are told above it as they come; else after it. */
  readonly isNoticed?: boolean
  readonly history?: readonly string[]
  /** What Tab puts in behind the text before the cursor, and what there is to choose from. */
  readonly complete?: (before: string) => { readonly more: string; readonly choices: readonly string[] }
  /** Undefined: `?` is a character here. */
  readonly help?: (before: string) => readonly string[] | undefined
  /** Writes lines of help, by the page. */
  readonly tell?: (lines: readonly string[]) => Promise<void>
}

/** A line; or ^D where nothing was typed. */
export type Read = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'over' }

interface TerminalOptions {
  readonly output: Output
  readonly clock: ConsoleClock
  readonly columns: number
  readonly rows: number
  /** After `keys` was answered with false. */
  readonly room?: (() => void) | undefined
}

/** Keys in, lines out. One reads or writes at a time. */
export class Terminal {
  readonly columns: number
  /** Lines of a page; 0: as many as there are. */
  pageLength: number
  readonly #output: Output
  readonly #clock: ConsoleClock
  readonly #reader = new KeyReader()
  readonly #keys: Key[] = []
  readonly #room: (() => void) | undefined
  #isEnough = false
  /** What comes now is lost, up to the end of its line. */
  #isLosing = false
  #lost = 0
  #isLossDue = false
  #controller: AbortController | undefined
  #failure: Error | undefined
  readonly #readers: (() => void)[] = []
  readonly #notices: string[] = []
  #idleMs = 0
  #cancelIdle: (() => void) | undefined

  constructor({ output, clock, columns, rows, room }: TerminalOptions) {
    this.#room = room
    this.#output = output
    this.#clock = clock
    this.columns = Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, columns))
    this.pageLength = rows
  }

  /** False: enough for now, until `room`. */
  keys(bytes: Buffer): boolean {
    for (const key of this.#reader.read(bytes)) this.#take(key)
    this.#restIdle()
    this.#wake()
    this.#isEnough ||= this.#keys.length >= AHEAD_ENOUGH
    this.#tellRoom()
    return !this.#isEnough
  }

  #take(key: Key): void {
    if (key === 'interrupt' && this.#controller) {
      this.#keys.length = 0
      this.#isLosing = false
      this.#controller.abort()
    } else if (this.#isLosing) {
      this.#lost++
      this.#isLosing = key !== 'enter' || this.#keys.length >= AHEAD_MAX
    } else if (this.#keys.length < AHEAD_MAX) this.#keys.push(key)
    else {
      // Half a line may be another command: none of it is left, also not of what was typed of it before.
      const whole = this.#keys.lastIndexOf('enter') + 1
      this.#lost += this.#keys.splice(whole, Number.POSITIVE_INFINITY, LOST).length + 1
      this.#isLosing = key !== 'enter'
    }
  }

  #tellRoom(): void {
    if (!this.#isEnough || this.#keys.length > AHEAD_ENOUGH / 2) return
    this.#isEnough = false
    this.#room?.()
  }

  /** Something that nobody asked for: above the line that is typed, or before the next one. */
  notice(text: string): void {
    if (this.#notices.length < NOTICES_MAX) this.#notices.push(text)
    this.#wake()
  }

  /** From now on whoever reads, or waits to write, for so long without a key being pressed ends with Idle. 0: never. */
  idleAfter(ms: number): void {
    this.#idleMs = ms
    this.#restIdle()
  }

  /** All that wait end. */
  fail(failure: Error): void {
    this.#failure ??= failure
    this.#cancelIdle?.()
    this.#controller?.abort()
    this.#output.fail(failure)
    this.#wake()
    this.#keys.length = 0
    this.#tellRoom()
  }

  /** ^C aborts the signal while it runs. */
  async interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const { signal } = controller
    this.#controller = controller
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(this.#failure ?? new Interrupted()), { once: true })
    })
    ended.catch(() => {})
    try {
      return await Promise.race([run(signal), ended])
    } finally {
      if (this.#controller === controller) this.#controller = undefined
      controller.abort()
    }
  }

  async write(text: string, signal = this.#controller?.signal): Promise<void> {
    this.#check(signal)
    await this.#output.write(text, signal)
    this.#check(signal)
  }

  /** Goes on in the next one where it is longer than the terminal is wide. */
  async line(text = ''): Promise<void> {
    for (const part of wrapped(text, this.columns - 1, '  ')) await this.write(`${part}\r\n`)
  }

  /** The next one. What was interrupted meanwhile takes none from whoever reads after it. */
  key(signal = this.#controller?.signal): Promise<Key> {
    return this.#next(signal, false)
  }

  async #next(signal: AbortSignal | undefined, isNoticed: boolean): Promise<Key> {
    for (;;) {
      this.#check(signal)
      if (isNoticed && this.#notices.length > 0) return NOTICE
      const key = this.#keys.shift()
      if (key !== undefined) {
        this.#tellRoom()
        if (key !== LOST) return key
        this.#isLossDue = true
        return 'interrupt'
      }
      await new Promise<void>(resolve => this.#readers.push(resolve))
    }
  }

  async readLine(reading: Reading, signal = this.#controller?.signal): Promise<Read> {
    const editor = new LineEditor({ ...reading, columns: this.columns })
    const write = (text: string) => this.write(text, signal)
    if (this.#isLossDue) await this.#tellLost()
    if (reading.isNoticed) await this.#tellNotices()
    await write(editor.draw())
    for (;;) {
      const key = await this.#next(signal, reading.isNoticed === true)
      if (key === NOTICE) {
        await write(editor.clear())
        await this.#tellNotices()
        await write(editor.draw())
        continue
      }
      if (key === 'enter') {
        await write(`${editor.leave()}\r\n`)
        const { text } = editor
        return { kind: 'line', text: reading.isHidden ? Buffer.from(text, 'latin1').toString() : text }
      }
      if (key === 'over' && editor.text === '') {
        await write('\r\n')
        return { kind: 'over' }
      }
      if (key === 'interrupt') {
        await write(`${editor.leave()}${editor.note('^C')}\r\n`)
        throw new Interrupted()
      }
      if (key === 'tab' && reading.complete) await this.#complete(editor, reading)
      else if (key !== '?' || !(await this.#help(editor, reading)))
        await write(editor.feed(key === 'over' ? 'delete' : key))
    }
  }

  async #tellNotices(): Promise<void> {
    for (let text = this.#notices.shift(); text !== undefined; text = this.#notices.shift())
      await this.line(ascii(text))
  }

  async #tellLost(): Promise<void> {
    const lost = this.#lost
    this.#lost = 0
    this.#isLossDue = false
    await this.line(`% ${lost} characters came too fast: whole lines are lost. Paste less at once.`)
  }

  async #complete(editor: LineEditor, { complete, tell }: Reading): Promise<void> {
    const { more, choices } = complete!(editor.text.slice(0, editor.cursor))
    if (more !== '') return await this.write(editor.insert(more))
    if (choices.length < 2 || !tell) return
    await this.write(`${editor.leave()}\r\n`)
    await tell(choices)
    await this.write(editor.draw())
  }

  async #help(editor: LineEditor, { help, tell }: Reading): Promise<boolean> {
    const lines = help?.(editor.text.slice(0, editor.cursor))
    if (!lines || !tell) return false
    await this.write(`${editor.note('?')}\r\n`)
    await tell(lines)
    await this.write(editor.draw())
    return true
  }

  #check(signal?: AbortSignal): void {
    if (this.#failure) throw this.#failure
    if (signal?.aborted) throw new Interrupted()
  }

  #wake(): void {
    for (const resolve of this.#readers.splice(0)) resolve()
  }

  #restIdle(): void {
    this.#cancelIdle?.()
    this.#cancelIdle = undefined
    if (this.#idleMs === 0 || this.#failure) return
    this.#cancelIdle = this.#clock.after(this.#idleMs, () => {
      const isWaiting = this.#readers.length > 0 || !this.#output.isReady
      if (isWaiting) this.fail(new Idle())
      else this.#restIdle()
    })
  }
}

/** Of a session that is over, for those who wait. */
export const isGone = (error: unknown): boolean => error instanceof Gone || error instanceof Idle
