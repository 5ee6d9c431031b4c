import type { Config } from '../base/config.ts'
import type { Entropy } from '../base/entropy.ts'
import { hostPort, isReliable } from '../base/flow.ts'
import type { SettingsChange } from '../base/service-settings.ts'
import type { Now } from '../base/time.ts'
import type {
  Device,
  PasswordSet,
  Provisioning,
  SettingsView,
  UserPage,
  UserRow,
  UserService,
  UserView,
} from '../services/users.ts'
import { type Binding, currentBindings } from '../sip/binding.ts'
import type { Account } from '../store/verbs.ts'
import { accountAor, accountWithPassword, controlIn, isOwnAddress, PASSWORD_CHARACTERS_MAX } from './accounts.ts'
import type { ApiLink } from './admin-api.ts'
import { newPassword } from './administrators.ts'
import { shownText } from './history-view.ts'
import { PlainError } from './plain-error.ts'
import { Provisionings } from './provisionings.ts'
import { changeSettings, defaultSettings, settingsView } from './user-settings.ts'

/** Accounts read at once, and looked at for one page of a search: as many as a box has, in some tens of milliseconds. */
const CHUNK = 500
const LOOKED_MAX = 10_000

interface UsersOptions {
  readonly link: ApiLink
  readonly config: Config
  readonly now: () => Now
  readonly entropy: Entropy
  /** Whether that connection stands. */
  readonly isFlowOpen: (flowId: string) => boolean
}

/** Accounts as administrators see them. */
export class Users implements UserService {
  readonly #options: UsersOptions
  readonly #provisionings: Provisionings

  constructor(options: UsersOptions) {
    this.#options = options
    this.#provisionings = new Provisionings(options)
  }

