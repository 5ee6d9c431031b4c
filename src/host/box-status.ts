import { statfs } from 'node:fs/promises'
import { uptime as machineUptimeS } from 'node:os'
import type { Config } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { type Endpoint, hostPort } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { VERSION } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import type { Board } from '../services/board.ts'
import type { WebStore } from '../services/services.ts'
import type { Alarm, BoxStatus, ListenerState, SeriesView, Span, StatusService, Wear } from '../services/status.ts'
import type { ClockSource } from '../services/time.ts'
import type { StoreStatus } from '../store/verbs.ts'
import { CounterAlarms, conditionAlarms, sortedAlarms } from './alarms.ts'
import { folderBytes } from './folder-size.ts'
import type { Health } from './health.ts'
import { backupDays } from './last-backup.ts'
import { OldestWaiting } from './oldest.ts'
import { type Sample, Series } from './series.ts'
import { readSeries, writeSeries } from './series-file.ts'
import type { BoxWatch } from './watchdog/box-watch.ts'
import { uncleanStarts } from './watchdog/run-book.ts'
import { readWear } from './wear.ts'

interface Bound {
  readonly transport: string
  readonly endpoint: Endpoint
}

export interface BoxStatusOptions {
  readonly config: Config
  readonly dataDir: string
  readonly clock: { now(): Now; readonly trustedWall: number }
  readonly store: WebStore
  readonly counters: Counters
  /** What the engine says of itself. */
  readonly describe: () => object
  readonly health: Pick<Health, 'problem' | 'isStuck'>
  readonly sip: readonly Bound[]
  readonly msrp: readonly Bound[]
  readonly http: readonly (Endpoint & { readonly isSecure: boolean })[]
  /** When the certificate in use ends, in milliseconds since 1970; undefined: there is none. */
  readonly certificateUntil: () => number | undefined
  readonly clockSource: () => Promise<ClockSource>
  /** Who looks whether messages get on; absent: nobody. */
  readonly watch?: Pick<BoxWatch, 'figures' | 'starts' | 'resets'> | undefined
  readonly board?: Board | undefined
  /** Why nobody can work on the serial line, and could not for a while. */
  readonly consoleTrouble?: () => string | undefined
  /** Whether `admin` has the password of a recovery. */
  readonly isRecovered?: () => boolean
  readonly log: Log
}

const MINUTE_MS = 60_000
/** Four times a day and at a stop, some ten kilobytes each: nothing beside what messages write. After a power cut so much of the plots is missing. */
const KEEP_MS = 6 * 3_600_000
const SOURCE_MS = 10 * MINUTE_MS
/** Many pages that renew themselves cost as one. */
const SAME_MS = 1000

/** What takes a while to find out: looked at once a minute. */
interface Slow {
  readonly wear: Wear
  readonly usedBytes: number
  readonly totalBytes: number | undefined
}

/** Watches the box once a minute, and tells what the Status page, the API and the plots show. */
export class StatusWatch implements StatusService {
  readonly #options: BoxStatusOptions
  readonly #series: Series
  readonly #counterAlarms: CounterAlarms
  readonly #oldest: OldestWaiting
  readonly #startedAt: number
  readonly #timers: NodeJS.Timeout[] = []
  #slow: Promise<Slow>
  #source: { readonly at: number; readonly found: Promise<ClockSource> } | undefined
  /** As the store last told. */
  #numbers: StoreStatus | undefined
  #last: { readonly at: number; readonly status: Promise<BoxStatus> } | undefined

  constructor(options: BoxStatusOptions) {
    const { clock, dataDir, log, counters, store } = options
    this.#options = options
    const now = clock.now()
    this.#startedAt = now.at
    this.#series = new Series(now, readSeries(dataDir, log))
    this.#counterAlarms = new CounterAlarms(counters)
    this.#oldest = new OldestWaiting(store)
    this.#slow = this.#look()
  }

  start(): void {
    this.#timers.push(
      setInterval(() => void this.minute(), MINUTE_MS),
      setInterval(() => this.#keep(), KEEP_MS),
    )
    void this.#sample()
  }

