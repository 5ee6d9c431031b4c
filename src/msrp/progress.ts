import { Coverage } from './coverage.ts'
import type { ByteRange } from './frame.ts'

/**
 * What there is of one incoming message, and whether its chunks agree on how long it is. The chunk with `$` sets the
 * length (RFC 4975 5.1); a declared total is a bound that all chunks have to share.
 */
export class Progress {
  readonly #coverage: Coverage
  #declared: number | undefined
  #end: number | undefined
  #furthest = 0

  /** @param piecesMax separate pieces at one time; chunks in order make one */
  constructor(piecesMax: number) {
    this.#coverage = new Coverage(piecesMax)
  }

  /** A chunk with that range comes. 400: it contradicts an earlier one. */
  begin(range: ByteRange | undefined): 200 | 400 {
    const total = range?.total
    if (total === undefined || total === this.#declared) return 200
    if (this.#declared !== undefined || this.#furthest > total) return 400
    this.#declared = total
    return 200
  }

  /** Octets [from, to) came. 400: the message was said to end before them. 413: one separate piece too many. */
  add(from: number, to: number): 200 | 400 | 413 {
    if (!this.fits(to)) return 400
    if (!this.#coverage.add(from, to)) return 413
    if (to > this.#furthest) this.#furthest = to
    return 200
  }

  fits(to: number): boolean {
    return to <= (this.#end ?? this.#declared ?? Number.MAX_SAFE_INTEGER)
  }

  /** The chunk with `$` ended at `size`. 400: there are octets behind it, or another end. */
  end(size: number): 200 | 400 {
    if (this.#furthest > size || (this.#end ?? size) !== size) return 400
    this.#end = size
    return 200
  }

  /** Its length once every octet is there. */
  get size(): number | undefined {
    return this.#end !== undefined && this.#coverage.covers(this.#end) ? this.#end : undefined
  }
}
