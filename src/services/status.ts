import type { Board } from './board.ts'
import type { ClockSource } from './time.ts'

/** What the box says of itself: the same for the Status page, the API and the alarms. Times are milliseconds since 1970. */
export interface StatusService {
  status(): Promise<BoxStatus>
  /** What happened over a span of time, oldest step first. */
  series(span: Span): SeriesView
  /** What is wrong now; the worst first. */
  alarms(): Promise<readonly Alarm[]>
}

export type Span = 'hour' | 'day' | 'week'

export interface BoxStatus {
  readonly at: number
  readonly version: string
  readonly domain: string
  readonly hostname: string
  /** What it runs on; undefined: no description of it is known. */
  readonly board: Board | undefined
  /** Since when it serves with this configuration, and the machine runs. */
  readonly uptimeS: number
  readonly machineUptimeS: number
  /** Why no message could be taken now; undefined: one could. */
  readonly problem: string | undefined
  readonly custody: CustodyFigures
  readonly peers: PeerFigures
  readonly listeners: readonly ListenerState[]
  readonly clock: ClockQuality
  readonly flash: FlashFigures
  readonly wear: Wear
  /** Whether messages get on; undefined: nobody watches, as in a test. */
  readonly progress: ProgressFigures | undefined
  /** How often the program was started here, and why it was: the latest first. */
  readonly starts: number
  readonly resets: readonly Reset[]
  readonly alarms: readonly Alarm[]
}

/** What the watchdogs are fed by. */
export interface ProgressFigures {
  readonly condition: 'starting' | 'ready' | 'degraded' | 'fault' | 'stopping'
  /** In plain words; empty while all is well. */
  readonly reason: string
  /** The longest that the program stood since the look before. */
  readonly loopLagMs: number
  /** How long the oldest request to the store has had no answer. */
  readonly storeMs: number
  /** Since something was last written to flash for good; undefined: nothing was yet. */
  readonly flushedAgoS: number | undefined
  readonly timersLateMs: number
  /** A message of the box's own, through store and delivery. */
  readonly selfTest: {
    readonly result: 'none yet' | 'passed' | 'passed over' | 'failed'
    readonly detail: string
    readonly failures: number
    readonly agoS: number | undefined
  }
  /** Undefined: nobody tries them, as in a test. */
  readonly listeners: ListenerTrials | undefined
  /** How long the service manager waits for a word; undefined: it does not. */
  readonly serviceS: number | undefined
  /** How long a dead man's switch of the program's own waits; undefined: there is none. */
  readonly deadmanS: number | undefined
  /** The watchdog of the machine, and how long it waits; undefined: none is configured. */
  readonly device:
    | { readonly path: string; readonly timeoutS: number | undefined; readonly problem: string }
    | undefined
}

