import { execFile } from 'node:child_process'
import type { Log, LogFields } from '../../base/log.ts'

/** syslog(3) */
const PRIORITIES = { info: 'auth.notice', warn: 'auth.warning', error: 'auth.err' } as const

/** The log of the machine, for a console whose standard error is the screen of whoever sits there. What cannot be written is not. */
export const systemLog: Log = {
  debug() {},
  info: (msg, fields) => say('info', msg, fields),
  warn: (msg, fields) => say('warn', msg, fields),
  error: (msg, fields) => say('error', msg, fields),
}

function say(level: keyof typeof PRIORITIES, msg: string, fields: LogFields = {}): void {
  const text = JSON.stringify({ level, ...fields, msg })
  execFile('logger', ['-t', 'restante-console', '-p', PRIORITIES[level], '--', text], () => {})
}
