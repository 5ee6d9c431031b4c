import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Counters } from '../base/counters.ts'
import type { Certificates } from './certificates.ts'
import { HANDSHAKE_MS } from './handshakes.ts'
import { codeOf } from './plain-error.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** Takes accepted TCP connections through the server's side of a TLS handshake. */
export class TlsDoor {
  readonly #server: Server
  /** By both addresses: those whose handshake is under way. */
  readonly #waiting = new Map<string, (socket: TLSSocket) => void>()

  /** `asks`: for the client's certificate, which it may leave out; whether it is the right one is decided elsewhere. */
  constructor(certificates: Certificates, asks: boolean, counters: Counters) {
    const secrets = () => ({ ...TLS_SETTINGS, cert: certificates.pair.certificate, key: certificates.pair.key })
    this.#server = createServer({
      ...secrets(),
      requestCert: asks,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
    })
    certificates.onChange(() => this.#server.setSecureContext(secrets()))
    this.#server.on('secureConnection', socket => {
      const name = nameOf(socket)
      const through = this.#waiting.get(name)
      this.#waiting.delete(name)
      // A client that negotiates again and again costs more than it pays.
      socket.disableRenegotiation()
      if (through) through(socket)
      else socket.destroy()
    })
    this.#server.on('tlsClientError', error => counters.count('tls_handshakes_failed', labelOf(error)))
  }

  /** `through` is called once if the handshake succeeds; else the socket closes. */
  enter(socket: Socket, through: (secure: TLSSocket) => void): void {
    const name = nameOf(socket)
    this.#waiting.set(name, through)
    socket.once('close', () => this.#waiting.delete(name))
    this.#server.emit('connection', socket)
  }
}

const nameOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`

/** The library's codes are some dozens; what has none is a connection that went away. */
export const labelOf = (error: unknown): string =>
  codeOf(error)
    .replace(/^ERR_(SSL|TLS)_/, '')
    .toLowerCase() || 'gone'
