import type { Sent } from '../testing/phone-types.ts'
import type { SeededEntropy } from '../testing/seeded-entropy.ts'
import { DOMAIN } from './box.ts'
import type { RealPhone } from './real-phone.ts'

/** One message as its author sees it: tried until it is accepted. */
export interface Written {
  readonly body: string
  readonly to: string
  readonly sentAt: number
  /** The first answer of success; undefined while there is none. */
  acceptedAt: number | undefined
  /** 202 kept, 200 handed over at once. */
  status: number | undefined
  sent: Sent
  tries: number
}

/** What one sender leaves unanswered at a time. */
const OUTSTANDING_MAX = 6
const TICK_MS = 5
/** After a refusal or a lost connection; a person would wait longer. */
const PAUSE_MS = 250

function isAccepted(each: Written): boolean {
  const { status, answeredAt } = each.sent
  if (status === undefined || status >= 300) return false
  each.acceptedAt = answeredAt
  each.status = status
  return true
}

/** Several senders that write to several recipients as long as they may, each message until it is accepted. */
export class Load {
  readonly written: Written[] = []
  /** Final answers other than success, by status; 408 and 503 are the phone's own, for silence and lost connections. */
  readonly refusals = new Map<number, number>()
  readonly #senders: readonly RealPhone[]
  readonly #recipients: readonly string[]
  readonly #random: SeededEntropy
  readonly #open = new Map<RealPhone, Written[]>()
  readonly #pausedUntil = new Map<RealPhone, number>()
  #ticker: NodeJS.Timeout | undefined
  #allowed = 0

  constructor(senders: readonly RealPhone[], recipients: readonly string[], random: SeededEntropy) {
    this.#senders = senders
    this.#recipients = recipients
    this.#random = random
    for (const sender of senders) this.#open.set(sender, [])
  }

  start(): void {
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
  }

  /** So many new messages more, over all senders. */
  allow(count: number): void {
    this.#allowed = count
  }

  stop(): void {
    clearInterval(this.#ticker)
  }

  get unanswered(): number {
    return [...this.#open.values()].reduce((sum, open) => sum + open.length, 0)
  }

  get accepted(): Written[] {
    return this.written.filter(({ acceptedAt }) => acceptedAt !== undefined)
  }

  #tick(): void {
    const now = performance.now()
    for (const sender of this.#senders) {
      const isPaused = (this.#pausedUntil.get(sender) ?? 0) > now
      const open = this.#open.get(sender)!.filter(each => !isAccepted(each))
      this.#open.set(sender, open)
      if (isPaused) continue
      const refused = open.filter(({ sent }) => sent.status !== undefined)
      for (const each of refused) this.#again(sender, each)
      if (refused.length > 0) this.#pausedUntil.set(sender, now + PAUSE_MS)
      if (open.length < OUTSTANDING_MAX && this.#allowed > 0) open.push(this.#write(sender, now))
    }
  }

  #write(sender: RealPhone, now: number): Written {
    this.#allowed--
    const to = this.#random.pick(this.#recipients)
    const body = `${sender.phone.options.user} to ${to}, number ${this.written.length}`
    const sent = sender.send({ to: `sip:${to}@${DOMAIN}`, body })
    const written: Written = { body, to, sentAt: now, acceptedAt: undefined, status: undefined, sent, tries: 1 }
    this.written.push(written)
    return written
  }

  /** The same message once more, so that a box that has it knows it again (Call-ID, CSeq, From tag). */
  #again(sender: RealPhone, each: Written): void {
    const { to, body, callId, cseq, fromTag, status } = each.sent
    this.refusals.set(status!, (this.refusals.get(status!) ?? 0) + 1)
    each.sent = sender.send({ to, body, callId, cseq, fromTag })
    each.tries++
  }
}
