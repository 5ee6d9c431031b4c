/** Which bytes are there: `from, to` (not included) in turn, in order, never touching. Not to be changed. */
export type Extents = readonly number[]

export const NO_EXTENTS: Extents = []

export function withExtent(extents: Extents, from: number, to: number): Extents {
  if (from >= to) return extents
  const before: number[] = []
  const after: number[] = []
  for (let i = 0; i < extents.length; i += 2) {
    const [start, end] = [extents[i]!, extents[i + 1]!]
    if (end < from) before.push(start, end)
    else if (start > to) after.push(start, end)
    else {
      from = Math.min(from, start)
      to = Math.max(to, end)
    }
  }
  return [...before, from, to, ...after]
}

/** Whether any byte of [from, to) is there. */
export function touches(extents: Extents, from: number, to: number): boolean {
  for (let i = 0; i < extents.length; i += 2) if (extents[i]! < to && extents[i + 1]! > from) return true
  return false
}

export function bytesIn(extents: Extents): number {
  let bytes = 0
  for (let i = 0; i < extents.length; i += 2) bytes += extents[i + 1]! - extents[i]!
  return bytes
}

/** The end of the last of them. */
export const endOf = (extents: Extents): number => extents.at(-1) ?? 0

/** Whether every byte of [0, size) is there. */
export const covers = (extents: Extents, size: number): boolean =>
  size === 0 || (extents[0] === 0 && extents[1]! >= size)
