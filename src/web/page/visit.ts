import type { Role } from '../../services/access.ts'
import type { Language } from './strings/languages.ts'
import type { Strings } from './strings/strings.ts'

/** One request of a person: who it is, in which language, and what a form of theirs has to carry. */
export interface Visit {
  readonly language: Language
  readonly strings: Strings
  /** Undefined before anybody signed in. */
  readonly who?: { readonly name: string; readonly role: Role }
  /** Token that every form sends back; empty where there is no session. */
  readonly csrf: string
  /** Of the site: shown at the top. */
  readonly domain: string
  /** Path of the page that is shown, for the navigation and for coming back to it. */
  readonly path: string
  /** Told once, at the top: what the last form did. */
  readonly told?: { readonly kind: 'done' | 'failed'; readonly text: string }
  /** What stands over every page, e.g. that a change has to be confirmed. Made by the part that knows. */
  readonly banners: readonly Banner[]
}

export interface Banner {
  readonly kind: 'warning' | 'alarm' | 'note'
  readonly text: string
  /** Where to do something about it. */
  readonly link?: { readonly href: string; readonly text: string }
  /** Seconds left, counted down where there is script. */
  readonly untilS?: number
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 }

export const isAllowed = (role: Role | undefined, needed: Role): boolean =>
  role !== undefined && RANK[role] >= RANK[needed]
