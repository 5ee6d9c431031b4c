import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Entropy } from '../base/entropy.ts'
import { newPassword } from '../host/admin.ts'
import { PlainError } from '../host/plain-error.ts'
import type { World } from './world.ts'

/** The bound of the configuration file's `password`. */
const CHARACTERS_MAX = 256

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

const checked = (password: string): string => {
  if (password === '') throw new PlainError('The password is empty. Give it as the first line of the input.')
  if (password.length > CHARACTERS_MAX)
    throw new PlainError(`The password is longer than ${CHARACTERS_MAX} characters. Choose a shorter one.`)
  return password
}

/** No more than a line of sensible length is read. */
async function firstLine(world: World): Promise<string> {
  let text = ''
  for await (const part of world.stdin) {
    text += part
    if (text.includes('\n') || text.length > CHARACTERS_MAX * 4) break
  }
  return text.split(/\r?\n/)[0]!
}

async function askTwice(world: World): Promise<string> {
  const password = await askHidden(world, 'New password (empty: one is made): ')
  if (password === '') return ''
  if ((await askHidden(world, 'Again: ')) === password) return password
  throw new PlainError('The two passwords differ. Nothing was changed.')
}

async function askHidden(world: World, prompt: string): Promise<string> {
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
