import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import { messageOf } from './plain-error.ts'
import { type KeptSeries, type KeptStep, SPAN_NAMES } from './series.ts'
import { writeWhole } from './write-whole.ts'

/** Far more than all steps take. */
const FILE_BYTES_MAX = 256 * 1024
const STEPS_MAX = 1000

const pathIn = (dataDir: string): string => join(dataDir, 'series.json')

/** What an earlier run left; undefined where there is nothing, or nothing that can be read: the plots begin anew then. */
export function readSeries(dataDir: string, log: Log): KeptSeries | undefined {
  const path = pathIn(dataDir)
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (!found) return undefined
    const kept = found.size <= FILE_BYTES_MAX && (JSON.parse(readFileSync(path, 'utf8')) as unknown)
    if (isKept(kept)) return kept
    log.warn('the figures of an earlier run are damaged: the plots begin anew', { file: path })
  } catch (error) {
    log.warn('the figures of an earlier run cannot be read: the plots begin anew', {
      file: path,
      reason: messageOf(error),
    })
  }
  return undefined
}

export function writeSeries(dataDir: string, kept: KeptSeries, log: Log): void {
  try {
    writeWhole(pathIn(dataDir), JSON.stringify(kept))
  } catch (error) {
    log.debug('figures for the plots are not kept', { reason: messageOf(error) })
  }
}

const isKept = (value: unknown): value is KeptSeries =>
  typeof value === 'object' &&
  value !== null &&
  SPAN_NAMES.every(span => {
    const steps = (value as Record<string, unknown>)[span]
    return Array.isArray(steps) && steps.length <= STEPS_MAX && steps.every(isStep)
  })

const isStep = (value: unknown): value is KeptStep =>
  Array.isArray(value) && value.length >= 7 && value.every(each => Number.isFinite(each) && each >= 0)
