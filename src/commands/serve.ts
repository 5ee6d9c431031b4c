import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Endpoint, hostPort } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { PRODUCT, VERSION } from '../base/product.ts'
import type { WallTime } from '../base/time.ts'
import { Access } from '../host/access.ts'
import { BoardAtWork } from '../host/board/at-work.ts'
import { Clock } from '../host/clock.ts'
import { configFile, readConfig } from '../host/config-file.ts'
import { Configuration } from '../host/configuration.ts'
import { Consoles } from '../host/console/consoles.ts'
import { Again, startAnew } from '../host/diagnosis/again.ts'
import { endProcess } from '../host/end-process.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { resetIfMarked } from '../host/factory-reset.ts'
import { guardedStore } from '../host/guarded-store.ts'
import { openLog } from '../host/log.ts'
import { saveMemory } from '../host/memory/thrift.ts'
import { isOfStore, messageOf, refusedBySystem, StoreDamaged } from '../host/plain-error.ts'
import { Restoring, undoneRestore } from '../host/restoring.ts'
import type { Box } from '../host/serve.ts'
import { figuresOf, tryCustody } from '../host/service/custody-trial.ts'
import { firstPasswordFile, isJournal } from '../host/service/first-password.ts'
import { type Notifier, openNotifier } from '../host/service/notifier.ts'
import { openingS, Voice } from '../host/service/voice.ts'
import { Serving } from '../host/serving.ts'
import { StandIn, type StandInOptions } from '../host/stand-in.ts'
import { restoreUnconfirmed } from '../host/trial-file.ts'
import { BoxWatch } from '../host/watchdog/box-watch.ts'
import { Deadman, fedBy } from '../host/watchdog/deadman.ts'
import { NativeEnds } from '../host/watchdog/native-ends.ts'
import { COMMAND, columns } from './text.ts'
import type { World } from './world.ts'

export interface ServeCommandOptions {
  readonly config?: string
  readonly firstAccounts?: string
  readonly writeConfig?: string
}

/** The promise of 5 s is kept even where a disk does not answer; what was accepted is stored in any case. */
const STOP_MS_MAX = 4800

/** Between two steps of a factory reset that takes minutes. */
const RESET_STEP_S = 60

/** Runs until SIGTERM or SIGINT, or SIGHUP where there is nothing to read again. */
export async function serve(world: World, options: ServeCommandOptions): Promise<void> {
  const log = openLog()
  saveMemory()
  const isManaged = process.env.NOTIFY_SOCKET !== undefined
  const deadman = new Deadman({ log })
  const notifier = fedBy(openNotifier(process.env, log), deadman)
  try {
    await serveFor({ notifier, isManaged, log, deadman }, world, options)
  } catch (error) {
    notifier.status(messageOf(error))
    throw error
  }
}

interface Manager {
  readonly notifier: Notifier
  /** It starts another process when this one ends with an error. */
  readonly isManaged: boolean
  readonly log: ReturnType<typeof openLog>
  readonly deadman: Deadman
}

