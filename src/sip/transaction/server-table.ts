import type { Counters } from '../../base/counters.ts'
import type { Flow } from '../../base/flow.ts'
import { Slots } from '../../base/slots.ts'
import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { encodeMessage } from '../../sip-parser-lite/encode.ts'
import { type SipRequest, type SipResponse, SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { field } from '../../sip-parser-lite/names.ts'
import { responseTo } from '../../sip-parser-lite/respond.ts'
import { toTag, type Via } from '../../sip-parser-lite/typed.ts'
import { answerLabel } from '../known-methods.ts'
import { statelessTag } from '../stateless-tag.ts'
import { type CompletedLimits, CompletedTable } from './completed-table.ts'
import { InviteServer } from './invite-server.ts'
import { hasBranch, mergeKeyOf, serverKey } from './keys.ts'
import { NonInviteServer } from './non-invite-server.ts'
import type { Arrival, ServerMachine, ServerOwner, ServerTransaction } from './server-transaction.ts'

/** What the table needs of the transport. */
export interface ResponseSender {
  sendResponse(now: Now, flow: Flow, via: Via, bytes: Buffer): boolean
  responseFlow(now: Now, flow: Flow, via: Via): Flow | undefined
  transmit(now: Now, flow: Flow, bytes: Buffer): boolean
}

/** What it tells the user of the layer. */
export interface RequestTaker {
  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void
  onAck(now: Now, request: SipRequest, flow: Flow): void
}

export interface ServerLimits {
  readonly active?: number
  readonly refused?: number
  readonly accepted?: number
  readonly completed?: Partial<CompletedLimits>
}

/**
 * Requests without an answer. A flush takes some ten milliseconds, a forwarded message half a second: 8192 is many seconds of
 * the most that the box can store, and with messages of 2 KiB some 30 MiB.
 */
const ACTIVE_MAX = 8192
/**
 * INVITEs that were refused and wait for their ACK, up to 32 s each and with their request: those who never send one shall
 * neither fill the table above nor more than some 64 MiB. The oldest goes first.
 */
const REFUSED_MAX = 1024
/**
 * INVITEs that were accepted, 32 s each: sixty calls a second, beyond which the oldest goes first. With it go the repetitions of its
 * 2xx, which by then has its ACK unless nobody sends one.
 */
const ACCEPTED_MAX = 2048
/** Asked of those beyond it: by then a full table has drained or timed out. */
const RETRY_AFTER_S = 8
/** Label values of a counter. */
const CLASSES = ['', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx']
/** RFC 3261 9.2: a CANCEL for one of these has no effect, but it has found its transaction. */
const CANCELLED_IN_VAIN = [
  'MESSAGE',
  'OPTIONS',
  'REGISTER',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'REFER',
  'BYE',
  'INFO',
  'UPDATE',
]

/** RFC 3261 17.2.3: server transactions by key, merged requests, CANCEL and ACK. */
export class ServerTable implements ServerOwner {
  readonly timers: Timers
  readonly #sender: ResponseSender
  readonly #counters: Counters
  readonly #taker: RequestTaker
  readonly #activeMax: number
  readonly #refusedMax: number
  readonly #acceptedMax: number
  /** Place of the machine by its key. */
  readonly #active = new Map<string, number>()
  readonly #machines = new Slots<ServerMachine>()
  /** Those of the active ones that wait for nothing but an ACK, oldest first. */
  readonly #refused = new Set<ServerMachine>()
  /** Those that only absorb repetitions of an accepted INVITE, oldest first. */
  readonly #accepted = new Set<ServerMachine>()
  readonly #completed: CompletedTable
  /** Merge key to the key of the one transaction that is served. */
  readonly #merged = new Map<string, string>()

  constructor(timers: Timers, sender: ResponseSender, counters: Counters, taker: RequestTaker, limits?: ServerLimits) {
    this.timers = timers
    this.#sender = sender
    this.#counters = counters
    this.#taker = taker
    this.#activeMax = limits?.active ?? ACTIVE_MAX
    this.#refusedMax = limits?.refused ?? REFUSED_MAX
    this.#acceptedMax = limits?.accepted ?? ACCEPTED_MAX
    this.#completed = new CompletedTable(timers, limits?.completed)
  }

  receive(now: Now, request: SipRequest, flow: Flow, via: Via): void {
    if (request.method === 'ACK') this.#acknowledge(now, request, flow, via)
    else {
      const key = serverKey(request, via, request.method)
      if (!this.#isRetransmission(now, key)) this.#begin(now, { key, request, flow, via })
    }
  }

  describe(): object {
    const states: Record<string, number> = {}
    for (const { isInvite, state } of this.#machines.values()) {
      const name = `${isInvite ? 'INVITE' : 'non-INVITE'} ${state}`
      states[name] = (states[name] ?? 0) + 1
    }
    return { active: states, completed: this.#completed.size, completedBytes: this.#completed.bytes }
  }

  // what the machines ask for

  encode(response: SipResponse): Buffer {
    this.#counters.count('sip_responses_sent', CLASSES[Math.trunc(response.status / 100)] ?? '')
    return encodeMessage(response)
  }

  answered({ request }: ServerMachine, status: number): void {
    this.#counters.count('sip_answers', answerLabel(request.method, status))
  }

  send(now: Now, machine: ServerMachine, bytes: Buffer): boolean {
    const isSent = this.#sender.sendResponse(now, machine.flow, machine.via, bytes)
    if (!isSent) this.#counters.count('sip_transport_errors', 'response')
    return isSent
  }

  sendTrying(now: Now, machine: ServerMachine): void {
    machine.respond(now, responseTo(machine.request, 100))
  }

  /**
   * Once answered nothing is merged with it any more: who comes again with credentials, or by another way because the answer was lost,
   * is to be served, and the mailbox knows what it has.
   */
  completed(now: Now, machine: ServerMachine, bytes: Buffer | undefined): void {
    this.#remove(machine)
    const flow = this.#sender.responseFlow(now, machine.flow, machine.via) ?? machine.flow
    this.#completed.add(now, { key: machine.id, flow, bytes })
  }

  refused(now: Now, machine: ServerMachine): void {
    this.#refused.add(machine)
    if (this.#refused.size > this.#refusedMax) this.#refused.values().next().value?.stop(now)
  }

  accepted(now: Now, machine: ServerMachine): void {
    this.#accepted.add(machine)
    if (this.#accepted.size > this.#acceptedMax) this.#accepted.values().next().value?.stop(now)
  }

  terminated(_now: Now, machine: ServerMachine): void {
    this.#refused.delete(machine)
    this.#accepted.delete(machine)
    this.#remove(machine)
  }

  suppressed(_machine: ServerMachine, what: 'provisional' | '408' | 'unanswered'): void {
    this.#counters.count('sip_suppressed', what)
  }

  // inside

  #isRetransmission(now: Now, key: string): boolean {
    const active = this.#find(key)
    const completed = active ? undefined : this.#completed.get(key)
    if (!active && !completed) return false
    this.#counters.count('sip_retransmitted', 'received')
    active?.retransmitted(now)
    if (completed?.bytes) this.#sender.transmit(now, completed.flow, completed.bytes)
    return true
  }

  #begin(now: Now, arrival: Arrival): void {
    const { key, request } = arrival
    if (this.#machines.size - this.#refused.size - this.#accepted.size >= this.#activeMax) {
      this.#refuse(now, arrival)
      return
    }
    const mergeKey = request.method === 'CANCEL' ? undefined : mergeKeyOf(request)
    const isMerged = mergeKey !== undefined && this.#merged.has(mergeKey)
    const ownMergeKey = isMerged ? undefined : mergeKey
    const Machine = request.method === 'INVITE' ? InviteServer : NonInviteServer
    const machine = new Machine(this, arrival, ownMergeKey)
    this.#active.set(key, this.#machines.add(machine))
    if (ownMergeKey !== undefined) this.#merged.set(ownMergeKey, key)
    machine.start(now)
    if (isMerged) this.#refuseMerged(now, machine)
    else if (request.method === 'CANCEL') this.#cancel(now, machine)
    else this.#pass(now, machine)
  }

  /** A header that its reader refuses is answered here, so that users need not think of it. */
  #pass(now: Now, machine: ServerMachine): void {
    const { request } = machine
    try {
      this.#taker.onRequest(now, machine, request)
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
      this.#counters.count('sip_malformed', error.message)
      machine.respond(now, responseTo(request, error.status || 400, error.message, statelessTag(request)))
    }
  }

  #refuseMerged(now: Now, machine: ServerMachine): void {
    this.#counters.count('sip_merged')
    machine.respond(now, responseTo(machine.request, 482, undefined, statelessTag(machine.request)))
  }

  /** RFC 3261 9.2. */
  #cancel(now: Now, machine: ServerMachine): void {
    const { request, via } = machine
    const tag = statelessTag(request)
    const invite = this.#find(serverKey(request, via, 'INVITE'))
    const isFound =
      invite !== undefined || CANCELLED_IN_VAIN.some(method => this.#exists(serverKey(request, via, method)))
    machine.respond(now, responseTo(request, isFound ? 200 : 481, undefined, tag))
    if (invite?.state !== 'proceeding') return
    if (invite.onCancel) invite.onCancel(now)
    else invite.respond(now, responseTo(invite.request, 487, undefined, tag))
  }

  #exists(key: string): boolean {
    return this.#active.has(key) || this.#completed.has(key)
  }

  /** RFC 3261 17.1.1.3 and 13.2.2.4: the ACK of a final response is the machine's, that of a 2xx is the user's. */
  #acknowledge(now: Now, request: SipRequest, flow: Flow, via: Via): void {
    const machine = this.#find(serverKey(request, via, 'INVITE'))
    if (!(machine instanceof InviteServer)) this.#taker.onAck(now, request, flow)
    else if (!hasBranch(via) && machine.toTag !== toTag(request)) this.#counters.count('sip_acks_dropped')
    else if (machine.acknowledged(now)) this.#taker.onAck(now, request, flow)
  }

  /** RFC 3261 21.5.4, stateless: nothing is kept of those beyond the bound. */
  #refuse(now: Now, { request, flow, via }: Arrival): void {
    this.#counters.count('sip_overload')
    this.#counters.count('sip_answers', answerLabel(request.method, 503))
    const response = responseTo(request, 503, undefined, statelessTag(request))
    response.headers.push(field('Retry-After', String(RETRY_AFTER_S)))
    this.#sender.sendResponse(now, flow, via, encodeMessage(response))
  }

  #find(key: string): ServerMachine | undefined {
    const place = this.#active.get(key)
    return place === undefined ? undefined : this.#machines.get(place)
  }

  #remove(machine: ServerMachine): void {
    const place = this.#active.get(machine.id)
    if (place !== undefined) this.#machines.take(place)
    this.#active.delete(machine.id)
    this.#unmerge(machine)
  }

  #unmerge({ id, mergeKey }: ServerMachine): void {
    if (mergeKey !== undefined && this.#merged.get(mergeKey) === id) this.#merged.delete(mergeKey)
  }
}
