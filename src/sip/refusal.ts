import { RELEASE } from '../base/product.ts'
import { type Now, sipDate } from '../base/time.ts'
import { addLast } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'

/** Why a request is not carried out, as the response that says so. */
export interface Refusal {
  readonly status: number
  readonly reason?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** Any response of ours, final: Server (RFC 3261 20.35) and Date on all of them. */
export function respondWith(now: Now, request: SipRequest, answer: Refusal, toTag: string): SipResponse {
  const response = responseTo(request, answer.status, answer.reason, toTag)
  for (const [name, value] of answer.headers ?? []) addLast(response, name, value)
  addLast(response, 'Server', RELEASE)
  addLast(response, 'Date', sipDate(now.wall))
  return response
}

/** Runs a reader of received text; what its syntax error says becomes the refusal. */
export function orRefusal<T>(read: () => T): T | Refusal {
  try {
    return read()
  } catch (error) {
    if (error instanceof SipSyntaxError) return { status: error.status, reason: error.message }
    throw error
  }
}

export const isRefusal = (result: object): result is Refusal => 'status' in result
