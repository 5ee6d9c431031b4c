import type { Now } from '../base/time.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast, value } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { Phone } from './phone.ts'
import type { HeaderPair } from './phone-types.ts'

export interface ReferOptions {
  /** Request-URI. */
  readonly to: string
  /** Values of Refer-To, each in a header of its own. */
  readonly referTo: string | readonly string[]
  readonly headers?: readonly HeaderPair[]
  /** Accept-Contact value; `null`: none. */
  readonly acceptContact?: string | null
  /** In place of the phone's own From value without a tag. */
  readonly from?: string
}

/** A phone's REFER, and what it is told of its progress. */
export class Referring {
  refer: SipRequest
  answer: SipResponse | undefined
  /** 408 when there was no answer. */
  status: number | undefined
  readonly told: SipRequest[] = []
  readonly #phone: Phone

  constructor(phone: Phone, now: Now, options: ReferOptions) {
    this.#phone = phone
    const { to, referTo, headers = [], acceptContact = '*;+g.oma.sip-im', from } = options
    const request = phone.request('REFER', to, `<${to}>`, from)
    addLast(request, 'Contact', `<${phone.contact}>;+g.oma.sip-im`)
    if (acceptContact !== null) addLast(request, 'Accept-Contact', acceptContact)
    for (const uri of [referTo].flat()) addLast(request, 'Refer-To', uri)
    for (const [name, text] of headers) addLast(request, name, text)
    this.refer = request
    phone.inbox.watches.push(this)
    phone.ask(
      now,
      request,
      (_then, response) => {
        this.answer = response
        this.status = response?.status ?? 408
      },
      again => {
        this.refer = again
      },
      from === undefined,
    )
  }

  /** Status lines, in order; the same one again is left out. */
  get progress(): string[] {
    const lines = this.told.map(({ body }) => body.toString('latin1').split('\r\n')[0]!)
    return lines.filter((line, index) => line !== lines[index - 1])
  }

  /** HIS-REF-10: the last word was told. */
  get isOver(): boolean {
    const last = this.told.at(-1)
    return last !== undefined && /^terminated/i.test(value(last, 'subscription-state') ?? '')
  }

  isFor(request: SipRequest): boolean {
    return callId(request) === callId(this.refer) && toTag(request) === fromTag(this.refer)
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.told.push(request)
    this.#phone.inbox.later(now, 0, then => transaction.respond(then, responseTo(request, 200)))
  }
}
