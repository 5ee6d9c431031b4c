import { createHash } from 'node:crypto'
import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import { sourceOf } from '../base/source.ts'
import type { Now } from '../base/time.ts'
import type {
  AccessRefusal,
  AccessService,
  Administrator,
  OpenSession,
  Role,
  SignIn,
  SignInAsk,
  Token,
  Who,
} from '../services/access.ts'
import { Guesses } from '../sip/digest-guesses.ts'
import { type Administrators, newPassword } from './administrators.ts'
import { CheckLine } from './check-line.ts'

/** Nobody did anything for so long: whoever left the browser open is signed out. */
const IDLE_MS = 30 * 60_000
/** A working day. */
const SESSION_MS = 12 * 3_600_000
/** Of all, and of one administrator: the one not seen for longest ends. */
const SESSIONS_MAX = 100
const SESSIONS_OF_ONE_MAX = 10
const COOKIE_BITS = 160
const AGENT_LENGTH_MAX = 120

interface Session {
  readonly id: string
  readonly name: string
  readonly csrf: string
  readonly since: number
  readonly from: string
  readonly agent: string
  /** On the clock that never jumps. */
  readonly until: number
  seenAt: number
  seen: number
}

interface AccessParts {
  readonly entropy: Entropy
  readonly log: Log
  readonly now: () => Now
}

/** Who may look after the box. Outlives a restart with another configuration, so that whoever made it can confirm it. */
export class Access implements AccessService {
  readonly #parts: AccessParts
  readonly #guesses = new Guesses()
  readonly #line = new CheckLine()
  /** By the hash of the cookie: what is in memory opens nothing. */
  readonly #sessions = new Map<string, Session>()
  #administrators: Administrators | undefined
  #counters: Counters | undefined

  constructor(parts: AccessParts) {
    this.#parts = parts
  }

  /** Of the box that serves from now on. Before that nobody comes in. */
  use(administrators: Administrators, counters: Counters): void {
    this.#administrators = administrators
    this.#counters = counters
  }

  get isNew(): boolean {
    return this.#administrators?.isNew ?? true
  }

  get hasPrintedPassword(): boolean {
    return this.#administrators?.hasPrintedPassword ?? true
  }

