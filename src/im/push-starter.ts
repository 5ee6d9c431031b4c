import type { Entropy } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import type { MsrpEndpoint } from '../msrp/endpoint.ts'
import type { Resolver } from '../sip/next-hop.ts'
import type { Sessions } from '../sip/session.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { MessagePush, type Requester } from './message-push.ts'
import { MsrpPush } from './msrp-push.ts'
import type { OwnAddresses } from './own-addresses.ts'
import type { Push, PushEnd } from './push.ts'
import { type Reach, type Routing, reachBinding, reachByRoute } from './reach.ts'
import type { Rung } from './rungs.ts'

/** RFC 4028 4.2: the recommended interval. */
const SESSION_EXPIRES_S = 1800

export interface PushStarterParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly layer: Requester
  readonly routing: Routing
  readonly resolver: Resolver
  readonly entropy: Entropy
  readonly own: OwnAddresses
  readonly storeUri: string
  readonly coreRoute: string | undefined
}

/** From a rung of the ladder to a push under way: first the way to the contact, then the push itself. */
export class PushStarter {
  readonly #parts: PushStarterParts

  constructor(parts: PushStarterParts) {
    this.#parts = parts
  }

  start(now: Now, rung: Rung, reader: MailboxReader, done: (now: Now, end: PushEnd) => void): Push {
    let push: Push | undefined
    let isStopped = false
    const refuse = (then: Now, kind: 'kept' | 'unfit', why: string): void => done(then, { kind, delivered: 0, why })
    const reached = (then: Now, reach: Reach | undefined): void => {
      if (isStopped) return refuse(then, 'kept', 'stopped')
      if (!reach) return refuse(then, 'kept', 'no way to the contact')
      if (rung.form === 'message') {
        const messages = new MessagePush(this.#parts.layer, reader, reach, done)
        push = messages
        return messages.start(then)
      }
      const { own } = this.#parts
      const endpoint = own.msrpEndpoint(reach.to)
      if (!endpoint) return refuse(then, 'unfit', 'no MSRP listener')
      const msrp = new MsrpPush(
        { ...this.#parts, endpoint, contactUri: own.contactUri(reach.to), sessionExpiresS: SESSION_EXPIRES_S },
        reader,
        done,
      )
      push = msrp
      msrp.start(then, reach)
    }
    const { routing, coreRoute } = this.#parts
    if (coreRoute === undefined) reachBinding(now, routing, rung.binding, reached)
    else reachByRoute(now, routing, reader.aor, [coreRoute], reached)
    return {
      stop: (then, why) => {
        isStopped = true
        push?.stop(then, why)
      },
    }
  }
}
