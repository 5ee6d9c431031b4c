import type { Binding } from '../../sip/binding.ts'
import type { PushEnd } from './push.ts'

export type DeliveryProfile = 'auto' | 'msrp' | 'message'

/** One way to try: a contact, and the form in which it gets its messages. */
export interface Rung {
  readonly binding: Binding
  readonly form: 'msrp' | 'message'
}

/**
 * What to try, in order: contacts that just registered first, then the latest; over MSRP to those with `+g.oma.sip-im`, then as
 * SIP MESSAGE to the same ones (they may refuse MSRP: docs/protocol.md), then as SIP MESSAGE to plain clients.
 */
export function planOf(
  profile: DeliveryProfile,
  bindings: readonly Binding[],
  preferred: string | undefined,
): readonly Rung[] {
  const contacts = [...bindings].sort((a, b) => {
    const byPreference = Number(b.contact === preferred) - Number(a.contact === preferred)
    return byPreference || b.registeredAt - a.registeredAt || b.q - a.q
  })
  const as = (form: Rung['form'], some: readonly Binding[]): Rung[] => some.map(binding => ({ binding, form }))
  const capable = contacts.filter(binding => binding.isInstantMessaging)
  const plain = contacts.filter(binding => !binding.isInstantMessaging)
  if (profile === 'msrp') return as('msrp', capable)
  if (profile === 'message') return as('message', contacts)
  return [...as('msrp', capable), ...as('message', capable), ...as('message', plain)]
}

/**
 * What is left to try after a rung that did not take everything. A contact that is busy or gone is not asked again in another
 * form; once something was delivered the rest waits for the same contact, so that a conversation is not split between devices.
 */
export function rungsAfter(rungs: readonly Rung[], tried: Rung, end: PushEnd): readonly Rung[] {
  const rest = rungs.slice(1)
  if (end.kind === 'unfit') return rest
  return end.delivered > 0 ? [] : rest.filter(rung => rung.binding !== tried.binding)
}
