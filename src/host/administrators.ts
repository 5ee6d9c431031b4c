import { createHash, type ScryptOptions, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Entropy, token } from '../base/entropy.ts'
import type { AccessRefusal, Administrator, Role, Token } from '../services/access.ts'
import { passwordKey } from './memory/password-key.ts'
import { PlainError, troubleOf } from './plain-error.ts'
import { forgetFirstPasswords } from './service/first-password.ts'
import { writeWhole } from './write-whole.ts'

/** RFC 7914 2: 16 MiB and some 50 ms on a small box for each guess. */
const COST = { N: 16384, r: 8, p: 1 }
const KEY_BYTES = 32

/** 80 bits: 16 letters and digits, still to be typed from a sheet of paper. */
const PASSWORD_BITS = 80
/** Nobody types it. */
const TOKEN_BITS = 160
const TOKEN_PREFIX = 'rst_'

/** A site has a few of each; all of them are looked through for each request. */
const ADMINISTRATORS_MAX = 32
const TOKENS_MAX = 32

/** NIST SP 800-63B: long rather than odd. */
const PASSWORD_LENGTH_MIN = 10
const PASSWORD_LENGTH_MAX = 256

/** Names on the page, the API and the console. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/
/** Of words too; in the log, and beside what the token did. */
const TOKEN_NAME = /^[a-z0-9](?:[a-z0-9._ -]{0,62}[a-z0-9._-])?$/

/** The one that a box is never without. */
const FIRST = 'admin'

interface Secret {
  readonly scrypt: ScryptOptions
  readonly salt: string
  readonly hash: string
}

interface KeptAdministrator extends Administrator, Secret {
  /** The password is the one that was printed at the first start. */
  readonly isPrinted?: true
  /** When whoever stood before the box had this password made, as theirs was lost. */
  readonly recoveredAt?: number
}

interface KeptToken extends Token {
  /** SHA-256, hex: it has more entropy than anybody can try. */
  readonly hash: string
}

interface Kept {
  readonly isNew: boolean
  readonly administrators: readonly KeptAdministrator[]
  readonly tokens: readonly KeptToken[]
}

const NONE: Kept = { isNew: true, administrators: [], tokens: [] }

const fileOf = (dataDir: string): string => join(dataDir, 'admin')

export const newPassword = (entropy: Entropy): string => token(entropy, PASSWORD_BITS)

/** Those who look after the box, and the tokens of their scripts, in one file that its owner alone may read. */
export class Administrators {
  readonly #dataDir: string
  readonly #entropy: Entropy
  readonly #wall: () => number
  #kept: Kept

  private constructor(dataDir: string, entropy: Entropy, wall: () => number, kept: Kept) {
    this.#dataDir = dataDir
    this.#entropy = entropy
    this.#wall = wall
    this.#kept = kept
  }

  /** Nobody, where there is no file: then `begin` has to come. Throws plain messages. */
  static open(dataDir: string, entropy: Entropy, wall: () => number): Administrators {
    const file = fileOf(dataDir)
    const administrators = new Administrators(dataDir, entropy, wall, existsSync(file) ? read(file) : NONE)
    if (!administrators.hasPrintedPassword) forgetFirstPasswords(dataDir)
    return administrators
  }

  /** A new box: `password` is the device's own, which opens the wizard. Throws plain messages. */
  async begin(password: string): Promise<void> {
    this.#replace(FIRST, { name: FIRST, role: 'admin', isPrinted: true, ...(await this.#secretOf(password)) })
  }

  /** Whether `admin` still has it. */
  get hasPrintedPassword(): boolean {
    return this.#named(FIRST)?.isPrinted === true
  }

  /** When `admin` got the password that it has by recovery; undefined: it is another one. */
  get recoveredAt(): number | undefined {
    return this.#named(FIRST)?.recoveredAt
  }

