/** What keeps the clock right: `unknown` where the system does not say. */
export type ClockSource =
  | 'synchronised'
  /** Something is there to set it and has not done so yet. */
  | 'waiting'
  | 'off'
  | 'unknown'

export interface TimeView {
  /** Milliseconds since 1970. */
  readonly wall: number
  /** The latest time that this box has seen: below it nothing expires. */
  readonly floor: number
  readonly isTrusted: boolean
  readonly source: ClockSource
  /** Who was asked, e.g. `timedatectl`; absent where nobody was there to ask. */
  readonly asked?: string
  /** Whether this process may set the clock. */
  readonly canSet: boolean
}

/** Why the clock was not set. */
export type TimeRefusal =
  | { readonly kind: 'not permitted' }
  /** Not a time that a box can be in: before this was built, or past what certificates can say. */
  | { readonly kind: 'out of range' }
  /** More than a day ahead of a clock that is believed: what waits would expire. To be said on purpose. */
  | { readonly kind: 'far ahead' }
  /** The system's own words. */
  | { readonly kind: 'failed'; readonly why: string }

/** The clock of the box. */
export interface TimeService {
  view(): Promise<TimeView>
  /** Milliseconds since 1970. Undefined: it is set. Kept by the hardware's clock too, where there is one that takes it. */
  set(wall: number, by: { readonly who: string; readonly isAheadMeant: boolean }): Promise<TimeRefusal | undefined>
}
