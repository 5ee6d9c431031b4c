import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Counters } from '../base/counters.ts'
import { DEFAULT_LIMITS } from '../sip-parser-lite/limits.ts'

/** What the parser takes at most: headers and body. More is answered by close code 1009 (RFC 6455 7.4.1). */
const MESSAGE_BYTES_MAX = DEFAULT_LIMITS.headerBytesMax + DEFAULT_LIMITS.bodyBytesMax

/** A message of several fragments is nothing that any SIP client sends, but it is allowed. */
const FRAGMENTS_MAX = 256

/** How long a client that broke the protocol may take to close its side. */
const CLOSE_MS = 2000

/** A browser's headers with a site's cookies come to some KB. */
const HEADER_BYTES_MAX = 16 * 1024

const SENTENCE =
  'This port speaks SIP over WebSocket (RFC 7118). Connect with a WebSocket client that offers the subprotocol "sip".\n'

/** Which pages in browsers may connect; undefined in a request of anything but a browser. */
export type OriginPolicy = (origin: string) => boolean

type Through = (webSocket: WebSocket) => void

interface Waiting {
  readonly through: Through
  /** What came with the request, behind its empty line: the first frames of a client in a hurry. */
  readonly rest: Buffer
}

const EMPTY_LINE = '\r\n\r\n'

/** Takes accepted connections through the HTTP part of a WebSocket handshake (RFC 6455 4.2, RFC 7118 4). */
export class WebSocketDoor {
  readonly #http: Server
  readonly #webSockets: WebSocketServer
  readonly #waiting = new Map<Socket, Waiting>()
  readonly #isAllowed: OriginPolicy
  readonly #counters: Counters

  constructor(isAllowed: OriginPolicy, counters: Counters) {
    this.#isAllowed = isAllowed
    this.#counters = counters
    // The types of the library do not know `closeTimeout` yet.
    const options: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES_MAX,
      maxFragments: FRAGMENTS_MAX,
      closeTimeout: CLOSE_MS,
      handleProtocols: () => 'sip',
    }
    this.#webSockets = new WebSocketServer(options)
    this.#http = createServer({ maxHeaderSize: HEADER_BYTES_MAX })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head))
    this.#http.on('request', (_request, response) => this.#plain(response))
    this.#http.on('clientError', (_error, socket) => {
      this.#counters.count('ws_handshakes_refused', '400')
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      else socket.destroy()
    })
  }

  /** `through` is called once if the handshake succeeds; else the request is answered and the socket closes. */
  enter(socket: Socket, through: Through): void {
    let seen: Buffer = Buffer.alloc(0)
    const take = (bytes: Buffer): void => {
      const from = Math.max(0, seen.length - EMPTY_LINE.length)
      seen = Buffer.concat([seen, bytes])
      const at = seen.indexOf(EMPTY_LINE, from)
      if (at < 0 && seen.length <= HEADER_BYTES_MAX) return
      socket.off('data', take)
      socket.pause()
      this.#request(socket, through, seen, at < 0 ? seen.length : at + EMPTY_LINE.length)
    }
    socket.on('data', take)
  }

  /** One request and no more: the library answers all that were sent behind it, hundreds in one read. */
  #request(socket: Socket, through: Through, seen: Buffer, length: number): void {
    this.#waiting.set(socket, { through, rest: seen.subarray(length) })
    socket.once('close', () => this.#waiting.delete(socket))
    socket.unshift(seen.subarray(0, length))
    this.#http.emit('connection', socket)
    socket.resume()
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refuse = (status: string, sentence: string): void => {
      this.#counters.count('ws_handshakes_refused', status.slice(0, 3))
      socket.on('error', () => {})
      socket.end(
        `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${sentence.length}\r\n\r\n${sentence}`,
      )
    }
    const { origin } = request.headers
    if (origin !== undefined && !this.#isAllowed(origin))
      return refuse('403 Forbidden', 'Pages of this origin may not connect here; see ws.origins in the manual.\n')
    if (!offersSip(request)) return refuse('400 Bad Request', SENTENCE)
    const waiting = this.#waiting.get(socket)
    const early = waiting ? Buffer.concat([head, waiting.rest]) : head
    this.#webSockets.handleUpgrade(request, socket, early, webSocket => {
      this.#waiting.delete(socket)
      if (waiting) waiting.through(webSocket)
      else webSocket.terminate()
    })
  }

  #plain(response: ServerResponse): void {
    this.#counters.count('ws_handshakes_refused', '426')
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade, close', 'Content-Type': 'text/plain' })
    response.end(SENTENCE)
  }
}

/** RFC 7118 4.1: the subprotocol has to be `sip`. */
const offersSip = ({ headers }: IncomingMessage): boolean =>
  (headers['sec-websocket-protocol'] ?? '').split(',').some(name => name.trim() === 'sip')
