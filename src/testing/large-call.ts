import { token } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import { layOut } from '../content/multipart.ts'
import type { BodySource, Outcome } from '../msrp/message.ts'
import type { MsrpSession } from '../msrp/session.ts'
import { msrpMedia } from '../sdp/msrp-media.ts'
import { parseSdp } from '../sdp/sdp.ts'
import { answersSetup } from '../sdp/stream-answer.ts'
import { Dialog } from '../sip/dialog.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, cseq, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { Phone } from './phone.ts'
import type { HeaderPair } from './phone-types.ts'

export interface LargeCallOptions {
  /** Recipient's URI. */
  readonly to: string
  readonly headers?: readonly HeaderPair[]
  /** Accept-Contact value; `null`: none. */
  readonly acceptContact?: string | null
  readonly setup?: 'active' | 'passive' | 'actpass' | 'none'
  /** Value of a=accept-types; `*` unless told. */
  readonly acceptTypes?: string
  /** Attributes of the stream besides path, types and setup. */
  readonly attributes?: readonly string[]
  /** In place of the phone's own From value without a tag. */
  readonly from?: string
  /** MSRP over TLS, of a phone that has it; `lie`: with somebody else's fingerprint. */
  readonly isSecure?: boolean | 'lie'
  /** To take messages instead: all, or those that this document names. */
  readonly fetches?: 'all' | { readonly contentType: string; readonly body: string }
}

/** One MSRP message handed to the call. */
interface SentLarge {
  readonly messageId: string
  outcome: Outcome | undefined
  isReported: boolean
}

const LIE = `sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`

/** A phone's INVITE to send large messages, and the messages it sends in it; or one to fetch its own, which go into its inbox. */
export class LargeCall {
  readonly sent: SentLarge[] = []
  /** The INVITE that was answered. */
  invite: SipRequest
  /** Final answer; undefined until there is one, also for nobody's answer. */
  answer: SipResponse | undefined
  /** 408 when there was no answer. */
  status: number | undefined
  ended: 'bye' | 'hung up' | undefined
  /** The box's. */
  bye: SipRequest | undefined
  /** Why the MSRP side ended, if not by ours. */
  closed: string | undefined
  readonly #phone: Phone
  readonly #msrp: MsrpSession
  #dialog: Dialog | undefined

