import type { Now } from '../base/time.ts'
import type { SipMessage, SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { cseq } from '../sip-parser-lite/typed.ts'
import { RepeatedSuccess } from './repeated-success.ts'
import { answerInDialog, plainAnswer } from './session-answers.ts'
import { allowed, notedContact } from './session-headers.ts'
import type { Leg } from './session-leg.ts'
import { isFinal } from './session-leg.ts'
import type { RefreshOwner } from './session-refresh.ts'
import { SessionRefresh } from './session-refresh.ts'
import { agreedByAnswer } from './session-timer.ts'
import type { EndReason, ReceivedRequest, SessionContext } from './session-types.ts'

interface Agreed {
  readonly leg: Leg
  /** Our Contact value. */
  readonly contact: string
  readonly contentType: string
  readonly localSdp: Buffer
  readonly remoteSdp: Buffer
}

/** The usage of a dialog that an INVITE and its 2xx made, whichever side sent the INVITE (RFC 5057 3). */
export class ConfirmedSession implements RefreshOwner {
  readonly leg: Leg
  readonly contact: string
  readonly contentType: string
  readonly refresh: SessionRefresh
  readonly context: SessionContext
  readonly #onEnded: (now: Now, why: EndReason) => void
  #state: 'confirmed' | 'ending' | 'ended' = 'confirmed'
  #localSdp: Buffer
  #remoteSdp: Buffer
  #remoteAllow: readonly string[] = []
  #remoteContact: string | undefined
  #success: RepeatedSuccess | undefined

  constructor(context: SessionContext, agreed: Agreed, onEnded: (now: Now, why: EndReason) => void) {
    this.context = context
    this.leg = agreed.leg
    this.contact = agreed.contact
    this.contentType = agreed.contentType
    this.#localSdp = agreed.localSdp
    this.#remoteSdp = agreed.remoteSdp
    this.#onEnded = onEnded
    this.refresh = new SessionRefresh(context, this)
  }

  get state(): string {
    return this.#state
  }

  get localSdp(): Buffer {
    return this.#localSdp
  }

  get remoteSdp(): Buffer {
    return this.#remoteSdp
  }

  get remoteAllow(): readonly string[] {
    return this.#remoteAllow
  }

  get remoteContact(): string | undefined {
    return this.#remoteContact
  }

  /** DM-DLV-14: the timer runs by what the 2xx to our INVITE says. */
  begin(now: Now, response: SipResponse): void {
    this.note(response)
    this.refresh.arm(now, agreedByAnswer(response))
  }

  /** DM-DLV-13. What is malformed says nothing. */
  note(message: SipMessage): void {
    this.#remoteAllow = allowed(message) ?? this.#remoteAllow
    this.#remoteContact = notedContact(message) ?? this.#remoteContact
  }

  noteRemote(response: SipResponse): void {
    this.note(response)
    if (this.#remoteContact !== undefined) this.leg.dialog.retarget(this.#remoteContact)
  }

  /** An offer of the peer was answered. */
  exchanged(local: Buffer, remote: Buffer): void {
    this.#localSdp = local
    this.#remoteSdp = remote
  }

  /** Undefined where none is sent any more. */
  bye(now: Now): SipRequest | undefined {
    if (this.#state !== 'confirmed') return undefined
    this.#close()
    const done = (then: Now): void => this.#end(then, 'local')
    return this.leg.bye(now, {
      onResponse: (then, response) => {
        if (isFinal(response)) done(then)
      },
      onTimeout: done,
      onTransportError: done,
    })
  }

  failed(now: Now, why: 'timer' | 'gone' | 'transport'): void {
    if (this.#state !== 'confirmed') return
    this.#close()
    this.leg.bye(now)
    this.#end(now, why)
  }

  onRequest(now: Now, transaction: ReceivedRequest, request: SipRequest): void {
    const response = this.#answer(now, request)
    const isSuccess = response.status === 200 && this.#state === 'confirmed'
    if (isSuccess && request.method === 'INVITE') {
      this.#succeed(now, transaction, request, response)
    } else {
      transaction.respond(now, response)
      if (isSuccess && request.method === 'BYE') this.#left(now)
    }
  }

  #answer(now: Now, request: SipRequest): SipResponse {
    if (this.#state === 'confirmed') return answerInDialog(now, this, request)
    const isByeCrossing = this.#state === 'ending' && request.method === 'BYE'
    return plainAnswer(this.context, request, isByeCrossing ? 200 : 481)
  }

  #left(now: Now): void {
    this.#close()
    this.#end(now, 'bye')
  }

  /** RFC 3261 14.2: the 2xx to a re-INVITE of the peer goes out until its ACK is here. */
  #succeed(now: Now, transaction: ReceivedRequest, request: SipRequest, response: SipResponse): void {
    this.#success?.stop()
    this.#success = new RepeatedSuccess(this.context.timers, transaction, cseq(request).seq, response)
    this.#success.start(now, then => this.failed(then, 'gone'))
  }

  onAck(request: SipRequest): void {
    if (this.#success?.seq === cseq(request).seq) this.#success.stop()
  }

  #close(): void {
    this.#state = 'ending'
    this.refresh.stop()
    this.#success?.stop()
  }

  #end(now: Now, why: EndReason): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.context.counters.count('sessions_ended', why)
    this.#onEnded(now, why)
  }
}
