import type { Counters } from '../base/counters.ts'
import type { Endpoint, Flow, Transport } from '../base/flow.ts'
import { hostPort, udpFlow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import { encodeMessage } from '../sip-parser-lite/encode.ts'
import type { SipMessage, SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import type { SipStream } from '../sip-parser-lite/stream.ts'
import { topVia, type Via } from '../sip-parser-lite/typed.ts'
import { type CloseReason, FlowTable, keepStream, type Stream } from './flows.ts'
import { answerLabel } from './known-methods.ts'
import { statelessTag } from './stateless-tag.ts'
import { isStun, judgeStun } from './stun.ts'
import { datagramResponseFlow, defaultPort, isSameFamily, stampVia } from './via.ts'
import { OwnHost } from './via-host.ts'

/** Where a request can be sent: what RFC 3263 makes of a URI. */
export interface Hop {
  readonly transport: Transport
  /** Numeric; IPv6 without brackets. */
  readonly address: string
  readonly port: number
  /** RFC 5922 7.2: the domain that was looked up, which the certificate of a TLS peer has to name; absent: the address. */
  readonly name?: string
  /** UDP was nobody's wish, so a request too large for it may go by TCP (RFC 3261 18.1.1). */
  readonly isTransportFree?: boolean
}

/** Where the box listens for SIP: ports as bound. */
export interface Listener {
  readonly transport: Transport
  readonly endpoint: Endpoint
}

interface SipOutputs {
  transmit(flow: Flow, bytes: Buffer): void
  /** `transmit` may follow at once. A connection that fails is reported like one that closed. */
  connect(flow: Flow): void
  close(flow: Flow): void
}

/** Whoever takes what arrives: the transaction layer. */
export interface SipReceiver {
  /** `via` is the top Via as it was sent; the request's own carries `received` and `rport`. */
  requestReceived(now: Now, request: SipRequest, flow: Flow, via: Via): void
  responseReceived(now: Now, response: SipResponse, flow: Flow, via: Via): void
  /** Nothing sent on this flow reaches anybody any more. */
  flowLost(now: Now, flow: Flow, reason: string): void
}

interface SipTransportParts {
  readonly listeners: readonly Listener[]
  /** Stands in Via; a name or a numeric address. */
  readonly hostname: string
  /** The machine's own, for listeners on every address. */
  readonly addresses?: readonly string[]
  /** Unique to this run of the process: a binding kept on flash must not find a stream of another run. */
  readonly run?: string
  readonly outputs: SipOutputs
  readonly timers: Timers
  readonly counters: Counters
  readonly log: Log
  readonly flows?: { readonly flows: number; readonly perAddress: number }
}

/** The largest payload that one datagram over IPv4 carries; over IPv6 twenty bytes more, which nobody misses. */
const DATAGRAM_BYTES_MAX = 65507

/** Label values of counters: methods that others invent count as one. */
const METHODS = new Set(
  'ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE'.split(' '),
)
const CLASSES = ['', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx']
const KEEP_ALIVE = Buffer.from('\r\n')

/** RFC 3261 18: bytes to messages and back, over the flows that exist or that it opens. */
export class SipTransport {
  /** Set once, before the first input. */
  receiver: SipReceiver | undefined
  readonly #parts: SipTransportParts
  readonly #flows: FlowTable
  readonly #ownPorts: ReadonlySet<number>
  readonly #own: OwnHost
  #opened = 0

  constructor(parts: SipTransportParts) {
    this.#parts = parts
    const bound = parts.listeners.map(({ endpoint }) => endpoint.address)
    this.#own = new OwnHost(parts.hostname, bound, parts.addresses)
    this.#ownPorts = new Set(parts.listeners.map(listener => listener.endpoint.port))
    this.#flows = new FlowTable(
      parts.timers,
      (now, stream, reason) => this.#endStream(now, stream, reason),
      parts.flows,
    )
  }

  // what comes in

  /** The host accepted a stream; that one of ours stands may be told too and changes nothing. */
  flowOpened(now: Now, flow: Flow): void {
    if (this.#flows.get(flow.id)) return
    if (this.#flows.add(now, flow, true)) return
    this.#parts.counters.count('flows_refused')
    this.#parts.outputs.close(flow)
  }

  /** The stream is gone, could not be opened, or (datagrams) what was sent on it cannot arrive. */
  flowClosed(now: Now, flow: Flow, reason = 'connection closed'): void {
    this.#flows.remove(flow.id)
    this.receiver?.flowLost(now, flow, reason)
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    if (flow.transport === 'udp') this.#datagram(now, flow, bytes)
    else {
      const stream = this.#flows.get(flow.id)
      if (stream && isWebSocket(flow.transport)) this.#frame(now, stream, bytes)
      else if (stream) this.#streamBytes(now, stream, bytes)
    }
  }

  // where to

  isAlive(flow: Flow): boolean {
    return flow.transport === 'udp'
      ? this.#listenerAt(flow.local) !== undefined
      : this.#flows.get(flow.id) !== undefined
  }

  /**
   * Undefined if no listener has that transport and family, or if no more streams may be opened. Nobody connects to a WebSocket
   * client (RFC 7118 5.1).
   */
  flowTo(now: Now, hop: Hop): Flow | undefined {
    if (isWebSocket(hop.transport)) return undefined
    const listener = this.#listenerOf(hop.transport, hop.address)
    if (!listener) return undefined
    const remote: Endpoint = { address: hop.address, port: hop.port }
    if (hop.transport === 'udp') return udpFlow(listener.endpoint, remote)
    const peerName = hop.transport === 'tls' ? (hop.name ?? hop.address) : undefined
    return (
      this.#flows.leadingTo(hop.transport, remote, peerName)?.flow ?? this.#connect(now, listener, remote, peerName)
    )
  }

  /** Keeps a stream from being closed for idleness: somebody registered over it for that long. */
  keep(now: Now, flow: Flow, forMs: number): void {
    const stream = this.#flows.get(flow.id)
    if (stream) keepStream(now, stream, forMs)
  }

  /** RFC 3261 18.1.1, RFC 3581 3: the value of our Via on that flow. */
  viaFor(flow: Flow, branch: string): string {
    const listener = this.#listenerAt(flow.local) ?? this.#listenerOf(flow.transport, flow.remote.address)
    const port = listener?.endpoint.port ?? defaultPort(flow.transport)
    const address = this.#own.towards(flow.remote.address, listener?.endpoint.address, flow.local.address)
    const sentBy = hostPort({ address, port })
    const rport = flow.transport === 'udp' ? ';rport' : ''
    return `SIP/2.0/${flow.transport.toUpperCase()} ${sentBy};branch=${branch}${rport}`
  }

  // what goes out

  /** False if the flow is gone or the bytes are too many for a datagram. */
  transmit(now: Now, flow: Flow, bytes: Buffer): boolean {
    if (flow.transport === 'udp') {
      if (bytes.length > DATAGRAM_BYTES_MAX) return false
    } else {
      const stream = this.#flows.get(flow.id)
      if (!stream) return false
      stream.lastAt = now.at
    }
    this.#parts.outputs.transmit(flow, bytes)
    return true
  }

  /** RFC 3261 18.2.2: `flow` and `via` are the request's. A stream that is gone is opened again. False if it cannot be sent. */
  sendResponse(now: Now, flow: Flow, via: Via, bytes: Buffer): boolean {
    const to = this.responseFlow(now, flow, via)
    return to !== undefined && this.transmit(now, to, bytes)
  }

  responseFlow(now: Now, flow: Flow, via: Via): Flow | undefined {
    if (flow.transport === 'udp') return datagramResponseFlow(flow, via)
    if (this.#flows.get(flow.id)) return flow
    const port = via.port ?? defaultPort(flow.transport)
    this.#parts.counters.count('sip_response_reconnects')
    return this.flowTo(now, { transport: flow.transport, address: flow.remote.address, port, name: via.host })
  }

  describe(): object {
    return { streams: this.#flows.describe() }
  }

  // inside

  #datagram(now: Now, flow: Flow, bytes: Buffer): void {
    if (isKeepAlive(bytes)) {
      this.#parts.counters.count('sip_keepalives')
      return
    }
    if (isStun(bytes)) return this.#stun(now, flow, bytes)
    try {
      this.#dispatch(now, flow, parseMessage(bytes))
    } catch (error) {
      this.#malformed(now, flow, error)
    }
  }

  /** RFC 5626 3.5.2: a keep-alive that tells the client whether its NAT still has the same address for it. */
  #stun(now: Now, flow: Flow, bytes: Buffer): void {
    const verdict = judgeStun(bytes, flow.remote)
    this.#parts.counters.count('stun', verdict.kind)
    if (verdict.kind === 'binding' || verdict.kind === 'indication') this.#parts.counters.count('sip_keepalives')
    if ('answer' in verdict) this.transmit(now, flow, verdict.answer)
  }

  /** RFC 7118 5: one whole message. One that cannot be read does not spoil those after it. */
  #frame(now: Now, stream: Stream, bytes: Buffer): void {
    const { flow } = stream
    let isWhole = true
    if (isLineEnds(bytes)) {
      if (bytes.length >= 4) this.#pong(now, flow)
    } else {
      try {
        this.#dispatch(now, flow, parseMessage(bytes))
      } catch (error) {
        isWhole = false
        this.#malformed(now, flow, error)
      }
    }
    if (this.#flows.get(flow.id) === stream) this.#flows.heard(now, stream, isWhole, false)
  }

  #streamBytes(now: Now, stream: Stream, bytes: Buffer): void {
    const { flow, parser } = stream
    let isWhole = false
    parser.push(bytes)
    while (this.#nextFromStream(now, flow, parser)) {
      isWhole = true
      if (this.#flows.get(flow.id) !== stream) return
    }
    if (parser.isDead) this.#endStream(now, stream, 'malformed')
    else this.#flows.heard(now, stream, isWhole, parser.isWithinMessage)
  }

  /** False when there is no further message. One that is refused does not spoil those after it unless the framing is lost. */
  #nextFromStream(now: Now, flow: Flow, parser: SipStream): boolean {
    try {
      const message = parser.next()
      if (message === 'ping') this.#pong(now, flow)
      else if (message) this.#dispatch(now, flow, message)
      return message !== undefined
    } catch (error) {
      this.#malformed(now, flow, error)
      return !parser.isDead
    }
  }

  #dispatch(now: Now, flow: Flow, message: SipMessage): void {
    const { counters } = this.#parts
    if (message.kind === 'request') {
      counters.count('sip_received', METHODS.has(message.method) ? message.method : 'other')
      this.receiver?.requestReceived(now, message, flow, stampVia(message, flow.remote))
      return
    }
    counters.count('sip_responses_received', CLASSES[Math.trunc(message.status / 100)] ?? '')
    const via = topVia(message)
    if (this.#isOurs(via, flow)) this.receiver?.responseReceived(now, message, flow, via)
    else counters.count('sip_responses_dropped', 'via')
  }

  /** RFC 3261 18.1.2: a response whose top Via we did not write is not for us. */
  #isOurs(via: Via, flow: Flow): boolean {
    const port = via.port ?? defaultPort(via.transport.toLowerCase() as Transport)
    return this.#ownPorts.has(port) && this.#own.wrote(via.host, flow.local.address)
  }

  /** Answers what can be answered; nothing is kept. Anything but a syntax error is a defect and goes on up. */
  #malformed(now: Now, flow: Flow, error: unknown): void {
    if (!(error instanceof SipSyntaxError)) throw error
    const { counters, log } = this.#parts
    counters.count('sip_malformed', error.message)
    log.debug('malformed SIP', { remote: hostPort(flow.remote), status: error.status, reason: error.message })
    const request = error.partial
    if (!request || error.status < 400 || request.method === 'ACK') return
    counters.count('sip_stateless_responses', String(error.status))
    counters.count('sip_answers', answerLabel(request.method, error.status))
    const via = readableVia(request, flow.remote)
    const bytes = encodeMessage(responseTo(request, error.status, error.message, statelessTag(request)))
    // A Via that cannot be read leaves the way the request came.
    if (via) this.sendResponse(now, flow, via, bytes)
    else this.transmit(now, flow, bytes)
  }

  /** RFC 5626 4.4.1. */
  #pong(now: Now, flow: Flow): void {
    this.#parts.counters.count('sip_keepalives')
    this.transmit(now, flow, KEEP_ALIVE)
  }

  #connect(now: Now, listener: Listener, remote: Endpoint, peerName: string | undefined): Flow | undefined {
    const { transport } = listener
    const local: Endpoint = { address: listener.endpoint.address, port: 0 }
    const flow: Flow = {
      id: `${transport}/${this.#parts.run ?? 'out'}/${++this.#opened}`,
      protocol: 'sip',
      transport,
      local,
      remote,
      ...(peerName !== undefined && { peerName }),
    }
    if (!this.#flows.add(now, flow, false)) {
      this.#parts.counters.count('flows_refused')
      return undefined
    }
    this.#parts.outputs.connect(flow)
    return flow
  }

  #endStream(now: Now, stream: Stream, reason: CloseReason | 'malformed'): void {
    this.#flows.remove(stream.flow.id)
    this.#parts.counters.count('flows_closed', reason)
    this.#parts.outputs.close(stream.flow)
    this.receiver?.flowLost(now, stream.flow, reason)
  }

  #listenerAt(local: Endpoint): Listener | undefined {
    return this.#parts.listeners.find(
      ({ endpoint }) => endpoint.port === local.port && endpoint.address === local.address,
    )
  }

  #listenerOf(transport: Transport, address: string): Listener | undefined {
    return this.#parts.listeners.find(
      listener => listener.transport === transport && isSameFamily(listener.endpoint.address, address),
    )
  }
}

/** What clients send on UDP to keep a NAT open without being answered: nothing, line ends, NULs. */
function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 4) return false
  return bytes.every(byte => byte === 13 || byte === 10 || byte === 0)
}

const isWebSocket = (transport: Transport): boolean => transport === 'ws' || transport === 'wss'

/** RFC 5626 4.4.1: CRLF twice asks for an answer, once is one. */
const isLineEnds = (bytes: Buffer): boolean => bytes.length > 0 && bytes.every(byte => byte === 13 || byte === 10)

function readableVia(request: SipRequest, remote: Endpoint): Via | undefined {
  try {
    return stampVia(request, remote)
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}
