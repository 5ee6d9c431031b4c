import Type from 'typebox'
import { LOG_LEVELS, LOG_LINES_MAX } from '../../services/logs.ts'
import { RESET_KINDS } from '../../services/status.ts'
import {
  closed,
  limit,
  list,
  type Operations,
  oneOf,
  orNull,
  perhaps,
  place,
  text,
  time,
  whole,
  yes,
} from './shapes.ts'

const amount = orNull(Type.Number())
const alarm = closed({ id: text, level: text, count: Type.Number(), text, what_to_do: text, page: orNull(text) })
const status = closed({
  at: orNull(time),
  version: text,
  domain: text,
  hostname: text,
  board: orNull(
    closed({
      name: text,
      title: text,
      console: closed({ device: text, baud: whole }),
      watchdog: orNull(closed({ device: text, driver: text, timeout_max_s: whole })),
      keeps_time: yes,
    }),
  ),
  uptime_s: Type.Number(),
  machine_uptime_s: Type.Number(),
  takes_messages: yes,
  problem: orNull(text),
  custody: closed({
    waiting: whole,
    waiting_bytes: whole,
    oldest: orNull(time),
    stored: whole,
    delivered: whole,
    refused: whole,
    stored_per_minute: amount,
    delivered_per_minute: amount,
    refused_last_hour: whole,
    damaged: whole,
    delivering: whole,
    queued_mailboxes: whole,
  }),
  peers: closed({
    accounts: whole,
    bindings: whole,
    sip_streams: whole,
    msrp_connections: whole,
    calls: whole,
    subscriptions: whole,
    trusted: list(text),
    core_route: orNull(text),
  }),
  listeners: list(closed({ key: text, use: text, transport: text, state: oneOf('open', 'off'), at: orNull(text) })),
  clock: closed({ wall: orNull(time), trusted: yes, floor: orNull(time), source: text }),
  flash: closed({ free_bytes: whole, reserve_bytes: whole, used_bytes: whole, total_bytes: orNull(whole) }),
  wear: closed({
    own_bytes: amount,
    own_bytes_per_day: amount,
    own_bytes_per_message: amount,
    device: orNull(text),
    device_size_bytes: amount,
    device_bytes: amount,
    device_bytes_per_day: amount,
    life_used_percent: amount,
    spare_blocks: orNull(text),
    years_left_guess: amount,
  }),
  progress: orNull(
    closed({
      condition: oneOf('starting', 'ready', 'degraded', 'fault', 'stopping'),
      reason: text,
      loop_lag_ms: Type.Number(),
      store_ms: Type.Number(),
      flushed_ago_s: orNull(whole),
      timers_late_ms: Type.Number(),
      self_test: closed({
        result: oneOf('none yet', 'passed', 'passed over', 'failed'),
        detail: text,
        failures: whole,
        ago_s: orNull(whole),
      }),
      listeners: orNull(
        closed({
          answering: whole,
          silent: list(closed({ listener: text, reason: text })),
          untold: list(closed({ listener: text, reason: text })),
        }),
      ),
      service_watchdog_s: amount,
      deadman_s: amount,
      watchdog_device: orNull(closed({ device: text, timeout_s: amount, problem: orNull(text) })),
    }),
  ),
  starts: whole,
  resets: list(
    closed({
      at: orNull(time),
      clock_trusted: yes,
      kind: oneOf(...RESET_KINDS),
      detail: text,
      version: text,
      ran_before_s: orNull(whole),
    }),
  ),
  alarms: list(alarm),
})
const step = closed({
  at: orNull(time),
  stored_per_minute: amount,
  delivered_per_minute: amount,
  refused_per_minute: amount,
  waiting: amount,
  free_bytes: amount,
})

const level = oneOf(...LOG_LEVELS)
const levelView = closed({ level, usual: level, left_s: orNull(whole) })
const filters = {
  level: perhaps(level),
  text: place('In the message or in any field.'),
  field: place('A field that is there, or `name=value`.'),
  since: place('RFC 3339.'),
  until: place('RFC 3339.'),
}
const line = closed({
  seq: whole,
  time,
  level,
  msg: text,
  fields: Type.Object({}, { additionalProperties: true }),
})

export const watching: Operations = {
  'GET /api/v1/status': { tag: 'watching', summary: 'How the box is', replies: { 200: status } },
  'GET /api/v1/series': {
    tag: 'watching',
    summary: 'What the plots show',
    query: { span: perhaps(oneOf('hour', 'day', 'week')) },
    replies: { 200: closed({ span: text, step_s: whole, steps: list(step) }) },
  },
  'GET /api/v1/alarms': {
    tag: 'watching',
    summary: 'What is wrong, and what to do',
    replies: { 200: closed({ alarms: list(alarm) }) },
  },
  'GET /api/v1/logs': {
    tag: 'watching',
    summary: 'The last lines of the log, the newest first, page by page',
    query: {
      ...filters,
      before: perhaps(Type.Integer({ minimum: 1, description: '`next` of the page before.' })),
      limit: limit(LOG_LINES_MAX, 100),
    },
    replies: { 200: closed({ lines: list(line), next: orNull(whole) }) },
  },
  'GET /api/v1/logs/lines.jsonl': {
    tag: 'watching',
    summary: 'The last lines of the log as they were written, the oldest first',
    query: filters,
    replies: { 200: 'application/x-ndjson' },
  },
  'GET /api/v1/logs/level': {
    tag: 'watching',
    summary: 'How much is written to the log',
    replies: { 200: levelView },
  },
  'PUT /api/v1/logs/level': {
    tag: 'watching',
    summary: 'Writes more, or less, for some minutes',
    replies: { 200: levelView },
  },
  'GET /api/v1/openapi.json': {
    tag: 'watching',
    summary: 'This document',
    replies: { 200: 'application/vnd.oai.openapi+json' },
  },
}
