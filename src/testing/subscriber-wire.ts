import { silentLog } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { SessionContext } from '../sip/session-types.ts'
import type {
  EventPackage,
  NotifyBody,
  NotifyReason,
  SavedSubscription,
  SubscriptionLimits,
  SubscriptionView,
} from '../sip/subscription-types.ts'
import { SUBSCRIPTION_LIMITS, Subscriptions } from '../sip/subscriptions.ts'
import { reasonPhrase } from '../sip-parser-lite/respond.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { headerOf } from './session-wire.ts'
import { ALICE, SipWire } from './sip-wire.ts'

/** What a SUBSCRIBE of the test says beyond what it has to. */
interface Asking {
  readonly callId?: string
  readonly fromTag?: string
  readonly toTag?: string
  readonly seq?: number
  /** Absent: no Expires header. */
  readonly expires?: number | string
  readonly event?: string
  readonly contact?: string
  readonly headers?: readonly string[]
  readonly body?: string
  readonly flow?: typeof ALICE
  readonly method?: string
}

export interface WireOptions {
  readonly limits?: Partial<SubscriptionLimits>
  readonly locate?: SessionContext['locate']
  /** Seed of tags. */
  readonly run?: number
  readonly package?: Partial<EventPackage>
  /** Saved ones that are told to be on stable storage only by `flush`. */
  readonly isDiskSlow?: boolean
}

export const text = (body: string): NotifyBody => ({ contentType: 'text/plain', body: Buffer.from(body) })

/** A notifier over a real transaction layer, and the wire to a subscriber that the test plays by hand. */
export class SubscriberWire {
  readonly wire: SipWire
  readonly subscriptions: Subscriptions
  /** Why the package was asked, in order. */
  readonly asked: string[] = []
  /** What is kept for a restart. */
  readonly kept = new Map<string, SavedSubscription>()
  puts = 0
  /** What the next NOTIFY says; `told` in place of it when a test answers itself. */
  bodies: readonly NotifyBody[] = [text('one')]
  told: EventPackage['state'] | undefined
  decision: Parameters<Parameters<EventPackage['authorise']>[2]>[1] = 'active'
  /** Whoever the caller has admitted. */
  subscriber = 'sip:alice@example.org'
  resource = 'sip:bob@example.org'
  #seq = 0
  readonly #unflushed: ((now: Now) => void)[] = []

  constructor(options: WireOptions = {}, wire = new SipWire()) {
    this.wire = wire
    const { timers, counters, layer, transport } = wire
    this.subscriptions = new Subscriptions({
      timers,
      counters,
      layer,
      entropy: new SeededEntropy(options.run ?? 1),
      log: silentLog,
      userAgent: 'IM-serv/OMA1.0 edge/1.0',
      isAlive: flow => transport.isAlive(flow),
      contactUri: () => 'sip:im@192.0.2.1:5060',
      keeper: {
        put: (now, saved, done) => {
          this.puts++
          this.kept.set(saved.id, JSON.parse(JSON.stringify(saved)))
          if (options.isDiskSlow) this.#unflushed.push(done)
          else done(now)
        },
        remove: (_now, id) => this.kept.delete(id),
      },
      limits: { ...SUBSCRIPTION_LIMITS, ...options.limits },
      ...(options.locate && { locate: options.locate }),
    })
    this.subscriptions.register({
      event: 'weather',
      accept: ['text/plain', 'text/html'],
      defaultExpiresS: 3600,
      minExpiresS: 60,
      maxExpiresS: 7200,
      authorise: (now, _ask, done) => done(now, this.decision),
      state: (now, subscription, why, done) => this.#state(now, subscription, why, done),
      ...options.package,
    })
    layer.user = {
      onRequest: (now, transaction, request) => {
        const isInDialog = /;tag=/.test(request.headers.find(({ key }) => key === 'to')!.value)
        if (!isInDialog)
          this.subscriptions.onSubscribe(now, transaction, request, {
            subscriber: this.subscriber,
            resource: this.resource,
          })
        else if (!this.subscriptions.onRequest(now, transaction, request, this.subscriber)) this.asked.push('not ours')
      },
      onAck() {},
      onStrayResponse() {},
    }
  }

