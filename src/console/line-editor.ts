import { isPrintable, type Key } from './keys.ts'

/** No command is as long; what is typed beyond is not taken. */
export const LINE_LENGTH_MAX = 512

interface EditorOptions {
  readonly prompt: string
  /** Columns of the terminal; the last one stays free, as terminals differ in what they do behind it. */
  readonly columns: number
  /** A password: nothing of it is shown, and octets of UTF-8 are taken too. */
  readonly isHidden?: boolean
  /** Lines of before, the oldest first. */
  readonly history?: readonly string[]
}

/**
 * One line being typed. Written for terminals that know CR and backspace and nothing else; of the screen only what differs is written
 * anew, never more than the line. A line longer than the screen is wide is shown in part.
 */
export class LineEditor {
  readonly #options: EditorOptions
  #text = ''
  #cursor = 0
  #offset = 0
  /** What stands on the screen, and where its cursor is. */
  #shown = ''
  #shownAt = 0
  /** Place in the history; its length: what was typed itself, kept in `#draft`. */
  #place: number
  #draft = ''

  constructor(options: EditorOptions) {
    this.#options = options
    this.#place = options.history?.length ?? 0
  }

  /** Octets as characters of latin1. */
  get text(): string {
    return this.#text
  }

  get cursor(): number {
    return this.#cursor
  }

  /** The line on a fresh line of the screen. */
  draw(): string {
    this.#shown = ''
    this.#shownAt = 0
    return this.#render()
  }

  /** Takes the line off the screen; `draw` brings it back. */
  clear(): string {
    return `\r${' '.repeat(this.#shown.length)}\r`
  }

  /** Leaves the line as it is, all of it in sight as far as it fits. */
  leave(): string {
    this.#cursor = this.#text.length
    return this.#render()
  }

  /** What else is shown at the cursor before another line begins, if there is room. */
  note(mark: string): string {
    return this.#shownAt + mark.length < this.#options.columns ? mark : ''
  }

  insert(text: string): string {
    const taken = text.slice(0, LINE_LENGTH_MAX - this.#text.length)
    this.#put(this.#text.slice(0, this.#cursor) + taken + this.#text.slice(this.#cursor), this.#cursor + taken.length)
    return this.#render()
  }

  /** What is to be written for a key; keys that are not about the line do nothing. */
  feed(key: Key): string {
    if (isPrintable(key) || (this.#options.isHidden && key.length === 1)) return this.insert(key)
    this.#edit(key)
    return key === 'redraw' ? `\r${this.draw()}` : this.#render()
  }

  #edit(key: Key): void {
    const [text, at] = [this.#text, this.#cursor]
    if (key === 'back' && at > 0) this.#put(text.slice(0, at - 1) + text.slice(at), at - 1)
    else if (key === 'delete') this.#put(text.slice(0, at) + text.slice(at + 1), at)
    else if (key === 'left') this.#cursor = Math.max(0, at - 1)
    else if (key === 'right') this.#cursor = Math.min(text.length, at + 1)
    else if (key === 'home') this.#cursor = 0
    else if (key === 'end') this.#cursor = text.length
    else if (key === 'kill line') this.#put(text.slice(at), 0)
    else if (key === 'kill rest') this.#put(text.slice(0, at), at)
    else if (key === 'kill word') {
      const before = text.slice(0, at).replace(/\S*\s*$/, '')
      this.#put(before + text.slice(at), before.length)
    } else if (key === 'up') this.#recall(-1)
    else if (key === 'down') this.#recall(1)
  }

  #put(text: string, cursor: number): void {
    this.#text = text
    this.#cursor = cursor
  }

  #recall(step: number): void {
    const { history = [] } = this.#options
    const place = this.#place + step
    if (place < 0 || place > history.length) return
    if (this.#place === history.length) this.#draft = this.#text
    this.#place = place
    const text = history[place] ?? this.#draft
    this.#put(text, text.length)
  }

  #render(): string {
    const { prompt, columns, isHidden } = this.#options
    const room = Math.max(8, columns - 1 - prompt.length)
    // Half a screen at a time, so that a long line is not written anew for each key.
    if (this.#cursor < this.#offset) this.#offset = Math.max(0, this.#cursor - Math.floor(room / 2))
    if (this.#cursor - this.#offset > room) this.#offset = this.#cursor - Math.ceil(room / 2)
    const next = prompt + (isHidden ? '' : this.#text.slice(this.#offset, this.#offset + room))
    const at = prompt.length + (isHidden ? 0 : this.#cursor - this.#offset)
    const before = this.#shown
    let same = 0
    while (same < next.length && next[same] === before[same]) same++
    const isSame = same === next.length && before.length === next.length
    const from = isSame ? at : same
    const blank = isSame ? '' : ' '.repeat(Math.max(0, before.length - next.length))
    const written = isSame ? '' : next.slice(same) + blank
    this.#shown = next
    const out = moved(next, this.#shownAt, from) + written + moved(next, from + written.length, at)
    this.#shownAt = at
    return out
  }
}

/** Forwards by writing what stands there. */
const moved = (line: string, from: number, to: number): string =>
  from > to ? '\b'.repeat(from - to) : line.slice(from, to)
