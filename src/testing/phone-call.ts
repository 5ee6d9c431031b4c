import { token } from '../base/entropy.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { Outcome } from '../msrp/message.ts'
import type { MsrpSession } from '../msrp/session.ts'
import { msrpMedia } from '../sdp/msrp-media.ts'
import { parseSdp } from '../sdp/sdp.ts'
import { Dialog } from '../sip/dialog.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { Phone } from './phone.ts'
import type { InviteVerdict } from './phone-types.ts'

/** RFC 3261 17.1.1.1 and 13.3.1.4. */
const T1 = 500
const T2 = 4000
const REPEATS_MS = 32_000

/** A call that a phone answered: the dialog, and the MSRP session that the push arrives in. */
export class PhoneCall {
  readonly invite: SipRequest
  /** How it ended, undefined while it lasts. */
  ended: 'bye' | 'hung up' | 'no ACK' | undefined
  refreshes = 0
  #dialog: Dialog
  #session: MsrpSession | undefined
  readonly #phone: Phone
  readonly #transaction: ServerTransaction
  readonly #tag: string
  #repeat: Timer | undefined
  #isAcknowledged = false
  #described: Buffer | undefined
  /** What became of what was said from here. */
  readonly outcomes: Outcome[] = []

  constructor(phone: Phone, transaction: ServerTransaction, invite: SipRequest) {
    this.#phone = phone
    this.#transaction = transaction
    this.invite = invite
    this.#tag = token(phone.options.entropy, 40)
    this.#dialog = Dialog.ofServer(invite, this.#tag)
  }

  isFor(request: SipRequest): boolean {
    return (
      callId(request) === callId(this.invite) &&
      toTag(request) === this.#tag &&
      fromTag(request) === fromTag(this.invite)
    )
  }

  answer(now: Now, verdict: InviteVerdict): void {
    const offer = msrpMedia(parseSdp(this.invite.body))
    const { secureMsrp } = this.#phone.options
    if (!offer || (offer.isSecure && !secureMsrp)) {
      this.#transaction.respond(now, responseTo(this.invite, 488, undefined, this.#tag))
      return
    }
    const session = this.#phone.msrp.open(
      {
        onReady: () => {},
        onClosed: () => {},
        onMessage: (then, message) =>
          this.#phone.inbox.msrpMessage(then, message.contentType ?? '', Buffer.from(message.body)),
      },
      {
        receives: true,
        transport: offer.isSecure ? 'tls' : 'tcp',
        fingerprints: offer.fingerprints,
        ...(this.#phone.chunkReceiver && { receiver: this.#phone.chunkReceiver() }),
      },
    )
    this.#session = session
    const { setup = 'passive' } = verdict
    this.#described = verdict.sdp ?? this.#sdp(session.localPath, verdict, offer.isSecure)
    const response = this.#success(verdict, this.#described)
    session.start(now, { remotePath: [...offer.path], role: setup === 'active' ? 'active' : 'passive' })
    this.#repeatUntilAck(now, response, T1, now.at + REPEATS_MS)
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    const response = responseTo(request, 200)
    if (request.method === 'BYE') {
      this.ended ??= 'bye'
      transaction.respond(now, response)
      this.#session?.close(now)
      return
    }
    this.refreshes++
    addLast(response, 'Contact', `<${this.#phone.contact}>`)
    const sessionExpires = value(request, 'session-expires')
    if (sessionExpires !== undefined) addLast(response, 'Session-Expires', sessionExpires)
    if (request.method === 'INVITE' && request.body.length > 0 && this.#described) {
      addLast(response, 'Content-Type', 'application/sdp')
      response.body = this.#described
    }
    transaction.respond(now, response)
  }

  /** Says something in the session, as soon as it stands. */
  send(now: Now, body: string | Buffer, contentType = 'text/plain'): void {
    const messageId = token(this.#phone.options.entropy, 60)
    const options = { messageId, contentType, body: [Buffer.from(body)] }
    this.#session?.send(now, options, (_then, outcome) => this.outcomes.push(outcome))
  }

  onAck(_now: Now): void {
    this.#isAcknowledged = true
    this.#phone.timers.cancel(this.#repeat)
  }

  /** BYE from this side, whatever is under way. */
  hangUp(now: Now): void {
    if (this.ended) return
    this.ended = 'hung up'
    const ignored = { onResponse() {}, onTimeout() {}, onTransportError() {} }
    this.#phone.layer.request(now, this.#dialog.request('BYE'), this.#transaction.flow, ignored)
    this.#session?.close(now)
  }

  #success(verdict: InviteVerdict, sdp: Buffer): SipResponse {
    const response = responseTo(this.invite, 200, undefined, this.#tag)
    // RFC 3261 12.1.1.
    for (const route of values(this.invite, 'record-route')) addLast(response, 'Record-Route', route)
    addLast(response, 'Contact', `<${this.#phone.contact}>;+g.oma.sip-im`)
    addLast(response, 'Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE')
    if (verdict.sessionExpires !== undefined) {
      addLast(response, 'Require', 'timer')
      addLast(response, 'Session-Expires', verdict.sessionExpires)
    }
    addLast(response, 'Content-Type', verdict.isMultipart ? 'multipart/mixed;boundary=b' : 'application/sdp')
    response.body = verdict.isMultipart ? multipart(sdp) : sdp
    return response
  }

  #sdp(path: string, verdict: InviteVerdict, isSecure: boolean): Buffer {
    const { msrp, secureMsrp } = this.#phone.options
    const endpoint = isSecure && secureMsrp ? secureMsrp.endpoint : msrp
    const { setup = 'passive', acceptTypes = '*', acceptWrappedTypes } = verdict
    const family = endpoint.address.includes(':') ? 'IP6' : 'IP4'
    const lines = [
      'v=0',
      `o=- 1 1 IN ${family} ${endpoint.address}`,
      's=-',
      `c=IN ${family} ${endpoint.address}`,
      't=0 0',
      `m=message ${endpoint.port} ${isSecure ? 'TCP/TLS/MSRP' : 'TCP/MSRP'} *`,
      'a=recvonly',
      `a=accept-types:${acceptTypes}`,
    ]
    if (acceptWrappedTypes !== undefined) lines.push(`a=accept-wrapped-types:${acceptWrappedTypes}`)
    if (isSecure) lines.push(`a=fingerprint:${verdict.fingerprint ?? secureMsrp?.fingerprint}`)
    if (setup !== 'none') lines.push(`a=setup:${setup}`)
    lines.push(`a=path:${path}`)
    return Buffer.from(`${lines.join('\r\n')}\r\n`)
  }

  /** RFC 3261 13.3.1.4: the 2xx is the phone's to repeat, over streams too. */
  #repeatUntilAck(now: Now, response: SipResponse, intervalMs: number, until: number): void {
    this.#transaction.respond(now, response)
    this.#repeat = this.#phone.timers.set('2xx', after(now, intervalMs), then => {
      if (this.#isAcknowledged) return
      if (then.at >= until) {
        this.ended ??= 'no ACK'
        return
      }
      this.#repeatUntilAck(then, response, Math.min(intervalMs * 2, T2), until)
    })
  }
}

const multipart = (sdp: Buffer): Buffer =>
  Buffer.concat([Buffer.from('--b\r\nContent-Type: application/sdp\r\n\r\n'), sdp, Buffer.from('\r\n--b--\r\n')])
