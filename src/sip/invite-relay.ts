import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { toTag } from '../sip-parser-lite/typed.ts'
import type { ForwardTarget } from './forward.ts'
import { copyFor } from './forward-copy.ts'
import { type InspectRules, inspectHop } from './inspect.ts'
import { type Branch, InviteFork, type RelayLayer } from './invite-fork.ts'
import { sideOfCallee, sideOfCaller } from './peer-side.ts'
import { recordRoute } from './record-route.ts'
import { respondWith } from './refusal.ts'
import { InDialogRelay } from './relay-in-dialog.ts'
import type { RelayEvents, RelayedMedia } from './relay-types.ts'
import { type RelayedCall, RelayedCalls } from './relayed-calls.ts'
import { leniently } from './session-headers.ts'
import type { SessionContext, Target } from './session-types.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'
import { UnwantedAnswers } from './unwanted-answer.ts'

export interface InviteRelayParts extends SessionContext {
  readonly layer: RelayLayer
  isAlive(flow: Flow): boolean
  /** A SIP URI of ours that whoever is there reaches us by; its user part is not used. */
  contactUri(to: Target): string
  /** Whether a Via of ours says this (RFC 3261 16.3 step 4). */
  readonly isOwnVia: InspectRules['isOwnVia']
  /** RFC 3325: within a dialog only those are believed what they assert. */
  isTrusted(flow: Flow): boolean
  /** Of our digest: credentials for it go no further. */
  readonly realm: string
  readonly callsMax?: number
}

/** Before the server transaction, which knows no call that rings longer than 300 s, gives up by itself. */
const LIMIT_MAX_MS = 280_000

/** RFC 3261 16: a proxy for calls, which stays on the way of the dialogs that they make. */
export class InviteRelay {
  readonly #parts: InviteRelayParts
  readonly #calls: RelayedCalls
  readonly #inDialog: InDialogRelay

  constructor(parts: InviteRelayParts) {
    this.#parts = parts
    this.#calls = new RelayedCalls(parts, parts.callsMax)
    this.#inDialog = new InDialogRelay(parts, this.#calls)
  }

