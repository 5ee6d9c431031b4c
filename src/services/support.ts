/** What is in a bundle, beside its list; nothing else is. */
export const SUPPORT_FILES = [
  'configuration.json',
  'status.json',
  'numbers.json',
  'counters.json',
  'machine.json',
] as const

export type SupportFile = (typeof SUPPORT_FILES)[number]

export interface SupportBundle {
  readonly fileName: string
  /** A tar, compressed by gzip. */
  readonly bytes: Buffer
}

/** What is sent to somebody who helps. */
export interface SupportService {
  /** `isWithAddresses`: addresses of users as they are, not replaced by names that say nothing. */
  bundle(isWithAddresses: boolean): Promise<SupportBundle>
}
