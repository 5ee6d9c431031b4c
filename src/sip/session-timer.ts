import type { Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import { value, values } from '../sip-parser-lite/access.ts'
import type { SipMessage, SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams, parseSeconds } from '../sip-parser-lite/typed.ts'
import { leniently } from './session-headers.ts'

/** RFC 4028 4: no session may be asked to refresh more often. */
export const MIN_SE_S = 90

interface SessionExpires {
  /** 0 to 2^32 - 1. */
  readonly seconds: number
  /** Which side of the transaction that carries it refreshes. */
  readonly refresher?: 'uac' | 'uas'
}

/** RFC 4028 4. Undefined when absent or malformed: a session without timer works too. */
export function readSessionExpires(message: SipMessage): SessionExpires | undefined {
  const text = value(message, 'session-expires')
  if (text === undefined) return undefined
  return leniently(() => {
    const seconds = parseSeconds(text)
    const refresher = parseParams(text).params.get('refresher')?.toLowerCase()
    return refresher === 'uac' || refresher === 'uas' ? { seconds, refresher } : { seconds }
  })
}

/** RFC 4028 5: seconds; the least possible when absent or malformed. */
export function readMinSe(message: SipMessage): number {
  const text = value(message, 'min-se')
  return Math.max(MIN_SE_S, (text !== undefined && leniently(() => parseSeconds(text))) || 0)
}

export const supportsTimer = (message: SipMessage): boolean =>
  values(message, 'supported').some(option => option.toLowerCase() === 'timer')

export interface Agreement {
  readonly seconds: number
  readonly weRefresh: boolean
}

/** RFC 4028 7.2: what a 2xx to our INVITE or UPDATE agrees on; undefined ends the timer. An unnamed refresher is us. */
export function agreedByAnswer(response: SipMessage): Agreement | undefined {
  const answered = readSessionExpires(response)
  if (!answered) return undefined
  return { seconds: Math.max(MIN_SE_S, answered.seconds), weRefresh: answered.refresher !== 'uas' }
}

/** RFC 4028 9, table 2: what we answer to the peer's re-INVITE or UPDATE; `too small` is 422. */
export function agreeAsServer(
  request: SipRequest,
  current: Agreement | undefined,
): Agreement | 'too small' | undefined {
  const asked = readSessionExpires(request)
  if (!asked && !current) return undefined
  const peerHasTimer = supportsTimer(request)
  if (asked && asked.seconds < MIN_SE_S && peerHasTimer) return 'too small'
  const seconds = Math.max(asked?.seconds ?? current!.seconds, readMinSe(request))
  if (!peerHasTimer) return { seconds, weRefresh: true }
  return { seconds, weRefresh: asked?.refresher ? asked.refresher === 'uas' : (current?.weRefresh ?? false) }
}

/** RFC 4028 10: refreshes at half of the interval if that is ours to do, and gives up shortly before its end. */
export class SessionTimer {
  readonly #timers: Timers
  readonly #onRefresh: (now: Now) => void
  readonly #onExpiry: (now: Now) => void
  #agreement: Agreement | undefined
  #refresh: Timer | undefined
  #expiry: Timer | undefined

  constructor(timers: Timers, onRefresh: (now: Now) => void, onExpiry: (now: Now) => void) {
    this.#timers = timers
    this.#onRefresh = onRefresh
    this.#onExpiry = onExpiry
  }

  get agreement(): Agreement | undefined {
    return this.#agreement
  }

  /** Starts anew; undefined stops. */
  arm(now: Now, agreement: Agreement | undefined): void {
    this.stop()
    this.#agreement = agreement
    if (!agreement) return
    const intervalMs = agreement.seconds * 1000
    const marginMs = Math.min(32_000, intervalMs / 3)
    if (agreement.weRefresh)
      this.#refresh = this.#timers.set('session refresh', after(now, intervalMs / 2), this.#onRefresh)
    this.#expiry = this.#timers.set('session expiry', after(now, intervalMs - marginMs), this.#onExpiry)
  }

  stop(): void {
    this.#timers.cancel(this.#refresh)
    this.#timers.cancel(this.#expiry)
    this.#agreement = undefined
  }
}
