import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { uptime } from 'node:os'
import { VERSION } from '../../base/product.ts'
import type { Fact } from '../../console/services.ts'
import { messageOf } from '../plain-error.ts'
import { lockOwner } from './lock-owner.ts'
import type { ReducedStore } from './reduced-store.ts'
import { startsIn } from './starts.ts'
import { unitState } from './system-programs.ts'

const STARTS_SHOWN = 3

export interface FactsParts {
  readonly file: string
  readonly dataDir: string
  readonly errors: readonly string[]
  readonly reserveBytes: number
  readonly store: ReducedStore
  /** Why access to the accounts is not to be had. */
  readonly accessTrouble: string | undefined
}

type Rows = (readonly [name: string, label: string, value: Fact['value'] | undefined])[]

/** What lies on disk and what the system says, of a box that does not serve. What cannot be found out is left out. */
export async function factsOf(parts: FactsParts): Promise<Fact[]> {
  const rows: Rows = [
    ['version', 'Version', VERSION],
    ['configuration_file', 'Configuration', parts.file],
    ['configuration_errors', 'Errors in it', parts.errors.length],
    ['configuration_first_error', 'First of them', parts.errors[0]],
    ['data_dir', 'Data folder', parts.dataDir],
    ...ownerRows(parts.dataDir),
    ...serviceRows(),
    ...startRows(parts.dataDir),
    ['machine_uptime_s', 'Machine up, s', Math.floor(uptime())],
    ['administrators', 'Administrators', parts.accessTrouble],
    ...flashRows(parts),
    ...(await storeRows(parts.store)),
  ]
  return rows.flatMap(([name, label, value]) => (value === undefined ? [] : [{ name, label, value }]))
}

function ownerRows(dataDir: string): Rows {
  if (!existsSync(dataDir)) return [['lock', 'Folder in use', 'the folder is not there']]
  const owner = lockOwner(dataDir)
  if (!owner) return [['lock', 'Folder in use', false]]
  return [
    ['lock', 'Folder in use', true],
    ['lock_pid', 'By process', owner.pid ?? 'one of another user'],
    ['lock_state', 'Which is', owner.state],
    ['lock_command', 'Its command', owner.pid === undefined ? undefined : commandOf(owner.pid)],
  ]
}

function serviceRows(): Rows {
  const unit = unitState()
  if (!unit) return [['service', 'Service', 'not known to systemd here']]
  return [
    ['service', 'Service', `${unit.ActiveState} (${unit.SubState})`],
    ['service_result', 'Ended last by', unit.Result],
    ['service_restarts', 'Restarted, times', Number(unit.NRestarts)],
  ]
}

/** The latest ones: whether a watchdog had to help, and why. */
const startRows = (dataDir: string): Rows =>
  startsIn(dataDir)
    .slice(0, STARTS_SHOWN)
    .map(({ at, kind, detail }, index) => {
      const when = Number.isFinite(at) ? new Date(at).toISOString() : '-'
      const label = index === 0 ? 'Last start' : 'Before that'
      return [`start_${index + 1}`, label, `${when} ${kind}${detail ? `: ${detail}` : ''}`]
    })

function flashRows({ dataDir, reserveBytes }: FactsParts): Rows {
  try {
    const { bavail, blocks, bsize } = statfsSync(dataDir)
    return [
      ['flash_free_bytes', 'Flash free, bytes', bavail * bsize],
      ['flash_total_bytes', 'Flash, bytes', blocks * bsize],
      ['flash_reserve_bytes', 'Kept free, bytes', reserveBytes],
    ]
  } catch (error) {
    return [['flash', 'Flash', messageOf(error)]]
  }
}

async function storeRows(store: ReducedStore): Promise<Rows> {
  try {
    const status = await store.need('status', {})
    return [
      ['store', 'Store', 'can be opened'],
      ['store_accounts', 'Accounts', status.accounts],
      ['store_mailboxes', 'Mailboxes in use', status.mailboxes],
      ['store_messages', 'Messages waiting', status.waiting],
      ['store_bytes', 'Their bytes', status.waitingBytes],
      ['store_damaged', 'Damaged records', status.damaged],
    ]
  } catch (error) {
    return [['store', 'Store', messageOf(error)]]
  }
}

/** proc_pid_cmdline(5) */
function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim().slice(0, 200)
  } catch {
    return undefined
  }
}
