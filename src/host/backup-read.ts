import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ReadableStream } from 'node:stream/web'
import { setImmediate as turn } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar'
import { PRODUCT } from '../base/product.ts'
import { unlocked } from './age-file.ts'
import {
  ABOUT,
  type About,
  ADMINISTRATORS,
  bytesMaxOf,
  CONFIGURATION,
  decodePiece,
  FORMAT,
  isPiece,
  MANIFEST,
  type Manifest,
  pieceName,
} from './backup-format.ts'
import { openTable } from './lmdb-table.ts'
import { mapBytesOf } from './open-store.ts'
import { codeOf, PlainError } from './plain-error.ts'

export interface ReadParts {
  readonly file: string
  readonly passphrase: string
  /** An absent folder, which has the content of the backup afterwards. */
  readonly into: string
  /** Flash that stays free for messages meanwhile. */
  readonly reserveBytes: number
  readonly signal: AbortSignal
  /** Octets of the file. */
  readonly progress: (done: number) => void
}

export interface ReadBackup {
  readonly about: About
  readonly configText: string
}

/** A record in the store takes more than its octets, above all short ones. */
const ROOM_PER_BYTE = 2
const ROOM_MORE_BYTES = 4 * 1024 * 1024

/**
 * Unpacks a backup into a folder of its own and checks every octet of it on the way: passphrase, names, sizes, hashes, nothing missing and nothing more.
 * Throws PlainError; what is in the folder then is of no use.
 */
export async function readBackup(parts: ReadParts): Promise<ReadBackup> {
  await mkdir(join(parts.into, 'mailbox'), { recursive: true, mode: 0o700 })
  const unpacking = new Unpacking(parts)
  try {
    for await (const { header, body } of entriesOf(parts)) {
      parts.signal.throwIfAborted()
      const { name, size, type = 'file' } = header
      const most = type === 'file' ? bytesMaxOf(name) : 0
      if (most === 0) throw new PlainError('The backup has a file in it that does not belong there.')
      if (size > most) throw new PlainError(`The backup is damaged: ${name} is larger than it can be.`)
      await unpacking.take(name, await bytesOf(body))
    }
    return await unpacking.end()
  } finally {
    await unpacking.close()
  }
}

async function* entriesOf({ file, passphrase, signal, progress }: ReadParts): AsyncGenerator<ParsedTarEntry> {
  const source = createReadStream(file)
  let read = 0
  source.on('data', part => {
    read += part.length
    progress(read)
  })
  const gunzip = createGunzip()
  let failure: unknown
  const tar = createTarDecoder({ strict: true })
  // What is in no entry, e.g. zeros behind the end, can be long too.
  pipeline(Readable.from(unlocked(source, passphrase), { objectMode: false }), gunzip, { signal }).catch(error => {
    failure ??= error
  })
  const written = ReadableStream.from(gunzip).pipeTo(tar.writable as never)
  written.catch(() => {})
  try {
    yield* tar.readable as unknown as AsyncIterable<ParsedTarEntry>
    await written
  } catch (error) {
    throw await whyNot(failure ?? error)
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

/** What a library says of octets is no sentence for a person. */
async function whyNot(error: unknown): Promise<unknown> {
  if (error instanceof PlainError || (error as Error).name === 'AbortError') return error
  if (/^Z_/.test(codeOf(error)) || /tar|checksum|header|magic/i.test((error as Error).message))
    return new PlainError('The backup is damaged: what is in it cannot be unpacked.')
  return error
}

async function bytesOf(body: ParsedTarEntry['body']): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of body as unknown as AsyncIterable<Uint8Array>) parts.push(part)
  return Buffer.concat(parts)
}

class Unpacking {
  readonly #parts: ReadParts
  readonly #table: ReturnType<typeof openTable>
  readonly #hashes = new Map<string, { bytes: number; sha256: string }>()
  #about: About | undefined
  #configText: string | undefined
  #manifest: Manifest | undefined
  #pieces = 0
  #last = ''

