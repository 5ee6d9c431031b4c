import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'

/** How the process was, as it said last. */
export interface Beat {
  /** Of the machine, when it was written. */
  readonly machineS: number
  readonly condition: string
  readonly reason: string
}

/** How the service manager says that it ended (systemd.exec(5): SERVICE_RESULT, EXIT_CODE, EXIT_STATUS). */
export interface ManagerWord {
  readonly result: string
  readonly code: string
  readonly status: string
}

const BEAT = 'heartbeat'
const WORD = 'result'

/**
 * What a process that stands still cannot write any more is written all the time, into memory: RUNTIME_DIRECTORY is no flash. The unit
 * has the manager add there how the process ended. Both are gone with the power.
 */
export class Heartbeat {
  readonly #folder: string | undefined

  /** Undefined: there is no such folder, and nothing is written. */
  constructor(folder: string | undefined) {
    this.#folder = folder
  }

  beat(condition: string, reason: string): void {
    if (this.#folder === undefined) return
    const beat: Beat = { machineS: Math.floor(uptime()), condition, reason }
    try {
      const path = join(this.#folder, BEAT)
      writeFileSync(`${path}.new`, JSON.stringify(beat), { mode: 0o600 })
      renameSync(`${path}.new`, path)
    } catch {
      // Without it the next start knows less, and nothing else is lost.
    }
  }

  /** Of the run before. */
  last(): Beat | undefined {
    const value: unknown = this.#json(BEAT)
    if (typeof value !== 'object' || value === null) return undefined
    const { machineS, condition, reason } = value as Record<string, unknown>
    return typeof machineS === 'number' && typeof condition === 'string' && typeof reason === 'string'
      ? { machineS, condition, reason }
      : undefined
  }

  word(): ManagerWord | undefined {
    const words = this.#text(WORD)?.trim().split(' ') ?? []
    const [result, code = '', status = ''] = words
    return result ? { result, code, status } : undefined
  }

  #json(name: string): unknown {
    try {
      return JSON.parse(this.#text(name) ?? '')
    } catch {
      return undefined
    }
  }

  #text(name: string): string | undefined {
    if (this.#folder === undefined) return undefined
    try {
      return readFileSync(join(this.#folder, name), 'utf8').slice(0, 4096)
    } catch {
      return undefined
    }
  }
}