/** How the listeners of the box answer to this machine. */
export interface ListenerTrials {
  /** How many do. */
  readonly answering: number
  /** Those that did, and do not any more. */
  readonly silent: readonly { readonly name: string; readonly reason: string }[]
  /** Those that never did: they may not be reached from this machine. */
  readonly untold: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * How the run before ended. `stop`: by a signal. `restart`: somebody asked for it on page, console or API. `failed`: it could not start or go on.
 * `defect`: an error of the program. `watchdog`: by its own decision, as messages did not get on. `hung`: the service manager ended it. `blocked`: it stood still, and its dead man's switch ended it. `killed`: by
 * the system or somebody. `power`: the machine was started anew without a word, by the power or its kernel. `reset`: the same, and it kept its power. `hardware-watchdog`: by that of the machine.
 */
export const RESET_KINDS = [
  'first',
  'stop',
  'restart',
  'update',
  'factory-reset',
  'failed',
  'defect',
  'watchdog',
  'hung',
  'blocked',
  'killed',
  'power',
  'reset',
  'hardware-watchdog',
] as const

export type ResetKind = (typeof RESET_KINDS)[number]

/** A start of the program. */
export interface Reset {
  /** When it began, and whether the clock was to be trusted then. */
  readonly at: number
  readonly isTrusted: boolean
  readonly kind: ResetKind
  readonly detail: string
  /** Of the program that was started. */
  readonly version: string
  /** How long the run before had lasted; undefined: nobody knows. */
  readonly ranS?: number
  /** Of the machine: which start of it, and how long before. */
  readonly boot: string
  readonly machineS: number
}

/** What was counted, since the start. */
interface CustodyFigures {
  readonly waiting: number
  readonly waitingBytes: number
  /** When the message came that waits for longest; undefined: nothing waits, or it is not known yet. */
  readonly oldestAt: number | undefined
  readonly stored: number
  readonly delivered: number
  readonly refused: number
  /** In the latest minute; undefined before the first is over. */
  readonly storedPerMinute: number | undefined
  readonly deliveredPerMinute: number | undefined
  readonly refusedLastHour: number
  /** Set aside by their checksum. */
  readonly damaged: number
  /** Deliveries under way, and mailboxes whose turn comes. */
  readonly delivering: number
  readonly queued: number
}

interface PeerFigures {
  readonly accounts: number
  /** Contacts in the registrar. */
  readonly bindings: number
  /** Streams of SIP and connections of MSRP that stand. */
  readonly sipStreams: number
  readonly msrpConnections: number
  readonly calls: number
  readonly subscriptions: number
  /** As configured. */
  readonly trusted: readonly string[]
  readonly coreRoute: string
}

export interface ListenerState {
  readonly use: 'SIP' | 'MSRP' | 'HTTP'
  readonly transport: string
  /** Where it listens, e.g. `192.0.2.1:5060`; undefined: it is switched off. */
  readonly at: string | undefined
  /** Of the configuration, e.g. `listen.sip_udp`. */
  readonly key: string
}

interface ClockQuality {
  readonly wall: number
  readonly isTrusted: boolean
  /** The latest time that is known to have been; a clock before it is not trusted. */
  readonly floor: number
  /** What sets the clock of the machine, as far as the machine tells. */
  readonly source: ClockSource
}

interface FlashFigures {
  /** Free for the store, and kept free for deleting. */
  readonly freeBytes: number
  readonly reserveBytes: number
  /** Taken by the folder of the box. */
  readonly usedBytes: number
  /** Of the file system that the folder lies on; undefined where it does not tell. */
  readonly totalBytes: number | undefined
}

/** What wears the flash; whatever the machine does not tell is undefined. */
export interface Wear {
  /** Written by the box to the disk since its process started. */
  readonly ownBytes: number | undefined
  readonly ownPerDayBytes: number | undefined
  /** The same for each message that was stored since; undefined before there were a hundred, beside which the start counts for nothing. */
  readonly ownPerMessageBytes: number | undefined
  /** The medium that the folder of the box lies on, and what everything on the machine wrote to it since the machine started. */
  readonly device: string | undefined
  readonly deviceBytes: number | undefined
  readonly devicePerDayBytes: number | undefined
  readonly deviceSize: number | undefined
  /** What an eMMC says of itself (JESD84-B51 7.4.27): percent of its life used, at most; and its reserve of spare blocks. */
  readonly lifeUsedPercent: number | undefined
  readonly spare: 'normal' | 'warning' | 'urgent' | undefined
  /** A guess: at this pace, with what cheap flash is said to bear. Undefined before there is a pace. */
  readonly yearsLeft: number | undefined
}

export type AlarmLevel = 'alarm' | 'warning'

export interface Alarm {
  /** Names the sentence in the catalogue of texts. */
  readonly id: AlarmId
  readonly level: AlarmLevel
  /** How often within the latest hour; or what the sentence is about, e.g. bytes, days, percent. */
  readonly count: number
  /** What the sentence quotes, e.g. the reason that the store gave. */
  readonly detail: string
}

export const ALARM_IDS = [
  'store-failing',
  'slow-progress',
  'listener-silent',
  'listener-reopened',
  'watchdog-device',
  'console-line',
  'unclean-start',
  'flash-low',
  'clock',
  'wear',
  'certificate-ended',
  'certificate-ends',
  'damaged',
  'internal-errors',
  'messages-refused',
  'large-refused',
  'store-slow',
  'mailbox-full',
  'push-kept',
  'history-incomplete',
  'history-passed-over',
  'history-not-recorded',
  'notices-lost',
  'doors',
  'xcap-doors',
  'page-doors',
  'xdms',
  'tls-dials',
  'handshakes',
  'streams-refused',
  'password-recovered',
  'backup-old',
  'plain-page',
  'no-digest',
] as const

export type AlarmId = (typeof ALARM_IDS)[number]

export interface SeriesStep {
  /** When it began. */
  readonly at: number
  /** A minute, on average; undefined where nothing is known of the time. */
  readonly stored: number | undefined
  readonly delivered: number | undefined
  readonly refused: number | undefined
  readonly waiting: number | undefined
  readonly freeBytes: number | undefined
}

export interface SeriesView {
  readonly span: Span
  readonly stepS: number
  readonly steps: readonly SeriesStep[]
}
