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
  ['notices_given_up', 'stored'],
  ['notices_given_up', 'failed'],
  ['auth_refused', 'wrong credentials'],
  ['guessing_slowed', ''],
  ['xcap_refused', 'wrong credentials'],
  ['xdms_writes', 'failed'],
  ['internal_errors', ''],
  ['stream_refused', 'limit'],
  ['stream_refused', 'limit per address'],
  ['handshakes_ended', 'too slow'],
  ['handshakes_ended', 'displaced'],
]

/** An alarm on a counter that appears with its first event would miss that event. */
export function watchedFromTheStart(): Counters {
  const counters = new Counters()
  for (const [name, label] of WATCHED) counters.count(name, label, 0)
  return counters
}
