import type { Now } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import type { ForwardTarget } from '../sip/forward.ts'
import { type Reach, type Routing, reachBinding } from './reach.ts'

/** Where a request to a user goes: every contact that can be reached. */
export function targetsOf(
  now: Now,
  routing: Routing,
  bindings: readonly Binding[],
  done: (now: Now, targets: ForwardTarget[]) => void,
): void {
  const targets = new Map<string, Reach>()
  let open = bindings.length
  if (open === 0) return done(now, [])
  // RFC 5626 7: of the flows of one instance the newest that is alive.
  const newestLast = [...bindings].sort((a, b) => a.registeredAt - b.registeredAt)
  for (const binding of newestLast) {
    const { instance, regId, contact } = binding
    reachBinding(now, routing, binding, (then, reach) => {
      if (reach) targets.set(regId === undefined ? `contact ${contact}` : `instance ${instance}`, reach)
      if (--open === 0) done(then, [...targets.values()])
    })
  }
}
