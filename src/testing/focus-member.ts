import { type Entropy, randomBelow, token } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import type { MessageOffer } from '../im/invite-kind.ts'
import type { MsrpEndpoint } from '../msrp/endpoint.ts'
import type { Outcome } from '../msrp/message.ts'
import type { MsrpSession } from '../msrp/session.ts'
import type { Session, Sessions } from '../sip/session.ts'
import type { EndReason } from '../sip/session-types.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { FactoryVerdict } from './focus.ts'

interface MemberParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly entropy: Entropy
  readonly secureMsrp?: { readonly fingerprint: string }
}

interface MemberEvents {
  onMessage(now: Now, body: Buffer, contentType: string): void
  onOver(now: Now): void
}

/** Whoever invited the focus: the call, and the MSRP session to it. */
export class FocusMember {
  readonly uri: string
  /** User-Agent of its INVITE. */
  agent = ''
  remotePath = ''
  /** What became of what was sent to it, in order of the answers. */
  readonly outcomes: Outcome[] = []
  ended: EndReason | 'MSRP' | undefined
  isAcknowledged = false
  readonly #parts: MemberParts
  readonly #events: MemberEvents
  readonly #offer: MessageOffer
  readonly #msrp: MsrpSession
  #session: Session | undefined

  constructor(parts: MemberParts, uri: string, offer: MessageOffer, events: MemberEvents) {
    this.#parts = parts
    this.uri = uri
    this.#events = events
    this.#offer = offer
    const { isSecure, fingerprints } = offer.media
    this.#msrp = parts.msrp.open(
      {
        onReady: () => {},
        onClosed: then => this.#over(then, 'MSRP'),
        onMessage: (then, { body, contentType = '' }) => {
          if (body.length > 0) events.onMessage(then, Buffer.from(body), contentType)
          return 200
        },
      },
      isSecure ? { transport: 'tls', fingerprints } : {},
    )
  }

  get isReady(): boolean {
    return this.#msrp.state === 'ready'
  }

  accept(
    now: Now,
    transaction: ServerTransaction,
    request: SipRequest,
    verdict: FactoryVerdict & { readonly contact: string },
  ): void {
    const { media, bytes } = this.#offer
    const { setup = media.setup === 'passive' ? 'active' : 'passive' } = verdict
    const options = {
      contact: verdict.contact,
      body: Buffer.from(
        verdict.sdp ?? this.#sdp(setup, verdict.direction ?? mirrored(media.direction), verdict.fingerprint),
      ),
      contentType: 'application/sdp',
      headers: verdict.headers ?? [],
      remoteSdp: bytes,
    }
    this.agent = value(request, 'user-agent') ?? ''
    this.remotePath = media.path.join(' ')
    this.#session = this.#parts.sessions.accept(now, transaction, request, options, {
      onConfirmed: () => {
        this.isAcknowledged = true
      },
      onEnded: (then, why) => {
        this.#session = undefined
        this.#over(then, why)
      },
    })
    this.#msrp.start(now, { remotePath: media.path, role: setup === 'active' ? 'active' : 'passive' })
  }

  send(now: Now, body: Buffer, contentType: string): void {
    const messageId = token(this.#parts.entropy, 60)
    this.#msrp.send(now, { messageId, contentType, body: [body] }, (_then, outcome) => this.outcomes.push(outcome))
  }

  hangUp(now: Now): void {
    this.#session?.bye(now)
  }

  #over(now: Now, why: EndReason | 'MSRP'): void {
    if (this.ended) return
    this.ended = why
    this.#session?.bye(now)
    this.#msrp.close(now)
    this.#events.onOver(now)
  }

  #sdp(
    setup: 'active' | 'passive' | 'none',
    direction: string,
    fingerprint = this.#parts.secureMsrp?.fingerprint,
  ): string {
    const path = this.#msrp.localPath
    const { isSecure } = this.#offer.media
    const [, address = '', port = ''] = /^msrps?:\/\/(\[[^\]]+\]|[^:/]+):(\d+)\//.exec(path) ?? []
    const family = address.startsWith('[') ? 'IP6' : 'IP4'
    const host = address.replace(/^\[|\]$/g, '')
    const lines = [
      'v=0',
      `o=- ${randomBelow(this.#parts.entropy, 1_000_000_000)} 1 IN ${family} ${host}`,
      's=-',
      `c=IN ${family} ${host}`,
      't=0 0',
      `m=message ${port} ${isSecure ? 'TCP/TLS/MSRP' : 'TCP/MSRP'} *`,
      `a=${direction}`,
      'a=accept-types:*',
      ...(setup === 'none' ? [] : [`a=setup:${setup}`]),
      ...(isSecure ? [`a=fingerprint:${fingerprint}`] : []),
      `a=path:${path}`,
    ]
    return `${lines.join('\r\n')}\r\n`
  }
}

const mirrored = (direction: string): string =>
  direction === 'recvonly' ? 'sendonly' : direction === 'sendonly' ? 'recvonly' : direction
