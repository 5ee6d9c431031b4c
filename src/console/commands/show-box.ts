import type { Alarm, BoxStatus } from '../../services/status.ts'
import type { TimeView } from '../../services/time.ts'
import { bytesText, counted, durationText, timeText } from '../ascii.ts'
import { type Command, type Context, commandsOf, partOf, Refused } from '../command.ts'
import { field, forPrograms, type View, yesNo } from '../fields.ts'
import type { ConsoleBox, ConsoleServices, Fact, OnDisk, ReducedServices } from '../services.ts'
import { resetText, startText } from '../starts.ts'
import { configView } from './configuration-view.ts'
import { jobsView } from './jobs.ts'
import { logView } from './log.ts'

/** Of the log, in what is sent to somebody who helps. */
const LOG_LINES = 100

type Show = (box: ConsoleBox) => Promise<View>

const version: Show = async box => {
  const { hostname, domain } = box
  const runtime = 'reduced' in box ? null : box.about.runtime
  return {
    json: { version: box.version, runtime, hostname, domain },
    lines: [
      field('Restante', box.version),
      ...(runtime === null ? [] : [field('Runtime', runtime)]),
      field('Hostname', hostname),
      field('Domain', domain),
    ],
  }
}

const status: Show = async box => {
  if (!('reduced' in box)) {
    const now = await box.status.status()
    return { json: forPrograms(now) as object, lines: statusLines(now, box) }
  }
  const facts = await box.facts()
  return {
    json: Object.fromEntries(facts.map(({ name, value }) => [name, value])),
    lines: factLines(facts),
  }
}

const factLines = (facts: readonly Fact[]): string[] =>
  facts.map(({ label, value, unit }) => {
    if (typeof value === 'boolean') return field(label, yesNo(value))
    if (typeof value !== 'number' || unit === undefined) return field(label, value)
    return field(label, unit === 'bytes' ? bytesText(value) : durationText(value))
  })

function onDisk(box: ReducedServices): OnDisk {
  if (!box.onDisk) throw new Refused(`Not possible: ${box.reduced}.`)
  return box.onDisk
}

function statusLines(now: BoxStatus, box: ConsoleServices): string[] {
  const { custody, peers } = now
  return [
    field('Accepts messages', now.problem === undefined ? 'yes' : `NO: ${now.problem}`),
    field('Version', `${now.version}, up ${durationText(now.uptimeS)}, machine ${durationText(now.machineUptimeS)}`),
    field('Served', `${now.domain} as ${now.hostname}`),
    field('Waiting', `${counted(custody.waiting, 'message')}, ${bytesText(custody.waitingBytes)}`),
    field('  oldest', timeText(custody.oldestAt)),
    field('Stored', `${custody.stored}, ${custody.storedPerMinute ?? '-'} in the last minute`),
    field('Delivered', `${custody.delivered}, ${custody.deliveredPerMinute ?? '-'} in the last minute`),
    field('Refused', `${custody.refused}, ${custody.refusedLastHour} in the last hour`),
    field('Damaged', custody.damaged),
    field('Deliveries', `${custody.delivering} under way, ${custody.queued} to come`),
    field('Accounts', `${peers.accounts}, ${counted(peers.bindings, 'contact')} registered`),
    field('Streams', `SIP ${peers.sipStreams}, MSRP ${peers.msrpConnections}, calls ${peers.calls}`),
    field('Core', peers.coreRoute === '' ? 'none' : peers.coreRoute),
    ...now.listeners.map(({ use, transport, at, key }) => field(`${use} ${transport}`, at ?? `off (${key})`)),
    ...progressLines(now),
    field(
      'Clock',
      `${timeText(now.clock.wall)} ${now.clock.isTrusted ? 'trusted' : 'NOT TRUSTED'}, ${now.clock.source}`,
    ),
    field('Flash', `${bytesText(now.flash.freeBytes)} free, ${bytesText(now.flash.reserveBytes)} reserve`),
    ...alarmLines(now.alarms, box, false),
  ]
}

function progressLines({ board, progress, starts, resets: [last] }: BoxStatus): string[] {
  const lines = [
    ...(board === undefined ? [] : [field('Board', board.title)]),
    ...(last === undefined
      ? []
      : [
          field(
            'Last start',
            `${timeText(last.at)}${last.kind === 'first' ? ', the first' : `; the run before ended: ${resetText(last)}`}`,
          ),
        ]),
    field('Starts', starts),
  ]
  if (!progress) return lines
  const { condition, reason, selfTest, device, serviceS, deadmanS } = progress
  const watched = [
    ...(serviceS === undefined ? [] : [`service manager, ${serviceS} s`]),
    ...(deadmanS === undefined ? [] : [`its own, ${deadmanS} s`]),
    ...(device === undefined ? [] : [`${device.path} ${device.problem}`.trimEnd()]),
  ]
  return [
    ...lines,
    field('Condition', reason === '' ? condition : `${condition}: ${reason}`),
    field('Self-test', `${selfTest.result}${selfTest.detail === '' ? '' : `, ${selfTest.detail}`}`),
    field('Watchdogs', watched.length > 0 ? watched.join('; ') : 'none'),
  ]
}

