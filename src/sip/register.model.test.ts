import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { atSecond, exampleFlow, exampleRegister } from '../testing/sip-examples.ts'
import type { Binding } from './binding.ts'
import { currentBindings } from './binding.ts'
import { isRefusal } from './refusal.ts'
import { applyRegister } from './register.ts'
import { type RegisterLimits, readRegister } from './register-ask.ts'

/** RFC 3261 10.3 in its plainest form: contact to what was said of it last. */
type Model = Map<string, { callId: string; cseq: number; endsAt: number; lifeS: number }>

interface Step {
  readonly waitS: number
  readonly callId: string
  readonly cseq: number
  readonly isRemoveAll: boolean
  readonly contacts: readonly { readonly name: string; readonly expiresS: number }[]
}

const limits: RegisterLimits = { minExpiresS: 60, maxExpiresS: 1000, defaultExpiresS: 600, bindingsMax: 3 }

const step: fc.Arbitrary<Step> = fc.record({
  waitS: fc.constantFrom(0, 1, 70, 700),
  callId: fc.constantFrom('x', 'y'),
  cseq: fc.integer({ min: 1, max: 6 }),
  isRemoveAll: fc.integer({ min: 0, max: 7 }).map(n => n === 0),
  contacts: fc.array(
    fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), expiresS: fc.constantFrom(0, 10, 60, 600, 5000) }),
    { maxLength: 3 },
  ),
})

function linesOf({ callId, cseq, isRemoveAll, contacts }: Step): string[] {
  const order = [`Call-ID: ${callId}`, `CSeq: ${cseq} REGISTER`]
  if (isRemoveAll) return [...order, 'Contact: *', 'Expires: 0']
  return [...order, ...contacts.map(({ name, expiresS }) => `Contact: <sip:${name}@h>;expires=${expiresS}`)]
}

/** The model after the step, or undefined where it has to be refused. */
function modelStep(model: Model, nowS: number, step: Step): Model | undefined {
  const live: Model = new Map([...model].filter(([, { endsAt }]) => endsAt > nowS))
  const isBehind = (name: string): boolean => {
    const old = live.get(name)
    return old !== undefined && old.callId === step.callId && step.cseq <= old.cseq
  }
  if (step.isRemoveAll) return [...live.keys()].some(isBehind) ? undefined : new Map()
  if (step.contacts.some(({ expiresS }) => expiresS > 0 && expiresS < 60)) return undefined
  const isOf = (name: string): boolean => live.get(name)?.callId === step.callId && live.get(name)?.cseq === step.cseq
  const isCarriedOut = step.contacts.every(({ name, expiresS }) =>
    expiresS === 0 ? !live.has(name) : isOf(name) && live.get(name)?.lifeS === Math.min(expiresS, 1000),
  )
  if (isCarriedOut && step.contacts.some(({ expiresS }) => expiresS > 0)) return live
  const next: Model = new Map(live)
  for (const { name, expiresS } of step.contacts) {
    if (isBehind(name) && next.get(name) === live.get(name)) return undefined
    if (expiresS === 0) next.delete(name)
    else {
      const lifeS = Math.min(expiresS, 1000)
      next.set(name, { callId: step.callId, cseq: step.cseq, endsAt: nowS + lifeS, lifeS })
    }
  }
  return next.size > limits.bindingsMax && next.size > live.size ? undefined : next
}

const seen = (bindings: readonly Binding[]): object =>
  Object.fromEntries(
    bindings.map(({ contact, callId, cseq, registeredAt, expiresAt }) => [
      contact.slice(4, 5),
      { callId, cseq, endsAt: (expiresAt - atSecond(0).wall) / 1000, lifeS: (expiresAt - registeredAt) / 1000 },
    ]),
  )

t.test('RFC 3261 10.3: any sequence of REGISTERs leaves what the plain model leaves', async t => {
  const refusals = new Map<number, number>()
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      let model: Model = new Map()
      let bindings: readonly Binding[] = []
      let nowS = 0
      for (const one of steps) {
        nowS += one.waitS
        const now = atSecond(nowS)
        const ask = readRegister(exampleRegister(...linesOf(one)), limits)
        const applied = isRefusal(ask) ? ask : applyRegister(bindings, ask, now, exampleFlow, limits)
        const next = modelStep(model, nowS, one)
        if (isRefusal(applied)) refusals.set(applied.status, (refusals.get(applied.status) ?? 0) + 1)
        if (isRefusal(applied) !== (next === undefined)) return false
        if (!isRefusal(applied)) bindings = applied.bindings
        if (next) model = next
        const live = [...model].filter(([, { endsAt }]) => endsAt > nowS)
        if (!isDeepStrictEqual(seen(currentBindings(bindings, now)), Object.fromEntries(live))) return false
      }
      return true
    }),
    { numRuns: 300, seed: 3261 },
  )
  t.same([...refusals.keys()].sort(), [423, 500, 503], 'every kind of refusal was met')
})
