import { printable } from '../base/quoted.ts'
import { Problem } from '../web/problem.ts'

/** What a program gives in a query or a body. */

export type Texts<Name extends string> = { readonly [name in Name]?: string }

/** Named texts of a query or a body: no other names, each once, nothing empty. */
export function textsOf<Name extends string>(given: unknown, names: readonly Name[]): Texts<Name> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new Problem(422, `The body is a JSON object. Allowed in it: ${names.join(', ')}.`)
  for (const [name, value] of Object.entries(given)) {
    if (!names.some(known => known === name))
      throw new Problem(422, `${printable(name.slice(0, 100))}: no such name. Allowed: ${names.join(', ')}.`)
    if (typeof value !== 'string' || value === '') throw new Problem(422, `${name}: a text that is not empty, once.`)
  }
  return given as Texts<Name>
}

export function wholeIn(name: string, text: string | undefined, otherwise: number, min: number, max: number): number {
  const number = text === undefined ? otherwise : /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (number >= min && number <= max) return number
  throw new Problem(422, `${name}: a whole number from ${min} to ${max}.`)
}
