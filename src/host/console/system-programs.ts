import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../plain-error.ts'

/** A program of the system that does not answer within this time is not there. */
const ANSWER_MS = 5000
/** Some thousand lines of a journal. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

export type Answer = { readonly out: string } | { readonly wrong: string }

/** Runs a program of the system and waits for it: there is nothing else to do meanwhile, as one person sits at a reduced console. */
export function askSystem(name: string, args: readonly string[]): Answer {
  const env = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' }
  try {
    const out = execFileSync(name, args, {
      ...{ env, timeout: ANSWER_MS, maxBuffer: ANSWER_BYTES_MAX, encoding: 'utf8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { out }
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string }
    if (code === 'ENOENT') return { wrong: `${name} is not on this machine` }
    return { wrong: (stderr?.trim().split('\n')[0] || messageOf(error)).slice(0, 200) }
  }
}

const UNIT = 'restante.service'
const SHOWN = ['LoadState', 'ActiveState', 'SubState', 'Result', 'NRestarts'] as const

/** What systemd knows of the service; undefined: no systemd runs, or it knows no such service. */
export function unitState(): Record<(typeof SHOWN)[number], string> | undefined {
  const answer = askSystem('systemctl', ['show', UNIT, `--property=${SHOWN.join(',')}`])
  if ('wrong' in answer) return undefined
  const found = Object.fromEntries(answer.out.split('\n').map(line => line.split('=', 2) as [string, string]))
  return found.LoadState === 'loaded' ? (found as Record<(typeof SHOWN)[number], string>) : undefined
}

/** Starts the service, or starts it anew. Why not, in words, or undefined. */
export function startUnit(requests = '/run/restante-request'): string | undefined {
  // The folder is there where the units are; asking systemd takes a bus, which a small machine need not have.
  if (process.getuid?.() !== 0 && isAskedFor(join(requests, 'start'))) return undefined
  if (!unitState())
    return 'No systemd here that knows restante.service: start it as it is started on this machine, e.g. restante serve'
  askSystem('systemctl', ['reset-failed', '--no-ask-password', UNIT])
  const answer = askSystem('systemctl', ['restart', '--no-block', '--no-ask-password', UNIT])
  return 'wrong' in answer ? answer.wrong : undefined
}

/** systemd/restante-start.path waits for it. */
function isAskedFor(file: string): boolean {
  try {
    writeFileSync(file, '', { mode: 0o600 })
    return true
  } catch {
    return false
  }
}