  constructor(phone: Phone, now: Now, options: LargeCallOptions) {
    this.#phone = phone
    this.#msrp = phone.msrp.open(
      {
        onReady: () => {},
        onClosed: (_then, reason) => {
          this.closed = reason
        },
        onReport: (_then, { messageId, status }) => {
          const sent = this.sent.find(each => each.messageId === messageId)
          if (sent && status === 200) sent.isReported = true
        },
        onMessage: (then, message) =>
          phone.inbox.msrpMessage(then, message.contentType ?? '', Buffer.from(message.body)),
      },
      {
        receives: options.fetches !== undefined,
        transport: options.isSecure ? 'tls' : 'tcp',
        ...(options.fetches && phone.chunkReceiver && { receiver: phone.chunkReceiver() }),
      },
    )
    this.invite = this.#request(options)
    phone.inbox.largeCalls.push(this)
    phone.ask(
      now,
      this.invite,
      (then, response) => this.#answered(then, response),
      again => {
        this.invite = again
      },
      options.from === undefined,
    )
  }

  isFor(request: SipRequest): boolean {
    return callId(request) === callId(this.invite) && toTag(request) === fromTag(this.invite)
  }

  /** As soon as the session stands. */
  send(now: Now, body: Buffer | BodySource, contentType = 'text/plain', messageId?: string): SentLarge {
    const sent: SentLarge = {
      messageId: messageId ?? token(this.#phone.options.entropy, 60),
      outcome: undefined,
      isReported: false,
    }
    this.sent.push(sent)
    const content = Buffer.isBuffer(body) ? [body] : body
    const options = { messageId: sent.messageId, contentType, body: content, successReport: true }
    this.#msrp.send(now, options, (_then, outcome) => {
      sent.outcome = outcome
    })
    return sent
  }

  /** The same description once more, as a session refresh has it (RFC 3261 14.1); gives the answer when it is here. */
  refresh(now: Now, done: (response: SipResponse) => void): void {
    const dialog = this.#dialog!
    const request = dialog.request('INVITE')
    addLast(request, 'Contact', `<${this.#phone.contact}>`)
    addLast(request, 'Content-Type', 'application/sdp')
    request.body = this.invite.body
    this.#phone.layer.request(now, request, this.#phone.options.server, {
      onResponse: (then, response) => {
        if (response.status < 200) return
        if (response.status < 300)
          this.#phone.layer.send(then, dialog.ack(cseq(request).seq), this.#phone.options.server)
        done(response)
      },
      onTimeout() {},
      onTransportError() {},
    })
  }

  /** Gives up before there is an answer. */
  cancel(now: Now): void {
    this.#phone.asked?.cancel(now)
  }

  hangUp(now: Now): void {
    if (this.ended || !this.#dialog) return
    this.ended = 'hung up'
    this.#msrp.close(now)
    const ignored = { onResponse() {}, onTimeout() {}, onTransportError() {} }
    this.#phone.layer.request(now, this.#dialog.request('BYE'), this.#phone.options.server, ignored)
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    transaction.respond(now, responseTo(request, 200))
    if (request.method !== 'BYE') return
    this.bye = request
    this.ended ??= 'bye'
    this.#msrp.close(now)
  }

  #answered(now: Now, response: SipResponse | undefined): void {
    this.answer = response
    this.status = response?.status ?? 408
    const media = response && this.status < 300 ? msrpMedia(parseSdp(response.body)) : undefined
    if (!response || !media) return
    this.#dialog = Dialog.ofClient(this.invite, response)
    this.#phone.layer.send(now, this.#dialog.ack(cseq(this.invite).seq), this.#phone.options.server)
    const ours = media.setup === 'active' ? 'passive' : media.setup === 'passive' ? 'active' : undefined
    const role = ours ?? (answersSetup(media.setup) === 'passive' ? 'active' : 'passive')
    const { path: remotePath, fingerprints } = media
    this.#msrp.start(now, { remotePath, role, ...(media.isSecure && { fingerprints }) })
  }

  #request(options: LargeCallOptions): SipRequest {
    const { to, headers = [], acceptContact = '*;+g.oma.sip-im.large-message;require;explicit', from } = options
    const request = this.#phone.request('INVITE', to, `<${to}>`, from)
    addLast(request, 'Contact', `<${this.#phone.contact}>;+g.oma.sip-im`)
    if (acceptContact !== null) addLast(request, 'Accept-Contact', acceptContact)
    for (const [name, value] of headers) addLast(request, name, value)
    const sdp = this.#sdp(options)
    const { fetches = 'all' } = options
    const list = fetches === 'all' ? [] : [{ contentType: fetches.contentType, body: [Buffer.from(fetches.body)] }]
    const whole = layOut([{ contentType: 'application/sdp', body: [sdp] }, ...list], 'parts')
    addLast(request, 'Content-Type', list.length === 0 ? 'application/sdp' : whole.contentType)
    request.body = list.length === 0 ? sdp : Buffer.concat(whole.body)
    return request
  }

  #sdp({ setup = 'actpass', isSecure = false, ...options }: LargeCallOptions): Buffer {
    const { msrp, secureMsrp } = this.#phone.options
    const { acceptTypes = '*', attributes = [options.fetches ? 'recvonly' : 'sendonly'] } = options
    const { address, port } = isSecure ? secureMsrp!.endpoint : msrp
    const family = address.includes(':') ? 'IP6' : 'IP4'
    const lines = [
      'v=0',
      `o=- 1 1 IN ${family} ${address}`,
      's=-',
      `c=IN ${family} ${address}`,
      't=0 0',
      `m=message ${port} TCP/${isSecure ? 'TLS/' : ''}MSRP *`,
      `a=accept-types:${acceptTypes}`,
      ...attributes.map(attribute => `a=${attribute}`),
    ]
    if (setup !== 'none') lines.push(`a=setup:${setup}`)
    if (isSecure) lines.push(`a=fingerprint:${isSecure === 'lie' ? LIE : secureMsrp!.fingerprint}`)
    lines.push(`a=path:${this.#msrp.localPath}`)
    return Buffer.from(`${lines.join('\r\n')}\r\n`)
  }
}