const resets: Show = async box => {
  const { starts, resets: found } = 'reduced' in box ? onDisk(box).starts() : await box.status.status()
  return {
    json: { starts: starts ?? null, resets: forPrograms(found) },
    lines: [field('Starts', starts), ...found.map(startText)],
  }
}

const storage: Show = async box => {
  if ('reduced' in box) {
    const facts = await onDisk(box).storage()
    return {
      json: Object.fromEntries(facts.map(({ name, value }) => [name, value])),
      lines: [...factLines(facts), 'How the flash wears is known to a box that serves.'],
    }
  }
  const { flash, wear, custody } = await box.status.status()
  return {
    json: forPrograms({ flash, wear, waiting: custody.waiting, waitingBytes: custody.waitingBytes }) as object,
    lines: [
      field('Free for the store', bytesText(flash.freeBytes)),
      field('Kept free', bytesText(flash.reserveBytes)),
      field('Used by the box', bytesText(flash.usedBytes)),
      field('File system', bytesText(flash.totalBytes)),
      field('Waiting', `${counted(custody.waiting, 'message')}, ${bytesText(custody.waitingBytes)}`),
      field('Damaged', custody.damaged),
      field('Written by the box', `${bytesText(wear.ownBytes)}, ${bytesText(wear.ownPerDayBytes)} a day`),
      // Known after a hundred messages.
      field('  for each message', bytesText(wear.ownPerMessageBytes)),
      field('Medium', wear.device),
      field('  written', `${bytesText(wear.deviceBytes)}, ${bytesText(wear.devicePerDayBytes)} a day`),
      field('  size', bytesText(wear.deviceSize)),
      field('  life used', wear.lifeUsedPercent === undefined ? '-' : `${wear.lifeUsedPercent} %`),
      field('  spare blocks', wear.spare),
      field('  years left (guess)', wear.yearsLeft === undefined ? '-' : wear.yearsLeft.toFixed(1)),
    ],
  }
}

const clock: Show = async box => {
  const view = await partOf(box, 'time').view()
  return { json: forPrograms(view) as object, lines: clockLines(view) }
}

const clockLines = ({ wall, floor, isTrusted, source, asked, canSet }: TimeView): string[] => [
  field('Time', timeText(wall)),
  field('Trusted', isTrusted ? 'yes' : 'NO: it is behind a time that this box has seen; nothing expires'),
  field('Latest seen', timeText(floor)),
  field('Set by', `${source}${asked === undefined ? '' : ` (${asked})`}`),
  field('Can be set here', yesNo(canSet)),
]

const alarms: Show = async box => {
  const isReduced = 'reduced' in box
  const source = isReduced ? onDisk(box) : box
  const found = isReduced ? await onDisk(box).alarms() : await box.status.alarms()
  return {
    json: { alarms: found.map(alarm => ({ ...alarm, ...source.alarmWords(alarm) })) },
    lines: [
      ...alarmLines(found, source, true),
      ...(isReduced ? ['All that is counted or measured while it serves is not known now.'] : []),
    ],
  }
}

function alarmLines(found: readonly Alarm[], { alarmWords }: Pick<OnDisk, 'alarmWords'>, isInFull: boolean): string[] {
  if (found.length === 0) return [field('Alarms', 'none')]
  return found.flatMap(alarm => {
    const { text, todo } = alarmWords(alarm)
    const level = alarm.level === 'alarm' ? 'ALARM' : 'warning'
    return isInFull ? [`${level}: ${text}`, `  ${todo}`] : [field(level, text)]
  })
}

const show =
  (view: Show) =>
  async ({ box, report }: Context): Promise<void> => {
    const { json, lines } = await view(box)
    await report.show(json, lines)
  }

const PARTS: Readonly<Record<string, Show>> = {
  version,
  status,
  clock,
  storage,
  alarms,
  resets,
  jobs: async box => jobsView(box),
  config: async box => configView(box, []),
  log: async box => logView(box, { limit: LOG_LINES }),
}

/** Everything that is short, for somebody who helps. A part that cannot be had says why. */
async function techSupport({ box, report, isJson }: Context): Promise<void> {
  const document: Record<string, object> = {}
  for (const [name, view] of Object.entries(PARTS)) {
    const shown = await view(box).catch((error: unknown) => {
      if (!(error instanceof Error)) throw error
      return { json: { error: error.message }, lines: [`% ${error.message}`] }
    })
    if (isJson) document[name] = shown.json
    else await report.lines(['', `------ show ${name} ------`, ...shown.lines])
  }
  if (isJson) await report.show(document, [])
}

export const showBoxCommands: readonly Command[] = commandsOf('user', [
  { syntax: 'show version', help: 'what runs here', isReduced: true, run: show(version) },
  { syntax: 'show status', help: 'whether messages are taken, and all figures', isReduced: true, run: show(status) },
  { syntax: 'show storage', help: 'room, and how the flash wears', isReduced: true, run: show(storage) },
  { syntax: 'show clock', help: 'the time, and whether it is trusted', isReduced: true, run: show(clock) },
  { syntax: 'show alarms', help: 'what is wrong, and what to do about it', isReduced: true, run: show(alarms) },
  { syntax: 'show resets', help: 'each start, and why the run before ended', isReduced: true, run: show(resets) },
  {
    syntax: 'show tech-support',
    help: 'all of this at once, for somebody who helps',
    role: 'operator',
    isReduced: true,
    run: techSupport,
  },
])
