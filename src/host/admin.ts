import { type ScryptOptions, scrypt, scryptSync, timingSafeEqual } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Entropy, token } from '../base/entropy.ts'
import { PlainError, troubleOf } from './plain-error.ts'

/** RFC 7914 2: 16 MiB and some 50 ms on a small box for each guess. */
const COST = { N: 16384, r: 8, p: 1 }
const KEY_BYTES = 32

/** 80 bits: 16 letters and digits, still to be typed from a sheet of paper. */
const PASSWORD_BITS = 80

export const newPassword = (entropy: Entropy): string => token(entropy, PASSWORD_BITS)

const fileOf = (dataDir: string): string => join(dataDir, 'admin')

export const hasAdmin = (dataDir: string): boolean => existsSync(fileOf(dataDir))

/** Written whole or not at all, and flushed: the password is shown once, after this. Throws plain messages. */
export function writeAdmin(dataDir: string, password: string, entropy: Entropy): void {
  const salt = entropy.bytes(16)
  const hash = scryptSync(password, salt, KEY_BYTES, COST)
  const text = JSON.stringify({ scrypt: COST, salt: hex(salt), hash: hex(hash) })
  const path = fileOf(dataDir)
  try {
    withFile(`${path}.new`, 'w', file => writeSync(file, `${text}\n`))
    renameSync(`${path}.new`, path)
    withFile(dataDir, 'r')
  } catch (error) {
    throw new PlainError(`${path}: the administrator's password cannot be written: ${troubleOf(error)}`)
  }
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

/** Computed beside the event loop, which serves on meanwhile. False too where there is no administrator yet. */
export async function isAdminPassword(dataDir: string, password: string): Promise<boolean> {
  if (!hasAdmin(dataDir)) return false
  const kept = JSON.parse(await readFile(fileOf(dataDir), 'utf8'))
  const hash = await derived(password, Buffer.from(kept.salt, 'hex'), kept.scrypt)
  return timingSafeEqual(hash, Buffer.from(kept.hash, 'hex'))
}

const derived = (password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(password, salt, KEY_BYTES, cost, (error, hash) => (error ? reject(error) : resolve(hash))),
  )

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
