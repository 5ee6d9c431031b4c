import { createReadStream } from 'node:fs'
import { access, constants, lstat, open, realpath, rm, stat, statfs } from 'node:fs/promises'
import { dirname, isAbsolute, resolve, sep } from 'node:path'
import { bytesText } from '../../console/ascii.ts'
import type { ConsoleFiles } from '../../console/services.ts'
import { troubleOf } from '../plain-error.ts'
import { flushFolder } from '../write-whole.ts'

const PIECE_BYTES = 64 * 1024

interface OwnFlash {
  readonly dataDir: string
  /** Kept free for messages where a file would lie on the same flash. */
  readonly reserveBytes: number
}

/** Files of the machine that the box runs on, as its user may have them. */
export const machineFiles = (own: OwnFlash): ConsoleFiles => ({
  async place(file, leastBytes) {
    if (!isAbsolute(file))
      return { why: `${file} is no whole path: name it from the root on, e.g. /media/stick/box.age.` }
    const path = resolve(file)
    const folder = dirname(path)
    try {
      const there = await stat(folder)
      if (!there.isDirectory()) return { why: `${folder} is no folder.` }
      if (await isWithin(folder, own.dataDir))
        return { why: `${folder} belongs to the box, for which names there have a meaning: choose another folder.` }
      if (await isThere(path)) return { why: `${path} is there already: choose another name, or remove it first.` }
      await access(folder, constants.W_OK | constants.X_OK)
      const room = await roomIn(folder, own)
      return room < leastBytes
        ? {
            why: `${folder} has room for ${bytesText(Math.max(0, room))}; ${bytesText(leastBytes)} at least are wanted.`,
          }
        : { path }
    } catch (error) {
      return { why: `${folder}: ${troubleOf(error)}` }
    }
  },

  async save(result, file, signal) {
    let isOurs = false
    try {
      const room = await roomIn(dirname(resolve(file)), own)
      if (room < result.bytes)
        return {
          why: `${file}: ${bytesText(result.bytes)} are wanted, and there is room for ${bytesText(Math.max(0, room))}.`,
        }
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
      return { bytes: status.size, pieces: piecesOf(file, signal) }
    } catch (error) {
      return { why: `${file}: ${troubleOf(error)}` }
    }
  },
})

/** Opened when they are asked for: what comes before may take a person's time, or end it. */
async function* piecesOf(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  yield* createReadStream(file, { highWaterMark: PIECE_BYTES, signal })
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

/** By whatever links it is reached. */
async function isWithin(folder: string, dataDir: string): Promise<boolean> {
  const [wanted, own] = await Promise.all([realpath(folder), realpath(dataDir)])
  return `${wanted}${sep}`.startsWith(`${own}${sep}`)
}

async function roomIn(folder: string, { dataDir, reserveBytes }: OwnFlash): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  const [there, ours] = await Promise.all([stat(folder), stat(dataDir)])
  return bavail * bsize - (there.dev === ours.dev ? reserveBytes : 0)
}
