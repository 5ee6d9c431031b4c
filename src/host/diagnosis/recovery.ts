import type { Log } from '../../base/log.ts'
import type { Recovered } from '../../services/diagnosis.ts'
import type { Access } from '../access.ts'
import { PlainError } from '../plain-error.ts'

interface RecoveryParts {
  readonly access: Pick<Access, 'recover'>
  readonly presenceLeftS: () => Promise<number>
  readonly log: Log
}

const NOBODY =
  'Nobody is known to stand before this box. Switch it off and on again, or press its button, and ask within 5 minutes.'

/** A lost password of `admin` is put right by whoever can reach the switch. `line`: where it was asked for. */
export async function recoverPassword({ access, presenceLeftS, log }: RecoveryParts, line: string): Promise<Recovered> {
  if ((await presenceLeftS()) <= 0) {
    log.warn('a lost password was to be recovered, and nobody stands before the box', { line })
    return { refused: NOBODY }
  }
  try {
    const password = await access.recover()
    log.warn('the password of admin was recovered: every session and token ended', { line })
    return { password }
  } catch (error) {
    if (error instanceof PlainError) return { refused: error.message }
    throw error
  }
}
