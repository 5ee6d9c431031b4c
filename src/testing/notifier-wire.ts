import { silentLog } from '../base/log.ts'
import { orRefusal } from '../sip/refusal.ts'
import type { SessionContext } from '../sip/session-types.ts'
import type { OwnSubscription, SubscribeOptions } from '../sip/subscriber-types.ts'
import { Subscribers } from '../sip/subscribers.ts'
import { reasonPhrase, responseTo } from '../sip-parser-lite/respond.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { headerOf } from './session-wire.ts'
import { ALICE, SipWire } from './sip-wire.ts'

interface Telling {
  readonly state?: string
  readonly body?: string
  readonly type?: string
  readonly event?: string
  readonly fromTag?: string
  readonly seq?: number
  readonly headers?: readonly string[]
  readonly method?: string
  readonly contact?: string
}

/** Subscriptions of ours over a real transaction layer, and the wire to a notifier that the test plays by hand. */
export class NotifierWire {
  readonly wire = new SipWire()
  readonly subscribers: Subscribers
  /** What the owner heard, e.g. `first active text/plain one`, `ended local`. */
  readonly events: string[] = []
  own: OwnSubscription | undefined
  /** Done while the owner is told. */
  whenTold: (() => void) | undefined
  /** The latest SUBSCRIBE outside a dialog. */
  subscribe = ''
  #seq = 0

  constructor(max?: number, locate?: SessionContext['locate']) {
    const { timers, counters, layer } = this.wire
    const context = {
      timers,
      counters,
      layer,
      entropy: new SeededEntropy(3),
      log: silentLog,
      userAgent: 'IM-serv/OMA1.0 edge/1.0',
      ...(locate && { locate }),
    }
    this.subscribers = new Subscribers(context, max)
    layer.user = {
      onRequest: (now, transaction, request) => {
        const read = orRefusal(() => ({ isOurs: this.subscribers.onRequest(now, transaction, request) }))
        if ('isOurs' in read && read.isOurs) return
        this.events.push(`not ours: ${request.method}`)
        transaction.respond(now, responseTo(request, 481, undefined, 'none'))
      },
      onAck() {},
      onStrayResponse() {},
    }
  }

  /** Subscribes, and gives the SUBSCRIBE as it stands on the wire. */
  begin(options: Partial<SubscribeOptions> = {}): string {
    this.own = this.subscribers.subscribe(
      this.wire.now,
      {
        requestUri: 'sip:conf1@192.0.2.10:5070',
        to: '<sip:conf1@192.0.2.10:5070>',
        from: '<sip:alice@example.org>',
        contact: '<sip:im@192.0.2.1:5060>',
        target: ALICE,
        event: 'conference',
        accept: ['text/plain', 'text/xml'],
        headers: [['Accept-Contact', '*;+g.oma.sip-im;explicit']],
        expiresS: 3600,
        ...options,
      },
      {
        onNotify: (_now, { isFirst, standing, contentType, body }) => {
          this.events.push([isFirst ? 'first' : 'then', standing, contentType ?? '-', body].join(' ').trimEnd())
          this.whenTold?.()
        },
        onEnded: (_now, end) => this.events.push(`ended ${Object.values(end).join(' ')}`),
      },
    )
    return this.sent()
  }

  /** A subscription that stands, was told of once, and whose messages are taken. */
  stand(options: Partial<SubscribeOptions> = {}, expires = options.expiresS ?? 3600): void {
    this.begin(options)
    this.reply(this.subscribe, 200, [`Expires: ${expires}`])
    this.tell({ state: `active;expires=${expires}`, body: 'one' })
    this.wire.take()
    this.events.length = 0
  }

  /** The SUBSCRIBE that went out, the only thing that did. */
  sent(): string {
    const texts = this.texts().filter(text => text.startsWith('SUBSCRIBE'))
    if (texts[0] !== undefined && !headerOf(texts[0], 'To')!.includes(';tag=')) this.subscribe = texts[0]
    return texts[0] ?? ''
  }

  texts(): string[] {
    return this.wire.take().map(({ text }) => text)
  }

  /** The notifier answers. */
  reply(request: string, status: number, headers: readonly string[] = [], toTag = 'focus'): void {
    const lines = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n')
    const to = lines.find(line => line.startsWith('To:'))!
    const contact = headers.some(line => line.startsWith('Contact')) ? [] : ['Contact: <sip:conf1@192.0.2.10:5070>']
    this.#receive(
      [
        `SIP/2.0 ${status} ${reasonPhrase(status)}`,
        ...lines.filter(line => /^(Via|From|Call-ID|CSeq):/.test(line)),
        to.includes(';tag=') ? to : `${to};tag=${toTag}`,
        ...contact,
        ...headers,
      ],
      '',
    )
  }

  /** Sends a NOTIFY, and gives what it is answered. */
  tell(telling: Telling = {}): string {
    const { state = 'active;expires=3600', body = '', type = 'text/plain', event = 'conference' } = telling
    const { fromTag = 'focus', seq = ++this.#seq, headers = [], method = 'NOTIFY' } = telling
    const { contact = '<sip:conf1@192.0.2.10:5070>' } = telling
    const via = `z9hG4bK-${seq}-${++this.#seq}`
    this.#receive(
      [
        `${method} sip:im@192.0.2.1:5060 SIP/2.0`,
        `Via: SIP/2.0/UDP 192.0.2.10:5070;branch=${via}`,
        'Max-Forwards: 70',
        `From: ${headerOf(this.subscribe, 'To')};tag=${fromTag}`,
        `To: ${headerOf(this.subscribe, 'From')}`,
        `Call-ID: ${headerOf(this.subscribe, 'Call-ID')}`,
        `CSeq: ${seq} ${method}`,
        ...(contact === '' ? [] : [`Contact: ${contact}`]),
        ...(event === '' ? [] : [`Event: ${event}`]),
        ...(state === '' ? [] : [`Subscription-State: ${state}`]),
        ...(body === '' ? [] : [`Content-Type: ${type}`]),
        ...headers,
      ],
      body,
    )
    const sent = this.wire.take()
    const answer = sent.find(({ text }) => text.startsWith('SIP/2.0') && text.includes(via))
    for (const each of sent) if (each !== answer) this.#rest.push(each.text)
    return answer?.text.slice(8, 11) ?? ''
  }

  /** What went out beside the answers to NOTIFYs. */
  readonly #rest: string[] = []
  rest(): string[] {
    return [...this.#rest.splice(0), ...this.texts()]
  }

  take(): string[] {
    return this.events.splice(0)
  }

  pass(ms: number): void {
    this.wire.runTo(this.wire.now.at + ms)
  }

  #receive(lines: readonly string[], body: string): void {
    this.wire.receive([...lines, `Content-Length: ${body.length}`, '', body].join('\r\n'))
  }
}