  /** A new password for `admin`, whatever became of the old one; no token opens anything any more. Throws plain messages. */
  async recover(password: string): Promise<void> {
    const secret = await this.#secretOf(password)
    const others = this.#kept.administrators.filter(({ name }) => name !== FIRST)
    const administrators: KeptAdministrator[] = [
      ...others,
      { name: FIRST, role: 'admin', ...secret, recoveredAt: this.#wall() },
    ]
    this.#write({ ...this.#kept, administrators, tokens: [] })
    forgetFirstPasswords(this.#dataDir)
  }

  get isEmpty(): boolean {
    return this.#kept.administrators.length === 0
  }

  get isNew(): boolean {
    return this.#kept.isNew
  }

  finishSetup(): void {
    this.#write({ ...this.#kept, isNew: false })
  }

  list(): readonly Administrator[] {
    return this.#kept.administrators.map(({ name, role, changedAt }) => ({ name, role, changedAt }))
  }

  roleOf(name: string): Role | undefined {
    return this.#named(name)?.role
  }

  /** Takes as long for names that do not exist. Computed beside the event loop, which serves on meanwhile. */
  async roleWith(name: string, password: string): Promise<Role | undefined> {
    const found = this.#named(name)
    const { salt, hash, scrypt: cost } = found ?? NOBODY
    const derivedHash = await derived(password, Buffer.from(salt, 'hex'), cost)
    return timingSafeEqual(derivedHash, Buffer.from(hash, 'hex')) ? found?.role : undefined
  }

  async add(name: string, role: Role, password: string): Promise<AccessRefusal | undefined> {
    const refusal = this.#unaddable(name) ?? unfit(name, password)
    if (refusal) return refusal
    const secret = await this.#secretOf(password)
    // Somebody else may have been quicker.
    const late = this.#unaddable(name)
    if (!late) this.#replace(name, { name, role, ...secret })
    return late
  }

  async changePassword(name: string, password: string): Promise<AccessRefusal | undefined> {
    const refusal = this.#named(name) ? unfit(name, password) : 'unknown'
    if (refusal) return refusal
    const secret = await this.#secretOf(password)
    // What became of them meanwhile stands: nobody comes back by this who was removed.
    const found = this.#named(name)
    if (!found) return 'unknown'
    const { isPrinted: _printed, recoveredAt: _recovered, ...kept } = found
    this.#replace(name, { ...kept, ...secret })
    if (name === FIRST) forgetFirstPasswords(this.#dataDir)
    return undefined
  }

  changeRole(name: string, role: Role): AccessRefusal | undefined {
    const found = this.#named(name)
    if (!found) return 'unknown'
    if (name === FIRST && role !== 'admin') return 'last administrator'
    this.#replace(name, { ...found, role })
    return undefined
  }

  remove(name: string): AccessRefusal | undefined {
    if (name === FIRST) return 'last administrator'
    if (!this.#named(name)) return 'unknown'
    this.#replace(name)
    return undefined
  }

  tokens(): readonly Token[] {
    return this.#kept.tokens.map(({ hash: _, ...shown }) => shown)
  }

  addToken(
    name: string,
    role: Role,
    expiresAt?: number,
  ): { readonly id: string; readonly secret: string } | AccessRefusal {
    if (!TOKEN_NAME.test(name)) return 'name unfit'
    if (this.#kept.tokens.length >= TOKENS_MAX) return 'too many'
    const secret = TOKEN_PREFIX + token(this.#entropy, TOKEN_BITS)
    const id = token(this.#entropy, 40)
    const made = {
      id,
      name,
      role,
      createdAt: this.#wall(),
      ...(expiresAt !== undefined && { expiresAt }),
      hash: sha256(secret),
    }
    this.#write({ ...this.#kept, tokens: [...this.#kept.tokens, made] })
    return { id, secret }
  }

  removeToken(id: string): boolean {
    const tokens = this.#kept.tokens.filter(each => each.id !== id)
    const isThere = tokens.length < this.#kept.tokens.length
    if (isThere) this.#write({ ...this.#kept, tokens })
    return isThere
  }

  tokenOf(secret: string): Token | undefined {
    if (!secret.startsWith(TOKEN_PREFIX) || secret.length > 100) return undefined
    const hash = Buffer.from(sha256(secret), 'hex')
    const found = this.#kept.tokens.find(each => timingSafeEqual(Buffer.from(each.hash, 'hex'), hash))
    return found && (found.expiresAt ?? Number.POSITIVE_INFINITY) > this.#wall() ? found : undefined
  }

  #named(name: string): KeptAdministrator | undefined {
    return this.#kept.administrators.find(each => each.name === name)
  }

  #unaddable(name: string): AccessRefusal | undefined {
    if (!NAME.test(name)) return 'name unfit'
    if (this.#named(name)) return 'name taken'
    return this.#kept.administrators.length >= ADMINISTRATORS_MAX ? 'too many' : undefined
  }

  async #secretOf(password: string): Promise<Secret & Pick<Administrator, 'changedAt'>> {
    const salt = this.#entropy.bytes(16)
    const hash = await derived(password, salt, COST)
    return { changedAt: this.#wall(), scrypt: COST, salt: hex(salt), hash: hex(hash) }
  }

  #replace(name: string, by?: KeptAdministrator): void {
    const others = this.#kept.administrators.filter(each => each.name !== name)
    this.#write({ ...this.#kept, administrators: by ? [...others, by] : others })
  }

  /** On stable storage before anybody is told. */
  #write(kept: Kept): void {
    const path = fileOf(this.#dataDir)
    try {
      writeWhole(path, `${JSON.stringify(kept, null, 1)}\n`)
    } catch (error) {
      throw new PlainError(`${path}: the administrators' passwords cannot be written: ${troubleOf(error)}`, {
        cause: error,
      })
    }
    this.#kept = kept
  }
}

/** Whose password nobody has. */
const NOBODY: Secret = { scrypt: COST, salt: '00'.repeat(16), hash: '00'.repeat(KEY_BYTES) }

function read(path: string): Kept {
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8'))
    // Before there was a page the file held the password of `admin` alone.
    if (kept.hash !== undefined)
      return { isNew: false, administrators: [{ name: FIRST, role: 'admin', changedAt: 0, ...kept }], tokens: [] }
    if (!Array.isArray(kept.administrators) || !Array.isArray(kept.tokens))
      throw new SyntaxError('it has no list of them')
    return kept
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : troubleOf(error)
    throw new PlainError(
      `${path}: the administrators cannot be read: ${why}. Put back a backup of it, or remove it: the next start makes a new password of admin.`,
    )
  }
}

function unfit(name: string, password: string): AccessRefusal | undefined {
  if ([...password].length < PASSWORD_LENGTH_MIN) return 'password short'
  if (password.length > PASSWORD_LENGTH_MAX) return 'password long'
  const plain = password.toLowerCase()
  const isCommon =
    new Set(plain).size < 5 || COMMON.some(each => plain.includes(each) && plain.length < each.length + 6)
  return isCommon || plain.includes(name) ? 'password common' : undefined
}

/** What is tried first. */
const COMMON = [
  'password',
  'passwort',
  'restante',
  'administrator',
  '1234567890',
  'qwertyuiop',
  'qwertzuiop',
  'letmein',
  'changeme',
]

const derived = (password: string, salt: Uint8Array, cost: ScryptOptions): Promise<Buffer> =>
  passwordKey(password.normalize('NFC'), salt, KEY_BYTES, cost)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
