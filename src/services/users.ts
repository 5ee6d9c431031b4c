import type { Transport } from '../base/flow.ts'
import type { SettingsChange } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import type { DigestAlgorithm } from '../store/verbs.ts'

export interface UserRow {
  readonly aor: string
  /** `file`: stands in the configuration file, and is changed there. */
  readonly origin: 'file' | 'store'
  /** Contacts that are registered now. */
  readonly contacts: number
  /** Messages that wait, and their octets. */
  readonly waiting: number
  readonly waitingBytes: number
}

export interface UserPage {
  readonly users: readonly UserRow[]
  /** What to ask for the next page with. A page may be short and yet have one: so many accounts were looked at. */
  readonly next?: string
  /** Of all. */
  readonly accounts: number
  readonly contacts: number
}

/** One contact that is registered. Text of strangers, latin1 of what mostly is UTF-8 made readable. */
export interface Device {
  readonly contact: string
  readonly transport: Transport
  /** Where the REGISTER came from: address and port. */
  readonly from: string
  /** `unknown`: a datagram tells nothing of whether somebody is still there. */
  readonly flow: 'open' | 'closed' | 'unknown'
  /** Parameters of the contact that say what it can do. */
  readonly features: readonly string[]
  readonly isInstantMessaging: boolean
  readonly instance?: string
  /** Thousandths. */
  readonly q: number
  readonly path: readonly string[]
  readonly userAgent?: string
  readonly registeredAt: WallTime
  readonly expiresAt: WallTime
}

type Named = Readonly<Record<string, boolean | null>>

/** What a person or a program is shown. `null`: nobody decided. */
export interface SettingsView {
  readonly aor: string
  readonly version: number
  /** What counts now; where nobody decided, what the box does. */
  readonly effective: Named
  /** By command, API or as a document. */
  readonly stored: Named
  /** By devices of the user over SIP, the latest first. */
  readonly published: readonly PublishedView[]
}

export interface PublishedView {
  readonly publisher: string
  /** RFC 3339. */
  readonly modified: string
  readonly expires: string
  /** It came after what is stored. */
  readonly counts: boolean
  readonly settings: Named
}

export interface UserView {
  readonly aor: string
  readonly origin: 'file' | 'store'
  /** Whether there is a password here. */
  readonly hasPassword: boolean
  readonly algorithms: readonly DigestAlgorithm[]
  readonly devices: readonly Device[]
  readonly waiting: { readonly messages: number; readonly urgent: number; readonly bytes: number }
  readonly history: { readonly items: number; readonly bytes: number }
  readonly settings: SettingsView
}

/** Why it is not done, in a word that the page has a sentence for. */
export type UserRefusal =
  | 'exists'
  | 'unknown'
  | 'provisioned'
  | 'no address'
  | 'own address'
  | 'password empty'
  | 'password long'
  | 'password unfit'

/** `password`: made here, and shown this once. */
export type PasswordSet = { readonly aor: string; readonly password?: string } | { readonly refused: UserRefusal }

/** What a phone is set up with. */
export interface Provisioning {
  readonly aor: string
  /** What the address begins with that the phone fetches this from; the token follows. */
  readonly token: string
  readonly minutes: number
}

/** Accounts of the box, what is registered for them, and what they decided. What the store refuses is thrown as a Problem of 503. */
export interface UserService {
  /** `alice`, `alice@example.org` or `sip:alice@example.org` as the store has it; undefined: nothing that an account here could be called. */
  aorOf(text: string): string | undefined
  /** In order of name. `search`: somewhere in the address, in any case of letters. */
  list(asked: { readonly search?: string; readonly after?: string; readonly limit: number }): Promise<UserPage>
  view(aor: string): Promise<UserView | undefined>
  /** Without a password one is made. */
  add(text: string, password?: string): Promise<PasswordSet>
  changePassword(aor: string, password?: string): Promise<PasswordSet>
  /** With registrations, what waits and histories; senders who asked for it are told. */
  remove(aor: string): Promise<'removed' | 'unknown' | 'provisioned'>
  /** `version`: only if the settings still have that one. `why`: there is no room for the change. */
  changeSettings(
    aor: string,
    change: SettingsChange,
    version?: number,
  ): Promise<SettingsView | 'unknown' | 'conflict' | { readonly why: string }>
  /** For some minutes a phone can fetch what it needs to sign in as that user. Undefined: there is no such account, or it has no password. */
  provision(aor: string): Promise<Provisioning | undefined>
  /** The document for the phone, as Linphone reads it. `host`: under which it reached the box. Undefined: the time is over. */
  provisioning(token: string, host: string): Promise<string | undefined>
}
