import type { Config } from '../base/config.ts'
import { accountWithPassword } from '../host/accounts.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { PlainError } from '../host/plain-error.ts'
import type { Account, DigestAlgorithm, Verbs } from '../store/verbs.ts'
import { aorOf } from './aor.ts'
import { readConfig } from './config-file.ts'
import { type Chosen, choosePassword } from './password.ts'
import { allPages, PAGE_ROWS, type StoreLink, withStore } from './store-link.ts'
import { columns } from './text.ts'
import type { World } from './world.ts'

interface Options {
  readonly config?: string
}

export interface PasswordOptions extends Options {
  readonly passwordStdin?: boolean
  readonly algorithms?: readonly DigestAlgorithm[]
}

const provisioned = (aor: string, file: string): PlainError =>
  new PlainError(`${aor} stands in ${file} under [[user]]. Change it there and start the box anew.`)

export async function addUser(world: World, text: string, options: PasswordOptions): Promise<void> {
  const { config } = readConfig(options.config)
  const aor = serviceChecked(aorOf(text, config), config)
  await withStore(world, config, async link => {
    const known = await link.ask('account.get', { aor })
    if (known) throw new PlainError(`${aor} exists already. Set a new password with: restante user password ${aor}`)
    const chosen = await choosePassword(world, new SystemEntropy(), options.passwordStdin ?? false)
    const reply = await putAccount(link, aor, chosen, config, { mustBe: 'new', algorithms: options.algorithms })
    if (reply === 'exists') throw new PlainError(`${aor} was made by somebody else just now. Nothing was changed.`)
    tell(world, `Added ${aor}.`, chosen)
  })
}

export async function changePassword(world: World, text: string, options: PasswordOptions): Promise<void> {
  const { file, config } = readConfig(options.config)
  const aor = aorOf(text, config)
  await withStore(world, config, async link => {
    const known = await link.ask('account.get', { aor })
    if (!known) throw new PlainError(`There is no account ${aor}. \`restante user list\` shows what there is.`)
    if (known.origin === 'file') throw provisioned(aor, file)
    const chosen = await choosePassword(world, new SystemEntropy(), options.passwordStdin ?? false)
    const algorithms = options.algorithms ?? known.algorithms
    const reply = await putAccount(link, aor, chosen, config, { mustBe: 'existing', algorithms })
    if (reply === 'absent') throw new PlainError(`${aor} was removed by somebody else just now.`)
    tell(world, `The password of ${aor} is changed.`, chosen)
  })
}

export async function removeUser(world: World, text: string, options: Options): Promise<void> {
  const { file, config } = readConfig(options.config)
  const aor = aorOf(text, config)
  await withStore(world, config, async link => {
    const at = Date.now() as Verbs['account.remove']['request']['at']
    const reply = await link.ask('account.remove', { aor, at })
    if (reply === 'provisioned') throw provisioned(aor, file)
    if (reply === 'absent')
      throw new PlainError(`There is no account ${aor}. \`restante user list\` shows what there is.`)
    world.out(`Removed ${aor}, with its registrations and waiting messages.\n`)
  })
}

export async function listUsers(world: World, options: Options & { json?: boolean }): Promise<void> {
  const { config } = readConfig(options.config)
  const accounts = await withStore(world, config, link =>
    allPages<Account>(last => link.ask('account.list', { ...(last ? { after: last.aor } : {}), limit: PAGE_ROWS })),
  )
  const rows = accounts.map(account => ({
    aor: account.aor,
    origin: account.origin,
    algorithms: account.algorithms ?? config.auth.algorithms,
  }))
  if (options.json) world.out(`${JSON.stringify(rows, null, 2)}\n`)
  else if (rows.length === 0) world.out('No accounts. Make one with: restante user add AOR\n')
  else world.out(columns(rows.map(row => [row.aor, row.origin, row.algorithms.join(', ')])))
}

/** The service's own addresses answer to nobody's password. */
function serviceChecked(aor: string, { history }: Config): string {
  const own = [history.uri, history.deferred_uri].some(uri => uri.toLowerCase() === aor.toLowerCase())
  if (own) throw new PlainError(`${aor} is the service's own address (history.uri, history.deferred_uri).`)
  return aor
}

function putAccount(
  link: StoreLink,
  aor: string,
  { password }: Chosen,
  config: Config,
  how: { mustBe: 'new' | 'existing'; algorithms: readonly DigestAlgorithm[] | undefined },
): Promise<Verbs['account.put']['reply']> {
  const account = accountWithPassword(aor, password, config.domain, 'store')
  const algorithms = how.algorithms ? { algorithms: how.algorithms } : {}
  return link.ask('account.put', { account: { ...account, ...algorithms }, mustBe: how.mustBe })
}

function tell(world: World, text: string, chosen: Chosen): void {
  world.out(`${text}\n`)
  if (chosen.isGenerated) world.out(`Password (shown this once): ${chosen.password}\n`)
}