async function serveFor(manager: Manager, world: World, options: ServeCommandOptions): Promise<void> {
  const { notifier, isManaged, log } = manager
  const named = configFile(options.config)
  const target = options.writeConfig ?? named
  const reset = await resetIfMarked({
    file: named,
    target,
    ...fromManager(),
    log,
    alive: () => notifier.extendS(RESET_STEP_S),
  })
  if (restoreUnconfirmed(target))
    log.warn('the last change of the configuration was never confirmed: what stood before stands again', {
      file: target,
    })
  // What was changed on the page stands in place of what it was changed from.
  const { file, text, config } = await readSettled(existsSync(target) ? target : named, log)
  // After a reset that keeps accounts theirs are kept too.
  const firstAccounts = reset === 'config' ? [] : (options.firstAccounts?.split(',') ?? [])
  const watch = new BoxWatch({ ...manager, ...fromRuntime(), factoryReset: reset })
  const [makeEngine, openStore] = [world.makeEngine, guarded(world.openStore, watch, notifier)]
  const reload = { onHangUp: () => false }
  const stopped = untilSignal(reload)
  exitOnDefect(log, watch)
  const entropy = new SystemEntropy()
  const access = accessOf(entropy, log)
  const configuration = new Configuration({
    file,
    text,
    target,
    config,
    log,
    restart: changed => starting.then(serving => serving.restart(changed)),
  })
  const restoring = new Restoring({
    ...{ target, configuration, access, log },
    replace: (changed, replacing) => onBoard.updating(async () => (await starting).replace(changed, replacing)),
  })
  const again = new Again()
  const consoles = new Consoles(log)
  const isUnseen = isManaged || isJournal(process.env)
  const onBoard = new BoardAtWork({ state: watch.state, log })
  const asked = { config, firstAccounts, isUnseen, watch, board: onBoard.board, ...shipping(named, target) }
  const parts = { ...asked, log, entropy, makeEngine, openStore, access, configuration, restoring, again, consoles }
  notifier.status(`starting, with the store in ${config.data_dir}`)
  notifier.extendS(openingS(config.data_dir))
  const starting = Serving.start({ ...parts, logs: log })
  starting.catch(error => watch.ending('failed', messageOf(error)))
  const instead = { config, file, notifier, watch, entropy, log, openStore: world.openStore }
  const serving = await Promise.race([starting, stopped]).catch(error => standIn(error, manager, instead, stopped))
  if (typeof serving === 'string') {
    // Nothing was shown or promised yet; what is half open ends with the process.
    starting.catch(() => {})
    watch.ending('stop', serving)
    log.info('stopped while starting', { signal: serving })
    return
  }
  const { box } = serving
  const first = isUnseen ? placeOfFirstPasswords(box) : firstPasswords(box)
  const toTry = isUnseen ? '' : howToTry(box, file, firstAccounts.length > 0)
  world.out(`${banner(box, config.domain)}${first}${firstRun(box, access.isNew)}${toTry}`)
  log.info('serving', { version: VERSION, domain: config.domain })
  const voice = voiceOf(serving, () => configuration.view().running.domain, manager, watch)
  reload.onHangUp = () => voice.reload(() => readAgain(serving)) || isManaged
  const signal = await Promise.race([stopped, serving.ended, again.asked, watch.ended])
  if (typeof signal !== 'string') {
    watch.ending('failed', signal.message)
    throw signal
  }
  log.info('stopping', { signal })
  voice.stop()
  configuration.close()
  await inTime(log, watch, () => Promise.all([consoles.close(), serving.stop()]))
  // Last: it waits for the disk, and nothing else goes on meanwhile.
  watch.ending(again.isAsked ? 'restart' : 'stop', signal)
  watch.close()
  if (again.isAsked) startAnew(isManaged)
}

/** The library of the store ends a process where it finds what cannot be: such ends of runs before are minded. */
function guarded(openStore: World['openStore'], watch: BoxWatch, notifier: Notifier): World['openStore'] {
  const ends = new NativeEnds(fromRuntime().runtimeDir, watch.word)
  return guardedStore(openStore, { ends, told: () => notifier.extendS(RESET_STEP_S) })
}

type Instead = Omit<StandInOptions, 'dataDir' | 'isDamaged' | 'reason' | 'state'> & { readonly watch: BoxWatch }

/** Where the store is what fails, until something is different, which takes a process of its own, or it is stopped; by what. */
async function standIn(
  error: unknown,
  { isManaged }: Manager,
  { watch, ...parts }: Instead,
  stopped: Promise<string>,
): Promise<string> {
  if (!isManaged || !isOfStore(error)) throw error
  watch.close()
  const reason = refusedBySystem(error)?.message ?? messageOf(error)
  const [dataDir, isDamaged] = [resolve(parts.config.data_dir), error instanceof StoreDamaged]
  const standing = new StandIn({ ...parts, state: watch.state, dataDir, reason, isDamaged })
  await standing.start()
  const end = await Promise.race([standing.over.then(why => ({ why })), stopped])
  await standing.close()
  if (typeof end === 'string') return end
  parts.log.info('starting anew', { reason: end.why })
  return startAnew(true)
}

/** Its limits count by a clock that never jumps. */
function accessOf(entropy: SystemEntropy, log: Log): Access {
  const clock = new Clock(0 as WallTime)
  return new Access({ entropy, log, now: () => clock.now() })
}

/** What does not end in time ends with the process; whoever stopped it does not want the machine reset for that. */
async function inTime(log: Log, watch: BoxWatch, close: () => Promise<unknown>): Promise<void> {
  const late = setTimeout(() => {
    log.error('stopping took too long')
    watch.close()
    // An exit waits for the library of the store, and that for the disk.
    process.kill(process.pid, 'SIGKILL')
  }, STOP_MS_MAX)
  await close()
  clearTimeout(late)
  log.info('stopped')
}

/** Speaks until it is stopped. */
function voiceOf(serving: Serving, domain: () => string, { notifier, log }: Manager, watch: BoxWatch): Voice {
  const custody = () => serving.box.custody!
  const voice = new Voice(notifier, watch.state, {
    domain,
    tryCustody: () => tryCustody(custody()),
    figures: () => figuresOf(custody()),
  })
  voice.start().catch(error => log.error('internal error', { stack: String(error.stack) }))
  return voice
}

