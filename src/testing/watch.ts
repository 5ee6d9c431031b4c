import type { Now } from '../base/time.ts'
import { Dialog } from '../sip/dialog.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast, value } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { Phone } from './phone.ts'
import type { HeaderPair } from './phone-types.ts'
import type { SimulatedPhone } from './simulated-phone.ts'
import type { World } from './world.ts'

export interface WatchOptions {
  /** Whose state; absent: the phone's own user's. */
  readonly resource?: string
  readonly event?: string
  /** Seconds; absent: no Expires header. */
  readonly expiresS?: number
  readonly headers?: readonly HeaderPair[]
  readonly body?: string
  /** In place of the phone's own From value without a tag. */
  readonly from?: string
}

/** A phone's subscription to an event, and what it is told. */
export class Watch {
  /** As last sent. */
  subscribe: SipRequest
  /** Of the last SUBSCRIBE: 408 when there was no answer. */
  status: number | undefined
  answer: SipResponse | undefined
  readonly told: SipRequest[] = []
  /** Milliseconds until it answers the NOTIFY that is the n-th. */
  patienceMs: (number: number) => number = () => 0
  readonly #phone: Phone
  #dialog: Dialog | undefined

  constructor(phone: Phone, now: Now, options: WatchOptions = {}) {
    this.#phone = phone
    const { resource = phone.aor, event = 'message-summary', expiresS, headers = [], from, body } = options
    const request = phone.request('SUBSCRIBE', resource, `<${resource}>`, from)
    addLast(request, 'Contact', `<${phone.contact}>`)
    addLast(request, 'Event', event)
    if (expiresS !== undefined) addLast(request, 'Expires', String(expiresS))
    for (const [name, text] of headers) addLast(request, name, text)
    if (body !== undefined) request.body = Buffer.from(body)
    this.subscribe = request
    phone.inbox.watches.push(this)
    this.#ask(now, request, from === undefined)
  }

  /** Bodies of the NOTIFYs, as text. */
  get bodies(): string[] {
    return this.told.map(({ body }) => body.toString('latin1'))
  }

  /** Of the last one. */
  get standing(): string | undefined {
    const last = this.told.at(-1)
    return last && value(last, 'subscription-state')
  }

  isFor(request: SipRequest): boolean {
    return callId(request) === callId(this.subscribe) && toTag(request) === fromTag(this.subscribe)
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.told.push(request)
    const delayMs = this.patienceMs(this.told.length)
    this.#phone.inbox.later(now, delayMs, then => transaction.respond(then, responseTo(request, 200)))
  }

  /** 0 ends it. */
  refresh(now: Now, expiresS: number): void {
    const again = this.#dialog!.request('SUBSCRIBE', [
      ['Contact', `<${this.#phone.contact}>`],
      ['Event', value(this.subscribe, 'event')!],
      ['Expires', String(expiresS)],
    ])
    this.status = undefined
    this.#ask(now, again, true)
  }

  #ask(now: Now, request: SipRequest, hasCredentials: boolean): void {
    this.#phone.ask(
      now,
      request,
      (_then, response) => {
        this.answer = response
        this.status = response?.status ?? 408
        if (response && this.status < 300) this.#dialog ??= Dialog.ofClient(this.subscribe, response)
      },
      again => {
        this.subscribe = again
      },
      hasCredentials,
    )
  }
}

/** Subscribed, and told what there is to tell at once. */
export function watching(
  { world }: { readonly world: World },
  phone: SimulatedPhone,
  options: WatchOptions = {},
): Watch {
  const watch = phone.act(now => new Watch(phone.phone, now, options))
  world.until(() => watch.status !== undefined, 'an answer to SUBSCRIBE')
  world.pass(2000)
  return watch
}

/** Of a summary body. */
export const countsIn = (body: string): string | undefined => /^Text-Message: (.*)\r$/m.exec(body)?.[1]
export const idsIn = (body: string): string[] => [...body.matchAll(/^Message-ID: (.*)\r$/gm)].map(([, id]) => id!)
export const counts = (watch: Watch) => watch.bodies.map(countsIn)
export const ids = (watch: Watch) => watch.bodies.flatMap(idsIn)
