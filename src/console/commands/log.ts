import { LOG_LEVEL_MINUTES_MAX, LOG_LEVELS, LOG_LINES_MAX, type LogLevel, type LogLine } from '../../services/logs.ts'
import { isoText, timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, partOf, Refused, running } from '../command.ts'
import { field, type View } from '../fields.ts'
import type { ConsoleBox } from '../services.ts'

const LINES = 100
const MINUTES = 30
/** Lines that came faster than they were shown. */
const BEHIND_MAX = 200

const levelParam = {
  help: 'the least that is meant',
  values: LOG_LEVELS,
  valueHelp: {
    debug: 'everything',
    info: 'what happens, and worse',
    warn: 'what is not as it should be',
    error: 'what failed',
  },
}

const lineText = ({ at, level, msg, fields }: LogLine): string => {
  const more = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`)
  return `${timeText(at)} ${level.padEnd(5)} ${msg}${more.join('')}`
}

const lineJson = ({ at, level, msg, fields }: LogLine): object => ({ time: isoText(at), level, msg, fields })

export function logView(box: ConsoleBox, { level, limit }: { level?: LogLevel; limit: number }): View {
  const found = partOf(box, 'logs').lines(level === undefined ? {} : { level }, { limit })
  const lines = [...found.lines].reverse()
  return {
    json: { lines: lines.map(lineJson) },
    lines: lines.length > 0 ? lines.map(lineText) : ['Nothing was logged.'],
  }
}

async function showLog(context: Context, args: Args): Promise<void> {
  const { box, report, isJson } = context
  const level = args.get('LEVEL') as LogLevel | undefined
  const isFollowed = args.has('follow')
  if (isFollowed && isJson) throw new Refused('follow goes without --json.')
  const { json, lines } = logView(box, { ...(level && { level }), limit: Number(args.get('N') ?? LINES) })
  if (isFollowed) report.isPaged = false
  await report.show(json, lines)
  if (isFollowed) await follow(context, level)
}

async function follow({ box, report, signal, key }: Context, level: LogLevel | undefined): Promise<void> {
  const waiting: LogLine[] = []
  let missed = 0
  let wake = (): void => {}
  const end = running(box).logs.watch(level === undefined ? {} : { level }, line => {
    if (waiting.length < BEHIND_MAX) waiting.push(line)
    else missed++
    wake()
  })
  if (!end) throw new Refused('As many look on as may. Try again later.')
  try {
    await report.line('--- any key ends ---')
    let isEnded = false
    const ended = key().then(() => {
      isEnded = true
    })
    ended.catch(() => {})
    while (!isEnded && !signal.aborted) {
      const next = waiting.shift()
      if (next) await report.line(lineText(next))
      else if (missed > 0) {
        await report.line(`--- ${missed} lines came too fast for this line ---`)
        missed = 0
      } else {
        const came = new Promise<void>(resolve => {
          wake = resolve
        })
        await Promise.race([came, ended])
      }
    }
  } finally {
    end()
  }
}

async function setLevel({ box, who, report }: Context, args: Args): Promise<void> {
  const { logs } = running(box)
  const minutes = Number(args.get('N') ?? MINUTES)
  logs.setLevel(args.get('LEVEL') as LogLevel, minutes * 60_000, who.name)
  const { level, usual, leftS } = logs.level()
  const left = leftS === undefined ? '' : `, back to ${usual} in ${Math.ceil(leftS / 60)} min`
  await report.line(field('Level', `${level}${left}`))
}

export const logCommands: readonly Command[] = [
  ...commandsOf('user', [
    {
      syntax: 'show log [level LEVEL] [lines N] [follow]',
      help: 'the last lines of the log, the newest at the end',
      isReduced: true,
      params: {
        level: { help: 'only what matters as much' },
        lines: { help: `how many; ${LINES}` },
        LEVEL: levelParam,
        N: { help: `1 to ${LOG_LINES_MAX}`, range: [1, LOG_LINES_MAX] },
        follow: { help: 'and what is logged from now on, until a key' },
      },
      run: showLog,
    },
  ]),
  ...commandsOf('enabled', [
    {
      syntax: 'log level LEVEL [minutes N]',
      help: `what is logged, for a while (${MINUTES} minutes)`,
      params: {
        LEVEL: levelParam,
        minutes: { help: 'for how long' },
        N: { help: `minutes, 1 to ${LOG_LEVEL_MINUTES_MAX}`, range: [1, LOG_LEVEL_MINUTES_MAX] },
      },
      run: setLevel,
    },
  ]),
]
