import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** The file has all of the text or what it had before, whatever happens to the power; its owner alone may read it. Throws what the disk throws. */
export function writeWhole(path: string, text: string): void {
  const fresh = `${path}.new`
  withFile(fresh, 'w', file => writeSync(file, text))
  renameSync(fresh, path)
  withFile(dirname(path), 'r')
}

/** What is done to it is on stable storage afterwards. */
function withFile(path: string, flags: 'w' | 'r', work: (file: number) => void = () => {}): void {
  const file = openSync(path, flags, 0o600)
  try {
    work(file)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
