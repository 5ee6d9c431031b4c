import type { Now } from '../../base/time.ts'
import type { HistoryParticipant } from '../../store/history.ts'

/** One who is in the conference, as its document says. */
interface Present {
  readonly uri: string
  readonly displayName?: string
}

/** Comings and goings kept of one recording: of whoever comes later nothing is listed, and the recording goes on. */
const STAYS_MAX = 1000
/** Longer than any URI or name a person could read. */
const URI_LENGTH_MAX = 256
const NAME_BYTES_MAX = 128

type Stay = { -readonly [Key in keyof HistoryParticipant]: HistoryParticipant[Key] }

/** Who came and went while it was recorded, as the focus told of it (RFC 4575). Who comes back is listed again. */
export class RecordingParticipants {
  readonly #stays: Stay[] = []
  readonly #here = new Map<string, Stay>()

  /** Everybody who is there now. */
  are(now: Now, present: Iterable<Present>): void {
    const gone = new Set(this.#here.keys())
    for (const { uri, displayName } of present) {
      if (uri === '' || uri.length > URI_LENGTH_MAX) continue
      gone.delete(uri)
      this.#isHere(now, uri, displayName && octetsOf(displayName))
    }
    for (const uri of gone) {
      this.#here.get(uri)!.leftAt = now.wall
      this.#here.delete(uri)
    }
  }

  list(): readonly HistoryParticipant[] {
    return this.#stays
  }

  #isHere(now: Now, uri: string, displayName: string | undefined): void {
    const stay = this.#here.get(uri)
    if (stay) {
      if (displayName) stay.displayName = displayName
      return
    }
    if (this.#stays.length === STAYS_MAX) return
    const begun: Stay = { uri, joinedAt: now.wall, ...(displayName && { displayName }) }
    this.#stays.push(begun)
    this.#here.set(uri, begun)
  }
}

/** The store's text: octets of UTF-8, whole characters. */
function octetsOf(name: string): string {
  let kept = ''
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > NAME_BYTES_MAX) break
    kept += character
  }
  return Buffer.from(kept).toString('latin1')
}
