import type { Config } from '../base/config.ts'
import { accountWithPassword, isOwnAddress } from '../host/accounts.ts'
import { readConfig } from '../host/config-file.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { PlainError } from '../host/plain-error.ts'
import type { Account, DigestAlgorithm, Verbs, Waiting } from '../store/verbs.ts'
import { aorOf } from './aor.ts'
import { type Chosen, choosePassword } from './password.ts'
import { allPages, PAGE_ROWS, type StoreLink, withStore } from './store-link.ts'
import { COMMAND, columns, counted, noAccount } from './text.ts'
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
  const likes = await withStore(world, config, async link => {
    if (await link.ask('account.get', { aor }))
      throw new PlainError(`${aor} exists already. Set a new password with: ${COMMAND} user password ${aor}`)
    return (await accountsOf(link)).map(account => account.aor).filter(known => isSameButForCase(known, aor))
  })
  // The store is not held while a person thinks.
  const chosen = await choosePassword(world, new SystemEntropy(), options.passwordStdin ?? false)
  const how = { mustBe: 'new', algorithms: options.algorithms } as const
  const reply = await withStore(world, config, link => putAccount(link, aor, chosen, config, how))
  if (reply === 'exists') throw new PlainError(`${aor} was made by somebody else just now. Nothing was changed.`)
  for (const like of likes)
    world.err(`Note: ${like} exists too. Letter case tells SIP users apart: these are two accounts.\n`)
  tell(world, `Added ${aor}.`, chosen)
}

const isSameButForCase = (a: string, b: string): boolean => a !== b && a.toLowerCase() === b.toLowerCase()

export async function changePassword(world: World, text: string, options: PasswordOptions): Promise<void> {
  const { file, config } = readConfig(options.config)
  const aor = aorOf(text, config)
  const known = await withStore(world, config, link => link.ask('account.get', { aor }))
  if (!known) throw noAccount(aor)
  if (known.origin === 'file') throw provisioned(aor, file)
  const chosen = await choosePassword(world, new SystemEntropy(), options.passwordStdin ?? false)
  const how = { mustBe: 'existing', algorithms: options.algorithms ?? known.algorithms } as const
  const reply = await withStore(world, config, link => putAccount(link, aor, chosen, config, how))
  if (reply === 'absent') throw new PlainError(`${aor} was removed by somebody else just now.`)
  tell(world, `The password of ${aor} is changed.`, chosen)
}

export async function removeUser(world: World, text: string, options: Options): Promise<void> {
  const { file, config } = readConfig(options.config)
  const aor = aorOf(text, config)
  await withStore(world, config, async link => {
    const waiting = await allPages<Waiting>(last =>
      link.ask('mailbox', { aor, afterSeq: last?.seq ?? -1, limit: PAGE_ROWS }),
    )
    const at = Date.now() as Verbs['account.remove']['request']['at']
    const reply = await link.ask('account.remove', { aor, at })
    if (reply === 'provisioned') throw provisioned(aor, file)
    if (reply === 'absent') throw noAccount(aor)
    world.out(
      `Removed ${aor}, with its registrations, its history and ${counted(waiting.length, 'waiting message')}.\n`,
    )
  })
}

const accountsOf = (link: StoreLink): Promise<Account[]> =>
  allPages<Account>(last => link.ask('account.list', { ...(last ? { after: last.aor } : {}), limit: PAGE_ROWS }))

export async function listUsers(world: World, options: Options & { json?: boolean }): Promise<void> {
  const { config } = readConfig(options.config)
  const accounts = await withStore(world, config, accountsOf)
  const rows = accounts.map(account => ({
    aor: account.aor,
    origin: account.origin,
    algorithms: account.algorithms ?? config.auth.algorithms,
  }))
  if (options.json) world.out(`${JSON.stringify(rows, null, 2)}\n`)
  else if (rows.length === 0) world.out(`No accounts. Make one with: ${COMMAND} user add AOR\n`)
  else world.out(columns(rows.map(row => [row.aor, row.origin, row.algorithms.join(', ')])))
}

function serviceChecked(aor: string, config: Config): string {
  if (isOwnAddress(aor, config))
    throw new PlainError(`${aor} is the service's own address (history.uri, history.deferred_uri).`)
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
