import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  type ScryptOptions,
  timingSafeEqual,
} from 'node:crypto'
import { leftBytes, memoryBytes, SMALL_BYTES } from './memory/machine.ts'
import { passwordKey } from './memory/password-key.ts'
import { PlainError } from './plain-error.ts'

/**
 * Files in the age format, locked by a passphrase (age-encryption.org/v1, recipient type scrypt): the `age` tool opens them, and what it makes opens here.
 * By the ciphers of the system's library: those written in JavaScript take more than ten times as long, which the box would miss.
 */

/** 64 MiB and some tenths of a second of a small processor; the rest is the length of the passphrase. On a small machine 16 MiB at most. */
const WORK_FACTOR = memoryBytes() >= SMALL_BYTES ? 16 : 14
/** 256 MiB: what the `age` tool takes by itself. */
const WORK_FACTOR_MAX = 18
/** Of what is free: the rest of the box goes on meanwhile. */
const ROOM_SHARE = 0.8
/** RFC 7914 2, with r = 8. */
const workBytes = (factor: number): number => 2 ** (factor + 10)
const KEY_BYTES = 16
const NONCE_BYTES = 16
const TAG_BYTES = 16
const CHUNK_BYTES = 64 * 1024
const HEADER_BYTES_MAX = 1024

/** The one recipient that there may be beside no other, so that whoever opens it knows by whom it was locked. */
const HEADER =
  /^(age-encryption\.org\/v1\n-> scrypt ([A-Za-z0-9+/]{22}) ([1-9]\d?)\n([A-Za-z0-9+/]{43})\n---) ([A-Za-z0-9+/]{43})\n/

export const PASSPHRASE_LENGTH_MIN = 10
export const PASSPHRASE_LENGTH_MAX = 1024

const wrongPassphrase = (): PlainError =>
  new PlainError('The passphrase is wrong, or the file is no backup of this program.')

const damaged = (): PlainError => new PlainError('The backup is damaged or cut short: its encryption does not hold.')

export async function* locked(plain: AsyncIterable<Buffer>, passphrase: string): AsyncGenerator<Buffer> {
  const [fileKey, salt, nonce] = [randomBytes(KEY_BYTES), randomBytes(NONCE_BYTES), randomBytes(NONCE_BYTES)]
  const wrapped = sealed(await keyOf(passphrase, salt, WORK_FACTOR), Buffer.alloc(12), fileKey)
  const head = `age-encryption.org/v1\n-> scrypt ${text(salt)} ${WORK_FACTOR}\n${text(wrapped)}\n---`
  yield Buffer.concat([Buffer.from(`${head} ${text(macOf(fileKey, head))}\n`), nonce])
  const key = derived(fileKey, nonce, 'payload')
  let count = 0
  for await (const { bytes, isLast } of inChunks(plain, CHUNK_BYTES))
    yield sealed(key, chunkNonce(count++, isLast), bytes)
}

/** Throws PlainError where the passphrase is another one, or an octet was changed or is missing. */
export async function* unlocked(file: AsyncIterable<Buffer>, passphrase: string): AsyncGenerator<Buffer> {
  const source = file[Symbol.asyncIterator]()
  let start: Buffer = Buffer.alloc(0)
  while (start.length < HEADER_BYTES_MAX) {
    const part = await source.next()
    if (part.done) break
    start = Buffer.concat([start, part.value])
  }
  const found = HEADER.exec(start.toString('latin1', 0, HEADER_BYTES_MAX))
  if (!found) throw wrongPassphrase()
  const fileKey = await fileKeyOf(found, passphrase)
  const nonceAt = found[0].length
  const rest = start.subarray(nonceAt + NONCE_BYTES)
  const key = derived(fileKey, start.subarray(nonceAt, nonceAt + NONCE_BYTES), 'payload')
  let count = 0
  for await (const { bytes, isLast } of inChunks(from(rest, source), CHUNK_BYTES + TAG_BYTES)) {
    const plain = opened(key, chunkNonce(count, isLast), bytes)
    // Only what is empty as a whole ends in an empty chunk.
    if (!plain || (plain.length === 0 && count > 0)) throw damaged()
    count++
    yield plain
  }
}

async function fileKeyOf(found: RegExpExecArray, passphrase: string): Promise<Buffer> {
  const [, head = '', salt = '', factor = '', wrapped = '', mac = ''] = found
  if (Number(factor) > WORK_FACTOR_MAX)
    throw new PlainError('The backup is locked by a passphrase with more work than this box can do.')
  if (workBytes(Number(factor)) > leftBytes() * ROOM_SHARE)
    throw new PlainError(
      `The passphrase of the backup needs ${workBytes(Number(factor)) >> 20} MiB of memory to be tried, more than is free here. Stop the box and use the command: restante restore.`,
    )
  const key = await keyOf(passphrase, Buffer.from(salt, 'base64'), Number(factor))
  const fileKey = opened(key, Buffer.alloc(12), Buffer.from(wrapped, 'base64'))
  if (!fileKey) throw wrongPassphrase()
  if (!timingSafeEqual(macOf(fileKey, head), Buffer.from(mac, 'base64'))) throw damaged()
  return fileKey
}

async function* from(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first
    for (let part = await rest.next(); !part.done; part = await rest.next()) yield part.value
  } finally {
    await rest.return?.()
  }
}

/** All of the same length but the last, which is one even where there is nothing. */
async function* inChunks(
  source: AsyncIterable<Buffer>,
  length: number,
): AsyncGenerator<{ bytes: Buffer; isLast: boolean }> {
  let gathered: Buffer[] = []
  let size = 0
  for await (const part of source) {
    gathered.push(part)
    size += part.length
    if (size <= length) continue
    let all = Buffer.concat(gathered)
    for (; all.length > length; all = all.subarray(length)) yield { bytes: all.subarray(0, length), isLast: false }
    gathered = [all]
    size = all.length
  }
  yield { bytes: Buffer.concat(gathered), isLast: true }
}

/** Eleven octets of count, one that marks the last chunk. */
function chunkNonce(count: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(count, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

function sealed(key: Buffer, nonce: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES })
  return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

function opened(key: Buffer, nonce: Buffer, bytes: Buffer): Buffer | undefined {
  if (bytes.length < TAG_BYTES) return undefined
  const opening = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES })
  opening.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([opening.update(bytes.subarray(0, -TAG_BYTES)), opening.final()])
  } catch {
    return undefined
  }
}

const derived = (fileKey: Buffer, salt: Buffer, info: string): Buffer =>
  Buffer.from(hkdfSync('sha256', fileKey, salt, info, 32))

const macOf = (fileKey: Buffer, head: string): Buffer =>
  createHmac('sha256', derived(fileKey, Buffer.alloc(0), 'header'))
    .update(head)
    .digest()

function keyOf(passphrase: string, salt: Buffer, factor: number): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** factor, r: 8, p: 1, maxmem: 2 ** (factor + 11) }
  const salted = Buffer.concat([Buffer.from('age-encryption.org/v1/scrypt'), salt])
  return passwordKey(passphrase, salted, 32, options)
}

const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
