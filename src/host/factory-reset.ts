import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import type { ResetLevel } from '../services/diagnosis.ts'
import { eraseFile, eraseFolder } from './erase.ts'
import { lockForServing } from './owner.ts'
import { PlainError, troubleOf } from './plain-error.ts'
import { configurationAfter, dataDirIn } from './reset-configuration.ts'
import { undoneRestore } from './restoring.ts'
import { dropUnconfirmed } from './trial-file.ts'
import { flushFolder, removeWhole, writeWhole } from './write-whole.ts'

/**
 * A factory reset is a word in a file of data_dir: `config` or `full`. The next start does it before it opens anything, and removes the file
 * last, so that a power cut in the middle does it again. Whoever writes the file, a console or a button, has to do no more.
 */
const MARK = 'factory-reset'
const MARK_BYTES_MAX = 256

export interface FactoryReset {
  /** Whose configuration the box starts with, and where its page writes changes to; the same where it writes there. */
  readonly file: string
  readonly target: string
  /** What the box was shipped with, in place of `file`. */
  readonly shipped?: string | undefined
  /** Where the mark may lie too if the configuration does not tell. */
  readonly stateDir?: string | undefined
  readonly log: Log
  /** A store of gigabytes takes minutes: called again and again meanwhile. */
  readonly alive?: () => void
  /** After each step. */
  readonly step?: (name: string) => void
}

/** Throws PlainError. */
export function markForReset(dataDir: string, level: ResetLevel): void {
  const path = join(dataDir, MARK)
  try {
    writeWhole(path, `${level}\n`)
  } catch (error) {
    throw new PlainError(`${path} cannot be written: ${troubleOf(error)} Nothing is reset.`, { cause: error })
  }
}

/** Whether the next start has one to do. */
export const isResetMarked = (dataDir: string): boolean => existsSync(join(dataDir, MARK))

/** To be called before anything is opened or believed. What was done; undefined: nobody asked for it. Throws PlainError where it cannot end. */
export async function resetIfMarked(reset: FactoryReset): Promise<ResetLevel | undefined> {
  const places = [dataDirIn(reset.target), dataDirIn(reset.file), reset.stateDir]
  const dataDir = places.find(place => place !== undefined && existsSync(join(place, MARK)))
  if (dataDir === undefined) return undefined
  const level = readMark(dataDir)
  if (!level) {
    reset.log.warn('a factory reset of no kind was asked for, and nothing is reset', { file: join(dataDir, MARK) })
    removeMark(dataDir)
    return undefined
  }
  // What a restore that broke off would put back later has to be back before.
  if (level === 'config') await undoneRestore(dataDir)
  const lock = await lockForServing(dataDir)
  try {
    carryOut(realpathSync(dataDir), level, reset)
  } finally {
    lock.release()
  }
  reset.log.warn('factory reset', { level })
  return level
}

function carryOut(dataDir: string, level: ResetLevel, reset: FactoryReset): void {
  const { log, file, target, shipped, step = () => {}, alive = () => {} } = reset
  putBackConfiguration(dataDir, level, reset)
  step('configuration')
  const left: string[] = []
  if (level === 'config') {
    for (const name of ['admin', 'admin.new', 'first-password', 'first-password.new']) eraseFile(join(dataDir, name))
    flushFolder(join(dataDir, '.'))
  } else {
    // What the next start begins with may lie there too.
    const files = [file, target, shipped].filter(path => path !== undefined && existsSync(path))
    const kept = new Set([join(dataDir, MARK), ...files.map(path => realpathSync(path!))])
    eraseFolder(dataDir, { kept, left, alive, step })
  }
  step('erased')
  if (left.length > 0) log.error('not all was erased', { left: left.slice(0, 10).join(' ') })
  removeMark(dataDir)
  step('mark removed')
}

/** Before the rest, so that the next start finds the folder again that has the mark. */
function putBackConfiguration(dataDir: string, level: ResetLevel, reset: FactoryReset): void {
  const { file, target, shipped, log } = reset
  try {
    const after = configurationAfter({ dataDir, level, file, target, shipped })
    if (after === undefined) {
      log.warn('what the box was shipped with is not known: the configuration stays', { file: target })
      return
    }
    dropUnconfirmed(target)
    const place = existsSync(target) ? realpathSync(target) : target
    if (after.text === undefined) removeWhole(place)
    else writeWhole(place, after.text)
  } catch (error) {
    log.error('the configuration was not put back', { file: target, why: troubleOf(error) })
  }
}

function readMark(dataDir: string): ResetLevel | undefined {
  const path = join(dataDir, MARK)
  const stat = lstatSync(path)
  if (!stat.isFile() || stat.size > MARK_BYTES_MAX) return undefined
  const [word] = readFileSync(path, 'latin1').trim().split(/\s/)
  return word === 'config' || word === 'full' ? word : undefined
}

/** A mark that stays would erase what was accepted meanwhile. */
function removeMark(dataDir: string): void {
  const path = join(dataDir, MARK)
  try {
    removeWhole(path)
  } catch (error) {
    throw new PlainError(`${path} cannot be removed: ${troubleOf(error)} Until it is, the box does not start.`)
  }
}