/** Memory, in which what is lost with the power may be written at any time. */
const fromRuntime = () => ({ runtimeDir: process.env.RUNTIME_DIRECTORY?.split(':')[0] })

/** Of the unit that it runs under: what the box was shipped with, and its data. */
const fromManager = () => ({
  shipped: process.env.RESTANTE_SHIPPED_CONFIG,
  stateDir: process.env.STATE_DIRECTORY?.split(':')[0],
})

/** Whether a factory reset finds a configuration to put back. */
function shipping(named: string, target: string): { isShippedKnown: boolean } {
  const { shipped } = fromManager()
  return { isShippedKnown: shipped === undefined ? resolve(named) !== resolve(target) : existsSync(shipped) }
}

/** A restore that broke off with the power may have left another configuration. */
async function readSettled(named: string, log: Log): Promise<ReturnType<typeof readConfig>> {
  const found = readConfig(named)
  if (!(await undoneRestore(resolve(found.config.data_dir)))) return found
  log.warn('a restore broke off before its end: all is as it was before')
  return readConfig(named)
}

/** What nobody caught leaves the process in a state that nobody knows: whoever watches it starts it anew, and nothing accepted is lost. */
const exitOnDefect = (log: Log, watch: BoxWatch): void => {
  process.on('uncaughtException', error => {
    log.error('internal error outside of the engine', { stack: error.stack ?? String(error) })
    watch.ending('defect', messageOf(error))
    endProcess(1)
  })
}

/** `onHangUp`: false where there is nothing to read again; then a terminal that is closed stops the box, as it does any program. */
const untilSignal = (reload: { onHangUp: () => boolean }): Promise<string> =>
  new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, resolve)
    process.on('SIGHUP', signal => {
      if (!reload.onHangUp()) resolve(signal)
    })
  })

/** Certificates of files; the box may be another one since the start. */
const readAgain = ({ box: { certificates } }: Serving): boolean => {
  if (!certificates || certificates.isSelfSigned) return false
  certificates.reload()
  return true
}

function banner(box: Box, domain: string): string {
  const places = (listeners: readonly { transport: string; endpoint: Endpoint }[]) =>
    listeners.map(({ transport, endpoint }) => `${transport} ${hostPort(endpoint)}`).join(', ') || 'off'
  const http = box.http.map(at => `http${at.isSecure ? 's' : ''}://${hostPort(at)}/`).join(', ') || 'off'
  const rows = [
    ['  SIP', places(box.sip)],
    ['  MSRP', places(box.msrp)],
    ['  HTTP', http],
    ['  Store', box.dataDir],
    ...certificateRows(box),
  ]
  return `${PRODUCT} ${VERSION} serves ${domain}\n${columns(rows)}`
}

const certificateRows = ({ certificates }: Box): string[][] =>
  certificates
    ? [
        ['  TLS', `${certificates.file}${certificates.isSelfSigned ? ' (self-signed)' : ''}`],
        ['', certificates.fingerprint],
      ]
    : []

const firstPasswords = ({ credentials }: Box): string =>
  credentials.length === 0
    ? ''
    : `\nFirst start. These passwords are shown this once; they are kept only as hashes:\n${columns(
        credentials.map(({ name, password }) => [`  ${name}`, password]),
      )}`

const placeOfFirstPasswords = ({ credentials, dataDir }: Box): string =>
  credentials.length === 0
    ? ''
    : `\nFirst start. Its passwords are in ${firstPasswordFile(dataDir)}, until admin has another one.\n`

/** Until the steps of the first run are through. */
function firstRun({ http }: Box, isNew: boolean): string {
  const page = http.find(({ isSecure }) => isSecure) ?? http[0]
  if (!isNew || !page) return ''
  const at = `http${page.isSecure ? 's' : ''}://${hostPort(page)}/`
  return `\nTo set it up: open ${at} and sign in as admin with the password of the first start.\n`
}

function howToTry(box: Box, file: string, hasTour: boolean): string {
  const lines = [
    ...(hasTour ? ['./scripts/try                # a guided tour against this box'] : []),
    `${COMMAND} user add carol --config ${file}`,
    `${COMMAND} queue --config ${file}`,
    ...box.http
      .filter(({ isSecure }) => !isSecure)
      .slice(0, 1)
      .map(endpoint => `curl http://${hostPort(endpoint)}/healthz`),
  ]
  return `\nTo try it, in another terminal:\n${lines.map(line => `  ${line}\n`).join('')}Ctrl-C stops it.\n`
}
