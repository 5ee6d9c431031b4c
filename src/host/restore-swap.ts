import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, PlainError, troubleOf } from './plain-error.ts'
import { flushFolder, removeWhole, writeWhole } from './write-whole.ts'

/**
 * What was unpacked takes the place of what is there. A note lies in the folder from before the first step until after the last: whoever finds it at a
 * start takes all steps back. So whatever happens to the power, the box has either all of the one or all of the other.
 */

const ITEMS = ['mailbox', 'admin', 'tls'] as const
const KEPT_PREFIX = 'before-restore-'
const KEPT_NAME = /^before-restore-\d{8}T\d{6}Z(-\d+)?$/

interface Note {
  /** Folder in data_dir where what was there is kept. */
  readonly kept: string
  /** Which of the items were there. */
  readonly had: readonly string[]
  /** The configuration, if it is replaced: its file, and what stood there. */
  readonly configuration?: { readonly file: string; readonly before: string }
}

export interface Swap {
  readonly dataDir: string
  readonly at: number
  /** Undefined: the configuration stays. */
  readonly configuration?: { readonly file: string; readonly before: string; readonly text: string } | undefined
}

const restoreDir = (dataDir: string): string => join(dataDir, 'restore')
/** Where a backup is unpacked to before anything is touched. */
export const unpackedIn = (dataDir: string): string => join(restoreDir(dataDir), 'new')
const noteOf = (dataDir: string): string => join(restoreDir(dataDir), 'under-way.json')

/** The folder's lock is held. Throws PlainError, and then all is as it was. The name of the folder where that is kept which was there. */
export function swapIn(swap: Swap, step: (name: string) => void = () => {}): string {
  const { dataDir, configuration } = swap
  if (!existsSync(join(unpackedIn(dataDir), 'mailbox')))
    throw new PlainError('What was unpacked is not there any more. Upload the backup again. All is as it was.')
  const kept = freeName(dataDir, swap.at)
  const had = ITEMS.filter(item => existsSync(join(dataDir, item)))
  const { file = '', before = '', text = '' } = configuration ?? {}
  const note: Note = { kept, had, ...(configuration && { configuration: { file, before } }) }
  try {
    // Before the note stands nothing has changed.
    mkdirSync(join(dataDir, kept), { mode: 0o700 })
    writeWhole(noteOf(dataDir), JSON.stringify(note))
    step('noted')
    for (const item of ITEMS) {
      moveIfThere(join(dataDir, item), join(dataDir, kept, item))
      step(`${item} put aside`)
      moveIfThere(join(unpackedIn(dataDir), item), join(dataDir, item))
      step(`${item} put in`)
    }
    if (configuration) {
      writeWhole(join(dataDir, kept, 'configuration.toml'), before)
      writeWhole(file, text)
      step('configuration written')
    }
    for (const folder of [dataDir, join(dataDir, kept), unpackedIn(dataDir)]) flushFolder(join(folder, '.'))
    step('flushed')
    removeWhole(noteOf(dataDir))
  } catch (error) {
    if (!undoSwap(dataDir)) removeEmpty(join(dataDir, kept))
    const why = error instanceof PlainError ? error.message : troubleOf(error)
    throw new PlainError(`What was restored could not be put in its place: ${why} All is as it was.`)
  }
  return kept
}

/** After all: what was kept stands again, and what was put in lies unpacked as before. To be called once for a swap that was whole. */
export function swapBack({ dataDir, configuration }: Swap, kept: string): void {
  const had = ITEMS.filter(item => existsSync(join(dataDir, kept, item)))
  const { file = '', before = '' } = configuration ?? {}
  writeWhole(noteOf(dataDir), JSON.stringify({ kept, had, ...(configuration && { configuration: { file, before } }) }))
  undoSwap(dataDir)
}

/** Takes the steps of a swap back that did not come to its end. False: there is none. The folder's lock is held. */
export function undoSwap(dataDir: string): boolean {
  const note = readNote(dataDir)
  if (!note) return false
  const unpacked = unpackedIn(dataDir)
  try {
    mkdirSync(unpacked, { recursive: true, mode: 0o700 })
    for (const item of ITEMS) {
      const [place, old, fresh] = [dataDir, join(dataDir, note.kept), unpacked].map(folder => join(folder, item))
      const isOld = note.had.includes(item) && !existsSync(old!)
      if (isOld) continue
      if (existsSync(place!)) {
        // Beside what was unpacked this is what somebody made meanwhile, of nothing.
        if (existsSync(fresh!)) rmSync(place!, { recursive: true })
        else renameSync(place!, fresh!)
      }
      moveIfThere(old!, place!)
    }
    if (note.configuration) writeWhole(note.configuration.file, note.configuration.before)
    rmSync(join(dataDir, note.kept), { recursive: true, force: true })
    for (const folder of [dataDir, unpacked]) flushFolder(join(folder, '.'))
    removeWhole(noteOf(dataDir))
  } catch (error) {
    throw new PlainError(`${noteOf(dataDir)}: a restore that broke off cannot be taken back: ${messageOf(error)}`)
  }
  return true
}

export const isSwapUnderWay = (dataDir: string): boolean => existsSync(noteOf(dataDir))

function readNote(dataDir: string): Note | undefined {
  if (!isSwapUnderWay(dataDir)) return undefined
  return JSON.parse(readFileSync(noteOf(dataDir), 'utf8')) as Note
}

/** What went wrong before is what is told. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // It was not made, or has something in it.
  }
}

function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to)
}

function freeName(dataDir: string, at: number): string {
  const stamp = `${KEPT_PREFIX}${new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')}`
  let name = stamp
  for (let count = 2; existsSync(join(dataDir, name)); count++) name = `${stamp}-${count}`
  return name
}

export const isKeptName = (name: string): boolean => KEPT_NAME.test(name)

/** What was unpacked or uploaded and came to nothing. */
export const dropRestore = (dataDir: string): void => rmSync(restoreDir(dataDir), { recursive: true, force: true })
