import { existsSync } from 'node:fs'
import { hostname as systemName } from 'node:os'
import { basename, join } from 'node:path'
import { parse } from 'smol-toml'
import { type Config, httpListeners, listeners, loadConfig } from '../base/config.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { BoxContents, CheckedBackup, ChoiceView, ConfigurationChoice } from '../services/backup.ts'
import type { ConfigValue } from '../services/configuration.ts'
import { machineAddresses } from './addresses.ts'
import type { About } from './backup-format.ts'
import { dropUnpacked, type ReadParts, readBackup } from './backup-read.ts'
import { contentsOf } from './box-contents.ts'
import { editConfig } from './config-edit.ts'
import { whyUnreadable } from './config-file.ts'
import { configWarnings } from './config-warnings.ts'
import { messageOf, PlainError } from './plain-error.ts'
import { unpackedIn } from './restore-swap.ts'
import { type Store, WatchedStore } from './watched-store.ts'

/** For the command line, which knows nothing of the page. */
export type Choice = ConfigurationChoice

/** The box that a backup is about to be restored on. */
export interface Here {
  readonly dataDir: string
  readonly config: Config
  readonly configText: string
  readonly configFile: string
  readonly contents: BoxContents
  readonly openStore: (dataDir: string, config: Config, log: Log) => Promise<Store>
}

/** What stands in the file after the restore; without text: what stands there now. */
export interface ChosenConfiguration {
  readonly text?: string
  readonly config?: Config
  readonly view: ChoiceView
}

export interface Checked {
  readonly view: CheckedBackup
  readonly choices: Readonly<Record<ConfigurationChoice, ChosenConfiguration>>
}

/** Unpacks a backup beside what is there, and looks at all of it. Throws PlainError, and then nothing is left of it. */
export async function checkBackup(
  here: Here,
  id: string,
  parts: Pick<ReadParts, 'file' | 'passphrase' | 'reserveBytes' | 'signal' | 'progress'>,
): Promise<Checked> {
  const into = unpackedIn(here.dataDir)
  await dropUnpacked(into)
  try {
    const { about, configText } = await readBackup({ ...parts, into })
    const contents = await openedOnce(here, about, into)
    parts.signal.throwIfAborted()
    const choices = choicesOf(here, about, configText)
    const { backup, listeners: own, here: kept } = choices
    return {
      choices,
      view: {
        id,
        createdAt: Date.parse(about.created),
        version: about.version,
        contents,
        here: here.contents,
        choices: { backup: backup.view, listeners: own.view, here: kept.view },
      },
    }
  } catch (error) {
    await dropUnpacked(into)
    throw error
  }
}

/** As the box will open it: its schema is none of a newer version, and what it counts is what its records say. */
async function openedOnce(here: Here, about: About, into: string): Promise<BoxContents> {
  let store: WatchedStore
  try {
    store = new WatchedStore(await here.openStore(into, here.config, silentLog), silentLog)
  } catch (error) {
    throw new PlainError(`The store in the backup cannot be used. ${messageOf(error).replace(`${into}: `, '')}`)
  }
  try {
    return await contentsOf(store, into, about)
  } finally {
    await store.close()
  }
}

function choicesOf(here: Here, about: About, text: string): Checked['choices'] {
  const own = new Map<string, ConfigValue>([['data_dir', here.config.data_dir]])
  const tables = parsed(text)
  if (tables.hostname === undefined) own.set('hostname', about.hostname)
  for (const [key, path] of movedCertificates(here, tables)) own.set(key, path)
  const ownListeners = new Map(own)
  for (const [key, value] of Object.entries(here.config.listen)) ownListeners.set(`listen.${key}`, value)
  return {
    backup: chosen(here, text, own),
    listeners: chosen(here, text, ownListeners),
    here: { view: viewOf(here, here.config) },
  }
}

type Tables = Readonly<Record<string, unknown>>

function parsed(text: string): Tables {
  try {
    return parse(text)
  } catch {
    throw new PlainError('The backup is damaged: its configuration cannot be read.')
  }
}

/** Files of data_dir lie where data_dir is here. */
function movedCertificates({ dataDir }: Here, { tls }: Tables): [key: string, path: string][] {
  return ['certificate', 'key'].flatMap(name => {
    const path = (tls as Tables | undefined)?.[name]
    if (typeof path !== 'string' || path === '') return []
    const file = basename(path)
    return existsSync(join(unpackedIn(dataDir), 'tls', file)) ? [[`tls.${name}`, join(dataDir, 'tls', file)]] : []
  })
}

function chosen(here: Here, backup: string, changes: ReadonlyMap<string, ConfigValue>): ChosenConfiguration {
  const { text } = editConfig(backup, changes)
  const tls = join(here.dataDir, 'tls')
  const whyNot = (path: string): string | undefined =>
    whyUnreadable(path.startsWith(`${tls}/`) ? join(unpackedIn(here.dataDir), 'tls', basename(path)) : path)
  const loaded = loadConfig(text, here.configFile, systemName(), whyNot)
  if ('config' in loaded) return { text, config: loaded.config, view: viewOf(here, loaded.config) }
  const { hostname = '', domain = '' } = parsed(text)
  return {
    view: {
      hostname: `${hostname}`,
      domain: `${domain}`,
      missing: [],
      warnings: [],
      errors: loaded.errors.slice(0, 20),
    },
  }
}

const viewOf = (here: Here, config: Config): ChoiceView => ({
  hostname: config.hostname,
  domain: config.domain,
  missing: missingAddresses(config),
  warnings: config === here.config ? [] : configWarnings(here.config, config),
  errors: [],
})

function missingAddresses(config: Config): string[] {
  const own = new Set([...machineAddresses(), '0.0.0.0', '::'])
  const { sip, msrp } = listeners(config)
  return [...sip, ...msrp, ...httpListeners(config)]
    .filter(({ endpoint: { address } }) => !own.has(address) && !address.startsWith('127.'))
    .map(({ endpoint, key }) => `${endpoint.address}:${endpoint.port} (${key})`)
}
