import type { Flow } from '../base/flow.ts'
import type { Now, WallTime } from '../base/time.ts'
import { parseUri, sameUri } from '../sip-parser-lite/uri.ts'
import { type Binding, currentBindings } from './binding.ts'
import { isElsewhere } from './contact-place.ts'
import type { Refusal } from './refusal.ts'
import type { AskedContact, RegisterAsk, RegisterLimits } from './register-ask.ts'

export interface BindingChange {
  readonly event: 'registered' | 'refreshed' | 'removed'
  readonly binding: Binding
}

export interface Applied {
  readonly bindings: readonly Binding[]
  /** In the order of the request's contacts; none when it only asked. */
  readonly changes: readonly BindingChange[]
}

/** RFC 3261 10.3 steps 6 and 7: all of what the REGISTER asks for, or nothing and the reason. */
export function applyRegister(
  bindings: readonly Binding[],
  ask: RegisterAsk,
  now: Now,
  flow: Flow,
  limits: RegisterLimits,
): Applied | Refusal {
  const before = currentBindings(bindings, now)
  if (ask.removesAll) {
    if (before.some(binding => isOutOfOrder(binding, ask))) return outOfOrder
    return { bindings: [], changes: before.map(binding => ({ event: 'removed', binding })) }
  }
  const isRepeat = isDone(before, ask)
  if (isRepeat && before.every(binding => !isOf(binding, ask) || binding.flow.id === flow.id))
    return { bindings, changes: [] }
  const after = [...before]
  const changes: BindingChange[] = []
  for (const contact of ask.contacts) {
    const at = after.findIndex(binding => isBindingOf(binding, contact))
    const old = after[at]
    // A contact named twice in one request is no reordering: only what was bound before it counts.
    if (old && !isRepeat && before.includes(old) && isOutOfOrder(old, ask)) return outOfOrder
    if (contact.expiresS === 0) {
      if (!old) continue
      after.splice(at, 1)
      changes.push({ event: 'removed', binding: old })
    } else {
      const binding = bindingOf(contact, ask, now, flow)
      if (old) after[at] = binding
      else after.push(binding)
      changes.push({ event: old ? 'refreshed' : 'registered', binding })
    }
  }
  if (after.length > limits.bindingsMax && after.length > before.length) return tooMany(before, now)
  return { bindings: after, changes }
}

/** Whole seconds left, rounded up, so that what is there never shows as 0. */
export function remainingS(binding: Binding, now: Now, limits: RegisterLimits): number {
  const left = Math.ceil((binding.expiresAt - now.wall) / 1000)
  return Math.min(Math.max(left, 1), limits.maxExpiresS)
}

/** RFC 3261 10.3 step 8: a Contact value of the response. */
export const contactValue = (binding: Binding, now: Now, limits: RegisterLimits): string =>
  `<${binding.contact}>${binding.params};expires=${remainingS(binding, now, limits)}`

/**
 * RFC 5626 6: instance and reg-id are the key where both are used, else the URI is (RFC 3261 19.1.4). A removal without
 * reg-id takes a binding of the same URI that has one: clients leave outbound out when they say goodbye.
 */
function isBindingOf(binding: Binding, contact: AskedContact): boolean {
  if (contact.regId !== undefined)
    return binding.regId === contact.regId && binding.instance?.toLowerCase() === contact.instance?.toLowerCase()
  if (binding.regId !== undefined && contact.expiresS > 0) return false
  return binding.contact === contact.uri || sameUri(parseUri(binding.contact), contact.parsed)
}

const isOutOfOrder = (binding: Binding, ask: RegisterAsk): boolean =>
  binding.callId === ask.callId && ask.cseq <= binding.cseq

/** The request that a binding was made by, or one of the same number. */
const isOf = (binding: Binding, ask: RegisterAsk): boolean => binding.callId === ask.callId && binding.cseq === ask.cseq

/**
 * The very request that made these bindings comes again: nothing is out of order. UDP repeats it after a restart, which forgets the
 * transaction; over a new connection it says where the client is now.
 */
function isDone(before: readonly Binding[], ask: RegisterAsk): boolean {
  if (!before.some(binding => isOf(binding, ask))) return false
  return ask.contacts.every(contact => {
    const binding = before.find(each => isBindingOf(each, contact))
    if (contact.expiresS === 0 || !binding) return contact.expiresS === 0 && !binding
    const lifetimeMs = binding.expiresAt - binding.registeredAt
    const isSame = binding.contact === contact.uri && binding.params === contact.params
    return isOf(binding, ask) && isSame && lifetimeMs === contact.expiresS * 1000
  })
}

const outOfOrder: Refusal = { status: 500, reason: 'CSeq out of order' }

/**
 * RFC 3261 21.5.4: a passing condition, as bindings end by themselves; the client may come back when the first of them
 * has.
 */
function tooMany(before: readonly Binding[], now: Now): Refusal {
  const left = before.map(binding => Math.ceil((binding.expiresAt - now.wall) / 1000))
  const retryAfterS = Math.min(Math.max(Math.min(...left), 60), 3600)
  return { status: 503, reason: 'Too many contacts', headers: [['Retry-After', String(retryAfterS)]] }
}

function bindingOf(contact: AskedContact, ask: RegisterAsk, now: Now, flow: Flow): Binding {
  return {
    contact: contact.uri,
    params: contact.params,
    ...(contact.instance !== undefined && { instance: contact.instance }),
    ...(contact.regId !== undefined && { regId: contact.regId }),
    q: contact.q,
    callId: ask.callId,
    cseq: ask.cseq,
    registeredAt: now.wall,
    expiresAt: (now.wall + contact.expiresS * 1000) as WallTime,
    path: ask.path,
    flow: { id: flow.id, transport: flow.transport, local: flow.local, remote: flow.remote },
    ...(isElsewhere(contact, ask, flow) && { isElsewhere: true }),
    ...(ask.userAgent !== undefined && { userAgent: ask.userAgent }),
    isInstantMessaging: contact.isInstantMessaging,
  }
}