  /**
   * Sends the INVITE of `transaction`, as `request` has it, to all targets at once. What the phones say goes to the caller, and a
   * CANCEL of the caller to the phones; a failure is left to `events`. `limitMs`: how long they may ring, at most 280 s. May be
   * called again for the same transaction after onFailed. `media`: who has a part in what is said. Throws SipSyntaxError.
   */
  relay(
    now: Now,
    transaction: ServerTransaction,
    request: SipRequest,
    targets: readonly ForwardTarget[],
    limitMs: number,
    events: RelayEvents,
    media?: RelayedMedia,
  ): void {
    const refusal = inspectHop(request, this.#parts.isOwnVia)
    if (refusal) {
      this.#parts.counters.count('relayed_calls', 'refused here')
      const response = respondWith(now, request, refusal, token(this.#parts.entropy, 60))
      this.#soon(now, then => events.onFailed(then, response))
      return
    }
    const caller = sideOfCaller(request, transaction.flow)
    const isTrusted = this.#parts.isTrusted(transaction.flow)
    const call = this.#calls.open(now, request, caller, isTrusted, then => fork?.stop(then))
    const fork = call && this.#fork(now, call, transaction, request, targets, events, media)
    if (!fork) {
      this.#parts.counters.count('relayed_calls', 'too many')
      this.#soon(now, then => events.onFailed(then, 'no answer'))
      return
    }
    transaction.onCancel = then => fork.cancel(then)
    fork.start(now, this.#parts.layer, Math.min(limitMs, LIMIT_MAX_MS))
  }

  /**
   * For a request with a To tag, before anybody else looks at it. False if it does not come by a Record-Route of ours that is
   * known: then it is for somebody else to answer.
   */
  relayInDialog(now: Now, transaction: ServerTransaction, request: SipRequest): boolean {
    return this.#inDialog.relay(now, transaction, request)
  }

  /** For the ACK of a 2xx. False if it is none of a relayed call. */
  relayAck(now: Now, request: SipRequest): boolean {
    return this.#inDialog.relayAck(now, request)
  }

  describe(): object {
    return this.#calls.describe()
  }

  #fork(
    now: Now,
    call: RelayedCall,
    transaction: ServerTransaction,
    request: SipRequest,
    targets: readonly ForwardTarget[],
    events: RelayEvents,
    media: RelayedMedia | undefined,
  ): InviteFork {
    const { counters, timers } = this.#parts
    const unwanted = new UnwantedAnswers(this.#parts, call.token)
    const branches = targets.flatMap(target => this.#branch(now, call, transaction.flow, request, target, media))
    let isAnswered = false
    return new InviteFork(timers, request, branches, {
      onProgress: (now, response, branch) => {
        if (this.#heard(now, call, response, branch)) transaction.respond(now, response)
      },
      onSuccess: (now, response, branch) => {
        if (branch.media?.takes(toTag(response) ?? '') === false) return unwanted.hangUp(now, response, branch)
        if (this.#heard(now, call, response, branch)) transaction.respond(now, response)
        if (isAnswered) return
        isAnswered = true
        this.#calls.settled(call, true)
        counters.count('relayed_calls', 'answered')
        events.onAnswered(now)
      },
      onFailed: (now, answer, isCancelled) => {
        this.#calls.settled(call, false)
        transaction.onCancel = undefined
        if (isCancelled) this.#cancelled(now, transaction, request, events)
        else this.#failed(now, answer, events)
      },
      onUnwanted: (now, response, branch) => unwanted.hangUp(now, response, branch),
      onForged: () => counters.count('relay_dropped', 'forged response'),
    })
  }

  /** A contact or Path that is no URI reaches nobody. */
  #branch(
    now: Now,
    call: RelayedCall,
    from: Flow,
    request: SipRequest,
    target: ForwardTarget,
    parties: RelayedMedia | undefined,
  ): Branch[] {
    const copy = leniently(() => copyFor(request, target.uri, target.routes))
    if (!copy) return []
    const { contactUri } = this.#parts
    recordRoute(copy, call.token, { caller: contactUri(from), callee: contactUri(target.to) })
    const media = parties?.branch(now, target.to)
    media?.pass(now, copy, 'caller', undefined)
    return [{ copy, target, hasAnswered: false, outcome: { kind: 'waiting' }, ...(media && { media }) }]
  }

  /** False if it makes one dialog too many. */
  #heard(now: Now, call: RelayedCall, response: SipResponse, { copy, sent, target, media }: Branch): boolean {
    const isSuccess = response.status >= 200
    const tag = toTag(response)
    if (tag !== undefined || isSuccess) {
      const side = (): ReturnType<typeof sideOfCallee> => sideOfCallee(response, target, sent!.flow, call.token)
      if (!this.#calls.heard(now, call, { tag: tag ?? '', side, media }, isSuccess ? response : undefined)) {
        this.#parts.counters.count('relay_dropped', 'too many dialogs')
        return false
      }
    }
    media?.pass(now, response, 'callee', tag, copy)
    return true
  }

  #cancelled(now: Now, transaction: ServerTransaction, request: SipRequest, events: RelayEvents): void {
    this.#parts.counters.count('relayed_calls', 'cancelled')
    transaction.respond(now, respondWith(now, request, { status: 487 }, token(this.#parts.entropy, 60)))
    events.onCancelled(now)
  }

  #failed(now: Now, answer: SipResponse | 'no answer', events: RelayEvents): void {
    const label = answer === 'no answer' ? answer : `${Math.floor(answer.status / 100)}xx`
    this.#parts.counters.count('relayed_calls', label)
    events.onFailed(now, answer)
  }

  #soon(now: Now, run: (now: Now) => void): void {
    this.#parts.timers.set('relay refused', now.at, run)
  }
}
