interface Piece {
  from: number
  to: number
}

/** Which octets of a message are there: half-open intervals, disjoint, in order, bounded in number. */
export class Coverage {
  readonly #piecesMax: number
  #pieces: Piece[] = []

  constructor(piecesMax: number) {
    this.#piecesMax = piecesMax
  }

  /** False when this would be one piece too many; then nothing changed. */
  add(from: number, to: number): boolean {
    if (from >= to) return true
    const last = this.#pieces.at(-1)
    if (last && last.from <= from && from <= last.to) {
      if (to > last.to) last.to = to
      return true
    }
    const apart = this.#pieces.filter(piece => piece.to < from || piece.from > to)
    if (apart.length >= this.#piecesMax) return false
    for (const piece of this.#pieces) {
      if (piece.to < from || piece.from > to) continue
      from = Math.min(from, piece.from)
      to = Math.max(to, piece.to)
    }
    apart.push({ from, to })
    this.#pieces = apart.sort((a, b) => a.from - b.from)
    return true
  }

  /** Whether every octet of [0, total) is there. */
  covers(total: number): boolean {
    const first = this.#pieces[0]
    return total === 0 || (first !== undefined && first.from === 0 && first.to >= total)
  }
}
