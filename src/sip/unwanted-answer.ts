import type { Now } from '../base/time.ts'
import { addLast, cloneResponse, remove } from '../sip-parser-lite/access.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { cseq, toTag } from '../sip-parser-lite/typed.ts'
import { Dialog } from './dialog.ts'
import type { Branch } from './invite-fork.ts'
import { routesBeyond } from './peer-side.ts'
import { tolerantly } from './session-headers.ts'
import { Leg } from './session-leg.ts'
import type { SessionContext, Target } from './session-types.ts'

/** Phones of one INVITE that are hung up on; more tags than these are invented. */
const LEGS_MAX = 10

/**
 * Phones that accept a call after it was given up and its caller was told something else. The caller cannot speak to them any
 * more (RFC 6026 7.1), so they get the ACK and the BYE from here, rather than half a minute of a call with nobody.
 */
export class UnwantedAnswers {
  readonly #context: SessionContext
  readonly #token: string
  readonly #legs = new Map<string, Leg>()

  constructor(context: SessionContext, token: string) {
    this.#context = context
    this.#token = token
  }

  hangUp(now: Now, response: SipResponse, { sent, target }: Branch): void {
    if (!sent) return
    tolerantly(this.#context, () => {
      const { seq } = cseq(response)
      const tag = toTag(response) ?? ''
      const known = this.#legs.get(tag)
      if (known) return known.acknowledgeAgain(now, seq)
      if (this.#legs.size >= LEGS_MAX) return
      const dialog = Dialog.ofClient(sent.request, withRoutes(response, routesBeyond(response, this.#token)))
      const to: Target = 'id' in target.to ? target.to : { transport: sent.flow.transport, ...sent.flow.remote }
      const leg = new Leg(this.#context, dialog, to)
      this.#legs.set(tag, leg)
      this.#context.counters.count('relayed_calls_hung_up')
      leg.acknowledge(now, seq)
      leg.bye(now)
    })
  }
}

function withRoutes(response: SipResponse, routes: readonly string[]): SipResponse {
  const copy = cloneResponse(response)
  remove(copy, 'record-route')
  for (const route of routes) addLast(copy, 'Record-Route', route)
  return copy
}
