import { after, type Instant, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { ByteRange } from './frame.ts'
import type { MsrpHost } from './host.ts'

/** One SEND that was passed on: what to tell of it, should it fail. */
export interface PassedSend {
  /** A copy: nothing of the head is kept for it. */
  readonly messageId: string
  readonly range: ByteRange
  /** `partial`: its sender does not want to hear of silence. */
  readonly failureReport: 'yes' | 'partial'
}

interface Waiting {
  readonly send: PassedSend
  readonly sentAt: Instant
}

/** What one side of a relay was sent and has not answered, the oldest first. */
export class Unanswered {
  readonly #host: MsrpHost
  readonly #canAnswer: () => boolean
  readonly #onSilent: (now: Now, send: PassedSend) => void
  readonly #waiting = new Map<string, Waiting>()
  #heardAt = 0 as Instant
  #timer: Timer | undefined

  /** @param canAnswer whether it has got what was sent and is read */
  constructor(host: MsrpHost, canAnswer: () => boolean, onSilent: (now: Now, send: PassedSend) => void) {
    this.#host = host
    this.#canAnswer = canAnswer
    this.#onSilent = onSilent
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Of the oldest one too many nobody learns any more: to wait for answers could hold both sides for ever. */
  add(now: Now, id: string, send: PassedSend): void {
    this.#waiting.set(id, { send, sentAt: now.at })
    if (this.#waiting.size > this.#host.limits.relayUnanswered) {
      this.#host.counters.count('msrp_relay_unwatched')
      this.#waiting.delete(this.#waiting.keys().next().value!)
    }
    this.#timer ??= this.#arm(after(now, this.#host.limits.responseMs))
  }

  /** The response of that id has come. */
  take(now: Now, id: string): PassedSend | undefined {
    const found = this.#waiting.get(id)
    if (!found) return undefined
    this.#heardAt = now.at
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#stop()
    return found.send
  }

  /** Nobody will answer any more. */
  takeAll(): PassedSend[] {
    const all = [...this.#waiting.values()].map(({ send }) => send)
    this.#waiting.clear()
    this.#stop()
    return all
  }

  #stop(): void {
    this.#host.timers.cancel(this.#timer)
    this.#timer = undefined
  }

  #arm(due: Instant): Timer {
    return this.#host.timers.set('msrp relay', due, now => this.#host.run(now, () => this.#expire(now)))
  }

  /** RFC 4976 6.4.1: 30 s from its last octet, which on a slow line leaves long after it was handed to the host. */
  #expire(now: Now): void {
    this.#timer = undefined
    if (!this.#canAnswer()) this.#heardAt = now.at
    const { responseMs } = this.#host.limits
    for (const [id, { send, sentAt }] of this.#waiting) {
      const due = (Math.max(sentAt, this.#heardAt) + responseMs) as Instant
      if (due > now.at) {
        this.#timer = this.#arm(due)
        return
      }
      this.#waiting.delete(id)
      if (send.failureReport === 'partial') continue
      this.#host.counters.count('msrp_timeout')
      this.#onSilent(now, send)
    }
  }
}
