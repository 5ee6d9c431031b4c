/** What a key does; a key that writes is its one character, octets from 0x80 on included. */
export type Key =
  | 'enter'
  | 'back'
  | 'delete'
  | 'left'
  | 'right'
  | 'up'
  | 'down'
  | 'home'
  | 'end'
  | 'tab'
  | 'interrupt'
  | 'over'
  | 'kill line'
  | 'kill word'
  | 'kill rest'
  | 'redraw'
  | (string & {})

const CONTROLS: Readonly<Record<number, Key>> = {
  1: 'home',
  2: 'left',
  3: 'interrupt',
  4: 'over',
  5: 'end',
  6: 'right',
  8: 'back',
  9: 'tab',
  11: 'kill rest',
  12: 'redraw',
  14: 'down',
  16: 'up',
  18: 'redraw',
  21: 'kill line',
  23: 'kill word',
  127: 'back',
}

/** ECMA-48 8.3: cursor keys, and what terminals send for Home, End and Delete. */
const FINALS: Readonly<Record<string, Key>> = { A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end' }
const TILDES: Readonly<Record<string, Key>> = { 1: 'home', 3: 'delete', 4: 'end', 7: 'home', 8: 'end' }

const ESC = 0x1b
/** No key of a terminal sends more between ESC [ and its end. */
const PARAMETERS_MAX = 16

/** Octets of a terminal to keys. CR, LF and CR LF are one Enter; NUL (a BREAK) and whatever else does nothing is dropped. */
export class KeyReader {
  #state: 'ground' | 'escape' | 'control' | 'single' = 'ground'
  #parameters = ''
  #isAfterCr = false

  read(bytes: Buffer): Key[] {
    const keys: Key[] = []
    for (const byte of bytes) {
      const key = this.#next(byte)
      if (key !== undefined) keys.push(key)
    }
    return keys
  }

  #next(byte: number): Key | undefined {
    if (byte === 0) return undefined
    const isAfterCr = this.#isAfterCr
    this.#isAfterCr = byte === 13
    if (this.#state !== 'ground' && byte >= 0x20 && byte < 0x7f) return this.#inEscape(String.fromCharCode(byte))
    this.#state = byte === ESC ? 'escape' : 'ground'
    if (byte === 10 || byte === 13) return byte === 10 && isAfterCr ? undefined : 'enter'
    if (byte < 0x20 || byte === 0x7f) return CONTROLS[byte]
    return String.fromCharCode(byte)
  }

  #inEscape(character: string): Key | undefined {
    const state = this.#state
    if (state === 'escape') {
      this.#state = character === '[' ? 'control' : character === 'O' ? 'single' : 'ground'
      this.#parameters = ''
      return undefined
    }
    if (state === 'control' && character < '@') {
      this.#parameters += character
      if (this.#parameters.length > PARAMETERS_MAX) this.#state = 'ground'
      return undefined
    }
    this.#state = 'ground'
    return character === '~' ? TILDES[this.#parameters] : FINALS[character]
  }
}

export const isPrintable = (key: Key): boolean => key.length === 1 && key >= ' ' && key <= '~'
