import { addLast, value } from '../sip-parser-lite/access.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { BOB, type Scenario } from './scenario.ts'
import type { SimulatedPhone } from './simulated-phone.ts'

interface PublishOptions {
  readonly body?: string
  readonly etag?: string
  readonly expiresS?: number
  readonly event?: string
  readonly contentType?: string
  /** Whose state; bob's by default. */
  readonly uri?: string
}

/** A settings document that says so (OMA SIMPLE IM, Appendix E). */
export const settingsOf = (active: boolean): string =>
  `<im-settings xmlns="urn:oma:xml:im:service-settings"><deferred-settings><offline-delivery active="${active}"/></deferred-settings></im-settings>`

/** RFC 3903, from that phone; gives where the answer will stand. */
export function startPublish(phone: SimulatedPhone, options: PublishOptions): { response: SipResponse | undefined } {
  const {
    body,
    etag,
    expiresS,
    event = 'im-settings',
    contentType = 'application/im-settings+xml',
    uri = BOB,
  } = options
  const answer: { response: SipResponse | undefined } = { response: undefined }
  phone.act(now => {
    const request = phone.phone.request('PUBLISH', uri, `<${uri}>`)
    addLast(request, 'Event', event)
    if (etag !== undefined) addLast(request, 'SIP-If-Match', etag)
    if (expiresS !== undefined) addLast(request, 'Expires', String(expiresS))
    if (body !== undefined) {
      addLast(request, 'Content-Type', contentType)
      request.body = Buffer.from(body)
    }
    phone.phone.ask(now, request, (_then, response) => {
      answer.response = response
    })
  })
  return answer
}

/** The same, with its answer. */
export function publish({ world }: Scenario, phone: SimulatedPhone, options: PublishOptions): SipResponse {
  const answer = startPublish(phone, options)
  world.until(() => answer.response !== undefined, 'an answer to PUBLISH')
  return answer.response!
}

export const etagOf = (response: SipResponse): string => value(response, 'sip-etag') ?? 'none'
