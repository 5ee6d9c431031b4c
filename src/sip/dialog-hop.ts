import type { Flow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { canDial } from './contact-place.ts'
import type { Dialog } from './dialog.ts'
import type { SessionContext, Target } from './session-types.ts'

/**
 * RFC 3261 12.2.1.1 and 8.1.2: where the next request of a dialog goes whose INVITE went to, or came from, `target`. A flow is used
 * where the first hop is at its other end: a client behind a NAT is reached by nothing else. The route set says otherwise when a proxy
 * on the way stays in it. Nothing that cannot be located goes anywhere else than before.
 */
export function dialogTarget(
  now: Now,
  { locate, isAlive }: Pick<SessionContext, 'locate' | 'isAlive'>,
  dialog: Dialog,
  target: Target,
  done: (now: Now, target: Target) => void,
): void {
  if (!locate) return done(now, target)
  if (!('id' in target)) return locate(now, dialog.nextHop, (then, found) => done(then, found ?? target))
  const isUp = isAlive?.(target) ?? true
  if (dialog.routeSet.length > 0)
    return locate(now, dialog.nextHop, (then, found) =>
      done(then, !found || (isUp && isAtItsEnd(target, found)) ? target : found),
    )
  if (isUp || !canDial(parseUri(dialog.remoteTarget), target)) return done(now, target)
  // RFC 3261 18.1.1: a connection that was lost is opened again.
  locate(now, dialog.remoteTarget, (then, found) => done(then, found ?? target))
}

/** Of a stream the peer's address is enough: it dialled from a port of the moment, and its route names the one it listens on. */
function isAtItsEnd(flow: Flow, hop: Target): boolean {
  if ('id' in hop) return hop.id === flow.id
  if (hop.address !== flow.remote.address) return false
  return flow.transport !== 'udp' || (hop.transport === 'udp' && hop.port === flow.remote.port)
}
