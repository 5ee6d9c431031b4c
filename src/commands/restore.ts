import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Config } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { printable } from '../base/quoted.ts'
import { contentsHere, contentsOf } from '../host/box-contents.ts'
import { readConfig } from '../host/config-file.ts'
import { makeDataDir } from '../host/lock.ts'
import { boxOrLock } from '../host/owner.ts'
import { PlainError, troubleOf } from '../host/plain-error.ts'
import { type Checked, type Choice, checkBackup } from '../host/restore-check.ts'
import { dropRestore, swapIn, undoSwap } from '../host/restore-swap.ts'
import { WatchedStore } from '../host/watched-store.ts'
import { choosePassphrase } from './passphrase.ts'
import { stoppable } from './stoppable.ts'
import { columns, timeText } from './text.ts'
import type { World } from './world.ts'

export interface RestoreOptions {
  readonly config?: string
  readonly passphraseStdin?: boolean
  readonly yes?: boolean
  readonly configuration?: Choice
}

/** A backup takes the place of what is there; the service is stopped. */
export async function restoreBackup(world: World, path: string, options: RestoreOptions): Promise<void> {
  const found = readConfig(options.config)
  const size = sizeOf(path)
  const dataDir = resolve(found.config.data_dir)
  makeDataDir(dataDir)
  const owner = await boxOrLock(dataDir)
  if ('box' in owner) {
    owner.box.close()
    throw new PlainError('The box is running. Stop it first, or restore on its page, under Backup and restore.')
  }
  try {
    // A restore that broke off may have left another configuration.
    const here = undoSwap(dataDir) ? readConfig(options.config) : found
    const passphrase = await choosePassphrase(world, options.passphraseStdin ?? false, 'once')
    const checked = await looked(world, { ...here, dataDir, path, size, passphrase })
    const chosen = checked.choices[options.configuration ?? 'backup']
    world.err(summary(checked, options.configuration ?? 'backup'))
    const trouble = [...chosen.view.errors, ...chosen.view.missing.map(place => `this machine does not have ${place}`)]
    if (trouble.length > 0 && options.configuration !== 'here')
      throw new PlainError(
        `The box could not serve with that configuration:\n${trouble.join('\n')}\nChoose another with --configuration listeners or --configuration here. Nothing was changed.`,
      )
    if (!options.yes) await confirmed(world, checked.view.contents.hostname)
    const { text } = chosen
    const configuration = text === undefined ? undefined : { file: here.file, before: here.text, text }
    const kept = swapIn({ dataDir, at: Date.now(), configuration })
    world.out(
      `Restored. What was there before is kept in ${resolve(dataDir, kept)}; remove it when it is not needed.\nIf the box cannot be started with the restored configuration, e.g. as another program holds a port, change the file, or restore again with --configuration listeners.\n`,
    )
  } finally {
    dropRestore(dataDir)
    owner.lock.release()
  }
}

interface Asked {
  readonly config: Config
  readonly text: string
  readonly file: string
  readonly dataDir: string
  readonly path: string
  readonly size: number
  readonly passphrase: string
}

async function looked(world: World, { config, dataDir, path, size, passphrase, ...asked }: Asked): Promise<Checked> {
  const contents = await contentsHere(async () => {
    const store = new WatchedStore(await world.openStore(dataDir, config, silentLog), silentLog)
    return contentsOf(store, dataDir, config).finally(() => store.close())
  }, config)
  let step = 0
  const progress = (done: number): void => {
    const now = Math.floor((done / size) * 10)
    if (now > step) world.err(`${now * 10} % checked\n`)
    step = Math.max(step, now)
  }
  const { openStore } = world
  const here = { dataDir, config, configText: asked.text, configFile: asked.file, contents, openStore }
  const { reserve_bytes: reserveBytes } = config.deferral
  return stoppable(signal => checkBackup(here, '', { file: path, passphrase, reserveBytes, signal, progress }))
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch (error) {
    throw new PlainError(`${printable(path)} cannot be read: ${troubleOf(error)}`)
  }
}

function summary({ view, choices }: Checked, choice: Choice): string {
  const { contents, here, createdAt, version } = view
  const { hostname, domain } = choices[choice].view
  const oldest = (at: number | undefined): string => (at === undefined ? '-' : timeText(at))
  const table = columns([
    ['', 'in the backup', 'here now, put aside'],
    ['made', timeText(createdAt), ''],
    ['by version', printable(version), ''],
    ['box', printable(contents.hostname), here.hostname],
    ['domain', printable(contents.domain), here.domain],
    ['accounts', `${contents.accounts}`, `${here.accounts}`],
    ['messages waiting', `${contents.waiting}`, `${here.waiting}`],
    ['oldest of them', oldest(contents.oldestAt), oldest(here.oldestAt)],
    ['damaged', `${contents.damaged}`, `${here.damaged}`],
  ])
  const trouble =
    here.trouble === undefined ? '' : `\nWhat is here now cannot be told, and is put aside as it is: ${here.trouble}\n`
  return `${table}\n${trouble}The box is then ${hostname}, and serves ${domain}. Messages that were handed over after the backup was made\nwait again, and are handed over a second time.\n`
}

async function confirmed(world: World, hostname: string): Promise<void> {
  if (!world.stdin.isTTY)
    throw new PlainError('Nobody can be asked here. Give --yes if it is meant. Nothing was changed.')
  const lines = createInterface({ input: world.stdin })
  world.err(`Restore it? Type ${hostname}: `)
  try {
    for await (const line of lines) {
      if (line.trim().toLowerCase() === hostname.toLowerCase()) return
      break
    }
  } finally {
    lines.close()
  }
  throw new PlainError('Nothing was changed.')
}