  /** Sends a SUBSCRIBE; what comes of it is taken by `texts`. */
  ask(asking: Asking = {}): void {
    const { callId = 'call-1', fromTag = 'a1', seq = ++this.#seq, event = 'weather', method = 'SUBSCRIBE' } = asking
    const { expires, toTag, headers = [], body = '', flow = ALICE } = asking
    const protocol = flow.transport.toUpperCase()
    const lines = [
      `${method} sip:bob@example.org SIP/2.0`,
      `Via: SIP/2.0/${protocol} 192.0.2.10:5070;branch=z9hG4bK-${callId}-${seq}-${++this.#seq}`,
      'Max-Forwards: 70',
      `From: <sip:alice@example.org>;tag=${fromTag}`,
      `To: <sip:bob@example.org>${toTag ? `;tag=${toTag}` : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: ${seq} ${method}`,
      ...(event === '' ? [] : [`Event: ${event}`]),
      ...(expires === undefined ? [] : [`Expires: ${expires}`]),
      ...(asking.contact === '' ? [] : [`Contact: ${asking.contact ?? '<sip:alice@192.0.2.10:5070>'}`]),
      ...headers,
      `Content-Length: ${body.length}`,
      '',
      body,
    ]
    this.wire.receive(lines.join('\r\n'), flow)
  }

  /** A subscription that was told once and answered; its To tag. */
  subscribe(asking: Asking = {}): string {
    this.ask({ expires: 3600, ...asking })
    const [accepted, notify] = this.texts()
    if (notify) this.reply(notify, 200)
    this.asked.length = 0
    return tagOf(accepted!)
  }

  texts(): string[] {
    return this.wire.take().map(each => each.text)
  }

  /** `200`, or `NOTIFY active one`: state without its parameters and body. */
  lines(): string[] {
    return this.texts().map(summary)
  }

  /** The subscriber answers a NOTIFY. */
  reply(request: string, status: number, headers: readonly string[] = [], flow = ALICE): void {
    const kept = request.split('\r\n').filter(line => /^(Via|From|To|Call-ID|CSeq):/.test(line))
    const lines = [`SIP/2.0 ${status} ${reasonPhrase(status)}`, ...kept, ...headers, 'Content-Length: 0', '', '']
    this.wire.receive(lines.join('\r\n'), flow)
  }

  /** Answers every NOTIFY until nothing more comes, and gives them all. */
  answerAll(status = 200): string[] {
    const all: string[] = []
    for (let texts = this.texts(); texts.length > 0; texts = this.texts()) {
      all.push(...texts.map(summary))
      for (const each of texts) if (each.startsWith('NOTIFY')) this.reply(each, status)
    }
    return all
  }

  change(): void {
    this.subscriptions.changed(this.wire.now, 'weather', 'sip:bob@example.org')
  }

  flush(): void {
    for (const done of this.#unflushed.splice(0)) done(this.wire.now)
  }

  pass(ms: number): void {
    this.wire.runTo(this.wire.now.at + ms)
  }

  #state(
    now: Now,
    subscription: SubscriptionView,
    why: NotifyReason,
    done: Parameters<EventPackage['state']>[3],
  ): void {
    this.asked.push(why)
    if (this.told) this.told(now, subscription, why, done)
    else done(now, this.bodies)
  }
}

export const tagOf = (message: string): string => /;tag=(\S+)/.exec(headerOf(message, 'To') ?? '')?.[1] ?? ''

export const summary = (message: string): string => {
  if (!message.startsWith('NOTIFY')) return message.slice(8, 11)
  const state = headerOf(message, 'Subscription-State')!.replace(/;expires=\d+/, '')
  return `NOTIFY ${state} ${message.slice(message.indexOf('\r\n\r\n') + 4)}`.trimEnd()
}
