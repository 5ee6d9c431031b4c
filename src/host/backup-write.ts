import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import { PRODUCT, VERSION } from '../base/product.ts'
import { locked } from './age-file.ts'
import {
  ABOUT,
  type About,
  ADMINISTRATORS,
  CONFIGURATION,
  encodePiece,
  FORMAT,
  isTlsFile,
  MANIFEST,
  type ManifestFile,
  PIECE_BYTES,
  pieceName,
  TAR_END,
  tarFile,
} from './backup-format.ts'
import { leftBytes, memoryBytes, SMALL_BYTES } from './memory/machine.ts'
import { dropRest, makeRoom } from './memory/thrift.ts'
import { codeOf, PlainError } from './plain-error.ts'
import type { StoreSnapshot } from './watched-store.ts'

export interface BackupParts {
  readonly dataDir: string
  readonly configText: string
  readonly hostname: string
  readonly domain: string
  readonly createdAt: number
  /** Of the store as it is when the backup begins; closed at the end of it, whichever that is. */
  readonly snapshot: () => StoreSnapshot
  readonly passphrase: string
  readonly signal: AbortSignal
  /** Records of the store. */
  readonly progress: (done: number, total: number) => void
}

/** Compressing more would take the processor from those who send messages. */
const GZIP_LEVEL = 1
/** Read from the store in one turn of the event loop; below a millisecond. */
const TURN_BYTES = 64 * 1024

/** The passphrase's work and the pieces under way, and what the program's own pages need beside them. */
const ROOM_BYTES = 32 * 1024 * 1024
/** A piece on its way, and what users who come meanwhile take. */
const PIECE_ROOM_BYTES = 16 * 1024 * 1024

/** A small machine has none to spare: the system would end the box. Throws what to tell a person. */
export function checkRoom(bytes: number, isSmall = memoryBytes() < SMALL_BYTES, left = leftBytes): void {
  if (!isSmall) return
  makeRoom(bytes)
  const free = left()
  if (free < bytes)
    throw new PlainError(
      `A backup needs ${bytes >> 20} MiB of memory, and ${free >> 20} MiB are free. Try again when fewer users are connected, or stop the box and use the command: restante backup.`,
    )
}

/** The file of a backup as it is made, no faster than it is taken: some megabytes of memory, whatever the store has. */
export async function* backupFile(parts: BackupParts): AsyncGenerator<Buffer> {
  checkRoom(ROOM_BYTES)
  const gzip = createGzip({ level: GZIP_LEVEL })
  // Whichever of both fails or is given up ends the other.
  pipeline(Readable.from(tarOf(parts), { objectMode: false }), gzip, () => {})
  try {
    yield* locked(gzip, parts.passphrase)
  } finally {
    gzip.destroy()
  }
}

async function* tarOf(parts: BackupParts): AsyncGenerator<Buffer> {
  const { hostname, domain, createdAt } = parts
  const created = new Date(createdAt)
  const about: About = {
    format: FORMAT,
    product: PRODUCT,
    version: VERSION,
    created: created.toISOString(),
    hostname,
    domain,
  }
  const files: ManifestFile[] = []
  const snapshot = parts.snapshot()
  try {
    for await (const { name, bytes } of filesOf(parts, about, snapshot)) {
      parts.signal.throwIfAborted()
      files.push({ name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
      yield await tarFile(name, bytes, created)
    }
    yield await tarFile(MANIFEST, jsonOf({ ...about, files }), created)
    yield TAR_END
  } finally {
    snapshot.close()
  }
}

interface NamedBytes {
  readonly name: string
  readonly bytes: Buffer
}

async function* filesOf(parts: BackupParts, about: About, snapshot: StoreSnapshot): AsyncGenerator<NamedBytes> {
  const { dataDir, configText } = parts
  yield { name: ABOUT, bytes: jsonOf(about) }
  yield { name: CONFIGURATION, bytes: Buffer.from(configText) }
  const administrators = await ifThere(readFile(join(dataDir, ADMINISTRATORS)))
  if (administrators) yield { name: ADMINISTRATORS, bytes: administrators }
  const names = (await ifThere(readdir(join(dataDir, 'tls')))) ?? []
  for (const name of names.filter(isTlsFile).sort()) {
    const bytes = await ifThere(readFile(join(dataDir, 'tls', name)))
    if (bytes) yield { name: `tls/${name}`, bytes }
  }
  yield* piecesOf(snapshot, parts.progress)
}

async function* piecesOf(snapshot: StoreSnapshot, progress: BackupParts['progress']): AsyncGenerator<NamedBytes> {
  let done = 0
  for (let index = 1; ; index++) {
    const gathered: Buffer[] = []
    let bytes = 0
    while (bytes < PIECE_BYTES) {
      const records = snapshot.next(TURN_BYTES)
      if (records.length === 0) break
      const encoded = encodePiece(records)
      gathered.push(encoded)
      bytes += encoded.length
      done += records.length
      await turn()
    }
    if (bytes === 0) return
    progress(done, Math.max(done, snapshot.entries))
    yield { name: pieceName(index), bytes: Buffer.concat(gathered) }
    // It is outside of JavaScript's heap, which is searched for the sake of it only after 64 MiB.
    dropRest()
    checkRoom(PIECE_ROOM_BYTES)
  }
}

const jsonOf = (value: object): Buffer => Buffer.from(`${JSON.stringify(value, null, 1)}\n`)

const ifThere = async <T>(reading: Promise<T>): Promise<T | undefined> =>
  reading.catch(error => {
    if (codeOf(error) !== 'ENOENT') throw error
    return undefined
  })
