import type { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import type { Guarded } from '../web/guard.ts'
import { Access } from './access.ts'
import type { Administrators } from './administrators.ts'
import { Clock } from './clock.ts'
import { SystemEntropy } from './entropy.ts'

/** The door of the API, where `admin` comes in with whatever `isPassword` says. */
export function guardedBy(isPassword: (password: string) => Promise<boolean>, counters: Counters): Guarded {
  const clock = new Clock(0 as WallTime)
  const access = new Access({ entropy: new SystemEntropy(), log: silentLog, now: () => clock.now() })
  const roleWith = async (name: string, password: string) => {
    const isRight = await isPassword(password)
    return isRight && name === 'admin' ? 'admin' : undefined
  }
  access.use({ roleWith, tokenOf: () => undefined } as Partial<Administrators> as Administrators, counters)
  return { access, hosts: [], securePort: undefined, isPlainAllowed: false }
}
