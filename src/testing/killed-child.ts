import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** The lines that this script had written when it was killed after so many; a last one cut short was not an answer. */
export async function linesUntilKilled(
  script: 'custody-child.ts' | 'upload-child.ts',
  dir: string,
  first: number,
  answers: number,
): Promise<string[]> {
  const args = [join(import.meta.dirname, script), dir, String(first)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let text = ''
  child.stdout.on('data', data => {
    text += data
    if (text.split('\n').length > answers) child.kill('SIGKILL')
  })
  await closed
  return text.split('\n').slice(0, -1)
}
