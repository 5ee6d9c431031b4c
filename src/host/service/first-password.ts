import { existsSync, fstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Credential } from '../first-start.ts'
import { PlainError, troubleOf } from '../plain-error.ts'
import { removeWhole, writeWhole } from '../write-whole.ts'

/**
 * Where nobody looks at what the box prints, as under a service manager, the passwords of the first start are not printed: the journal is
 * read by more people than may have them, and goes into support archives. They lie in a file of data_dir, which its owner and root may
 * read and which the console of a serial line shows, until the administrator's is changed.
 */
const READ_BY_OWNER = 0o400

export const firstPasswordFile = (dataDir: string): string => join(dataDir, 'first-password')

/** Before the accounts are made, so that no power cut leaves a password that nobody knows. Throws PlainError. */
export function keepFirstPasswords(dataDir: string, credentials: readonly Credential[]): void {
  const file = firstPasswordFile(dataDir)
  try {
    writeWhole(file, credentials.map(({ name, password }) => `${name} ${password}\n`).join(''), READ_BY_OWNER)
  } catch (error) {
    throw new PlainError(`${file}: the passwords of the first start cannot be written: ${troubleOf(error)}`)
  }
}

/** The administrator's, while nobody has changed it. */
export function firstPassword(dataDir: string): string | undefined {
  try {
    return /^admin (\S+)$/m.exec(readFileSync(firstPasswordFile(dataDir), 'utf8'))?.[1]
  } catch {
    return undefined
  }
}

/** It opens nothing any more. Where it cannot be removed, it does no harm either. */
export function forgetFirstPasswords(dataDir: string): void {
  const file = firstPasswordFile(dataDir)
  try {
    if (existsSync(file)) removeWhole(file)
  } catch {
    // The next start tries again.
  }
}

/** Whether what is printed goes to the journal: systemd.exec(5), JOURNAL_STREAM. */
export function isJournal(environment: Readonly<Record<string, string | undefined>>, descriptor = 1): boolean {
  const stream = environment.JOURNAL_STREAM
  if (!stream) return false
  const { dev, ino } = fstatSync(descriptor, { bigint: true })
  return stream === `${dev}:${ino}`
}
