import type { Alarm, AlarmId } from '../../services/status.ts'
import { bytes, number } from './format.ts'
import type { Visit } from './visit.ts'

interface AlarmText {
  readonly text: string
  readonly todo: string
  /** Path of the page where to look or do something. */
  readonly page: string
}

/** What an alarm says in a language, for the page and the API. */
export function alarmText(speaking: Pick<Visit, 'language' | 'strings'>, { id, count, detail }: Alarm): AlarmText {
  const { text, todo } = speaking.strings.alarms[id]
  const amount = id === 'flash-low' ? bytes(speaking, count) : number(speaking, count)
  return { text: text(amount, detail), todo, page: PAGES[id] }
}

const PAGES: Readonly<Record<AlarmId, string>> = {
  'store-failing': '/logs',
  'slow-progress': '/logs',
  'listener-silent': '/network',
  'listener-reopened': '/logs',
  'watchdog-device': '/logs',
  'console-line': '/logs',
  'unclean-start': '/logs',
  'flash-low': '/queue',
  clock: '/time',
  wear: '/backup',
  'certificate-ended': '/certificates',
  'certificate-ends': '/certificates',
  damaged: '/logs',
  'internal-errors': '/support',
  'messages-refused': '/queue',
  'large-refused': '/logs',
  'store-slow': '/logs',
  'mailbox-full': '/queue',
  'push-kept': '/queue',
  'history-incomplete': '/logs',
  'history-passed-over': '/logs',
  'history-not-recorded': '/logs',
  'notices-lost': '/logs',
  doors: '/logs',
  'xcap-doors': '/logs',
  'page-doors': '/logs',
  xdms: '/logs',
  'tls-dials': '/logs',
  handshakes: '/logs',
  'streams-refused': '/logs',
  'password-recovered': '/account',
  'backup-old': '/backup',
  'plain-page': '/network',
  'no-digest': '/network',
}
