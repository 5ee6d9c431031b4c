import type { Now } from '../base/time.ts'
import { answerAgain } from '../sdp/answer-again.ts'
import { addLast, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { bodyOfType } from './body-of-type.ts'
import type { ConfirmedSession } from './confirmed-session.ts'
import type { Header } from './dialog.ts'
import { contactUri } from './dialog.ts'
import { methodNotTaken } from './inspect.ts'
import { ALLOW } from './session-headers.ts'
import type { Agreement } from './session-timer.ts'
import { agreeAsServer, MIN_SE_S, supportsTimer } from './session-timer.ts'
import type { SessionContext } from './session-types.ts'
import { hasUnreadParts, isBodyOptional } from './unread-parts.ts'

/** Extensions that may be required of us in a dialog. */
const SUPPORTED = ['timer']
/** RFC 5621 3.1: the description alone, or as one part of several. */
const ACCEPT = 'application/sdp, multipart/mixed, multipart/alternative'
/** RFC 3262 3: we send no reliable provisional response, so what PRACK means is not there. */
const TAKEN = new Set([...ALLOW.split(', '), 'PRACK'])

/** RFC 3261 12.2.2: the answer to what the peer asks within a confirmed session; every request is answered at once. */
export function answerInDialog(now: Now, session: ConfirmedSession, request: SipRequest): SipResponse {
  try {
    return session.leg.dialog.accept(request)
      ? answerInOrder(now, session, request)
      : plainAnswer(session.context, request, 500)
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error
    session.context.counters.count('session_malformed_messages')
    return plainAnswer(session.context, request, error.status, [], error.message)
  }
}

function answerInOrder(now: Now, session: ConfirmedSession, request: SipRequest): SipResponse {
  const answer = (status: number, headers: readonly Header[] = []): SipResponse =>
    plainAnswer(session.context, request, status, headers)
  if (!TAKEN.has(request.method)) {
    const { status, headers } = methodNotTaken(request.method, ALLOW)
    return answer(status, headers)
  }
  const unknown = values(request, 'require').filter(option => !SUPPORTED.includes(option.toLowerCase()))
  if (unknown.length > 0) return answer(420, [['Unsupported', unknown.join(', ')]])
  switch (request.method) {
    case 'BYE':
      return answer(200)
    case 'INVITE':
    case 'UPDATE':
      return answerModification(now, session, request)
    case 'OPTIONS':
      return answer(200, [
        ['Allow', ALLOW],
        ['Accept', ACCEPT],
        ['Supported', 'timer'],
      ])
    default:
      return answer(481)
  }
}

/** RFC 3261 14.2, RFC 3311 5.2, RFC 4028 9: a re-INVITE or UPDATE changes nothing of ours, and refreshes. */
function answerModification(now: Now, session: ConfirmedSession, request: SipRequest): SipResponse {
  const { context, refresh } = session
  const offer = bodyOfType(request, 'application/sdp')
  const hasOffer = offer !== undefined
  const isInvite = request.method === 'INVITE'
  if (refresh.isOfferPending && (hasOffer || isInvite)) return plainAnswer(context, request, 491)
  const isOther = request.body.length > 0 && !hasOffer && !isBodyOptional(request)
  if (isOther || hasUnreadParts(request)) return plainAnswer(context, request, 415, [['Accept', ACCEPT]])
  const agreement = agreeAsServer(request, refresh.agreement)
  if (agreement === 'too small') return plainAnswer(context, request, 422, [['Min-SE', String(MIN_SE_S)]])
  const sdp = hasOffer ? answerAgain(session.localSdp, session.remoteSdp, offer) : session.localSdp
  if (!sdp) return plainAnswer(context, request, 488)
  const target = contactUri(request)
  if (target !== undefined) session.leg.dialog.retarget(target)
  session.note(request)
  if (hasOffer) session.exchanged(sdp, offer)
  refresh.arm(now, agreement)
  const response = plainAnswer(context, request, 200, [
    ['Contact', session.contact],
    ...timerAnswer(request, agreement),
  ])
  if (!isInvite && !hasOffer) return response
  addLast(response, 'Content-Type', session.contentType)
  response.body = sdp
  return response
}

/** Of a 2xx to INVITE or UPDATE. RFC 4028 9: a peer that is the refresher must know that it is one, so the answer requires the timer. */
export function timerAnswer(request: SipRequest, agreement: Agreement | undefined): Header[] {
  const headers: Header[] = [
    ['Allow', ALLOW],
    ['Supported', 'timer'],
  ]
  if (!agreement) return headers
  headers.push(['Session-Expires', `${agreement.seconds};refresher=${agreement.weRefresh ? 'uas' : 'uac'}`])
  if (!agreement.weRefresh && supportsTimer(request)) headers.push(['Require', 'timer'])
  return headers
}

/** A response without a body, by the server that we are (DM-INV-05). */
export function plainAnswer(
  context: SessionContext,
  request: SipRequest,
  status: number,
  headers: readonly Header[] = [],
  reason?: string,
): SipResponse {
  const response = responseTo(request, status, reason)
  addLast(response, 'Server', context.userAgent)
  for (const [name, text] of headers) addLast(response, name, text)
  return response
}
