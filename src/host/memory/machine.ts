import { readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'

/** Up to here bounds give way to what there is; from here on they stand as they were chosen for their own reasons. */
export const SMALL_BYTES = 512 * 1024 * 1024

const PROC_STATUS = '/proc/self/status'

/** What this process may ever have: of the machine, or of the control group that it is in. */
export function memoryBytes(total: number = totalmem(), constrained: number = process.constrainedMemory()): number {
  return constrained > 0 ? Math.min(total, constrained) : total
}

/** The process's own memory: what no other reader of a file would be given, and what the system cannot take back. */
export function ownBytes(status: string = readFileSync(PROC_STATUS, 'latin1')): number {
  const [, kib = ''] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? []
  return kib === '' ? process.memoryUsage.rss() : Number(kib) * 1024
}

/** What this process can still take before the system runs short. */
export const leftBytes = (): number => Math.min(memoryBytes() - ownBytes(), freemem())

/** `usual` where there is memory enough; on a small machine no more than that share of it. */
export const withinMemory = (usual: number, share: number, all: number = memoryBytes()): number =>
  all >= SMALL_BYTES ? usual : Math.min(usual, Math.floor(all * share))
