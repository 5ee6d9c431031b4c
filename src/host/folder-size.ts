import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The store has two files, results of jobs are a few; what is beyond belongs to somebody else. */
const FILES_MAX = 2000
const DEPTH_MAX = 4

/** Bytes that the files below a folder take on the medium: what is set aside in a file without being written does not count. */
export async function folderBytes(folder: string): Promise<number> {
  let left = FILES_MAX
  const walk = async (at: string, depth: number): Promise<number> => {
    let sum = 0
    for (const entry of await readdir(at, { withFileTypes: true }).catch(() => [])) {
      if (left-- <= 0) break
      const path = join(at, entry.name)
      if (entry.isDirectory() && depth < DEPTH_MAX) sum += await walk(path, depth + 1)
      else if (entry.isFile())
        sum += await lstat(path).then(
          ({ blocks }) => blocks * 512,
          () => 0,
        )
    }
    return sum
  }
  return walk(folder, 0)
}
