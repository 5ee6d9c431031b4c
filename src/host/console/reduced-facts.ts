import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { uptime } from 'node:os'
import { VERSION } from '../../base/product.ts'
import type { Fact, OnDisk } from '../../console/services.ts'
import { startText } from '../../console/starts.ts'
import type { Alarm } from '../../services/status.ts'
import { messageOf } from '../plain-error.ts'
import { uncleanStarts } from '../watchdog/run-book.ts'
import { alarmWords } from './alarm-words.ts'
import { lockOwner } from './lock-owner.ts'
import type { ReducedStore } from './reduced-store.ts'
import { startCountIn, startsIn } from './starts.ts'
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

type Rows = (readonly [name: string, label: string, value: Fact['value'] | undefined, unit?: Fact['unit']])[]

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
    ['machine_uptime_s', 'Machine up', Math.floor(uptime()), 's'],
    ['administrators', 'Administrators', parts.accessTrouble],
    ...flashRows(parts),
    ...(await storeRows(parts.store)),
  ]
  return factsIn(rows)
}

const factsIn = (rows: Rows): Fact[] =>
  rows.flatMap(([name, label, value, unit]) =>
    value === undefined ? [] : [{ name, label, value, ...(unit && { unit }) }],
  )

/** What the commands show that in a box which serves have all its figures. */
export const onDiskOf = (parts: Pick<FactsParts, 'dataDir' | 'reserveBytes' | 'store'>): OnDisk => ({
  starts: () => ({ starts: startCountIn(parts.dataDir), resets: startsIn(parts.dataDir) }),
  storage: async () => factsIn([...flashRows(parts), ...(await storeRows(parts.store))]),
  alarms: () => alarmsOf(parts),
  alarmWords: alarm =>
    alarm.id === 'store-failing'
      ? {
          text: `The store cannot be opened: ${alarm.detail}`,
          todo: 'The service does not start with it either. "show log" may tell more; "restore FILE" takes a backup.',
        }
      : alarmWords(alarm),
})

async function alarmsOf({ dataDir, reserveBytes, store }: Pick<FactsParts, 'dataDir' | 'reserveBytes' | 'store'>) {
  const found: Alarm[] = []
  const status = await store.need('status', {}).catch((error: unknown) => messageOf(error))
  const owner = lockOwner(dataDir)
  const isOurs = owner === undefined || owner.pid === process.pid
  if (typeof status === 'string' && isOurs)
    found.push({ id: 'store-failing', level: 'alarm', count: 0, detail: status })
  else if (typeof status !== 'string' && status.damaged > 0)
    found.push({ id: 'damaged', level: 'alarm', count: status.damaged, detail: '' })
  const free = freeIn(dataDir)
  if (free !== undefined && free < 2 * reserveBytes)
    found.push({ id: 'flash-low', level: free < reserveBytes ? 'alarm' : 'warning', count: free, detail: '' })
  const { count, kind } = uncleanStarts(startsIn(dataDir), Date.now())
  if (count > 0) found.push({ id: 'unclean-start', level: 'warning', count, detail: kind })
  return found
}

function freeIn(dataDir: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dataDir)
    return bavail * bsize
  } catch {
    return undefined
  }
}

function ownerRows(dataDir: string): Rows {
  if (!existsSync(dataDir)) return [['lock', 'Folder in use', 'the folder is not there']]
  const owner = lockOwner(dataDir)
  // This console itself, which has the store open for a moment.
  if (!owner || owner.pid === process.pid) return [['lock', 'Folder in use', false]]
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
    .map((reset, index) => [`start_${index + 1}`, index === 0 ? 'Last start' : 'Before that', startText(reset)])

function flashRows({ dataDir, reserveBytes }: Pick<FactsParts, 'dataDir' | 'reserveBytes'>): Rows {
  try {
    const { bavail, blocks, bsize } = statfsSync(dataDir)
    return [
      ['flash_free_bytes', 'Flash free', bavail * bsize, 'bytes'],
      ['flash_total_bytes', 'File system', blocks * bsize, 'bytes'],
      ['flash_reserve_bytes', 'Kept free', reserveBytes, 'bytes'],
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
      ['store_bytes', 'Their size', status.waitingBytes, 'bytes'],
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
