import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Board } from '../services/board.ts'
import type { WebServices } from '../services/services.ts'
import type { Alarm, BoxStatus, ProgressFigures, Reset, SeriesView } from '../services/status.ts'
import type { Guarded } from '../web/guard.ts'
import { alarmText } from '../web/page/alarm-words.ts'
import { LANGUAGES } from '../web/page/strings/languages.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'
import { SPAN_NAMES } from './series.ts'

const PATH = '/api/v1'

/** Everything that the Status page shows, for scripts: of now, over time, and what is wrong. */
export const statusApi = (services: Pick<WebServices, 'status' | 'log'> & Guarded): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    const { status } = services
    app.get(`${PATH}/status`, forRole('viewer'), async (_request, reply) =>
      plainly(reply).send(statusView(await status.status())),
    )
    app.get<{ Querystring: { span?: unknown } }>(`${PATH}/series`, forRole('viewer'), async ({ query }, reply) => {
      const span = SPAN_NAMES.find(each => each === (query.span ?? 'hour'))
      if (!span) throw new Problem(400, `span: one of ${SPAN_NAMES.join(', ')}.`)
      return plainly(reply).send(seriesView(status.series(span)))
    })
    app.get(`${PATH}/alarms`, forRole('viewer'), async (_request, reply) =>
      plainly(reply).send({ alarms: (await status.alarms()).map(alarmView) }),
    )
  })

const boardView = ({ name, title, console: line, watchdog, keepsTime }: Board): object => ({
  name,
  title,
  console: line,
  watchdog: watchdog ? { device: watchdog.device, driver: watchdog.driver, timeout_max_s: watchdog.timeoutMaxS } : null,
  keeps_time: keepsTime,
})

const listenerView = ({ name, reason }: { name: string; reason: string }): object => ({ listener: name, reason })

const progressView = ({ selfTest, device, ...progress }: ProgressFigures): object => ({
  condition: progress.condition,
  reason: progress.reason,
  loop_lag_ms: progress.loopLagMs,
  store_ms: progress.storeMs,
  flushed_ago_s: orNull(progress.flushedAgoS),
  timers_late_ms: progress.timersLateMs,
  self_test: {
    result: selfTest.result,
    detail: selfTest.detail,
    failures: selfTest.failures,
    ago_s: orNull(selfTest.agoS),
  },
  listeners: progress.listeners
    ? {
        answering: progress.listeners.answering,
        silent: progress.listeners.silent.map(listenerView),
        untold: progress.listeners.untold.map(listenerView),
      }
    : null,
  service_watchdog_s: orNull(progress.serviceS),
  deadman_s: orNull(progress.deadmanS),
  watchdog_device: device
    ? {
        device: device.path,
        timeout_s: orNull(device.timeoutS),
        problem: device.problem === '' ? null : device.problem,
      }
    : null,
})

const resetView = ({ at, isTrusted, kind, detail, version, ranS }: Reset): object => ({
  at: time(at),
  clock_trusted: isTrusted,
  kind,
  detail,
  version,
  ran_before_s: orNull(ranS),
})

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())

const orNull = <T>(value: T | undefined): T | null => value ?? null

const english = { language: 'en', strings: LANGUAGES.en.strings } as const

function alarmView(alarm: Alarm): object {
  const { text, todo, page } = alarmText(english, alarm)
  const { id, level, count } = alarm
  return { id, level, count, text, what_to_do: todo, page }
}

function statusView(box: BoxStatus): object {
  const { custody, peers, flash, wear, clock } = box
  return {
    at: time(box.at),
    version: box.version,
    domain: box.domain,
    hostname: box.hostname,
    board: box.board ? boardView(box.board) : null,
    uptime_s: box.uptimeS,
    machine_uptime_s: box.machineUptimeS,
    takes_messages: box.problem === undefined,
    problem: orNull(box.problem),
    custody: {
      waiting: custody.waiting,
      waiting_bytes: custody.waitingBytes,
      oldest: time(custody.oldestAt),
      stored: custody.stored,
      delivered: custody.delivered,
      refused: custody.refused,
      stored_per_minute: orNull(custody.storedPerMinute),
      delivered_per_minute: orNull(custody.deliveredPerMinute),
      refused_last_hour: custody.refusedLastHour,
      damaged: custody.damaged,
      delivering: custody.delivering,
      queued_mailboxes: custody.queued,
    },
    peers: {
      accounts: peers.accounts,
      bindings: peers.bindings,
      sip_streams: peers.sipStreams,
      msrp_connections: peers.msrpConnections,
      calls: peers.calls,
      subscriptions: peers.subscriptions,
      trusted: peers.trusted,
      core_route: peers.coreRoute === '' ? null : peers.coreRoute,
    },
    listeners: box.listeners.map(({ key, use, transport, at }) => ({
      key,
      use,
      transport,
      state: at === undefined ? 'off' : 'open',
      at: orNull(at),
    })),
    clock: { wall: time(clock.wall), trusted: clock.isTrusted, floor: time(clock.floor), source: clock.source },
    flash: {
      free_bytes: flash.freeBytes,
      reserve_bytes: flash.reserveBytes,
      used_bytes: flash.usedBytes,
      total_bytes: orNull(flash.totalBytes),
    },
    wear: {
      own_bytes: orNull(wear.ownBytes),
      own_bytes_per_day: orNull(wear.ownPerDayBytes),
      own_bytes_per_message: orNull(wear.ownPerMessageBytes),
      device: orNull(wear.device),
      device_size_bytes: orNull(wear.deviceSize),
      device_bytes: orNull(wear.deviceBytes),
      device_bytes_per_day: orNull(wear.devicePerDayBytes),
      life_used_percent: orNull(wear.lifeUsedPercent),
      spare_blocks: orNull(wear.spare),
      years_left_guess: wear.yearsLeft === undefined ? null : Math.round(wear.yearsLeft * 10) / 10,
    },
    progress: box.progress ? progressView(box.progress) : null,
    starts: box.starts,
    resets: box.resets.map(resetView),
    alarms: box.alarms.map(alarmView),
  }
}

const seriesView = ({ span, stepS, steps }: SeriesView): object => ({
  span,
  step_s: stepS,
  steps: steps.map(({ at, stored, delivered, refused, waiting, freeBytes }) => ({
    at: time(at),
    stored_per_minute: orNull(stored),
    delivered_per_minute: orNull(delivered),
    refused_per_minute: orNull(refused),
    waiting: orNull(waiting),
    free_bytes: orNull(freeBytes),
  })),
})
