import { execFile } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../base/log.ts'
import type { ResetLevel } from '../../services/diagnosis.ts'
import { markForReset } from '../factory-reset.ts'
import { messageOf } from '../plain-error.ts'
import type { Again } from './again.ts'

/** The system asks the service to stop while it answers: longer than that it does not take. */
const ANSWER_MS = 5000

interface RestartingParts {
  readonly dataDir: string
  readonly log: Log
  /** Absent: whoever started the box cannot start it anew. */
  readonly again?: Again | undefined
  /** What asks the system to restart the machine; what went wrong, or undefined. */
  readonly reboot?: () => Promise<string | undefined>
}

const CANNOT = 'The box was not started in a way that it could start anew by itself. Stop it, and start it again.'
const UNDER_WAY = 'The box is about to start anew already.'

/** Why it is not done, in words, or undefined. */
export async function reload(
  { log, again, reboot = () => askSystem() }: RestartingParts,
  what: 'service' | 'machine',
  who: string,
): Promise<string | undefined> {
  if (what === 'machine') {
    log.warn('the machine is asked to restart', { by: who })
    const wrong = await reboot()
    return wrong && `The system does not restart the machine for this box: ${wrong}. Switch it off and on.`
  }
  if (!again) return CANNOT
  if (again.isAsked) return UNDER_WAY
  log.warn('starting anew', { by: who })
  again.ask()
  return undefined
}

/** Why it is not done, in words, or undefined. */
export function factoryReset(
  { dataDir, log, again }: RestartingParts,
  level: ResetLevel,
  who: string,
): string | undefined {
  if (!again) return CANNOT
  if (again.isAsked) return UNDER_WAY
  try {
    markForReset(dataDir, level)
  } catch (error) {
    return messageOf(error)
  }
  log.warn('a factory reset follows', { by: who, level })
  again.ask()
  return undefined
}

/** Where a unit of the machine waits for it (systemd/restante-reboot.path); else whoever may ask systemd does (polkit, root). */
async function askSystem(folder = '/run/restante-request'): Promise<string | undefined> {
  try {
    await (await open(join(folder, 'reboot'), 'w', 0o600)).close()
    return undefined
  } catch {
    return byProgram('systemctl', ['reboot', '--no-ask-password'])
  }
}

const byProgram = (name: string, args: readonly string[]): Promise<string | undefined> =>
  new Promise(resolve => {
    const env = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' }
    execFile(name, args, { timeout: ANSWER_MS, env }, (error, _out, stderr) =>
      resolve(error ? (stderr.trim().split('\n')[0] || error.message).slice(0, 200) : undefined),
    )
  })
