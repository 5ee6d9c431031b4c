/** Monotonic milliseconds since an arbitrary start. Orders events and drives timers; never reaches the wire or the store. */
export type Instant = number & { readonly unit: 'monotonic ms' }

/** Milliseconds since 1970-01-01 UTC. Reaches the wire (Date) and the store (received, expires); never drives a timer. */
export type WallTime = number & { readonly unit: 'epoch ms' }

/** One reading of both clocks, taken by the host for each input and passed down as an argument. */
export interface Now {
  readonly at: Instant
  readonly wall: WallTime
  /** False while the wall clock stands before the store's floor (no RTC, no NTP yet): nothing may expire then. */
  readonly isWallTrusted: boolean
}

/**
 * The end of what came while the clock was not trusted is this and its time to live, until the store is asked to `redate` it. No clock
 * comes near it, and six bytes of a key hold it.
 */
export const UNDATED = Date.UTC(9000, 0, 1) as WallTime

/** When something ends, or undefined while that counts from a moment still to come. */
export const knownEnd = <T extends number>(end: T): T | undefined => (end < UNDATED ? end : undefined)

export const after = (now: Now, delayMs: number): Instant => (now.at + delayMs) as Instant

let writtenSecond = Number.NaN
let writtenDate = ''

/** RFC 3261 20.17: SIP-date, always GMT. Thousands of messages a second share one. */
export function sipDate(wall: WallTime): string {
  const second = Math.floor(wall / 1000)
  if (second !== writtenSecond) {
    writtenSecond = second
    writtenDate = new Date(wall).toUTCString()
  }
  return writtenDate
}
