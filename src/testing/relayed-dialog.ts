import type { SessionContext, Target } from '../sip/session-types.ts'
import { DESK, type Message, RelayWire, target } from './relay-wire.ts'

export const BOB = 'sip:bob@192.0.2.21:5060'
export const ALICES = 'sip:alice@10.0.0.7:5070'

interface Confirmed {
  readonly relay: RelayWire
  /** Alice asks within the dialog. */
  readonly alice: (method: string, message?: Message) => void
  /** The desk does. */
  readonly desk: (method: string, message?: Message) => void
}

/** A call that the phone at the desk took, with the Route values of either side. */
export function confirmed(
  relay = new RelayWire({ targets: [target(DESK)] }),
  message?: Message,
  answer?: Message,
): Confirmed {
  const { toDesk, toAlice } = relay.confirm(message, answer)
  const routed = (routes: readonly string[], { headers = [] }: Message): string[] => [
    ...routes.map(route => `Route: ${route}`),
    ...headers,
  ]
  return {
    relay,
    alice: (method, asked = {}) =>
      relay.send(method, { toTag: 'desk', uri: BOB, ...asked, headers: routed(toDesk, asked) }),
    desk: (method, asked = {}) =>
      relay.send(method, {
        toTag: 'a1',
        fromTag: 'desk',
        uri: ALICES,
        flow: DESK,
        ...asked,
        headers: routed(toAlice, asked),
      }),
  }
}

/** Notes what is asked for, and always finds this. */
export const finder =
  (asked: string[], found?: Target): NonNullable<SessionContext['locate']> =>
  (now, uri, done) => {
    asked.push(uri)
    done(now, found)
  }
