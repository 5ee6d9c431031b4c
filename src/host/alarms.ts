import type { Counters } from '../base/counters.ts'
import { ALARM_IDS, type Alarm, type AlarmId, type AlarmLevel, type ProgressFigures } from '../services/status.ts'

/** What counts for an alarm, by name, or by name and label. */
type Counted = readonly [name: string, label?: string]

interface Rule {
  readonly id: AlarmId
  readonly level: AlarmLevel
  readonly counters: readonly Counted[]
  /** So many within an hour are worth a word; single ones of these belong to every day. */
  readonly from: number
}

/** Counters that docs/operations.md says are worth an alarm (a test compares). */
export const RULES: readonly Rule[] = [
  { id: 'internal-errors', level: 'alarm', counters: [['internal_errors']], from: 1 },
  { id: 'messages-refused', level: 'alarm', counters: [['messages_refused']], from: 1 },
  { id: 'large-refused', level: 'alarm', counters: [['large_messages_refused']], from: 1 },
  { id: 'store-slow', level: 'alarm', counters: [['store_refused']], from: 1 },
  { id: 'mailbox-full', level: 'warning', counters: [['mailboxes_nearly_full']], from: 1 },
  { id: 'push-kept', level: 'warning', counters: [['push_ended', 'kept']], from: 10 },
  {
    id: 'history-incomplete',
    level: 'warning',
    counters: [['history_failed'], ['history_cut_short'], ['history_not_kept']],
    from: 1,
  },
  { id: 'history-passed-over', level: 'warning', counters: [['history_passed_over']], from: 1 },
  { id: 'history-not-recorded', level: 'warning', counters: [['history_not_recorded']], from: 1 },
  { id: 'notices-lost', level: 'warning', counters: [['notices_given_up']], from: 1 },
  { id: 'doors', level: 'warning', counters: [['relay_refused'], ['auth_refused'], ['guessing_slowed']], from: 20 },
  { id: 'xcap-doors', level: 'warning', counters: [['xcap_refused']], from: 20 },
  { id: 'page-doors', level: 'warning', counters: [['admin_refused']], from: 5 },
  { id: 'xdms', level: 'alarm', counters: [['xdms_writes', 'failed']], from: 1 },
  { id: 'tls-dials', level: 'alarm', counters: [['tls_dials_failed']], from: 1 },
  { id: 'listener-reopened', level: 'warning', counters: [['listeners_reopened']], from: 1 },
  { id: 'handshakes', level: 'warning', counters: [['handshakes_ended']], from: 20 },
  { id: 'streams-refused', level: 'warning', counters: [['stream_refused']], from: 1 },
]

/** Ends by itself an hour after the last event. */
const MINUTES = 60

/** What of the counters grew within the latest hour. */
export class CounterAlarms {
  readonly #counters: Counters
  /** Of each rule: what was added in each minute, oldest first; and the sum at the last look. */
  readonly #minutes = new Map<AlarmId, number[]>()
  readonly #totals = new Map<AlarmId, number>()