  madePassword(): string {
    return newPassword(this.#parts.entropy)
  }

  async signIn(ask: SignInAsk): Promise<SignIn> {
    const checked = await this.withPassword(ask)
    if (checked.kind !== 'in') return checked
    const cookie = token(this.#parts.entropy, COOKIE_BITS)
    const session = this.#open(ask, cookie)
    this.#parts.log.info('administrator signed in', { name: ask.name, from: ask.from })
    return { kind: 'in', cookie, who: whoOf(session, checked.who.role) }
  }

  async withPassword({ name, password, from }: SignInAsk): Promise<SignIn> {
    const { log, now } = this.#parts
    const administrators = this.#administrators
    if (!administrators) return { kind: 'busy' }
    const source = sourceOf(from)
    const waitMs = this.#guesses.waitMs(now(), source, name)
    if (waitMs > 0) return { kind: 'wait', seconds: Math.ceil(waitMs / 1000) }
    if (!(await this.#line.enter(source))) return { kind: 'busy' }
    try {
      const role = await administrators.roleWith(name, password)
      if (role) {
        this.#guesses.right(source, name)
        return { kind: 'in', cookie: '', who: { name, role, by: 'password' } }
      }
    } finally {
      this.#line.leave(source)
    }
    this.#counters?.count('admin_refused', 'wrong password')
    if (this.#guesses.wrong(now(), source, name) > 0) log.warn('passwords are being guessed', { from })
    return { kind: 'wrong' }
  }

  withToken(secret: string): Who | undefined {
    const found = this.#administrators?.tokenOf(secret)
    if (!found) this.#counters?.count('admin_refused', 'wrong token')
    return found && { name: found.name, role: found.role, by: 'token' }
  }

  session(cookie: string, isAlive: boolean): Who | undefined {
    const key = keyOf(cookie)
    const session = this.#sessions.get(key)
    if (!session) return undefined
    const { at, wall } = this.#parts.now()
    const role = this.#roleOf(session, at)
    if (!role) {
      this.#sessions.delete(key)
      return undefined
    }
    if (isAlive) {
      session.seenAt = at
      session.seen = wall
    }
    return whoOf(session, role)
  }

  signOut(cookie: string): void {
    this.#sessions.delete(keyOf(cookie))
  }

  sessions(): readonly OpenSession[] {
    const { at } = this.#parts.now()
    this.#end(session => !this.#roleOf(session, at))
    return [...this.#sessions.values()].map(({ id, name, since, seen, from, agent }) => ({
      id,
      name,
      since,
      seen,
      from,
      agent,
    }))
  }

  endSession(id: string): boolean {
    return this.#end(session => session.id === id) > 0
  }

  /** When `admin` got the password that it has because theirs was lost. */
  get recoveredAt(): number | undefined {
    return this.#administrators?.recoveredAt
  }

  /** The new password of `admin`, for whoever stands before the box. Everybody else is out, with every token. Throws plain messages. */
  async recover(): Promise<string> {
    const password = this.madePassword()
    await this.#known.recover(password)
    this.endSessions()
    return password
  }

  /** Everybody has to sign in again. */
  endSessions(): void {
    this.#end(() => true)
  }

  administrators(): readonly Administrator[] {
    return this.#known.list()
  }

  addAdministrator(name: string, role: Role, password: string): Promise<AccessRefusal | undefined> {
    return this.#known.add(name, role, password)
  }

  changeRole(name: string, role: Role): AccessRefusal | undefined {
    return this.#known.changeRole(name, role)
  }

  removeAdministrator(name: string): AccessRefusal | undefined {
    const refusal = this.#known.remove(name)
    if (!refusal) this.#end(session => session.name === name)
    return refusal
  }

  async changePassword(name: string, password: string, kept?: string): Promise<AccessRefusal | undefined> {
    const refusal = await this.#known.changePassword(name, password)
    if (!refusal) this.#end(session => session.name === name && session.id !== kept)
    return refusal
  }

  tokens(): readonly Token[] {
    return this.#known.tokens()
  }

  addToken(
    name: string,
    role: Role,
    expiresAt?: number,
  ): { readonly id: string; readonly secret: string } | AccessRefusal {
    return this.#known.addToken(name, role, expiresAt)
  }

  removeToken(id: string): boolean {
    return this.#known.removeToken(id)
  }

  finishSetup(): void {
    this.#known.finishSetup()
  }

  /** Those who are signed in came from somewhere. */
  get #known(): Administrators {
    return this.#administrators!
  }

  /** Undefined: it ended. */
  #roleOf({ name, until, seenAt }: Session, at: number): Role | undefined {
    return at >= until || at - seenAt >= IDLE_MS ? undefined : this.#administrators?.roleOf(name)
  }

  #open({ name, from, agent }: SignInAsk, cookie: string): Session {
    this.#makeRoom(name)
    const { at, wall } = this.#parts.now()
    const { entropy } = this.#parts
    const session: Session = {
      id: token(entropy, 40),
      name,
      csrf: token(entropy, COOKIE_BITS),
      since: wall,
      from,
      agent: agent.slice(0, AGENT_LENGTH_MAX),
      until: at + SESSION_MS,
      seenAt: at,
      seen: wall,
    }
    this.#sessions.set(keyOf(cookie), session)
    return session
  }

  #makeRoom(name: string): void {
    const own = [...this.#sessions].filter(([, session]) => session.name === name)
    const crowd =
      own.length >= SESSIONS_OF_ONE_MAX ? own : this.#sessions.size >= SESSIONS_MAX ? [...this.#sessions] : []
    const [oldest] = crowd.sort(([, a], [, b]) => a.seenAt - b.seenAt)
    if (oldest) this.#sessions.delete(oldest[0])
  }

  #end(isMeant: (session: Session) => boolean): number {
    const meant = [...this.#sessions].filter(([, session]) => isMeant(session))
    for (const [key] of meant) this.#sessions.delete(key)
    return meant.length
  }
}

const whoOf = ({ name, csrf, id }: Session, role: Role): Who => ({ name, role, by: 'session', csrf, session: id })

const keyOf = (cookie: string): string => createHash('sha256').update(cookie).digest('base64')
