import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { isBuilt, RESTANTE } from '../testing/program-under-test.ts'
import { StoryError } from './story-error.ts'

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'restante')

export const spawnRestante = (args: readonly string[], stdio: StdioOptions): ChildProcess =>
  isBuilt ? spawn(RESTANTE[0], args, { stdio }) : spawn(SCRIPT, args, { stdio })

/** `scripts/restante ARGS --config FILE`: what it printed. */
export async function restante(file: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawnRestante([...args, '--config', file], 'pipe')
  const told = { out: '', err: '' }
  child.stdout!.on('data', bytes => (told.out += bytes))
  child.stderr!.on('data', bytes => (told.err += bytes))
  child.stdin!.on('error', () => {})
  child.stdin!.end(input)
  const [code] = await once(child, 'close')
  if (code === 0) return told.out
  throw new StoryError(
    `scripts/restante ${args.join(' ')} ended with ${code}: ${(told.err || told.out).trim()}`,
    'The message above comes from the command line of the box and says what to do.',
  )
}
