import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const SOURCE = join(import.meta.dirname, 'faulty-disk.c')

/** A disk below one folder that refuses whatever changes it, for as long as a test wants, by way of the C library. */
export class FaultyDisk {
  /** Of the process that it is for. */
  readonly env: NodeJS.ProcessEnv
  readonly #switch: string

  /** `dir`: where it may leave its own files, which is not below `below`. Needs gcc. */
  constructor(dir: string, below: string) {
    const library = join(dir, 'faulty-disk.so')
    this.#switch = join(dir, 'fault')
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'])
    writeFileSync(this.#switch, Buffer.alloc(4096))
    this.env = { LD_PRELOAD: library, FAULT_SWITCH: this.#switch, FAULT_DIR: below }
  }

  /** A flush does not return. */
  hang(): void {
    this.fail(-1)
  }

  /** From now on, as an errno; 0: it works. */
  fail(errno: number): void {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(errno)
    const file = openSync(this.#switch, 'r+')
    writeSync(file, bytes, 0, bytes.length, 0)
    closeSync(file)
  }
}
