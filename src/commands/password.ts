import { isUtf8 } from 'node:buffer'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Entropy } from '../base/entropy.ts'
import { controlIn, PASSWORD_CHARACTERS_MAX } from '../host/accounts.ts'
import { newPassword } from '../host/administrators.ts'
import { PlainError, troubleOf } from '../host/plain-error.ts'
import type { World } from './world.ts'

const BYTES_MAX = PASSWORD_CHARACTERS_MAX * 4
const CARRIAGE_RETURN = 0x0d

export interface Chosen {
  readonly password: string
  readonly isGenerated: boolean
}

/** From stdin, else typed in twice, else made: nothing but a terminal or `--password-stdin` ever supplies one. */
export async function choosePassword(world: World, entropy: Entropy, isFromStdin: boolean): Promise<Chosen> {
  if (isFromStdin) return { password: checked(await firstLine(world)), isGenerated: false }
  const typed = world.stdin.isTTY ? await askTwice(world) : ''
  return typed === ''
    ? { password: newPassword(entropy), isGenerated: true }
    : { password: checked(typed), isGenerated: false }
}

function checked(password: string): string {
  if (password === '') throw new PlainError('The password is empty. Give it as the first line of the input.')
  if (password.length > PASSWORD_CHARACTERS_MAX)
    throw new PlainError(`The password is longer than ${PASSWORD_CHARACTERS_MAX} characters. Choose a shorter one.`)
  const at = controlIn(password)
  if (at < 0) return password
  const code = password.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')
  throw new PlainError(
    `The password has a control character, U+${code}, as character ${at + 1}. Clients cannot send it: choose one without.`,
  )
}

/** Without its end, LF or CR LF. No more than a line of sensible length is read. */
export async function firstLine(world: World): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of world.stdin) {
      const bytes = Buffer.from(part)
      parts.push(bytes)
      size += bytes.length
      if (bytes.includes('\n') || size > BYTES_MAX) break
    }
  } catch (error) {
    throw new PlainError(`The password cannot be read from the input: ${troubleOf(error)}`)
  }
  const bytes = Buffer.concat(parts)
  const end = bytes.indexOf('\n')
  const line = end < 0 ? bytes : bytes.subarray(0, bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end)
  // What was cut is too long in any case.
  if (line.length <= BYTES_MAX && !isUtf8(line))
    throw new PlainError('The password is not UTF-8. Give it from a terminal or a file that is.')
  return line.toString()
}

async function askTwice(world: World): Promise<string> {
  const password = await askHidden(world, 'New password (empty: one is made): ')
  if (password === '') return ''
  if ((await askHidden(world, 'Again: ')) === password) return password
  throw new PlainError('The two passwords differ. Nothing was changed.')
}

export async function askHidden(world: World, prompt: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: world.stdin, output: nowhere, terminal: true })
  // Ctrl-C ends the question, and with it the command.
  const stopped = new AbortController()
  lines.on('SIGINT', () => stopped.abort())
  world.err(prompt)
  try {
    return await lines.question('', { signal: stopped.signal })
  } catch {
    throw new PlainError('Stopped. Nothing was changed.')
  } finally {
    lines.close()
    world.err('\n')
  }
}
