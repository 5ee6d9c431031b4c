import { packTar } from 'modern-tar'
import { PlainError } from './plain-error.ts'

/**
 * What is in the file of a backup: a tar, compressed by gzip, locked in the age format. First ABOUT, then the files, then the store in pieces, last MANIFEST.
 * The store is its records and not its file, so that neither the library, its page size nor what was ever deleted is in it.
 */

export const FORMAT = 1

export const ABOUT = 'about.json'
export const CONFIGURATION = 'configuration.toml'
export const ADMINISTRATORS = 'admin'
export const MANIFEST = 'manifest.json'

/** Of the self-signed certificate, requests, and what administrators gave: as in the folder `tls` of data_dir. */
const TLS_NAME = /^tls\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/
const PIECE_NAME = /^store\/\d{8}$/

/** Gathered before a piece is written; a record may be longer than what is left of it. */
export const PIECE_BYTES = 1024 * 1024
/** The longest record is read by the store's library into 16 MiB. */
const PIECE_BYTES_MAX = PIECE_BYTES + 17 * 1024 * 1024
/** As the configuration may be long. */
const FILE_BYTES_MAX = 8_000_000
/** 100 octets for each piece of a store of a terabyte are more; nobody restores that. */
const MANIFEST_BYTES_MAX = 32 * 1024 * 1024

export interface About {
  readonly format: number
  readonly product: string
  readonly version: string
  /** RFC 3339. */
  readonly created: string
  readonly hostname: string
  readonly domain: string
}

export interface ManifestFile {
  readonly name: string
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

export interface Manifest extends About {
  readonly files: readonly ManifestFile[]
}

export const isPiece = (name: string): boolean => PIECE_NAME.test(name)
export const pieceName = (index: number): string => `store/${`${index}`.padStart(8, '0')}`

/** The longest that a file of that name may be; 0: there is no such file in a backup. */
export function bytesMaxOf(name: string): number {
  if (PIECE_NAME.test(name)) return PIECE_BYTES_MAX
  if (name === MANIFEST) return MANIFEST_BYTES_MAX
  return name === ABOUT || name === CONFIGURATION || name === ADMINISTRATORS || TLS_NAME.test(name) ? FILE_BYTES_MAX : 0
}

/** Names in the folder of certificates that a backup takes. */
export const isTlsFile = (name: string): boolean => TLS_NAME.test(`tls/${name}`)

const BLOCK = 512
export const TAR_END = Buffer.alloc(2 * BLOCK)

/** One file of a tar, without the end of the tar. */
export async function tarFile(name: string, bytes: Buffer, mtime: Date): Promise<Buffer> {
  const tar = await packTar([{ header: { name, size: bytes.length, mode: 0o600, mtime, type: 'file' }, body: bytes }])
  const length = BLOCK + Math.ceil(bytes.length / BLOCK) * BLOCK
  return Buffer.from(tar.buffer, tar.byteOffset, length)
}

interface Record {
  readonly key: string
  readonly value: Buffer
}

const HEAD_BYTES = 8

/** Each record as two lengths, key and value. */
export const encodePiece = (records: readonly Record[]): Buffer =>
  Buffer.concat(
    records.flatMap(({ key, value }) => {
      const head = Buffer.alloc(HEAD_BYTES)
      head.writeUInt32BE(key.length, 0)
      head.writeUInt32BE(value.length, 4)
      return [head, Buffer.from(key, 'latin1'), value]
    }),
  )

/** LMDB's longest key (mdb_env_get_maxkeysize) on pages of 4 KiB. */
const KEY_BYTES_MAX = 1978

/** A megabyte of the shortest records there can be has 116,509, and what was read last at once 65,536 more. */
const RECORDS_MAX = 200_000
/** Of whatever length; some milliseconds of a small box. */
const SLICE_RECORDS = 2000

/** In slices, each for one turn of the event loop: a piece of a stranger may have a great many records. Throws PlainError. */
export function* decodePiece(bytes: Buffer): Generator<readonly Record[]> {
  let slice: Record[] = []
  let count = 0
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEAD_BYTES || ++count > RECORDS_MAX) throw wrong()
    const [keyBytes, valueBytes] = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
    const valueAt = at + HEAD_BYTES + keyBytes
    const end = valueAt + valueBytes
    if (keyBytes === 0 || keyBytes > KEY_BYTES_MAX || end > bytes.length) throw wrong()
    slice.push({ key: bytes.toString('latin1', at + HEAD_BYTES, valueAt), value: bytes.subarray(valueAt, end) })
    at = end
    if (slice.length < SLICE_RECORDS && at < bytes.length) continue
    yield slice
    slice = []
  }
}

const wrong = (): PlainError => new PlainError('The backup is damaged: a piece of the store is not one.')
