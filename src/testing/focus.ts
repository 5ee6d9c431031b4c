import type { Entropy } from '../base/entropy.ts'
import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import { hostPort } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import { after, type Now } from '../base/time.ts'
import { messageOffer } from '../im/invite-kind.ts'
import { Sessions } from '../sip/session.ts'
import type { TransactionUser } from '../sip/transaction/layer.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { fromAddress, toTag } from '../sip-parser-lite/typed.ts'
import { type ClientOutput, type ClientPlace, ClientStack } from './client-stack.ts'
import { FocusMember } from './focus-member.ts'
import { FocusRoster } from './focus-roster.ts'
import type { HeaderPair } from './phone-types.ts'
import { sendsIn } from './sends.ts'

export interface FocusOptions extends ClientPlace {
  readonly entropy: Entropy
}

/** What the factory answers to an INVITE. */
export interface FactoryVerdict {
  readonly status: number | 'silence'
  readonly headers?: readonly HeaderPair[]
  /** In place of the answer made of the rest. */
  readonly sdp?: string
  /** `a=setup` of the answer; `none` leaves it out. */
  readonly setup?: 'active' | 'passive' | 'none'
  /** In place of its own, over TLS. */
  readonly fingerprint?: string
  readonly direction?: 'sendonly' | 'sendrecv' | 'inactive'
  /** Contact of the 200, in place of the room's. */
  readonly contact?: string
  readonly afterMs?: number
  /** Provisional responses before it, a second apart from now on. */
  readonly progress?: readonly number[]
}

/**
 * A conference focus with its factory (RFC 4579): whoever invites it is in the one room, what one says goes to all others over MSRP, and
 * subscribers are told who is there (RFC 4575). Driven like the engine: inputs in, then drain.
 */
export class Focus extends ClientStack implements TransactionUser {
  readonly options: FocusOptions
  readonly sessions: Sessions
  readonly roster: FocusRoster
  /** INVITEs to the factory or the room, in order. */
  readonly invites: SipRequest[] = []
  /** In the room now. */
  readonly members: FocusMember[] = []
  /** Whoever was ever let in, in order. */
  readonly everybody: FocusMember[] = []
  factory: (request: SipRequest, number: number) => FactoryVerdict = () => ({ status: 200 })
  readonly #written = new Map<string, Buffer[]>()

  constructor(options: FocusOptions) {
    const { entropy } = options
    super(options, entropy, silentLog)
    this.options = options
    this.layer.user = this
    const { timers, counters, layer } = this
    const isAlive = (flow: Flow): boolean => this.transport.isAlive(flow)
    const context = { timers, entropy, layer, counters, log: silentLog, userAgent: 'Focus/1.0', isAlive }
    this.sessions = new Sessions(context)
    this.roster = new FocusRoster({ ...context, room: this.room, contact: this.contact })
  }

  /** The IM session identity. */
  get room(): string {
    return `sip:room@${hostPort(this.options.sip[0]!.endpoint)}`
  }

  get contact(): string {
    const { transport } = this.options.sip[0]!
    return `<${this.room}${transport === 'udp' ? '' : `;transport=${transport}`}>;isfocus;+g.oma.sip-im`
  }

  // what happens in the room

  /** Said by somebody who is in the room by other means, or by a member; to everybody else. */
  say(now: Now, from: string, body: Buffer | string, contentType = 'text/plain', except?: FocusMember): void {
    const octets = Buffer.isBuffer(body) ? body : Buffer.from(`${from}: ${body}`)
    for (const member of this.members) if (member !== except) member.send(now, octets, contentType)
  }

  /** Everybody is sent away; subscribers are told that there is nothing any more. */
  end(now: Now): void {
    this.roster.end(now)
    for (const member of this.members) member.hangUp(now)
  }

  /** Whole requests, in order, as they were written to that member: what a recorder has to have, octet for octet. */
  wireTo(member: FocusMember): Buffer[] {
    const mark = `\r\nTo-Path: ${member.remotePath}\r\n`
    const all = [...this.#written.values()].flatMap(written => sendsIn(Buffer.concat(written)))
    return all.filter(send => send.includes(mark))
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    if (request.method === 'SUBSCRIBE') this.roster.onSubscribe(now, transaction, request)
    else if (request.method === 'INVITE' && toTag(request) === undefined) this.#invited(now, transaction, request)
    else if (!this.sessions.onRequest(now, transaction, request)) this.#respond(now, transaction, 405)
  }

  onAck(now: Now, request: SipRequest): void {
    this.sessions.onAck(now, request)
  }

  onStrayResponse(now: Now, response: SipResponse): void {
    this.sessions.onStrayResponse(now, response)
  }

  #invited(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.invites.push(request)
    const verdict = this.factory(request, this.invites.length)
    const { status, afterMs = 0 } = verdict
    for (const [index, each] of (verdict.progress ?? []).entries())
      this.timers.set('progress', after(now, index * 1000), then => this.#respond(then, transaction, each))
    if (status === 'silence') return
    let isCancelled = false
    transaction.onCancel = then => {
      isCancelled = true
      this.#respond(then, transaction, 487)
    }
    const decide = (then: Now): void => {
      if (isCancelled) return
      if (status < 300) this.#accept(then, transaction, request, verdict)
      else this.#respond(then, transaction, status, verdict.headers)
    }
    if (afterMs === 0) decide(now)
    else this.timers.set('factory', after(now, afterMs), decide)
  }

  #accept(now: Now, transaction: ServerTransaction, request: SipRequest, verdict: FactoryVerdict): void {
    const offer = messageOffer(request)
    const isUnfit = typeof offer === 'string' || (offer.media.isSecure && !this.options.secureMsrp)
    if (isUnfit) return this.#respond(now, transaction, 488)
    const uri = fromAddress(request).uri
    const member = new FocusMember({ ...this.options, sessions: this.sessions, msrp: this.msrp }, uri, offer, {
      onMessage: (then, body, contentType) => this.say(then, uri, body, contentType, member),
      onOver: then => {
        this.members.splice(this.members.indexOf(member), 1)
        this.roster.leave(then, uri)
      },
    })
    this.members.push(member)
    this.everybody.push(member)
    member.accept(now, transaction, request, { contact: this.contact, ...verdict })
    this.roster.join(now, uri)
  }

  #respond(now: Now, transaction: ServerTransaction, status: number, headers: readonly HeaderPair[] = []): void {
    const response = responseTo(transaction.request, status, undefined, token(this.options.entropy, 40))
    for (const [name, text] of headers) addLast(response, name, text)
    transaction.respond(now, response)
  }

  protected override put(output: ClientOutput): void {
    if (output.kind === 'transmit' && output.flow.protocol === 'msrp') {
      const { flow, bytes } = output
      const written = this.#written.get(flow.id)
      if (written) written.push(Buffer.from(bytes))
      else this.#written.set(flow.id, [Buffer.from(bytes)])
    }
    super.put(output)
  }
}
