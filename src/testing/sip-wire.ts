import { Counters } from '../base/counters.ts'
import type { Flow, Transport } from '../base/flow.ts'
import { udpFlow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import type { ClientEvents } from '../sip/transaction/client.ts'
import { TransactionLayer, type TransactionLimits } from '../sip/transaction/layer.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { type Listener, SipTransport } from '../sip/transport.ts'
import type { SipMessage, SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import { reasonPhrase, responseTo } from '../sip-parser-lite/respond.ts'
import { SeededEntropy } from './seeded-entropy.ts'

const LOCAL = { address: '192.0.2.1', port: 5060 }
const LOCAL6 = { address: '2001:db8::1', port: 5060 }
export const LISTENERS: readonly Listener[] = [
  { transport: 'udp', endpoint: LOCAL },
  { transport: 'tcp', endpoint: LOCAL },
  { transport: 'udp', endpoint: LOCAL6 },
  { transport: 'tcp', endpoint: LOCAL6 },
]

/** Where alice is: 192.0.2.10:5070 over UDP. */
export const ALICE = udpFlow(LOCAL, { address: '192.0.2.10', port: 5070 })
export const ALICE6 = udpFlow(LOCAL6, { address: '2001:db8::10', port: 5070 })

/** A stream that somebody at `address` opened. */
export const inbound = (id: string, address = '192.0.2.10', port = 40000, transport: Transport = 'tcp'): Flow => ({
  id,
  protocol: 'sip',
  transport,
  local: address.includes(':') ? LOCAL6 : LOCAL,
  remote: { address, port },
})

export interface Sent {
  readonly flow: Flow
  readonly text: string
}

export interface WireSettings {
  readonly listeners?: readonly Listener[]
  readonly hostname?: string
  readonly limits?: TransactionLimits
  readonly flows?: { readonly flows: number; readonly perAddress: number }
}

/** A transport and a transaction layer between a simulated clock and recorded outputs. */
export class SipWire {
  readonly timers = new Timers()
  readonly counters = new Counters()
  readonly transport: SipTransport
  readonly layer: TransactionLayer
  readonly connected: Flow[] = []
  readonly closed: Flow[] = []
  /** What reached the user of the layer. */
  readonly transactions: ServerTransaction[] = []
  readonly acks: SipRequest[] = []
  readonly strays: SipResponse[] = []
  /** What reached the user of a client transaction: a status, `timeout`, or `error: reason`. */
  readonly events: string[] = []
  #sent: Sent[] = []
  #at = 0

  constructor(settings: WireSettings = {}) {
    const { timers, counters } = this
    const outputs = {
      transmit: (flow: Flow, bytes: Buffer) => this.#sent.push({ flow, text: bytes.toString('latin1') }),
      connect: (flow: Flow) => this.connected.push(flow),
      close: (flow: Flow) => this.closed.push(flow),
    }
    this.transport = new SipTransport({
      listeners: settings.listeners ?? LISTENERS,
      hostname: settings.hostname ?? 'edge1.example.org',
      run: 'run1',
      outputs,
      timers,
      counters,
      log: silentLog,
      ...(settings.flows && { flows: settings.flows }),
    })
    this.layer = new TransactionLayer({
      timers,
      entropy: new SeededEntropy(1),
      transport: this.transport,
      counters,
      log: silentLog,
      ...(settings.limits && { limits: settings.limits }),
    })
    this.transport.receiver = this.layer
    this.layer.user = {
      onRequest: (_now, transaction) => this.transactions.push(transaction),
      onAck: (_now, request) => this.acks.push(request),
      onStrayResponse: (_now, response) => this.strays.push(response),
    }
  }

  get now(): Now {
    return { at: this.#at as Instant, wall: (1_800_000_000_000 + this.#at) as WallTime, isWallTrusted: true }
  }

  /** Events of a client transaction into `events`. */
  get recorder(): ClientEvents {
    return {
      onResponse: (_now, response) => this.events.push(String(response.status)),
      onTimeout: () => this.events.push('timeout'),
      onTransportError: (_now, reason) => this.events.push(`error: ${reason}`),
    }
  }

  /** Lets the clock run to `at` milliseconds, timer by timer. */
  runTo(at: number): void {
    for (let next = this.timers.next(); next !== undefined && next <= at; next = this.timers.next()) {
      this.#at = Math.max(this.#at, next)
      this.timers.fire(this.now)
    }
    this.#at = at
  }

  receive(text: string, flow: Flow = ALICE): void {
    this.transport.received(this.now, flow, Buffer.from(text, 'latin1'))
  }

  open(flow: Flow): Flow {
    this.transport.flowOpened(this.now, flow)
    return flow
  }

  /** What went out since the last call. */
  take(): Sent[] {
    const sent = this.#sent
    this.#sent = []
    return sent
  }

  /** Start lines, without the version, of what went out since the last call. */
  lines(): string[] {
    return this.take().map(({ text }) => startOf(text))
  }

  /** What happened since the last call, as a row of a table: what went out, timers that run, what the user of a client heard. */
  row(state: string): string {
    const heard = this.events.splice(0).join(' ')
    return `${state} | ${this.lines().join(' ')} | ${this.running} | ${heard}`
  }

  /** Names of the timers that run, in order of the alphabet, e.g. `A B`. */
  get running(): string {
    return Object.keys(this.timers.describe()).sort().join(' ')
  }

  /** The last transaction that reached the user. */
  get last(): ServerTransaction {
    return this.transactions.at(-1)!
  }

  /** Answers the last transaction. */
  answer(status: number, to: ServerTransaction = this.last): void {
    to.respond(this.now, responseTo(to.request, status, undefined, 'edge'))
  }
}

/** `MESSAGE` of a request, `200` of a response. */
const startOf = (text: string): string =>
  text.startsWith('SIP/2.0 ') ? text.slice(8, 11) : text.slice(0, text.indexOf(' '))

interface RequestParts {
  readonly method?: string
  readonly uri?: string
  /** Via values, first first. */
  readonly via?: readonly string[]
  readonly branch?: string
  readonly toTag?: string
  readonly callId?: string
  readonly seq?: number
  readonly headers?: readonly string[]
  readonly body?: string
}

/** A request of alice's as it stands on the wire. */
export function requestText(parts: RequestParts = {}): string {
  const { method = 'MESSAGE', uri = 'sip:bob@example.org', branch = 'z9hG4bK-1', seq = 1, body = '' } = parts
  const vias = parts.via ?? [`SIP/2.0/UDP 192.0.2.10:5070;branch=${branch}`]
  return [
    `${method} ${uri} SIP/2.0`,
    ...vias.map(via => `Via: ${via}`),
    'Max-Forwards: 70',
    'From: Alice <sip:alice@example.org>;tag=a1',
    `To: <sip:bob@example.org>${parts.toTag ? `;tag=${parts.toTag}` : ''}`,
    `Call-ID: ${parts.callId ?? 'call-1'}`,
    `CSeq: ${seq} ${method}`,
    ...(parts.headers ?? []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

/** A request of ours, as a user of the layer makes it: no Via yet. */
export function outgoing(method: string, headers: readonly string[] = [], body = ''): SipRequest {
  const request = parsed(requestText({ method, headers, body })) as SipRequest
  request.headers = request.headers.filter(header => header.key !== 'via')
  return request
}

export const parsed = (text: string): SipMessage => parseMessage(Buffer.from(text, 'latin1'))

/** What a peer answers to a request that was sent to it. */
export function responseText(request: string, status: number, toTag = 'peer'): string {
  const lines = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n')
  const kept = lines.filter(line => /^(Via|From|Call-ID|CSeq):/.test(line))
  const to = lines.find(line => line.startsWith('To:'))!
  const tag = status === 100 || to.includes(';tag=') ? '' : `;tag=${toTag}`
  return [`SIP/2.0 ${status} ${reasonPhrase(status)}`, ...kept, to + tag, 'Content-Length: 0', '', ''].join('\r\n')
}
