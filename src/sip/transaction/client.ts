import type { Flow } from '../../base/flow.ts'
import { isReliable } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { encodeMessage } from '../../sip-parser-lite/encode.ts'
import type { SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import { field } from '../../sip-parser-lite/names.ts'
import type { Hop } from '../transport.ts'
import type { ClientMachine } from './client-machine.ts'
import { ackFor, cancelFor } from './derived-requests.ts'
import { InviteClient } from './invite-client.ts'
import { clientKey } from './keys.ts'
import { NonInviteClient } from './non-invite-client.ts'

/** A request under way, as its user sees it. */
export interface ClientTransaction {
  /** The branch of its top Via. */
  readonly id: string
  /** As sent, our Via on top; once other than INVITE was answered, without header fields and body. */
  readonly request: SipRequest
  readonly flow: Flow
  readonly state: string
  /** RFC 3261 9.1, INVITE only: CANCEL as soon as a provisional response is here; nothing once the final one is. */
  cancel(now: Now): void
  /** No more callbacks; the machine goes on to its end. A 2xx to an abandoned INVITE is a stray response. */
  abandon(): void
}

/** Never called before `TransactionLayer.request` has returned. */
export interface ClientEvents {
  /** Provisional responses, then one final; to an INVITE every 2xx of every fork. */
  onResponse(now: Now, response: SipResponse): void
  onTimeout(now: Now): void
  onTransportError(now: Now, reason: string): void
}

/** What a client transaction needs of the layer. */
export interface ClientHost {
  readonly timers: Timers
  transmit(now: Now, flow: Flow, bytes: Buffer): boolean
  viaFor(flow: Flow, branch: string): string
  flowTo(now: Now, hop: Hop): Flow | undefined
  isFull(now: Now): boolean
  insert(client: Client): void
  remove(client: Client): void
  moved(client: Client, from: Flow): void
  stray(now: Now, response: SipResponse, flow: Flow): void
  retransmitted(): void
}

/** RFC 3261 18.1.1: larger requests want congestion control when the path's MTU is not known. */
const UDP_BYTES_MAX = 1300

const NO_EVENTS: ClientEvents = { onResponse() {}, onTimeout() {}, onTransportError() {} }

const NO_BYTES = Buffer.alloc(0)

/** A client machine with its request, its flow and its user. */
export class Client implements ClientTransaction {
  readonly id: string
  readonly key: string
  readonly timers: Timers
  request: SipRequest
  flow: Flow
  readonly #host: ClientHost
  #bare: SipRequest
  #machine: ClientMachine
  #bytes: Buffer
  #events: ClientEvents | undefined
  #fallback: Flow | undefined
  #wantsCancel = false
  #hasProvisional = false
  #isFinal = false
  #isSent = false
  #isCancelSent = false

  /** `request` comes without our Via unless `isDerived`: a CANCEL brings the Via of its INVITE. */
  constructor(
    host: ClientHost,
    request: SipRequest,
    branch: string,
    flow: Flow,
    events: ClientEvents,
    isDerived = false,
  ) {
    this.#host = host
    this.timers = host.timers
    this.id = branch
    this.key = clientKey(branch, request.method)
    this.#bare = request
    this.request = isDerived ? request : this.#withVia(flow)
    this.flow = flow
    this.#bytes = encodeMessage(this.request)
    this.#events = events
    this.#machine = this.#newMachine()
  }

  get state(): string {
    return this.#machine.state
  }

  /** Nothing is left to do but to absorb repetitions of the answer. */
  get isAnswered(): boolean {
    return this.state === 'completed' && this.request.method !== 'INVITE'
  }

  stop(now: Now): void {
    this.#machine.stop(now)
  }

  get isReliable(): boolean {
    return isReliable(this.flow.transport)
  }

  /** Sends, by TCP if the hop leaves it free and the request is too large. */
  start(now: Now, hop: Hop | undefined): void {
    if (hop?.isTransportFree && this.flow.transport === 'udp' && this.#bytes.length > UDP_BYTES_MAX) {
      const stream = this.#host.flowTo(now, { ...hop, transport: 'tcp' })
      if (stream) {
        this.#fallback = this.flow
        this.#move(stream)
      }
    }
    this.#machine.start(now)
  }

  receive(now: Now, response: SipResponse): void {
    this.#fallback = undefined
    this.#machine.receive(now, response)
  }

  /** RFC 3261 17.1.4; before it 18.1.1: what was sent by TCP for its size goes by UDP when TCP is not answered. */
  transportFailed(now: Now, reason: string): void {
    const fallback = this.#fallback
    if (fallback) {
      this.#fallback = undefined
      this.#machine.stop(now)
      this.#host.insert(this)
      this.#move(fallback)
      this.#machine = this.#newMachine()
      this.#machine.start(now)
      return
    }
    const isOver = this.#isFinal
    this.#machine.stop(now)
    if (!isOver) this.#take()?.onTransportError(now, reason)
  }

  cancel(now: Now): void {
    if (this.request.method !== 'INVITE' || this.#isFinal) return
    this.#wantsCancel = true
    if (this.#hasProvisional) this.sendCancel(now)
  }

  abandon(): void {
    this.#events = undefined
  }

  // what the machine asks for

  sendRequest(now: Now): void {
    if (this.#isSent) this.#host.retransmitted()
    this.#isSent = true
    if (!this.#host.transmit(now, this.flow, this.#bytes)) this.failSoon(now, 'not sent')
  }

  sendAck(now: Now, response: SipResponse): void {
    this.#host.transmit(now, this.flow, encodeMessage(ackFor(this.request, response)))
  }

  sendCancel(now: Now): void {
    if (this.#isCancelSent || this.#isFinal) return
    this.#isCancelSent = true
    if (this.#machine instanceof InviteClient) this.#machine.cancelled(now)
    if (this.#host.isFull(now)) return
    const cancel = new Client(this.#host, cancelFor(this.request), this.id, this.flow, NO_EVENTS, true)
    this.#host.insert(cancel)
    cancel.start(now, undefined)
  }

  deliver(now: Now, response: SipResponse): void {
    if (response.status >= 200) this.#isFinal = true
    else this.#hasProvisional = true
    const events = this.#events
    if (this.#isFinal && this.request.method !== 'INVITE') this.#letGo()
    if (events) events.onResponse(now, response)
    else if (this.#isAccepted(response)) this.#host.stray(now, response, this.flow)
    if (this.#wantsCancel && this.#hasProvisional) this.sendCancel(now)
  }

  timedOut(now: Now): void {
    this.#isFinal = true
    this.#take()?.onTimeout(now)
  }

  terminated(): void {
    this.#host.remove(this)
  }

  // inside

  /**
   * Until Timer K only repetitions of the answer are absorbed: what was asked is no longer needed, nor who asked. A user of thousands of
   * transactions would be in memory 5 s longer with all that hangs on it, which of pushes is what they have read from flash.
   */
  #letGo(): void {
    this.#events = undefined
    this.#bytes = NO_BYTES
    this.#bare = { ...this.#bare, headers: [], body: NO_BYTES }
    this.request = this.#bare
  }

  #isAccepted(response: SipResponse): boolean {
    return this.request.method === 'INVITE' && response.status >= 200 && response.status < 300
  }

  #newMachine(): ClientMachine {
    return this.#bare.method === 'INVITE' ? new InviteClient(this) : new NonInviteClient(this)
  }

  #withVia(flow: Flow): SipRequest {
    const via = field('Via', this.#host.viaFor(flow, this.id))
    return { ...this.#bare, headers: [via, ...this.#bare.headers] }
  }

  #move(flow: Flow): void {
    const from = this.flow
    this.flow = flow
    this.request = this.#withVia(flow)
    this.#bytes = encodeMessage(this.request)
    this.#host.moved(this, from)
  }

  /** By a timer that is due at once, so that the user has the transaction in hand when it hears of the failure. */
  failSoon(now: Now, reason: string): void {
    this.timers.set('transport error', now.at, fired => this.transportFailed(fired, reason))
  }

  #take(): ClientEvents | undefined {
    const events = this.#events
    this.#events = undefined
    return events
  }
}
