import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import { after, type Now } from '../base/time.ts'
import { xmlText } from '../content/xml-write.ts'
import { Dialog } from '../sip/dialog.ts'
import type { SessionContext } from '../sip/session-types.ts'
import type { TransactionLayer } from '../sip/transaction/layer.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast, value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, toTag } from '../sip-parser-lite/typed.ts'

interface RosterParts extends SessionContext {
  readonly layer: TransactionLayer
  readonly room: string
  readonly contact: string
}

interface Subscriber {
  readonly tag: string
  readonly subscribe: SipRequest
  readonly dialog: Dialog
  readonly flow: Flow
}

const IGNORED = { onResponse() {}, onTimeout() {}, onTransportError() {} }
const CONTENT_TYPE = 'application/conference-info+xml'

/** Who is in the room, and those who want to know (RFC 4575). */
export class FocusRoster {
  /** URI to display name. */
  readonly #users = new Map<string, string>()
  readonly #parts: RosterParts
  readonly #subscribers: Subscriber[] = []
  /** SUBSCRIBEs outside a dialog, in order. */
  readonly subscribes: SipRequest[] = []
  /** Those within one. */
  refreshes = 0
  /** What the first SUBSCRIBE is answered. */
  status = 200
  /** So many NOTIFYs are never sent: whoever hears the next one finds a gap. */
  dropped = 0
  #version = 0

  constructor(parts: RosterParts) {
    this.#parts = parts
  }

  get isWatched(): boolean {
    return this.#subscribers.length > 0
  }

  join(now: Now, uri: string, name = ''): void {
    this.#users.set(uri, name)
    this.#changed(now, this.#user(uri, name, 'connected'))
  }

  leave(now: Now, uri: string): void {
    if (this.#users.delete(uri)) this.#changed(now, `<user entity="${xmlText(uri)}" state="deleted"/>`)
  }

  /** RFC 4575 4.6: the conference is no more. */
  end(now: Now): void {
    for (const each of this.#subscribers.splice(0)) this.#notify(now, each, 'terminated;reason=noresource')
  }

  /** Any document at all, to all who are subscribed. */
  tell(now: Now, document: string): void {
    for (const each of this.#subscribers) this.#notify(now, each, 'active;expires=3600', document)
  }

  onSubscribe(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    if (toTag(request) === undefined) return this.#begin(now, transaction, request)
    const found = this.#subscribers.find(
      each => callId(each.subscribe) === callId(request) && each.tag === toTag(request),
    )
    const response = responseTo(request, found ? 200 : 481)
    addLast(response, 'Expires', value(request, 'expires') ?? '3600')
    addLast(response, 'Contact', this.#parts.contact)
    transaction.respond(now, response)
    if (!found) return
    this.refreshes++
    const isOver = value(request, 'expires') === '0'
    if (isOver) this.#subscribers.splice(this.#subscribers.indexOf(found), 1)
    this.#notify(now, found, isOver ? 'terminated;reason=timeout' : 'active;expires=3600', this.#full())
  }

  #begin(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.subscribes.push(request)
    const tag = token(this.#parts.entropy, 40)
    const response = responseTo(request, this.status, undefined, tag)
    addLast(response, 'Expires', value(request, 'expires') ?? '3600')
    addLast(response, 'Contact', this.#parts.contact)
    transaction.respond(now, response)
    if (this.status >= 300) return
    const dialog = Dialog.ofServer(request, tag)
    const subscriber = { tag, subscribe: request, dialog, flow: transaction.flow }
    // RFC 6665 4.1.3 and 3261 8.2.7: it may reach the subscriber before the 200 does, so it waits a moment here.
    this.#parts.timers.set('first NOTIFY', after(now, 20), then => {
      this.#subscribers.push(subscriber)
      this.#notify(then, subscriber, 'active;expires=3600', this.#full())
    })
  }

  #changed(now: Now, user: string): void {
    this.#version++
    if (this.dropped > 0) {
      this.dropped--
      return
    }
    const document = this.#document('partial', user)
    for (const each of this.#subscribers) this.#notify(now, each, 'active;expires=3600', document)
  }

  #full(): string {
    return this.#document('full', [...this.#users].map(([uri, name]) => this.#user(uri, name, 'connected')).join(''))
  }

  #document(state: 'full' | 'partial', users: string): string {
    const { room } = this.#parts
    return (
      '<?xml version="1.0" encoding="UTF-8"?>\r\n<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" ' +
      `entity="${room}" state="${state}" version="${this.#version}"><users state="${state}">${users}</users></conference-info>`
    )
  }

  #user(uri: string, name: string, status: string): string {
    const entity = xmlText(uri)
    const text = name === '' ? '' : `<display-text>${xmlText(name)}</display-text>`
    return `<user entity="${entity}" state="full">${text}<endpoint entity="${entity}"><status>${status}</status></endpoint></user>`
  }

  #notify(now: Now, { dialog, flow, subscribe }: Subscriber, standing: string, document?: string): void {
    const headers: [string, string][] = [
      ['Event', value(subscribe, 'event') ?? 'conference'],
      ['Subscription-State', standing],
      ['Contact', this.#parts.contact],
      ['User-Agent', this.#parts.userAgent],
    ]
    if (document !== undefined) headers.push(['Content-Type', CONTENT_TYPE])
    const body = Buffer.from(document ?? '')
    this.#parts.layer.request(now, dialog.request('NOTIFY', headers, body), flow, IGNORED)
  }
}