  /** What happens once a minute, from `start` on. */
  async minute(): Promise<void> {
    this.#counterAlarms.minute()
    this.#slow = this.#look()
    await this.#sample()
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
    if (!this.#options.health.isStuck) this.#keep()
  }

  status(): Promise<BoxStatus> {
    const { at } = this.#options.clock.now()
    if (!this.#last || at - this.#last.at >= SAME_MS) this.#last = { at, status: this.#read() }
    return this.#last.status
  }

  series(span: Span): SeriesView {
    return this.#series.view(span, this.#options.clock.now())
  }

  async alarms(): Promise<readonly Alarm[]> {
    return (await this.status()).alarms
  }

  async #sample(): Promise<void> {
    const { store, clock } = this.#options
    const result = await store.ask('status', {})
    if ('failure' in result) return
    this.#numbers = result.value
    const { waiting, freeBytes } = result.value
    this.#series.add(clock.now(), { ...this.#counted(), waiting, freeBytes })
  }

  #keep(): void {
    const { clock, dataDir, log } = this.#options
    const kept = this.#series.kept(clock.now())
    if (kept) writeSeries(dataDir, kept, log)
  }

  /** Never rejects. */
  async #look(): Promise<Slow> {
    const { dataDir } = this.#options
    const since = { processS: process.uptime(), machineS: machineUptimeS(), stored: this.#counted().stored }
    const [wear, usedBytes, totalBytes] = await Promise.all([
      readWear(dataDir, since),
      folderBytes(dataDir),
      statfs(dataDir).then(
        ({ blocks, bsize }) => blocks * bsize,
        () => undefined,
      ),
    ])
    return { wear, usedBytes, totalBytes }
  }

  /** Programs are started for it, so only when somebody looks, and then seldom. */
  #clockSource(): Promise<ClockSource> {
    const { clock, clockSource } = this.#options
    const { at } = clock.now()
    if (!this.#source || at - this.#source.at >= SOURCE_MS)
      this.#source = { at, found: clockSource().catch(() => 'unknown' as const) }
    return this.#source.found
  }

