import { silentLog } from '../base/log.ts'
import type { Referral } from '../sip/referral-types.ts'
import { Referrals } from '../sip/referrals.ts'
import { respondWith } from '../sip/refusal.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { SipWire } from './sip-wire.ts'
import { SubscriberWire, type WireOptions } from './subscriber-wire.ts'

export const FACTORY = 'Refer-To: <sip:factory@example.org>'

/** The server of REFER over a real transaction layer, and the wire to somebody who refers, played by hand. */
export class ReferrerWire extends SubscriberWire {
  readonly referrals: Referrals
  /** What was handed to whoever is referred, in order. */
  readonly taken: Referral[] = []
  /** What is done about each: begun at once by default. */
  take: (referral: Referral) => void = referral => referral.accept(this.wire.now, () => this.begun.push(referral.id))
  /** Ids of those that were begun. */
  readonly begun: string[] = []

  constructor(options: WireOptions = {}, wire = new SipWire()) {
    super(options, wire)
    const { counters, layer } = wire
    this.referrals = new Referrals({
      subscriptions: this.subscriptions,
      entropy: new SeededEntropy(`refer ${options.run ?? 1}`),
      counters,
      log: silentLog,
      allow: 'REFER, NOTIFY',
      contactUri: () => 'sip:im@192.0.2.1:5060',
    })
    const { onRequest } = layer.user!
    layer.user = {
      ...layer.user!,
      onRequest: (now, transaction, request) => {
        if (request.method !== 'REFER') return onRequest.call(layer.user, now, transaction, request)
        this.referrals.onRefer(now, transaction, request, this.subscriber, {
          take: (_now, referral) => {
            this.taken.push(referral)
            this.take(referral)
          },
          refuse: (then, refusal) => transaction.respond(then, respondWith(then, request, refusal, 'refused')),
        })
      },
    }
  }

  /** Sends a REFER; what comes of it is taken by `texts`. */
  refer(headers: readonly string[] = [FACTORY], asking: Parameters<SubscriberWire['ask']>[0] = {}): void {
    this.ask({ method: 'REFER', event: '', headers, ...asking })
  }

  /** One that was accepted and whose first NOTIFY was answered, and its To tag. */
  referred(asking: Parameters<SubscriberWire['ask']>[0] = {}): { referral: Referral; toTag: string } {
    this.refer([FACTORY], asking)
    const [accepted, notify] = this.texts() as [string, string]
    this.reply(notify, 200)
    return { referral: this.taken.at(-1)!, toTag: /^To:.*;tag=(\S+)/m.exec(accepted)![1]! }
  }
}
