/** Entries in order of their names, as a disk has them. */
export const inOrder = <T>(map: ReadonlyMap<string, T>, after: string | undefined, limit: number): [string, T][] =>
  [...map]
    .filter(([name]) => after === undefined || name > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit)

export const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)
