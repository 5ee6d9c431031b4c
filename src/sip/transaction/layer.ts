import type { Counters } from '../../base/counters.ts'
import type { Entropy } from '../../base/entropy.ts'
import { token } from '../../base/entropy.ts'
import type { Flow } from '../../base/flow.ts'
import type { Log } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { encodeMessage } from '../../sip-parser-lite/encode.ts'
import type { SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import { field } from '../../sip-parser-lite/names.ts'
import { cseq, type Via } from '../../sip-parser-lite/typed.ts'
import type { Hop, SipReceiver } from '../transport.ts'
import { Client, type ClientEvents, type ClientHost, type ClientTransaction } from './client.ts'
import { COOKIE, clientKey } from './keys.ts'
import { type RequestTaker, type ResponseSender, type ServerLimits, ServerTable } from './server-table.ts'

/** The core above the layer (RFC 3261 17). */
export interface TransactionUser extends RequestTaker {
  // onRequest: a new request, CANCEL and ACK excepted. Every one gets its final response.
  // onAck: the ACK of a 2xx, or one that belongs to nothing.
  /** A response that no transaction waits for, e.g. a 2xx that came after all. */
  onStrayResponse(now: Now, response: SipResponse, flow: Flow): void
}

/** What the layer needs of the transport. */
interface TransactionTransport extends ResponseSender {
  flowTo(now: Now, hop: Hop): Flow | undefined
  viaFor(flow: Flow, branch: string): string
}

export interface TransactionLimits extends ServerLimits {
  readonly clients?: number
}

interface TransactionLayerParts {
  readonly timers: Timers
  readonly entropy: Entropy
  readonly transport: TransactionTransport
  readonly counters: Counters
  readonly log: Log
  readonly limits?: TransactionLimits
}

/** As many as may be asked of us at once: each request can be forwarded once. */
const CLIENTS_MAX = 8192
/** RFC 3261 19.3 asks for 32 random bits at least; this many nobody guesses. */
const BRANCH_BITS = 80

/** A request to an address that no listener can reach has no flow; it fails on this one. */
const NO_FLOW: Flow = {
  id: 'none',
  protocol: 'sip',
  transport: 'udp',
  local: { address: '0.0.0.0', port: 0 },
  remote: { address: '0.0.0.0', port: 0 },
}

/** RFC 3261 17: finds the transaction that a message belongs to, or begins one. */
export class TransactionLayer implements SipReceiver, ClientHost {
  /** Set once, before the first input. */
  user: TransactionUser | undefined
  readonly timers: Timers
  readonly #parts: TransactionLayerParts
  readonly #servers: ServerTable
  readonly #clients = new Map<string, Client>()
  /** Non-INVITE ones that wait for Timer K only. */
  readonly #answered = new Set<Client>()
  readonly #byFlow = new Map<string, Set<Client>>()
  readonly #clientsMax: number

  constructor(parts: TransactionLayerParts) {
    this.timers = parts.timers
    this.#parts = parts
    this.#clientsMax = parts.limits?.clients ?? CLIENTS_MAX
    const taker: RequestTaker = {
      onRequest: (now, transaction, request) => this.user?.onRequest(now, transaction, request),
      onAck: (now, request, flow) => this.user?.onAck(now, request, flow),
    }
    this.#servers = new ServerTable(parts.timers, parts.transport, parts.counters, taker, parts.limits)
  }

  /** Sends `request` with a Via of ours on top of those it has. Its events come later, never from within this call. */
  request(now: Now, request: SipRequest, to: Flow | Hop, events: ClientEvents): ClientTransaction {
    const hop = 'id' in to ? undefined : to
    const flow = 'id' in to ? to : this.flowTo(now, to)
    const client = new Client(this, request, this.#branch(), flow ?? NO_FLOW, events)
    if (this.isFull(now)) client.failSoon(now, 'too many requests under way')
    else if (!flow) client.failSoon(now, 'no way to that address')
    else {
      this.insert(client)
      client.start(now, hop)
    }
    return client
  }

  /** Sends a request that nothing is kept of: the ACK of a 2xx (RFC 3261 13.2.2.4). */
  send(now: Now, request: SipRequest, to: Flow | Hop): void {
    const flow = 'id' in to ? to : this.flowTo(now, to)
    if (!flow) {
      this.#parts.counters.count('sip_transport_errors', 'request')
      return
    }
    const via = field('Via', this.viaFor(flow, this.#branch()))
    this.transmit(now, flow, encodeMessage({ ...request, headers: [via, ...request.headers] }))
  }

  described(): object {
    const states: Record<string, number> = {}
    for (const { request, state } of this.#clients.values()) {
      const name = `${request.method === 'INVITE' ? 'INVITE' : 'non-INVITE'} ${state}`
      states[name] = (states[name] ?? 0) + 1
    }
    return { servers: this.#servers.describe(), clients: states }
  }

  // from the transport

  requestReceived(now: Now, request: SipRequest, flow: Flow, via: Via): void {
    this.#servers.receive(now, request, flow, via)
  }

  responseReceived(now: Now, response: SipResponse, flow: Flow, via: Via): void {
    const client = this.#clients.get(clientKey(via.params.get('branch') ?? '', cseq(response).method))
    if (client) {
      client.receive(now, response)
      if (client.isAnswered && this.#clients.has(client.key)) this.#answered.add(client)
    } else {
      this.#parts.counters.count('sip_responses_dropped', 'stray')
      this.stray(now, response, flow)
    }
  }

  flowLost(now: Now, flow: Flow, reason: string): void {
    const clients = this.#byFlow.get(flow.id)
    if (clients) for (const client of [...clients]) client.transportFailed(now, reason)
  }

  // for the client transactions

  /** What has its answer only absorbs that answer's repetitions; where room is needed it goes, the oldest first. */
  isFull(now: Now): boolean {
    for (const client of this.#answered) {
      if (this.#clients.size < this.#clientsMax) break
      client.stop(now)
    }
    return this.#clients.size >= this.#clientsMax
  }

  insert(client: Client): void {
    this.#clients.set(client.key, client)
    this.#index(client)
  }

  remove(client: Client): void {
    this.#clients.delete(client.key)
    this.#answered.delete(client)
    this.#unindex(client, client.flow)
  }

  moved(client: Client, from: Flow): void {
    this.#unindex(client, from)
    this.#index(client)
  }

  flowTo(now: Now, hop: Hop): Flow | undefined {
    return this.#parts.transport.flowTo(now, hop)
  }

  viaFor(flow: Flow, branch: string): string {
    return this.#parts.transport.viaFor(flow, branch)
  }

  transmit(now: Now, flow: Flow, bytes: Buffer): boolean {
    const isSent = this.#parts.transport.transmit(now, flow, bytes)
    if (!isSent) this.#parts.counters.count('sip_transport_errors', 'request')
    return isSent
  }

  retransmitted(): void {
    this.#parts.counters.count('sip_retransmitted', 'sent')
  }

  stray(now: Now, response: SipResponse, flow: Flow): void {
    this.user?.onStrayResponse(now, response, flow)
  }

  // inside

  #branch(): string {
    return COOKIE + token(this.#parts.entropy, BRANCH_BITS)
  }

  #index(client: Client): void {
    const clients = this.#byFlow.get(client.flow.id)
    if (clients) clients.add(client)
    else this.#byFlow.set(client.flow.id, new Set([client]))
  }

  #unindex(client: Client, flow: Flow): void {
    const clients = this.#byFlow.get(flow.id)
    clients?.delete(client)
    if (clients?.size === 0) this.#byFlow.delete(flow.id)
  }
}
