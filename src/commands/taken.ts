import type { Writable } from 'node:stream'

/** Resolves when what was written has gone to whoever reads, so that it does not gather here; also where nobody reads any more. */
export function taken(output: Writable): Promise<void> {
  if (!output.writableNeedDrain || output.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    const events = ['drain', 'close', 'error'] as const
    const end = (): void => {
      for (const event of events) output.off(event, end)
      resolve()
    }
    for (const event of events) output.on(event, end)
  })
}
