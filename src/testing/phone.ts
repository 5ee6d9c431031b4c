import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import { hostPort } from '../base/flow.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { ChunkReceiver } from '../msrp/assembly.ts'
import { answerChallenge } from '../sip/digest.ts'
import type { Hop } from '../sip/transport.ts'
import { addLast, cloneRequest, set, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag } from '../sip-parser-lite/typed.ts'
import { type ClientOutput, ClientStack } from './client-stack.ts'
import { PhoneInbox } from './phone-inbox.ts'
import {
  type Behaviour,
  type MessageOptions,
  OBLIGING,
  type PhoneOptions,
  type RegisterOptions,
  type Sent,
} from './phone-types.ts'

interface Challenge {
  readonly value: string
  uses: number
}

/**
 * A SIP user agent for page-mode messages, driven like the engine: inputs in, then drain. It is made of the product's own layers,
 * so it serves the simulated world and, behind real sockets, the guided tour alike.
 */
export class Phone extends ClientStack {
  readonly options: PhoneOptions
  readonly inbox: PhoneInbox
  readonly sent: Sent[] = []
  /** No byte leaves on any MSRP connection. */
  isMsrpMute = false
  /** Status of its first answer on each MSRP connection, which is to the SEND that binds it if the other side connected. */
  bindingStatus = 200
  behaviour: Behaviour = { ...OBLIGING }
  /** Takes the chunks of a call in place of the inbox, for messages too large for memory. */
  chunkReceiver: (() => ChunkReceiver) | undefined
  /** The request that was asked last. */
  asked: { cancel(now: Now): void } | undefined
  /** Final status of the latest REGISTER. */
  registered: number | undefined
  #challenge: Challenge | undefined
  #registrationCallId: string
  #cseq = 1
  #webSocket: Flow | undefined
  #webSockets = 0
  readonly #boundFlows = new Set<string>()

  constructor(options: PhoneOptions, log: Log = silentLog) {
    super(options, options.entropy, log)
    this.options = options
    this.inbox = new PhoneInbox(this)
    this.layer.user = this.inbox
    this.#registrationCallId = token(options.entropy, 80)
  }

  get aor(): string {
    return `sip:${this.options.user}@${this.options.domain}`
  }

  get contact(): string {
    const { transport, endpoint } = this.options.sip[0]!
    // RFC 7118 5.1: nobody can connect to a WebSocket client, so its host is none.
    if (transport.startsWith('ws')) return `sip:${this.options.user}@df7jal23ls0d.invalid;transport=ws`
    const param = transport === 'udp' ? '' : `;transport=${transport}`
    return `sip:${this.options.user}@${hostPort(endpoint)}${param}`
  }

  // what the person does

