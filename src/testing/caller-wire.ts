import type { Flow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import { type Session, Sessions } from '../sip/session.ts'
import type { AcceptOptions, SessionContext } from '../sip/session-types.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { headerOf, OFFER, sdpOfPhone } from './session-wire.ts'
import { ALICE, SipWire } from './sip-wire.ts'

/** Our half of the description in sessions that we take messages in. */
export const ANSWER = Buffer.from(OFFER.toString().replace('sendonly', 'recvonly').replace('actpass', 'passive'))

/** What the caller offers: to send. */
export const sdpOfCaller = (version = 1, session = 'caller'): string =>
  sdpOfPhone('active', version, session).replace('recvonly', 'sendonly')

interface CallerMessage {
  readonly headers?: readonly string[]
  readonly body?: string
  readonly fromTag?: string
  /** Ours unless given; none if empty. */
  readonly toTag?: string
  readonly seq?: number
  readonly flow?: Flow
  readonly via?: readonly string[]
  readonly callId?: string
}

export const CALLER_CONTACT = 'Contact: <sip:alice@192.0.2.10:5070>'

/** Sessions over a real transaction layer, and a caller that the test plays by hand; every call is accepted by `accept`. */
export class CallerWire {
  readonly wire = new SipWire()
  readonly sessions: Sessions
  /** What the owner of the session heard: `confirmed`, `ended bye`. */
  readonly events: string[] = []
  session: Session | undefined
  transaction: ServerTransaction | undefined
  /** The last answer of ours to an INVITE. */
  answer = ''
  #seq = 10

  constructor(sessionsMax?: number, locate?: SessionContext['locate']) {
    const { timers, counters, layer } = this.wire
    const userAgent = 'IM-serv/OMA1.0 edge/1.0'
    const parts = { timers, counters, layer, entropy: new SeededEntropy(3), log: silentLog, userAgent }
    this.sessions = new Sessions({ ...parts, ...(locate && { locate }) }, sessionsMax)
    layer.user = {
      onRequest: (now, transaction, request) => {
        if (this.sessions.onRequest(now, transaction, request)) return
        this.transaction = transaction
      },
      onAck: (now, request) => this.sessions.onAck(now, request),
      onStrayResponse: (now, response) => this.sessions.onStrayResponse(now, response),
    }
  }

  /** An INVITE arrives; nothing is answered yet. */
  ring(message: CallerMessage = {}): void {
    this.ask('INVITE', {
      toTag: '',
      body: sdpOfCaller(),
      seq: 1,
      ...message,
      headers: message.headers ?? [CALLER_CONTACT],
    })
  }

  accept(options: Partial<AcceptOptions> = {}): string {
    this.session = this.sessions.accept(
      this.wire.now,
      this.transaction!,
      this.transaction!.request,
      {
        contact: '<sip:im@192.0.2.1:5060>;automata',
        body: ANSWER,
        contentType: 'application/sdp',
        headers: [['P-Asserted-Identity', '<sip:store@example.org>']],
        ...options,
      },
      {
        onConfirmed: () => this.events.push('confirmed'),
        onEnded: (_now, why) => this.events.push(`ended ${why}`),
      },
    )
    this.answer = this.texts()[0] ?? ''
    return this.answer
  }

  /** Rings, is accepted and acknowledged; what was heard so far is taken. */
  confirm(headers: readonly string[] = [], flow: Flow = ALICE): void {
    this.ring({ headers: [CALLER_CONTACT, ...headers], flow })
    this.accept()
    this.ack({ flow })
    this.texts()
    this.events.length = 0
  }

  ack(message: CallerMessage = {}): void {
    this.ask('ACK', { seq: 1, ...message })
  }

  /** The caller sends this, within the dialog unless `toTag` is empty, and gets that back if anything. */
  ask(method: string, message: CallerMessage = {}): string {
    const { headers = [], body = '', fromTag = 'c1', seq = ++this.#seq, flow = ALICE, callId = 'call-1' } = message
    const toTag = message.toTag ?? this.session?.localTag ?? ''
    const vias = message.via ?? [
      `SIP/2.0/${flow.transport.toUpperCase()} 192.0.2.10:5070;branch=z9hG4bK${method}${seq}${callId}`,
    ]
    const lines = [
      `${method} sip:im@192.0.2.1:5060 SIP/2.0`,
      ...vias.map(via => `Via: ${via}`),
      'Max-Forwards: 70',
      `From: <sip:alice@example.org>;tag=${fromTag}`,
      `To: <sip:bob@example.org>${toTag && `;tag=${toTag}`}`,
      `Call-ID: ${callId}`,
      `CSeq: ${seq} ${method}`,
      ...headers,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
    ]
    this.wire.receive([...lines, '', body].join('\r\n'), flow)
    return method === 'ACK' || (method === 'INVITE' && toTag === '') ? '' : (this.texts()[0] ?? '')
  }

  /** The caller answers a request of ours. */
  reply(request: string, status: number, headers: readonly string[] = [], flow: Flow = ALICE): void {
    const kept = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map(name => `${name}: ${headerOf(request, name)}`)
    this.wire.receive([`SIP/2.0 ${status} X`, ...kept, ...headers, 'Content-Length: 0', '', ''].join('\r\n'), flow)
  }

  /** Every message that went out since the last call. */
  texts(): string[] {
    return this.wire.take().map(({ text }) => text)
  }

  /** Their start lines. */
  lines(): string[] {
    return this.texts().map(text => text.slice(0, text.indexOf('\r\n')).replace('SIP/2.0', '').trim())
  }

  pass(ms: number): void {
    this.wire.runTo(this.wire.now.at + ms)
  }
}
