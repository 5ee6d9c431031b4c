import { Counters } from '../base/counters.ts'

/** The counters that docs/operations.md says are worth an alarm. */
const WATCHED: readonly (readonly [name: string, label: string])[] = [
  ['messages_refused', '603'],
  ['large_messages_refused', 'INVITE'],
  ['large_messages_refused', 'transfer'],
  ['store_refused', 'busy'],
  ['push_ended', 'kept'],
  ['relay_refused', ''],
  ['mailboxes_nearly_full', ''],
  ['history_failed', 'io'],
  ['history_failed', 'flash reserve'],
  ['history_cut_short', ''],
  ['history_not_kept', 'no room for strangers'],
  ['history_not_kept', 'daily limit'],
  ['history_passed_over', 'unfit'],
  ['history_passed_over', 'refused'],
  ['history_passed_over', 'gone'],
  ['history_not_recorded', 'too many messages at once'],
  ['notices_given_up', 'stored'],
  ['notices_given_up', 'failed'],
  ['auth_refused', 'wrong credentials'],
  ['guessing_slowed', ''],
  ['xcap_refused', 'wrong credentials'],
  ['admin_refused', 'wrong password'],
  ['xdms_writes', 'failed'],
  ['internal_errors', ''],
  ['listeners_reopened', 'SIP'],
  ['listeners_reopened', 'MSRP'],
  ['listeners_reopened', 'HTTP'],
  ['stream_refused', 'limit'],
  ['stream_refused', 'limit per address'],
  ['handshakes_ended', 'too slow'],
  ['handshakes_ended', 'displaced'],
]

/** What docs/grafana-dashboard.json draws: a line begins at 0. */
const DRAWN: typeof WATCHED = [
  ['messages_stored', 'new'],
  ['large_messages_stored', 'new'],
  ['messages_delivered', 'msrp'],
  ['messages_delivered', 'message'],
  ['messages_delivered', 'fetch'],
  ['messages_forwarded', 'delivered'],
  ['messages_expired', ''],
]

/** An alarm on a counter that appears with its first event would miss that event. */
export function watchedFromTheStart(): Counters {
  const counters = new Counters()
  for (const [name, label] of [...WATCHED, ...DRAWN]) counters.count(name, label, 0)
  return counters
}
