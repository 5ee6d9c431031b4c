/** No name of ours is as long; bounds the work that a hostile one makes. */
const LENGTH_MAX = 64

/** The name that was probably meant: one that differs by a letter in three at most, or goes on where the written one ends. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  const text = written.toLowerCase().slice(0, LENGTH_MAX)
  const best = names.map(name => ({ name, distance: distance(text, name) })).sort((a, b) => a.distance - b.distance)[0]
  return best && best.distance <= Math.max(1, Math.floor(text.length / 3)) ? best.name : undefined
}

/** Letters put in, left out, changed or swapped with the next; a name that goes on costs one, however far. */
function distance(text: string, name: string): number {
  let before: number[] = []
  let row = Array.from({ length: name.length + 1 }, (_, index) => index)
  for (let i = 1; i <= text.length; i++) {
    const next = [i]
    for (let j = 1; j <= name.length; j++) {
      const replaced = row[j - 1]! + (text[i - 1] === name[j - 1] ? 0 : 1)
      const isSwapped = i > 1 && j > 1 && text[i - 1] === name[j - 2] && text[i - 2] === name[j - 1]
      const swapped = isSwapped ? before[j - 2]! + 1 : replaced
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1))
    }
    before = row
    row = next
  }
  return Math.min(row[name.length]!, 1 + Math.min(...row.slice(1)))
}
