import { token } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import { addLast, cloneRequest, removeFirst, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { bestResponse } from './best-response.ts'
import { copyFor, passedBack } from './forward-copy.ts'
import { dropNetworkHeaders, dropOwnCredentials, settleIdentity } from './identity.ts'
import { inspectHop } from './inspect.ts'
import { answers, type Branch, InviteFork } from './invite-fork.ts'
import type { InviteRelayParts } from './invite-relay.ts'
import { moveSide, type PeerSide, reachSide } from './peer-side.ts'
import { recordRoute, userOfRoute } from './record-route.ts'
import { type Refusal, respondWith } from './refusal.ts'
import type { CallSide } from './relay-types.ts'
import type { InDialog, RelayedCall, RelayedCalls } from './relayed-calls.ts'
import { notedContact, tolerantly } from './session-headers.ts'
import type { Target } from './session-types.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'
import { TIMER_C_MS } from './transaction/timer-values.ts'

/** A request of a relayed dialog, read. */
interface Passing extends InDialog {
  readonly transaction: ServerTransaction
  /** As it came, and as it goes on. */
  readonly received: SipRequest
  readonly copy: SipRequest
}

/** RFC 5057 5.1: what changes the remote target and, by its 2xx, the session timer. */
const REFRESHES = new Set(['INVITE', 'UPDATE'])

/** Requests within the dialogs that pass through us: both ways, to nobody else than the two who made them. */
export class InDialogRelay {
  readonly #parts: InviteRelayParts
  readonly #calls: RelayedCalls

  constructor(parts: InviteRelayParts, calls: RelayedCalls) {
    this.#parts = parts
    this.#calls = calls
  }

  relay(now: Now, transaction: ServerTransaction, received: SipRequest): boolean {
    const call = this.#callOf(received)
    if (!call) return false
    const found = this.#calls.match(call, received)
    if (!found) {
      this.#parts.counters.count('relay_dropped', 'no such dialog')
      this.#answer(now, transaction, { status: 481 })
      return true
    }
    const refusal = inspectHop(received, this.#parts.isOwnVia)
    if (refusal) {
      this.#parts.counters.count('relay_dropped', 'refused')
      this.#answer(now, transaction, refusal)
      return true
    }
    const copy = this.#copy(received, call, this.#parts.isTrusted(transaction.flow))
    const passing: Passing = { ...found, transaction, received, copy }
    this.#followFlow(found.from, transaction)
    reachSide(now, found.to, this.#parts, (then, target) => this.#send(then, passing, target))
    return true
  }

  relayAck(now: Now, received: SipRequest): boolean {
    const call = this.#callOf(received)
    if (!call) return false
    tolerantly(this.#parts, () => {
      const found = this.#calls.match(call, received)
      if (!found || inspectHop(received, this.#parts.isOwnVia))
        return this.#parts.counters.count('relay_dropped', 'ACK')
      const copy = this.#copy(received, call, false)
      reachSide(now, found.to, this.#parts, (then, target) => {
        if (!target) return this.#parts.counters.count('relay_dropped', 'ACK')
        const { media, calleeTag } = found.dialog
        media?.pass(then, copy, sideIn(found, found.from), calleeTag)
        this.#parts.counters.count('relayed_requests', 'ACK')
        this.#parts.layer.send(then, copy, target)
      })
    })
    return true
  }

  /** RFC 3261 16.4: the first Route value is ours; from a strict router the Request-URI is. */
  #callOf(request: SipRequest): RelayedCall | undefined {
    return (
      this.#calls.byToken(userOfRoute(value(request, 'route'))) ?? this.#calls.byToken(userOfRoute(`<${request.uri}>`))
    )
  }

  /** Throws SipSyntaxError. */
  #copy(received: SipRequest, call: RelayedCall, isTrusted: boolean): SipRequest {
    const request = withoutOwnRoutes(received, call.token)
    const copy = copyFor(request, request.uri, values(request, 'route'))
    dropOwnCredentials(copy, this.#parts.realm)
    dropNetworkHeaders(copy)
    settleIdentity(copy, { kind: isTrusted ? 'peer' : 'stranger' })
    return copy
  }

  /** A client that has connected anew is where it is now; nobody takes the place of one whose connection stands. */
  #followFlow(side: PeerSide, { flow }: ServerTransaction): void {
    if (side.isDirect && side.flow.id !== flow.id && !this.#parts.isAlive(side.flow)) side.flow = flow
  }

  /** The transaction may have ended while the way was looked for. */
  #send(now: Now, passing: Passing, target: Target | undefined): void {
    const { transaction, received, to } = passing
    if (transaction.isInvite && transaction.state !== 'proceeding') return
    if (!target) {
      this.#parts.counters.count('relay_dropped', 'no way')
      return this.#answer(now, transaction, { status: to.isDirect ? 430 : 504 })
    }
    this.#parts.counters.count('relayed_requests', labelOf(received.method))
    passing.dialog.media?.pass(now, passing.copy, sideIn(passing, passing.from), passing.dialog.calleeTag)
    if (received.method === 'INVITE') this.#sendInvite(now, passing, target)
    else this.#sendRequest(now, passing, target)
  }

  #sendRequest(now: Now, passing: Passing, target: Target): void {
    const { received, copy } = passing
    this.#parts.layer.request(now, copy, target, {
      onResponse: (then, response) => {
        if (response.status < 200) return
        if (answers(response, received))
          return this.#ended(then, passing, bestResponse([passedBack(received, response)])!)
        this.#parts.counters.count('relay_dropped', 'forged response')
        this.#ended(then, passing, { status: 502 })
      },
      onTimeout: then => this.#ended(then, passing, { status: 408 }),
      onTransportError: then => this.#ended(then, passing, { status: passing.to.isDirect ? 430 : 504 }),
    })
  }

  /** RFC 3261 14: as for the first INVITE, but nobody is left to fork to, and a failure goes back. */
  #sendInvite(now: Now, passing: Passing, to: Target): void {
    const { transaction, received, copy, call } = passing
    const { contactUri } = this.#parts
    recordRoute(copy, call.token, { caller: contactUri(transaction.flow), callee: contactUri(to) })
    const target = { uri: copy.uri, routes: [], to }
    const branch: Branch = { copy, target, hasAnswered: false, outcome: { kind: 'waiting' } }
    const fork = new InviteFork(this.#parts.timers, received, [branch], {
      onProgress: (then, response) => this.#respond(then, passing, response),
      onSuccess: (then, response) => this.#ended(then, passing, response),
      onFailed: (then, answer, isCancelled) => {
        const status = isCancelled ? 487 : 408
        this.#ended(then, passing, answer === 'no answer' ? { status } : answer)
      },
      // The dialog stands as it was; whoever says 2xx now hears no ACK and ends it (RFC 3261 14.2).
      onUnwanted: () => this.#parts.counters.count('relay_dropped', 'late 2xx'),
      onForged: () => this.#parts.counters.count('relay_dropped', 'forged response'),
    })
    transaction.onCancel = then => fork.cancel(then)
    fork.start(now, this.#parts.layer, TIMER_C_MS)
  }

  /** The answer goes back, and what it says of the dialog is noted. */
  #ended(now: Now, passing: Passing, answer: SipResponse | Refusal): void {
    const { received, call, dialog, from, to } = passing
    this.#respond(now, passing, 'kind' in answer ? answer : this.#refusal(now, received, answer))
    if (received.method === 'BYE') return this.#calls.bye(now, call, dialog)
    if (!('kind' in answer) || answer.status < 200 || answer.status >= 300) return
    const isRefresh = REFRESHES.has(received.method)
    this.#calls.renew(now, call, dialog, isRefresh && dialog.isAnswered ? answer : undefined)
    if (!isRefresh) return
    moveSide(from, notedContact(received))
    moveSide(to, notedContact(answer))
  }

  #respond(now: Now, passing: Passing, response: SipResponse): void {
    const { transaction, copy, dialog, to } = passing
    dialog.media?.pass(now, response, sideIn(passing, to), dialog.calleeTag, copy)
    transaction.respond(now, response)
  }

  #answer(now: Now, transaction: ServerTransaction, answer: Refusal): void {
    transaction.respond(now, this.#refusal(now, transaction.request, answer))
  }

  #refusal(now: Now, request: SipRequest, answer: Refusal): SipResponse {
    return respondWith(now, request, answer, token(this.#parts.entropy, 60))
  }
}

const sideIn = ({ call }: InDialog, side: PeerSide): CallSide => (side === call.caller ? 'caller' : 'callee')

/** A strict router before us has moved our URI into the Request-URI and the target to the end (RFC 3261 16.4). */
function withoutOwnRoutes(received: SipRequest, token: string): SipRequest {
  const request = cloneRequest(received)
  if (userOfRoute(`<${request.uri}>`) === token) {
    const routes = values(request, 'route')
    const last = routes.pop()
    if (last !== undefined) request.uri = parseNameAddr(last, 'Route').uri
    request.headers = request.headers.filter(({ key }) => key !== 'route')
    for (const route of routes) addLast(request, 'Route', route)
  }
  while (userOfRoute(value(request, 'route')) === token) removeFirst(request, 'route')
  return request
}

const LABELS = new Set(['BYE', 'INVITE', 'UPDATE', 'INFO', 'MESSAGE'])
const labelOf = (method: string): string => (LABELS.has(method) ? method : 'other')