  #counted(): Pick<Sample, 'stored' | 'delivered' | 'refused'> {
    const all = this.#options.counters.describe()
    const sum = (name: string): number => Object.values(all[name] ?? {}).reduce((total, each) => total + each, 0)
    return {
      stored: (all.messages_stored?.new ?? 0) + (all.large_messages_stored?.new ?? 0),
      delivered: sum('messages_delivered'),
      refused: sum('messages_refused') + sum('large_messages_refused'),
    }
  }

  async #read(): Promise<BoxStatus> {
    const { config, clock, store, health, watch } = this.#options
    const now = clock.now()
    const [status, bindings, oldestAt, problem, slow, source] = await Promise.all([
      store.ask('status', {}),
      store.ask('bindings.count', {}),
      this.#oldest.at(now.at),
      health.problem(),
      this.#slow,
      this.#clockSource(),
    ])
    if (!('failure' in status)) this.#numbers = status.value
    const {
      waiting = 0,
      waitingBytes = 0,
      freeBytes = 0,
      damaged = 0,
      accounts = 0,
      noticesLost = 0,
    } = this.#numbers ?? {}
    const engine = this.#options.describe()
    const minute = this.#series.latest(now)
    const { reserve_bytes: reserveBytes } = config.deferral
    const condition = {
      problem,
      freeBytes: this.#numbers ? freeBytes : Number.POSITIVE_INFINITY,
      reserveBytes,
      damaged,
      noticesLost,
    }
    return {
      at: now.wall,
      version: VERSION,
      domain: config.domain,
      hostname: config.hostname,
      board: this.#options.board,
      uptimeS: Math.floor((now.at - this.#startedAt) / 1000),
      machineUptimeS: Math.floor(machineUptimeS()),
      problem,
      custody: {
        waiting,
        waitingBytes,
        oldestAt: waiting === 0 ? undefined : oldestAt,
        ...this.#counted(),
        storedPerMinute: minute?.stored,
        deliveredPerMinute: minute?.delivered,
        refusedLastHour: this.#series.hourly(now, 'refused'),
        damaged,
        delivering: numberAt(engine, 'delivery', 'running'),
        queued: numberAt(engine, 'delivery', 'queued'),
      },
      peers: {
        accounts,
        bindings: 'failure' in bindings ? 0 : bindings.value,
        sipStreams: numberAt(engine, 'flows', 'streams', 'open'),
        msrpConnections: numberAt(engine, 'msrp', 'connections'),
        calls: numberAt(engine, 'relay', 'open'),
        subscriptions: numberAt(engine, 'subscriptions', 'open'),
        trusted: [config.auth.trusted_peers].flat(),
        coreRoute: config.core.route,
      },
      listeners: this.#listeners(),
      clock: { wall: now.wall, isTrusted: now.isWallTrusted, floor: clock.trustedWall, source },
      flash: { freeBytes, reserveBytes, usedBytes: slow.usedBytes, totalBytes: slow.totalBytes },
      wear: slow.wear,
      progress: watch?.figures,
      starts: watch?.starts ?? 0,
      resets: watch?.resets ?? [],
      alarms: this.#alarms(now, { ...condition, ...slow.wear }),
    }
  }

  #alarms(
    now: Now,
    condition: Pick<Parameters<typeof conditionAlarms>[0], 'problem' | 'freeBytes' | 'reserveBytes' | 'damaged'> &
      Pick<Parameters<typeof conditionAlarms>[0], 'noticesLost' | 'lifeUsedPercent' | 'spare'>,
  ): Alarm[] {
    const { config, dataDir, certificateUntil, watch, isRecovered, consoleTrouble } = this.#options
    const until = certificateUntil()
    const isKnown = until !== undefined && now.isWallTrusted
    const conditions = conditionAlarms({
      ...condition,
      isClockTrusted: now.isWallTrusted,
      certificateDays: isKnown ? Math.floor((until - now.wall) / 86_400_000) : undefined,
      backupDays: now.isWallTrusted ? backupDays(dataDir, now.wall) : undefined,
      progress: watch?.figures,
      consoleTrouble: consoleTrouble?.(),
      uncleanStarts: uncleanStarts(watch?.resets ?? [], now.wall),
      isRecovered: isRecovered?.() ?? false,
      isPlainPage: config.web.plain_http,
      hasDigest: config.auth.digest,
    })
    return sortedAlarms([...conditions, ...this.#counterAlarms.list()])
  }

  #listeners(): ListenerState[] {
    const { sip, msrp, http } = this.#options
    const bound = [
      ...sip.map(({ transport, endpoint }) => ({ key: `listen.sip_${transport}`, endpoint })),
      ...msrp.map(({ transport, endpoint }) => ({ key: `listen.msrp_${transport}`, endpoint })),
      ...http.map(at => ({ key: at.isSecure ? 'listen.https' : 'listen.http', endpoint: at as Endpoint })),
    ]
    return LISTENERS.flatMap(([key, use, transport]) => {
      const open = bound.filter(each => each.key === key).map(({ endpoint }) => hostPort(endpoint))
      return (open.length > 0 ? open : [undefined]).map(at => ({ use, transport, at, key }))
    })
  }
}

const LISTENERS = [
  ['listen.sip_udp', 'SIP', 'UDP'],
  ['listen.sip_tcp', 'SIP', 'TCP'],
  ['listen.sip_tls', 'SIP', 'TLS'],
  ['listen.sip_ws', 'SIP', 'WebSocket'],
  ['listen.sip_wss', 'SIP', 'WebSocket over TLS'],
  ['listen.msrp_tcp', 'MSRP', 'TCP'],
  ['listen.msrp_tls', 'MSRP', 'TLS'],
  ['listen.http', 'HTTP', 'TCP'],
  ['listen.https', 'HTTP', 'TLS'],
] as const

/** A number deep inside of what the engine says; 0 where it does not say. */
function numberAt(from: object, ...path: readonly string[]): number {
  let at: unknown = from
  for (const name of path)
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined
  return typeof at === 'number' ? at : 0
}
