export type Role = 'admin' | 'operator' | 'viewer'

/** Who asks, and by what it was shown. */
export interface Who {
  readonly name: string
  readonly role: Role
  readonly by: 'session' | 'password' | 'token'
  /** Of a session: what its forms have to send back, and its public name. */
  readonly csrf?: string
  readonly session?: string
}

export type SignIn =
  /** `cookie`: the secret that names the session from now on. */
  | { readonly kind: 'in'; readonly cookie: string; readonly who: Who }
  | { readonly kind: 'wrong' }
  /** Too many wrong ones: what comes before that is not looked at. */
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'busy' }

export interface OpenSession {
  readonly id: string
  readonly name: string
  readonly since: number
  readonly seen: number
  readonly from: string
  readonly agent: string
}

export interface Administrator {
  readonly name: string
  readonly role: Role
  readonly changedAt: number
}

export interface Token {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly createdAt: number
  /** Absent: until it is removed. */
  readonly expiresAt?: number
}

/** Why it is not done, in a word that the page has a sentence for. */
export type AccessRefusal =
  | 'name taken'
  | 'name unfit'
  | 'password short'
  | 'password long'
  | 'password common'
  | 'last administrator'
  | 'too many'
  | 'unknown'
  | 'wrong password'
  /** Nobody takes away from themselves what they would need to put it right, nor goes around their old password. */
  | 'own account'
  /** Of the wizard: there is no way to end it with the password that was printed. */
  | 'printed password'

export interface SignInAsk {
  readonly name: string
  readonly password: string
  /** Address that it came from. */
  readonly from: string
  /** User-Agent, as received. */
  readonly agent: string
}

/** Administrators of the box, what they sign in with, and who is signed in. */
export interface AccessService {
  /** Nobody has set the box up yet: the page is the wizard and nothing else. */
  readonly isNew: boolean
  /** `admin` signs in with what the box printed at its first start. */
  readonly hasPrintedPassword: boolean
  /** One that nobody can guess, for somebody who is to choose another. */
  madePassword(): string
  signIn(ask: SignInAsk): Promise<SignIn>
  /** Undefined: no such session, or it ended. `isAlive`: a person did this, rather than a page that renews itself. */
  session(cookie: string, isAlive: boolean): Who | undefined
  signOut(cookie: string): void
  /** For the API (RFC 7617). */
  withPassword(ask: SignInAsk): Promise<SignIn>
  /** For the API (RFC 6750). */
  withToken(secret: string): Who | undefined
  /** Of those that have not ended. */
  sessions(): readonly OpenSession[]
  /** False: there is none of that name. */
  endSession(id: string): boolean
  administrators(): readonly Administrator[]
  addAdministrator(name: string, role: Role, password: string): Promise<AccessRefusal | undefined>
  changeRole(name: string, role: Role): AccessRefusal | undefined
  removeAdministrator(name: string): AccessRefusal | undefined
  /** All sessions of that name end, but for the one that is `kept`. */
  changePassword(name: string, password: string, kept?: string): Promise<AccessRefusal | undefined>
  tokens(): readonly Token[]
  /** The secret is shown this once. */
  addToken(
    name: string,
    role: Role,
    expiresAt?: number,
  ): { readonly id: string; readonly secret: string } | AccessRefusal
  removeToken(id: string): boolean
  /** The wizard is done, for good. */
  finishSetup(): void
}
