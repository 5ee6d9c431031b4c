import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { FlowControl } from '../base/config-schema.ts'
import { Counters } from '../base/counters.ts'
import { configFile } from '../host/config-file.ts'
import { SerialLine } from '../host/console/line.ts'
import { ConsoleSeat } from '../host/console/seat.ts'
import { systemLog } from '../host/console/system-log.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { openLog } from '../host/log.ts'
import { PlainError } from '../host/plain-error.ts'
import { dataDirIn } from '../host/reset-configuration.ts'
import type { World } from './world.ts'

export interface ConsoleCommandOptions {
  readonly config?: string
  readonly device?: string
  readonly baud?: number
  readonly flowControl?: FlowControl
}

/** Where a box is looked for that was installed. */
const INSTALLED_FILE = '/etc/restante/restante.toml'
const USUAL_BAUD = 115200
/** ^D: leaves at an empty line. */
const OVER = Buffer.from([4])
/** One ^D leaves a question or a level alone, and is lost where the box broke off: a pipe that has ended says it until it is out. */
const OVER_AGAIN_MS = 250
/** The console of the service or, while it does not run, of what lies on disk; on this terminal, or on a serial line for ever. */
export async function runConsole(world: World, options: ConsoleCommandOptions): Promise<void> {
  const { device, baud, flowControl } = options
  if (baud !== undefined && device === undefined) throw new PlainError('--baud is of the line that --device names.')
  if (flowControl !== undefined && device === undefined)
    throw new PlainError('--flow-control is of the line that --device names.')
  const file = fileOf(options.config)
  await (device === undefined ? onTerminal(world, file) : onLine(world, file, { device, baud, flowControl }))
}

/** A console has to start also where there is nothing to start a box with. */
function fileOf(named: string | undefined): string {
  try {
    return configFile(named)
  } catch (error) {
    if (named === '') throw error
    return INSTALLED_FILE
  }
}

async function onTerminal(world: World, file: string): Promise<void> {
  const { stdin, screen } = world
  if (!screen) throw new PlainError('There is no terminal here.')
  checkUser(file)
  const isTerminal = stdin.isTTY === true
  const left = Promise.withResolvers<void>()
  const seat = new ConsoleSeat({
    ...{ file, openStore: world.openStore, entropy: new SystemEntropy(), log: systemLog },
    line: {
      isPhysical: false,
      name: `process ${process.pid}`,
      columns: screen.columns ?? 80,
      rows: isTerminal ? (screen.rows ?? 24) : 0,
    },
    write: text => {
      // A terminal adds the CR itself also while keys come raw; a pipe gets lines as programs write them.
      screen.write(screen.isTTY ? text.replaceAll('\r\n', '\n') : text.replaceAll('\r', ''), 'latin1')
      return !screen.writableNeedDrain
    },
    room: () => void stdin.resume(),
    left: left.resolve,
  })
  screen.on('drain', () => seat.drained())
  // Nobody reads any more.
  for (const event of ['close', 'error']) screen.on(event, () => left.resolve())
  stdin.setRawMode?.(true)
  const onExit = (): void => void stdin.setRawMode?.(false)
  process.once('exit', onExit)
  stdin.on('data', (bytes: Buffer) => {
    if (!seat.keys(isTerminal ? bytes : asTyped(bytes))) stdin.pause()
  })
  let again: NodeJS.Timeout | undefined
  stdin.on('end', () => {
    if (isTerminal) return left.resolve()
    seat.keys(OVER)
    again = setInterval(() => seat.keys(OVER), OVER_AGAIN_MS)
  })
  stdin.on('error', () => left.resolve())
  seat.start()
  const signal = await Promise.race([left.promise, untilSignal()])
  clearInterval(again)
  seat.close()
  stdin.setRawMode?.(false)
  process.off('exit', onExit)
  if (typeof signal === 'string') throw new PlainError(`\nStopped by ${signal}.`)
  if (isTerminal) world.out('\n')
}

/** The folder of the box is for its user alone; root becomes that one. */
function checkUser(file: string): void {
  const dataDir = dataDirIn(file)
  try {
    if (dataDir !== undefined && existsSync(dataDir))
      accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    throw new PlainError(`data_dir: ${dataDir} is another user's. Run this as that user or as root: sudo ...`)
  }
}

/** Lines of a file, each with Enter. */
const asTyped = (bytes: Buffer): Buffer => Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, '\r'), 'latin1')

async function onLine(
  world: World,
  file: string,
  of: { device: string; baud: number | undefined; flowControl: FlowControl | undefined },
): Promise<void> {
  const { device, baud = USUAL_BAUD, flowControl = 'none' } = of
  checkDevice(device)
  const log = openLog()
  const counters = new Counters()
  const line = new SerialLine({
    ...{ device, baud, flowControl, log, counters: () => counters },
    session: (write, room) =>
      new ConsoleSeat({
        ...{ file, openStore: world.openStore, entropy: new SystemEntropy(), log, write, room },
        line: { isPhysical: true, name: device, columns: 80, rows: 24 },
        left: () => {},
      }),
  })
  line.start()
  const signal = await untilSignal()
  log.info('the console of the line ends', { device, signal })
  await line.close()
}

/** One that is not there yet, or that another program has, is waited for; what can never be a line is not. */
function checkDevice(device: string): void {
  const status = statSync(device, { throwIfNoEntry: false })
  if (status && !status.isCharacterDevice())
    throw new PlainError(`--device: ${device} is no terminal. A serial line is meant, e.g. /dev/ttyS1.`)
  let descriptor: number | undefined
  try {
    // Without waiting for a carrier, and without making it ours.
    descriptor = openSync(device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  } catch {
    return
  }
  const isTerminal = isatty(descriptor)
  closeSync(descriptor)
  if (!isTerminal) throw new PlainError(`--device: ${device} is no terminal. A serial line is meant, e.g. /dev/ttyS1.`)
}

const untilSignal = (): Promise<string> =>
  new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, resolve)
  })
