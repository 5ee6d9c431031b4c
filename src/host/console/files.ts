import { createReadStream } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import type { ConsoleFiles } from '../../console/services.ts'
import { troubleOf } from '../plain-error.ts'
import { flushFolder } from '../write-whole.ts'

const PIECE_BYTES = 64 * 1024

/** Files of the machine that the box runs on, as its user may have them. */
export const machineFiles: ConsoleFiles = {
  async save(result, file, signal) {
    let isOurs = false
    try {
      const made = await open(file, 'wx', 0o600)
      isOurs = true
      try {
        for await (const piece of createReadStream(result.path, { highWaterMark: PIECE_BYTES, signal }))
          await made.writeFile(piece)
        await made.sync()
      } finally {
        await made.close()
      }
      flushFolder(file)
      return { bytes: (await stat(file)).size }
    } catch (error) {
      if (isOurs) await rm(file, { force: true })
      return { why: signal.aborted ? 'Stopped; nothing was written.' : `${file}: ${troubleOf(error)}` }
    }
  },

  async open(file, signal) {
    try {
      const status = await stat(file)
      if (!status.isFile()) return { why: `${file} is no file.` }
      // Also those of the system that have no length, and of which some never end.
      if (status.size === 0) return { why: `${file} is empty.` }
      // Found out here rather than in the middle.
      await (await open(file, 'r')).close()
      return { bytes: status.size, pieces: createReadStream(file, { highWaterMark: PIECE_BYTES, signal }) }
    } catch (error) {
      return { why: `${file}: ${troubleOf(error)}` }
    }
  },
}
