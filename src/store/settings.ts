import { type ChosenSettings, SETTINGS_BYTES_MAX, SETTINGS_PUBLISHED_MAX } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import type { HistoryChoice } from './history.ts'

/** The settings of one account as they were written (OMA SIMPLE IM, Appendix E). Pure, so that every store and the engine share it. */

/** Written by command, API or as a whole document, and there until it is written again. */
export interface StoredSettings {
  readonly chosen: ChosenSettings
  /** As last written, with every element that nobody here knows. */
  readonly document: Buffer
  readonly modifiedAt: WallTime
  /** The version of the record that this write made: tells which of two writes was the later one, whatever the clock did. */
  readonly revision: number
}

/** RFC 3903: written by a device for a time. */
export interface PublishedSettings extends StoredSettings {
  readonly etag: string
  readonly publisher: string
  readonly contentType: string
  readonly expiresAt: WallTime
}

export interface SettingsRecord {
  /** 0: never written. Each write makes it one more. */
  readonly version: number
  readonly stored?: StoredSettings
  readonly published: readonly PublishedSettings[]
}

export const NO_SETTINGS: SettingsRecord = { version: 0, published: [] }

/**
 * Those that count, from the weakest to the strongest: the last writer wins. What was published before the stored document was last written does not count any more; of what
 * was published later the newest that says anything of a setting decides it, then the stored document. The end of a publication is a
 * write of its own, so no clock is asked.
 */
export function standing({ stored, published }: SettingsRecord): readonly (StoredSettings | PublishedSettings)[] {
  const later = published.filter(({ revision }) => revision > (stored?.revision ?? 0))
  const inOrder = later.sort((a, b) => a.revision - b.revision)
  return stored ? [stored, ...inOrder] : inOrder
}

/** What stands. */
export const chosenSettings = (record: SettingsRecord): ChosenSettings =>
  Object.assign({}, ...standing(record).map(({ chosen }) => chosen))

/** What is decided for each message, and so stands in the account as well; absent: nothing. */
export type Decided = HistoryChoice & { readonly offlineDelivery?: boolean }

/** Every name of it; whoever keeps, reads or compares it goes by this list. */
const DECIDED: Record<keyof Decided, true> = { offlineDelivery: true, sessionHistory: true, pagerHistory: true }
const DECIDED_NAMES = Object.keys(DECIDED) as readonly (keyof Decided)[]

/** What stands of it in settings, or in an account. */
export function decidedIn(from: Decided): Decided {
  const decided: { -readonly [N in keyof Decided]: Decided[N] } = {}
  for (const name of DECIDED_NAMES) if (from[name] !== undefined) decided[name] = from[name]
  return decided
}

export const decidedBy = (settings: SettingsRecord): Decided => decidedIn(chosenSettings(settings))

export const isDecidedAlike = (one: Decided, other: Decided): boolean =>
  DECIDED_NAMES.every(name => one[name] === other[name])

/** What is left of an account's record without it. */
export const withoutDecided = <T extends object>(record: T & Decided): T =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !Object.hasOwn(DECIDED, name))) as T

/** What of it is about histories. */
export function historyChoiceIn(from: Decided): HistoryChoice {
  const { offlineDelivery: _, ...choice } = decidedIn(from)
  return choice
}

/** A number of its own for each write; the time tells two stores apart, where one was begun anew. */
export const documentTag = ({ revision, modifiedAt }: StoredSettings): string =>
  `${revision}-${modifiedAt.toString(36)}`

/** When the first publication ends. */
export function firstExpiry({ published }: SettingsRecord): WallTime | undefined {
  if (published.length === 0) return undefined
  return Math.min(...published.map(({ expiresAt }) => expiresAt)) as WallTime
}

/** So that one account's record stays within its bound whoever writes it. */
export function checkBounds({ stored, published }: Omit<SettingsRecord, 'version'>): void {
  if (published.length > SETTINGS_PUBLISHED_MAX)
    throw new RangeError(`settings published by more than ${SETTINGS_PUBLISHED_MAX} devices`)
  for (const { document } of [...published, ...(stored ? [stored] : [])])
    if (document.length > SETTINGS_BYTES_MAX)
      throw new RangeError(`a document of more than ${SETTINGS_BYTES_MAX} bytes`)
}
