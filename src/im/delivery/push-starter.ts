import type { Entropy } from '../../base/entropy.ts'
import type { Now } from '../../base/time.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { ForwardLayer } from '../../sip/forward.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { Sessions } from '../../sip/session.ts'
import { SELF_TEST_AOR } from '../../store/story.ts'
import type { OwnAddresses } from '../own-addresses.ts'
import { type Reach, type Routing, reachBinding, reachByRoute } from '../reach.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { MessagePush } from './message-push.ts'
import { MsrpPush } from './msrp-push.ts'
import type { ContactPush, PushEnd } from './push.ts'
import type { Rung } from './rungs.ts'

/** RFC 4028 4.2: the recommended interval. */
const SESSION_EXPIRES_S = 1800

interface PushStarterParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly layer: ForwardLayer
  readonly routing: Routing
  readonly resolver: Resolver
  readonly entropy: Entropy
  readonly own: OwnAddresses
  readonly localFingerprint?: () => string
  readonly storeUri: string
  readonly coreRoute: string | undefined
}

/** From a rung of the ladder to a push under way: first the way to the contact, then the push itself. */
export class PushStarter {
  readonly #parts: PushStarterParts

  constructor(parts: PushStarterParts) {
    this.#parts = parts
  }

  start(now: Now, rung: Rung, reader: MailboxReader, done: (now: Now, end: PushEnd) => void): ContactPush {
    let push: ContactPush | undefined
    let isStopped = false
    const begin = (then: Now, reach: Reach | undefined): void => {
      if (isStopped) return done(then, { kind: 'kept', delivered: 0, why: 'stopped' })
      if (!reach) return done(then, { kind: 'kept', delivered: 0, why: 'no way to the contact' })
      push = this.#begin(then, rung, reader, reach, (later, end) => {
        const [to, ...others] = reach.others ?? []
        const isNextTried = to !== undefined && end.kind === 'kept' && end.isDead === true && end.delivered === 0
        if (isNextTried) begin(later, { ...reach, to, others })
        else done(later, end)
      })
    }
    const { routing, coreRoute } = this.#parts
    // The receiver of the self-test is in this box.
    if (coreRoute === undefined || reader.aor === SELF_TEST_AOR) reachBinding(now, routing, rung.binding, begin)
    else reachByRoute(now, routing, reader.aor, [coreRoute], begin)
    return {
      stop: (then, why) => {
        isStopped = true
        push?.stop(then, why)
      },
      giveWay: (then, why) => {
        isStopped ||= push === undefined
        push?.giveWay(then, why)
      },
    }
  }

  /** The push ends in a later input than the one that begins it, but for `unfit` when there is nothing to begin with. */
  #begin(
    now: Now,
    rung: Rung,
    reader: MailboxReader,
    reach: Reach,
    done: (now: Now, end: PushEnd) => void,
  ): ContactPush {
    const { own, layer } = this.#parts
    if (rung.form === 'message') {
      const messages = new MessagePush(layer, reader, reach, done)
      messages.start(now)
      return messages
    }
    const transport = own.msrpTransport(reach.to)
    const endpoint = own.msrpEndpoint(reach.to, transport)
    if (!endpoint) {
      done(now, { kind: 'unfit', delivered: 0, why: 'no MSRP listener' })
      return { stop: () => {}, giveWay: () => {} }
    }
    const contactUri = own.contactUri(reach.to)
    const parts = { ...this.#parts, endpoint, transport, contactUri, sessionExpiresS: SESSION_EXPIRES_S }
    const msrp = new MsrpPush(parts, reader, done)
    msrp.start(now, reach)
    return msrp
  }
}
