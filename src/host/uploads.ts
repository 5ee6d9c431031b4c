import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Upload } from '../services/backup.ts'
import { PlainError } from './plain-error.ts'

/** Written before the file system is asked again what is left. */
const LOOK_BYTES = 4 * 1024 * 1024

const noRoom = (): PlainError =>
  new PlainError('There is no room for that file on the flash of the box: what is free is kept for messages.')

/** One file on its way to flash, in `dir`, for its owner alone. Throws PlainError where `bytes`, if known, have no room above the reserve. */
export async function openUpload(dir: string, reserveBytes: number, bytes: number | undefined): Promise<Upload> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const free = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(dir)
    return bavail * bsize - reserveBytes
  }
  if ((await free()) < (bytes ?? 0) + LOOK_BYTES) throw noRoom()
  const path = join(dir, `upload-${randomBytes(8).toString('hex')}`)
  return new UploadFile(path, await open(path, 'wx', 0o600), free)
}

class UploadFile implements Upload {
  readonly path: string
  readonly #file: FileHandle
  readonly #free: () => Promise<number>
  #sinceLook = 0

  constructor(path: string, file: FileHandle, free: () => Promise<number>) {
    this.path = path
    this.#file = file
    this.#free = free
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#file.writeFile(bytes)
    this.#sinceLook += bytes.length
    if (this.#sinceLook < LOOK_BYTES) return
    this.#sinceLook = 0
    if ((await this.#free()) < LOOK_BYTES) throw noRoom()
  }

  end(): Promise<void> {
    return this.#file.close()
  }

  async drop(): Promise<void> {
    await this.#file.close().catch(() => {})
    await rm(this.path, { force: true })
  }
}
