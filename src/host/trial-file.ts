import { existsSync, realpathSync, rmSync, statSync } from 'node:fs'
import { PlainError, troubleOf } from './plain-error.ts'
import { modeOf, moveWhole, removeWhole, writeWhole } from './write-whole.ts'

const unconfirmedOf = (target: string): string => `${target}.unconfirmed`

/** Where a link leads: the link itself stays. */
const placeOf = (path: string): string => (existsSync(path) ? realpathSync(path) : path)

/**
 * A change that nobody confirmed before the power went: what stood before stands again. To be called before the file is read. True where
 * there was one. Throws plain messages.
 */
export function restoreUnconfirmed(target: string): boolean {
  const place = placeOf(target)
  const kept = unconfirmedOf(place)
  if (!existsSync(kept)) return false
  try {
    moveWhole(kept, place)
  } catch (error) {
    throw new PlainError(`${kept}: cannot be put back as ${place}: ${troubleOf(error)}`)
  }
  return true
}

/** What would be put back at the next start is not. */
export const dropUnconfirmed = (target: string): void => {
  const kept = unconfirmedOf(placeOf(target))
  if (existsSync(kept)) removeWhole(kept)
}

/**
 * The file of a configuration that may be on trial. What stood before lies beside it from before the first octet of it is changed until
 * somebody confirms, so that a power cut at any moment leaves one of both, and the next start the one before.
 */
export class TrialFile {
  readonly #named: string

  constructor(named: string) {
    this.#named = named
  }

  /** `before`: to be put back unless `keep` is called; undefined: it is no trial. Throws a PlainError, and then nothing has changed. */
  write(text: string, before: string | undefined): void {
    const place = placeOf(this.#named)
    const kept = unconfirmedOf(place)
    try {
      if (statSync(place, { throwIfNoEntry: false })?.isFile() === false)
        throw new PlainError('it is no file. Start the box with --write-config FILE.')
      const mode = modeOf(place)
      if (before !== undefined) writeWhole(kept, before, mode)
      writeWhole(place, text, mode)
    } catch (error) {
      if (before !== undefined) undo(kept, place)
      const why = error instanceof PlainError ? error.message : troubleOf(error)
      throw new PlainError(`${place}: cannot be written: ${why}`)
    }
  }

  keep(): void {
    removeWhole(unconfirmedOf(placeOf(this.#named)))
  }

  /** Needs no room where it was a trial. */
  putBack(before: string): void {
    const place = placeOf(this.#named)
    const kept = unconfirmedOf(place)
    if (existsSync(kept)) moveWhole(kept, place)
    else writeWhole(place, before)
  }
}

/** Whichever of the two was written: the file has what it had. */
function undo(kept: string, place: string): void {
  try {
    if (existsSync(place) && existsSync(kept)) moveWhole(kept, place)
    else rmSync(kept, { force: true })
  } catch {
    // The next start puts it back.
  }
}