  register(
    now: Now,
    options: RegisterOptions = {},
    done?: (now: Now, response: SipResponse | undefined) => void,
  ): void {
    const { expiresS = 3600, isInstantMessaging = false, contactParams = '' } = options
    const request = this.#request('REGISTER', `sip:${this.options.domain}`, `<${this.aor}>`, {
      callId: this.#registrationCallId,
    })
    const tag = isInstantMessaging ? ';+g.oma.sip-im' : ''
    addLast(request, 'Contact', `<${this.contact}>${tag}${contactParams}`)
    addLast(request, 'Expires', String(expiresS))
    this.registered = undefined
    this.ask(now, request, (then, response) => {
      this.registered = response?.status ?? 408
      done?.(then, response)
    })
  }

  message(now: Now, options: MessageOptions): Sent {
    const { to, body, contentType = 'text/plain', headers = [] } = options
    const request = this.#request('MESSAGE', to, `<${to}>`, options)
    for (const [name, value] of headers) addLast(request, name, value)
    addLast(request, 'Content-Type', contentType)
    request.body = typeof body === 'string' ? Buffer.from(body) : body
    const sent: Sent = {
      to,
      body: request.body,
      ...identityOf(request),
      tries: 1,
      status: undefined,
      warning: undefined,
      answeredAt: undefined,
    }
    this.sent.push(sent)
    const retried = (again: SipRequest): void => void Object.assign(sent, identityOf(again), { tries: sent.tries + 1 })
    const { hasCredentials = options.from === undefined } = options
    this.ask(now, request, (then, response) => this.#answered(then, sent, response), retried, hasCredentials)
    return sent
  }

  /** Any request, e.g. of a stranger; challenges are answered once. */
  ask(
    now: Now,
    request: SipRequest,
    done: (now: Now, response: SipResponse | undefined) => void,
    retried: (again: SipRequest) => void = () => {},
    hasCredentials = true,
  ): void {
    if (this.#challenge && hasCredentials) this.#authorize(request, this.#challenge)
    this.#send(now, request, (then, response) => {
      const challenge = hasCredentials ? challengeOf(response) : undefined
      if (!challenge || this.options.password === undefined) return done(then, response)
      this.#challenge = challenge
      const again = this.#again(request, challenge)
      retried(again)
      this.#send(then, again, done)
    })
  }

  /** Bytes of a test's own making. */
  raw(now: Now, bytes: Buffer): void {
    const way = this.#way(now)
    const flow = 'id' in way ? way : this.transport.flowTo(now, way)
    if (flow) this.transport.transmit(now, flow, bytes)
  }

  request(method: string, uri: string, to: string, from?: string): SipRequest {
    return this.#request(method, uri, to, from === undefined ? {} : { from })
  }

  #answered(now: Now, sent: Sent, response: SipResponse | undefined): void {
    sent.status = response?.status ?? 408
    sent.warning = response && values(response, 'warning')[0]
    sent.answeredAt = now.at
  }

  #request(method: string, uri: string, to: string, options: Partial<MessageOptions>): SipRequest {
    const { entropy } = this.options
    const cseq = options.cseq ?? this.#cseq++
    const request: SipRequest = { kind: 'request', method, uri, headers: [], body: Buffer.alloc(0) }
    addLast(request, 'Max-Forwards', '70')
    addLast(request, 'From', `${options.from ?? `<${this.aor}>`};tag=${options.fromTag ?? token(entropy, 40)}`)
    addLast(request, 'To', to)
    addLast(request, 'Call-ID', options.callId ?? token(entropy, 80))
    addLast(request, 'CSeq', `${cseq} ${method}`)
    return request
  }

  #send(now: Now, request: SipRequest, done: (now: Now, response: SipResponse | undefined) => void): void {
    this.asked = this.layer.request(now, cloneRequest(request), this.#way(now), {
      onResponse: (then, response) => {
        if (response.status >= 200) done(then, response)
      },
      onTimeout: then => done(then, undefined),
      onTransportError: then => done(then, undefined),
    })
  }

  /** The transport opens no WebSocket, as no server does: a client's own is like one that was accepted. */
  #way(now: Now): Hop | Flow {
    const { server, sip } = this.options
    const { transport, address, port } = server
    if (!transport.startsWith('ws')) return server
    const open = this.#webSocket && this.transport.isAlive(this.#webSocket)
    if (this.#webSocket && open) return this.#webSocket
    const local = { address: sip[0]!.endpoint.address, port: 0 }
    const id = `ws/${++this.#webSockets}`
    this.#webSocket = { id, protocol: 'sip', transport, local, remote: { address, port } }
    this.put({ kind: 'connect', flow: this.#webSocket })
    this.transport.flowOpened(now, this.#webSocket)
    return this.#webSocket
  }

  #again(request: SipRequest, challenge: Challenge): SipRequest {
    const again = cloneRequest(request)
    again.headers = again.headers.filter(({ key }) => key !== 'authorization' && key !== 'proxy-authorization')
    set(again, 'CSeq', `${this.#cseq++} ${request.method}`)
    this.#authorize(again, challenge)
    return again
  }

  #authorize(request: SipRequest, challenge: Challenge): void {
    const { user, username = user, password = '', entropy } = this.options
    const { method, uri } = request
    const count = ++challenge.uses
    const answer = answerChallenge(challenge.value, { method, uri, username, password, entropy, count })
    const isProxy = !/^(?:REGISTER|PUBLISH|SUBSCRIBE|REFER)$/.test(method)
    if (answer) addLast(request, isProxy ? 'Proxy-Authorization' : 'Authorization', answer)
  }

  protected override put(output: ClientOutput): void {
    const isMsrp = output.kind === 'transmit' && output.flow.protocol === 'msrp'
    if (isMsrp && this.isMsrpMute) return
    super.put(isMsrp ? this.#bound(output) : output)
  }

  #bound(output: ClientOutput & { kind: 'transmit' }): ClientOutput {
    if (this.bindingStatus === 200 || this.#boundFlows.has(output.flow.id)) return output
    this.#boundFlows.add(output.flow.id)
    const text = output.bytes.toString('latin1').replace(/^(MSRP \S+) 200 OK\r/, `$1 ${this.bindingStatus}\r`)
    return { ...output, bytes: Buffer.from(text, 'latin1') }
  }
}

/** The first one that can be answered, which is the one the server likes best. */
function challengeOf(response: SipResponse | undefined): Challenge | undefined {
  if (response?.status !== 401 && response?.status !== 407) return undefined
  const isProxy = response.status === 407
  const [value] = values(response, isProxy ? 'proxy-authenticate' : 'www-authenticate')
  return value === undefined ? undefined : { value, uses: 0 }
}

function identityOf(request: SipRequest): { callId: string; cseq: number; fromTag: string } {
  return { callId: callId(request), cseq: cseq(request).seq, fromTag: fromTag(request) ?? '' }
}
