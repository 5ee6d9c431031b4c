/** One run for each; `SEED=7` in the environment runs that one alone, as a failing test prints it. */
export function seeds(count: number): (number | string)[] {
  const only = process.env.SEED
  return only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [only]
}
