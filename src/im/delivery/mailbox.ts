import type { Instant } from '../../base/time.ts'
import type { Timer } from '../../base/timers.ts'
import type { Leased } from './mailbox-leases.ts'
import type { ContactPush, Push } from './push.ts'
import type { Rung } from './rungs.ts'

/** How far the delivery of one user's messages has come. */
export interface Mailbox extends Leased {
  state: 'waiting' | 'queued' | 'running'
  /** Pushes in a row that ended with something kept. */
  failures: number
  /** A registration or a new message came while it ran: look once more at the end. */
  isAskedAgain: boolean
  /** The contact that just registered goes first (docs/protocol.md). */
  preferred: string | undefined
  timer: Timer | undefined
  push: ContactPush | undefined
  /** Whom that push goes to. */
  asked: string | undefined
  /** In place of a push, and at no time beside one. */
  fetch: Push | undefined
  /** Its owner switched pushes off since this run began. */
  isUnwanted: boolean
  readonly delivered: Set<number>
  /** Messages that the receiver refused for themselves; tried again when `asideUntil` has come, or at a registration. */
  readonly aside: Set<number>
  asideUntil: Instant | undefined
}

export const newMailbox = (aor: string): Mailbox => ({
  aor,
  state: 'waiting',
  failures: 0,
  isAskedAgain: false,
  preferred: undefined,
  timer: undefined,
  lease: undefined,
  push: undefined,
  asked: undefined,
  fetch: undefined,
  isUnwanted: false,
  delivered: new Set(),
  aside: new Set(),
  asideUntil: undefined,
})

/** Another contact registered since this plan was made: it goes first, by a new one. */
export const isOutdated = ({ preferred }: Mailbox, { binding }: Rung): boolean =>
  preferred !== undefined && preferred !== binding.contact

/** What was set aside is tried again. */
export function takeBack(mailbox: Mailbox): void {
  mailbox.aside.clear()
  mailbox.asideUntil = undefined
}

/** docs/protocol.md: what did not go over MSRP for its type goes to the same contact as SIP MESSAGE, at once. */
export function inAnotherForm(
  mailbox: Mailbox,
  rungs: readonly Rung[],
  tried: Rung,
  unfit: readonly number[],
): readonly Rung[] {
  const others = rungs.filter(({ binding, form }) => binding === tried.binding && form !== tried.form)
  if (unfit.length === 0 || others.length === 0) return []
  for (const seq of unfit) mailbox.aside.delete(seq)
  return others
}
