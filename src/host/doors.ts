import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { fingerprintsOf } from './certificate.ts'
import type { Certificates } from './certificates.ts'
import { messageOf } from './plain-error.ts'
import { type DialPolicy, TlsDialler } from './tls-dial.ts'
import { labelOf, TlsDoor } from './tls-door.ts'
import { type OriginPolicy, WebSocketDoor } from './web-socket-door.ts'
import { WebSocketWire } from './web-socket-wire.ts'
import { SocketWire, type Wire } from './wire.ts'

interface DoorOptions {
  /** Undefined where nothing speaks TLS. */
  readonly certificates: Certificates | undefined
  readonly dial: DialPolicy
  readonly isAllowedOrigin: OriginPolicy
  readonly counters: Counters
  readonly log: Log
}

/** What an accepted connection is after its handshake. */
type Stands = (wire: Wire, peerFingerprints?: readonly string[]) => void

/** A core that is down or has a wrong certificate is tried again and again: often enough said in the log. */
const WARNING_EVERY_MS = 60_000

/** What stands between a TCP connection and a flow: TLS, WebSocket, or one on the other. */
export class Doors {
  readonly #log: Log
  readonly #counters: Counters
  readonly #web: WebSocketDoor
  readonly #tls: { readonly [protocol in Flow['protocol']]: TlsDoor } | undefined
  readonly #dialler: TlsDialler | undefined
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor({ certificates, dial, isAllowedOrigin, counters, log }: DoorOptions) {
    this.#log = log
    this.#counters = counters
    this.#web = new WebSocketDoor(isAllowedOrigin, counters)
    if (!certificates) return
    // A browser would ask its user which certificate to show; with MSRP it is what the peer is known by (RFC 4975 14).
    this.#tls = { sip: new TlsDoor(certificates, false, counters), msrp: new TlsDoor(certificates, true, counters) }
    this.#dialler = new TlsDialler(certificates, dial)
  }

  /** `stands` is called once if all goes well; else the socket closes. */
  enter({ protocol, transport }: Pick<Flow, 'protocol' | 'transport'>, socket: Socket, stands: Stands): void {
    if (transport === 'ws') return this.#web.enter(socket, webSocket => stands(new WebSocketWire(webSocket, socket)))
    if (!this.#tls) {
      socket.destroy()
      return
    }
    this.#tls[protocol].enter(socket, secure => {
      if (transport === 'tls') stands(new SocketWire(secure), peerFingerprints(secure))
      else this.#web.enter(secure, webSocket => stands(new WebSocketWire(webSocket, secure)))
    })
  }

  /** A socket that connects; undefined where nothing speaks TLS. `stands` is called once the peer has proved what it must. */
  dial(flow: Flow, stands: (peerFingerprints?: readonly string[]) => void): TLSSocket | undefined {
    const socket = this.#dialler?.dial(flow)
    let isOver = false
    socket?.once('secureConnect', () => {
      isOver = true
      socket.disableRenegotiation()
      stands(peerFingerprints(socket))
    })
    socket?.on('error', error => {
      if (!isOver) this.#failed(flow, error)
      isOver = true
    })
    return socket
  }

  #failed({ protocol, remote, peerName }: Flow, error: Error): void {
    this.#counters.count('tls_dials_failed', labelOf(error))
    const now = performance.now()
    if (now - this.#warnedAt < WARNING_EVERY_MS) return
    this.#warnedAt = now
    const peer = peerName ?? remote.address
    this.#log.warn('no TLS connection to a peer', { protocol, peer, port: remote.port, reason: messageOf(error) })
  }
}

const peerFingerprints = (socket: TLSSocket): readonly string[] | undefined => {
  const certificate = socket.getPeerX509Certificate()
  return certificate && fingerprintsOf(certificate)
}
