import { silentLog } from '../base/log.ts'
import type { OutgoingSession } from '../sip/outgoing-session.ts'
import { Sessions } from '../sip/session.ts'
import type { EndReason, InviteOptions, SessionContext } from '../sip/session-types.ts'
import { reasonPhrase } from '../sip-parser-lite/respond.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { ALICE, SipWire } from './sip-wire.ts'

export const OFFER = Buffer.from(
  [
    'v=0',
    'o=- 3912345 1 IN IP4 192.0.2.1',
    's=-',
    'c=IN IP4 192.0.2.1',
    't=0 0',
    'm=message 8888 TCP/MSRP *',
    'a=sendonly',
    'a=accept-types:multipart/mixed',
    'a=path:msrp://192.0.2.1:8888/edge;tcp',
    'a=setup:actpass',
    '',
  ].join('\r\n'),
)

/** What the phone answers, and what it offers when it changes nothing. */
export const sdpOfPhone = (setup: string, version = 1, session = 'phone'): string =>
  [
    'v=0',
    `o=- 77 ${version} IN IP4 192.0.2.10`,
    's=-',
    'c=IN IP4 192.0.2.10',
    't=0 0',
    'm=message 2855 TCP/MSRP *',
    'a=recvonly',
    'a=accept-types:*',
    `a=path:msrp://192.0.2.10:2855/${session};tcp`,
    `a=setup:${setup}`,
    '',
  ].join('\r\n')

interface PeerMessage {
  readonly toTag?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

/** Sessions over a real transaction layer, and the wire to a phone that the test plays by hand. */
export class SessionWire {
  readonly wire = new SipWire()
  readonly sessions: Sessions
  /** What the owner of the session heard, e.g. `180`, `answered 200`, `refused 486 Busy Here`, `ended bye`. */
  readonly events: string[] = []
  session: OutgoingSession | undefined
  /** As last sent. */
  invitation = ''
  #seq = 100

  constructor(sessionsMax?: number, locate?: SessionContext['locate']) {
    const { timers, counters, layer } = this.wire
    const entropy = new SeededEntropy(2)
    const parts = {
      timers,
      counters,
      layer,
      entropy,
      log: silentLog,
      userAgent: 'IM-serv/OMA1.0 edge/1.0',
      ...(locate && { locate }),
    }
    this.sessions = new Sessions(parts, sessionsMax)
    layer.user = {
      onRequest: (now, transaction, request) => {
        if (!this.sessions.onRequest(now, transaction, request)) this.events.push(`not ours: ${request.method}`)
      },
      onAck: (now, request) => this.sessions.onAck(now, request),
      onStrayResponse: (now, response) => this.sessions.onStrayResponse(now, response),
    }
  }

  /** Sends an INVITE and gives it as it stands on the wire. */
  invite(options: Partial<InviteOptions> = {}): string {
    this.session = this.sessions.invite(
      this.wire.now,
      {
        requestUri: 'sip:alice@192.0.2.10:5070',
        to: '<sip:alice@example.org>',
        from: '<sip:store@example.org>',
        contact: '<sip:im@192.0.2.1:5060>;+g.oma.sip-im;automata',
        target: ALICE,
        headers: [['Accept-Contact', '*;+g.oma.sip-im;require;explicit']],
        body: OFFER,
        contentType: 'application/sdp',
        ringLimitS: 60,
        sessionExpiresS: 1800,
        ...options,
      },
      {
        onProgress: (_now, response) => this.events.push(String(response.status)),
        onAnswered: (_now, response) => this.events.push(`answered ${response.status}`),
        onRefused: (_now, status, reason) => this.events.push(`refused ${status} ${reason}`),
        onEnded: (_now, why: EndReason) => this.events.push(`ended ${why}`),
      },
    )
    this.invitation = this.texts()[0] ?? ''
    return this.invitation
  }

  /** Invites and answers 200; what went out so far is taken. */
  confirm(answer: PeerMessage = {}, options: Partial<InviteOptions> = {}): void {
    this.invite(options)
    this.reply(this.invitation, 200, {
      body: sdpOfPhone('active'),
      ...answer,
      headers: ['Contact: <sip:alice@192.0.2.10:5070>', ...(answer.headers ?? [])],
    })
    this.texts()
    this.events.length = 0
  }

  /** Every message that went out since the last call. */
  texts(): string[] {
    return this.wire.take().map(({ text }) => text)
  }

  lines(): string[] {
    return this.texts().map(text => text.slice(0, text.indexOf('\r\n')).replace('SIP/2.0', '').trim())
  }

  /** The phone answers a request of ours. */
  reply(request: string, status: number, { toTag = 'phone', headers = [], body = '' }: PeerMessage = {}): void {
    const lines = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n')
    const kept = lines.filter(line => /^(Via|From|Call-ID|CSeq):/.test(line))
    const to = lines.find(line => line.startsWith('To:'))!
    const tag = status === 100 || to.includes(';tag=') ? '' : `;tag=${toTag}`
    const start = `SIP/2.0 ${status} ${reasonPhrase(status)}`
    this.#receive([start, ...kept, to + tag, ...headers], body)
  }

  /** The phone asks within the dialog and gets this back, if anything at once. */
  ask(method: string, { toTag = 'phone', headers = [], body = '' }: PeerMessage = {}, seq = ++this.#seq): string {
    const [from, to, callId] = ['From', 'To', 'Call-ID'].map(name => headerOf(this.invitation, name))
    this.#receive(
      [
        `${method} sip:im@192.0.2.1:5060 SIP/2.0`,
        `Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-${method}-${seq}-${toTag}`,
        'Max-Forwards: 70',
        `From: ${to};tag=${toTag}`,
        `To: ${from}`,
        `Call-ID: ${callId}`,
        `CSeq: ${seq} ${method}`,
        ...headers,
      ],
      body,
    )
    return method === 'ACK' ? '' : (this.texts()[0] ?? '')
  }

  /** Lets `ms` go by. */
  pass(ms: number): void {
    this.wire.runTo(this.wire.now.at + ms)
  }

  #receive(lines: readonly string[], body: string): void {
    const type = body && !lines.some(line => line.startsWith('Content-Type')) ? ['Content-Type: application/sdp'] : []
    this.wire.receive([...lines, ...type, `Content-Length: ${body.length}`, '', body].join('\r\n'))
  }
}

/** First value of a header of a message of ours. */
export function headerOf(text: string, name: string): string | undefined {
  const line = text.split('\r\n').find(each => each.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  return line?.slice(line.indexOf(':') + 1).trim()
}

export const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