  aorOf(text: string): string | undefined {
    return accountAor(text, this.#options.config.domain)
  }

  async list({ search = '', after, limit }: Parameters<UserService['list']>[0]): Promise<UserPage> {
    const { link } = this.#options
    const wanted = search.trim().toLowerCase()
    const found: Account[] = []
    let last = after
    let isMore = true
    for (let looked = 0; isMore && looked < LOOKED_MAX && found.length < limit; ) {
      const size = wanted === '' ? limit + 1 : CHUNK
      const chunk = await link.ask('account.list', { ...(last !== undefined && { after: last }), limit: size })
      isMore = chunk.length === size
      for (const [index, account] of chunk.entries()) {
        if (found.length === limit) {
          isMore = true
          break
        }
        if (isNamed(account.aor, wanted)) found.push(account)
        last = chunk[index]!.aor
      }
      looked += chunk.length
    }
    const [{ accounts }, contacts] = await Promise.all([link.ask('status', {}), link.ask('bindings.count', {})])
    const users = await Promise.all(found.map(account => this.#row(account)))
    return { users, ...(isMore && last !== undefined && { next: last }), accounts, contacts }
  }

  async #row({ aor, origin }: Account): Promise<UserRow> {
    const [{ bindings }, waiting] = await Promise.all([
      this.#options.link.ask('bindings.get', { aor }),
      this.#options.link.ask('summary', { aor }),
    ])
    const contacts = currentBindings(bindings, this.#options.now()).length
    return { aor, origin, contacts, waiting: waiting.newCount + waiting.oldCount, waitingBytes: waiting.bytes }
  }

  async view(aor: string): Promise<UserView | undefined> {
    const { link, config, now } = this.#options
    const account = await link.ask('account.get', { aor })
    const settings = await link.ask('settings.get', { aor })
    if (!account || !settings) return undefined
    const [{ bindings }, waiting, history] = await Promise.all([
      link.ask('bindings.get', { aor }),
      link.ask('summary', { aor }),
      link.ask('history.summary', { aor }),
    ])
    return {
      aor,
      origin: account.origin,
      hasPassword: account.ha1Md5 !== undefined || account.ha1Sha256 !== undefined,
      algorithms: account.algorithms ?? config.auth.algorithms,
      devices: currentBindings(bindings, now()).map(binding => this.#device(binding)),
      waiting: {
        messages: waiting.newCount + waiting.oldCount,
        urgent: waiting.urgentNew + waiting.urgentOld,
        bytes: waiting.bytes,
      },
      history: { items: history?.items ?? 0, bytes: history?.bytes ?? 0 },
      settings: settingsView(aor, settings, defaultSettings(config)),
    }
  }

  #device(binding: Binding): Device {
    const { contact, params, instance, flow, userAgent, q, path, registeredAt, expiresAt } = binding
    const tellsNothing = binding.isElsewhere === true || !isReliable(flow.transport)
    return {
      contact: shownText(contact),
      transport: flow.transport,
      from: hostPort(flow.remote),
      flow: tellsNothing ? 'unknown' : this.#options.isFlowOpen(flow.id) ? 'open' : 'closed',
      features: featuresIn(shownText(params)),
      isInstantMessaging: binding.isInstantMessaging,
      ...(instance !== undefined && { instance: shownText(instance) }),
      q,
      path: path.map(shownText),
      ...(userAgent !== undefined && { userAgent: shownText(userAgent) }),
      registeredAt,
      expiresAt,
    }
  }

  async add(text: string, password?: string): Promise<PasswordSet> {
    const aor = this.aorOf(text.trim())
    if (aor === undefined) return { refused: 'no address' }
    if (isOwnAddress(aor, this.#options.config)) return { refused: 'own address' }
    return this.#put(aor, 'new', password, undefined)
  }

  async changePassword(aor: string, password?: string): Promise<PasswordSet> {
    const account = await this.#options.link.ask('account.get', { aor })
    if (!account) return { refused: 'unknown' }
    if (account.origin === 'file') return { refused: 'provisioned' }
    return this.#put(aor, 'existing', password, account)
  }

  async #put(
    aor: string,
    mustBe: 'new' | 'existing',
    given: string | undefined,
    known: Account | undefined,
  ): Promise<PasswordSet> {
    const { link, config, entropy } = this.#options
    if (given === '') return { refused: 'password empty' }
    if (given !== undefined && given.length > PASSWORD_CHARACTERS_MAX) return { refused: 'password long' }
    if (given !== undefined && controlIn(given) >= 0) return { refused: 'password unfit' }
    const password = given ?? newPassword(entropy)
    const account = accountWithPassword(aor, password, config.domain, 'store')
    const algorithms = known?.algorithms ? { algorithms: known.algorithms } : {}
    const reply = await link.ask('account.put', { account: { ...account, ...algorithms }, mustBe })
    if (reply === 'exists') return { refused: 'exists' }
    if (reply === 'absent') return { refused: 'unknown' }
    return given === undefined ? { aor, password } : { aor }
  }

  async remove(aor: string): Promise<'removed' | 'unknown' | 'provisioned'> {
    const reply = await this.#options.link.ask('account.remove', { aor, at: this.#options.now().wall })
    return reply === 'absent' ? 'unknown' : reply
  }

  async changeSettings(
    aor: string,
    change: SettingsChange,
    version?: number,
  ): Promise<SettingsView | 'unknown' | 'conflict' | { readonly why: string }> {
    const { link, config, now } = this.#options
    try {
      const changed = await changeSettings(link, aor, change, now().wall, version)
      return typeof changed === 'string' ? changed : settingsView(aor, changed, defaultSettings(config))
    } catch (error) {
      if (error instanceof PlainError) return { why: error.message }
      throw error
    }
  }

  async provision(aor: string): Promise<Provisioning | undefined> {
    const account = await this.#options.link.ask('account.get', { aor })
    return account && this.#provisionings.begin(account)
  }

  async provisioning(token: string, host: string): Promise<string | undefined> {
    const aor = this.#provisionings.aorOf(token)
    const account = aor === undefined ? undefined : await this.#options.link.ask('account.get', { aor })
    return account && this.#provisionings.document(account, host)
  }
}

/** Escapes of the user part count as what they stand for too. */
function isNamed(aor: string, wanted: string): boolean {
  if (wanted === '' || aor.toLowerCase().includes(wanted)) return true
  if (!aor.includes('%')) return false
  try {
    return decodeURIComponent(aor).toLowerCase().includes(wanted)
  } catch {
    return false
  }
}

/** RFC 3840: what stands behind the contact, less what is shown beside it. */
const featuresIn = (params: string): string[] =>
  (params.match(/(?:"(?:[^"\\]|\\.)*"|[^;"])+/g) ?? [])
    .map(param => param.trim())
    .filter(param => param !== '' && !/^(?:q|expires|\+sip\.instance|reg-id)\s*(?:=|$)/i.test(param))
