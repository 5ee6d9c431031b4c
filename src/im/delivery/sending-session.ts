import type { Now } from '../../base/time.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { Outcome, OutgoingOptions } from '../../msrp/message.ts'
import type { MsrpSession } from '../../msrp/session.ts'
import type { WholeSend } from '../../msrp/whole-send.ts'
import { usableFingerprints } from '../../sdp/fingerprint.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import { addressed } from '../msrp-address.ts'

export interface SendingParts {
  readonly msrp: MsrpEndpoint
  readonly resolver: Resolver
  readonly transport: 'tcp' | 'tls'
  /** Of our MSRP URI. */
  readonly host: string
}

interface SendingEvents {
  ready(now: Now): void
  /** Over, for any cause but our own `close`. `unfit`: this client cannot be sent to at all. */
  failed(now: Now, kind: 'kept' | 'unfit', why: string): void
}

type Done = (now: Now, outcome: Outcome) => void

/** An MSRP session over which we send and nobody else does, from the two descriptions to its end. */
export class SendingSession {
  readonly #parts: SendingParts
  readonly #events: SendingEvents
  readonly #msrp: MsrpSession
  #isReady = false

  constructor(parts: SendingParts, events: SendingEvents) {
    this.#parts = parts
    this.#events = events
    const { msrp, transport, host } = parts
    this.#msrp = msrp.open(
      {
        onReady: then => {
          this.#isReady = true
          events.ready(then)
        },
        onClosed: (then, reason) => events.failed(then, 'kept', `MSRP ${reason}`),
      },
      { receives: false, transport, host },
    )
  }

  /** What goes into a=path. */
  get localPath(): string {
    return this.#msrp.localPath
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Both descriptions are known; `role` is ours. */
  start(now: Now, media: MsrpMedia, role: 'active' | 'passive'): void {
    const fingerprints = usableFingerprints(media.fingerprints)
    // RFC 4975 14.4: nothing else says whose certificate it has to be.
    if (this.#parts.transport === 'tls' && !fingerprints)
      return this.#events.failed(now, 'unfit', 'TLS without a usable a=fingerprint of the client')
    const start = { remotePath: media.path, role, ...(fingerprints && { fingerprints }) }
    addressed(now, this.#parts.resolver, start, (then, found) => {
      if (found) this.#msrp.start(then, found)
      else this.#events.failed(then, 'kept', 'the MSRP host of the client has no address')
    })
  }

  send(now: Now, options: OutgoingOptions, done: Done): void {
    this.#msrp.send(now, options, done)
  }

  sendWhole(now: Now, send: WholeSend, done: Done): void {
    this.#msrp.sendWhole(now, send, done)
  }

  close(now: Now): void {
    this.#msrp.close(now)
  }
}