  constructor(parts: ReadParts) {
    this.#parts = parts
    this.#table = openTable(join(parts.into, 'mailbox'), mapBytesOf(parts.into))
  }

  async take(name: string, bytes: Buffer): Promise<void> {
    if (this.#manifest) throw wrong('something stands behind its end')
    if (name === MANIFEST) {
      this.#manifest = jsonOf(bytes) as unknown as Manifest
      return
    }
    if (this.#hashes.has(name)) throw wrong(`${name} is in it twice`)
    this.#hashes.set(name, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
    if (!this.#about && name !== ABOUT) throw wrong('it does not begin as one')
    if (name === ABOUT) this.#about = aboutOf(jsonOf(bytes))
    else if (isPiece(name)) await this.#store(name, bytes)
    else await this.#keep(name, bytes)
    if (name === CONFIGURATION) this.#configText = bytes.toString()
  }

  async end(): Promise<ReadBackup> {
    if (!this.#about || !this.#manifest || this.#configText === undefined) throw wrong('its end is missing')
    const { files } = this.#manifest
    const listed = Array.isArray(files) ? files : []
    const isWhole =
      listed.length === this.#hashes.size &&
      listed.every(({ name, bytes, sha256 }) => {
        const found = this.#hashes.get(name)
        return found !== undefined && found.bytes === bytes && found.sha256 === sha256
      })
    // A box without would make a password anew, which nobody is told.
    if (!this.#hashes.has(ADMINISTRATORS)) throw wrong('nobody is in it who may sign in')
    if (!isWhole) throw wrong('it has other content than its list says')
    await this.#table.flushed
    return { about: this.#about, configText: this.#configText }
  }

  async close(): Promise<void> {
    await this.#table.close()
  }

  async #keep(name: string, bytes: Buffer): Promise<void> {
    await this.#room(bytes.length)
    const path = join(this.#parts.into, name)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Keys come in their order, each once, or it is no copy of a store. */
  async #store(name: string, bytes: Buffer): Promise<void> {
    if (name !== pieceName(++this.#pieces)) throw wrong('a piece of the store is missing')
    await this.#room(bytes.length)
    for (const records of decodePiece(bytes)) {
      this.#parts.signal.throwIfAborted()
      for (const { key } of records) {
        if (key <= this.#last) throw wrong('a piece of the store is not in order')
        this.#last = key
      }
      await this.#table.childTransaction(() => {
        for (const { key, value } of records) this.#table.put(key, value)
      })
      await turn()
    }
  }

  /** The library does not bear a disk that gets full under it. */
  async #room(bytes: number): Promise<void> {
    const { into, reserveBytes } = this.#parts
    const { bavail, bsize } = await statfs(into)
    if (bavail * bsize - reserveBytes < bytes * ROOM_PER_BYTE + ROOM_MORE_BYTES)
      throw new PlainError(
        'There is no room on the flash of this box to unpack the backup beside what is there. Free some, and try again.',
      )
  }
}

const wrong = (what: string): PlainError => new PlainError(`The backup is damaged: ${what}.`)

function jsonOf(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // As below.
  }
  throw wrong('its list cannot be read')
}

function aboutOf(value: Record<string, unknown>): About {
  const { format, product, version, created, hostname, domain } = value
  if (product !== PRODUCT || typeof format !== 'number') throw wrong('it is none of this program')
  if (format > FORMAT)
    throw new PlainError(
      `The backup was made by a newer version, ${String(version).slice(0, 40)}. Install that one first.`,
    )
  const texts = [version, created, hostname, domain]
  if (
    !texts.every(text => typeof text === 'string' && text.length < 300) ||
    Number.isNaN(Date.parse(created as string))
  )
    throw wrong('it does not say what it is')
  return value as unknown as About
}

/** Nothing is left of what was unpacked. */
export const dropUnpacked = (into: string): Promise<void> => rm(into, { recursive: true, force: true })