  /** What was counted before is history. */
  constructor(counters: Counters) {
    this.#counters = counters
    for (const [rule, total] of this.#sums()) this.#totals.set(rule.id, total)
  }

  /** To be called once a minute. */
  minute(): void {
    for (const [{ id }, total] of this.#sums()) {
      const minutes = [...(this.#minutes.get(id) ?? []), total - this.#totals.get(id)!]
      this.#minutes.set(id, minutes.slice(-MINUTES))
      this.#totals.set(id, total)
    }
  }

  list(): Alarm[] {
    return this.#sums().flatMap(([{ id, level, from }, total]) => {
      const before = sum(this.#minutes.get(id) ?? [])
      const count = before + total - this.#totals.get(id)!
      return count < from ? [] : [{ id, level, count, detail: '' }]
    })
  }

  #sums(): (readonly [Rule, number])[] {
    const all = this.#counters.describe()
    return RULES.map(rule => {
      const counts = rule.counters.map(([name, label]) => {
        const labels = all[name] ?? {}
        return label === undefined ? sum(Object.values(labels)) : (labels[label] ?? 0)
      })
      return [rule, sum(counts)]
    })
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

/** What is so now, whatever was counted. */
export interface Condition {
  readonly problem: string | undefined
  readonly freeBytes: number
  readonly reserveBytes: number
  readonly isClockTrusted: boolean
  readonly lifeUsedPercent: number | undefined
  readonly spare: 'normal' | 'warning' | 'urgent' | undefined
  /** Days until the certificate ends, below zero after it; undefined: there is none, or nobody knows what day it is. */
  readonly certificateDays: number | undefined
  readonly damaged: number
  readonly noticesLost: number
  /** Whether messages get on; undefined: nobody watches. */
  readonly progress: Pick<ProgressFigures, 'condition' | 'reason' | 'listeners' | 'device'> | undefined
  /** Why nobody can work on the serial line of the configuration, and could not for a while. */
  readonly consoleTrouble: string | undefined
  /** Starts of the latest day after an end that was not in order, and why the latest of them was. */
  readonly uncleanStarts: { readonly count: number; readonly kind: string }
  /** Since the last backup, or since the box was made; undefined: nobody knows. */
  readonly backupDays: number | undefined
  /** `admin` has a password that was made at the console, as the one before was lost. */
  readonly isRecovered: boolean
  readonly isPlainPage: boolean
  readonly hasDigest: boolean
}

const LIFE_WARNING_PERCENT = 80
const LIFE_ALARM_PERCENT = 100
const CERTIFICATE_WARNING_DAYS = 21
const BACKUP_WARNING_DAYS = 30

export function conditionAlarms(now: Condition): Alarm[] {
  const { freeBytes, reserveBytes, certificateDays: days, lifeUsedPercent: life = 0, spare } = now
  const alarm = (isSo: boolean, id: AlarmId, level: AlarmLevel, count = 0, detail = ''): Alarm[] =>
    isSo ? [{ id, level, count, detail }] : []
  const isLow = freeBytes < reserveBytes
  const isWorn = life >= LIFE_ALARM_PERCENT || spare === 'urgent'
  const isWearing = life >= LIFE_WARNING_PERCENT || spare === 'warning'
  return [
    ...alarm(!isLow && now.problem !== undefined, 'store-failing', 'alarm', 0, now.problem),
    ...progressAlarms(now),
    // Histories stop growing at twice the reserve.
    ...alarm(freeBytes < 2 * reserveBytes, 'flash-low', isLow ? 'alarm' : 'warning', freeBytes),
    ...alarm(!now.isClockTrusted, 'clock', 'alarm'),
    ...alarm(isWorn || isWearing, 'wear', isWorn ? 'alarm' : 'warning', life),
    ...alarm(days !== undefined && days < 0, 'certificate-ended', 'alarm', days && -days),
    ...alarm(days !== undefined && days >= 0 && days < CERTIFICATE_WARNING_DAYS, 'certificate-ends', 'warning', days),
    ...alarm(now.consoleTrouble !== undefined, 'console-line', 'warning', 0, now.consoleTrouble),
    ...alarm(now.damaged > 0, 'damaged', 'alarm', now.damaged),
    ...alarm(now.noticesLost > 0, 'notices-lost', 'warning', now.noticesLost),
    ...alarm((now.backupDays ?? 0) > BACKUP_WARNING_DAYS, 'backup-old', 'warning', now.backupDays),
    ...alarm(now.isRecovered, 'password-recovered', 'alarm'),
    ...alarm(now.isPlainPage, 'plain-page', 'warning'),
    ...alarm(!now.hasDigest, 'no-digest', 'warning'),
  ]
}

/** What the watchdogs find; where no message can be kept that says it all. */
function progressAlarms({ progress, uncleanStarts: { count, kind } }: Condition): Alarm[] {
  const { condition, reason = '', listeners, device } = progress ?? {}
  const alarms: Alarm[] = []
  const [silent] = listeners?.silent ?? []
  if (silent) {
    const detail = `${silent.name}: ${silent.reason}`
    alarms.push({ id: 'listener-silent', level: 'alarm', count: listeners?.silent.length ?? 0, detail })
  } else if (condition === 'degraded') alarms.push({ id: 'slow-progress', level: 'warning', count: 0, detail: reason })
  if (device && device.problem !== '')
    alarms.push({ id: 'watchdog-device', level: 'alarm', count: 0, detail: `${device.path}: ${device.problem}` })
  if (count > 0) alarms.push({ id: 'unclean-start', level: 'warning', count, detail: kind })
  return alarms
}

/** One of a kind, the worst first. */
export function sortedAlarms(alarms: readonly Alarm[]): Alarm[] {
  const byId = new Map<AlarmId, Alarm>()
  for (const alarm of alarms) {
    const other = byId.get(alarm.id)
    byId.set(alarm.id, other ? { ...other, count: other.count + alarm.count } : alarm)
  }
  const rank = ({ level, id }: Alarm): number => (level === 'alarm' ? 0 : ALARM_IDS.length) + ALARM_IDS.indexOf(id)
  return [...byId.values()].sort((a, b) => rank(a) - rank(b))
}
