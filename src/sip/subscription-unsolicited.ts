import { token } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import { Dialog } from './dialog.ts'
import { withoutHeaders } from './request-uri.ts'
import { ownHeaders } from './session-headers.ts'
import { isFinal } from './session-leg.ts'
import type { SessionContext, Target } from './session-types.ts'
import type { NotifyBody } from './subscription-types.ts'

/** A NOTIFY that nobody subscribed to, and how it gets to one contact. */
interface UnsolicitedNotify {
  readonly event: string
  /** Contact of the receiver as registered. */
  readonly uri: string
  /** Route values, first hop first. */
  readonly routes: readonly string[]
  readonly to: Target
  /** Whom it is for and who sends it: To and From values without tags. */
  readonly recipient: string
  readonly sender: string
  /** Our Contact URI towards that target. */
  readonly contact: string
  readonly body: NotifyBody
}

/**
 * Outside RFC 6665, for phones that show what they are told without ever having subscribed. It claims no subscription: that is over as
 * it begins. `done` comes once, with the final status; 408 when there was none, 503 when it could not be sent. Throws SipSyntaxError
 * where a Route value is none.
 */
export function notifyUnsolicited(
  now: Now,
  context: SessionContext,
  notify: UnsolicitedNotify,
  done: (now: Now, status: number) => void,
): void {
  const { body, routes, to } = notify
  const localTag = token(context.entropy, 80)
  const dialog = new Dialog({
    callId: token(context.entropy, 120),
    local: `${notify.sender};tag=${localTag}`,
    remote: notify.recipient,
    localTag,
    remoteTag: '',
    routeSet: routes,
    remoteTarget: withoutHeaders(notify.uri),
    localSeq: 0,
    isCaller: true,
  })
  const request = dialog.request(
    'NOTIFY',
    [
      ['Event', notify.event],
      ['Subscription-State', 'terminated;reason=noresource'],
      ['Contact', `<${notify.contact}>`],
      ...ownHeaders(context),
      ...(body.headers ?? []),
      ['Content-Type', body.contentType],
    ],
    body.body,
  )
  const ended = (status: number) => (then: Now) => {
    context.counters.count('notifies_unsolicited', `${Math.floor(status / 100)}xx`)
    done(then, status)
  }
  context.layer.request(now, request, to, {
    onResponse: (then, response) => {
      if (isFinal(response)) ended(response.status)(then)
    },
    onTimeout: ended(408),
    onTransportError: ended(503),
  })
}
