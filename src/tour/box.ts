import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, httpListeners, listeners, loadConfig } from '../base/config.ts'
import { type Endpoint, hostPort } from '../base/flow.ts'
import { freePorts } from '../interop/ports.ts'
import type { Hop } from '../sip/transport.ts'
import { spawnRestante } from './command-line.ts'
import { StoryError, until } from './story-error.ts'

const READY_MS = 20_000
const STOP_MS = 6000

/** The box that the tour shows: one that runs already, or one of its own that it may kill. */
export interface TourBox {
  readonly file: string
  readonly config: Config
  readonly isOwn: boolean
  /** kill -9, and start again. Own boxes only. */
  killAndStart(): Promise<void>
  end(): Promise<void>
}

export function readConfig(file: string): Config {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new StoryError(`${file} cannot be read.`, 'Name the configuration file of the running box: --config FILE')
  }
  const loaded = loadConfig(text, file)
  if ('config' in loaded) return loaded.config
  throw new StoryError(
    loaded.errors.join('\n'),
    `Put ${file} right; scripts/restante check --config ${file} looks again.`,
  )
}

/** Where phones on this machine reach the box. */
export function sipHop(config: Config): Hop {
  const all = listeners(config).sip
  const listener = all.find(({ transport }) => transport === 'udp') ?? all.find(({ transport }) => transport === 'tcp')
  if (!listener)
    throw new StoryError('The box has neither a UDP nor a TCP listener.', 'Set listen.sip_udp or listen.sip_tcp.')
  return { transport: listener.transport, ...reachable(listener.endpoint) }
}

const reachable = ({ address, port }: Endpoint): Endpoint => {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port }
  return { address: address === '::' ? '::1' : address, port }
}

/** Whether a box with this configuration serves. */
export async function isServing(config: Config): Promise<boolean> {
  const [listener] = httpListeners(config)
  if (!listener) return false
  try {
    const response = await fetch(`http://${hostPort(reachable(listener.endpoint))}/healthz`, {
      signal: AbortSignal.timeout(1000),
    })
    const { status } = (await response.json()) as { status?: unknown }
    return response.ok && status === 'ok'
  } catch {
    return false
  }
}

export const runningBox = (file: string, config: Config): TourBox => ({
  file,
  config,
  isOwn: false,
  killAndStart: () => Promise.reject(new TypeError('not ours to kill')),
  end: () => Promise.resolve(),
})

/** A box of the tour's own: temporary folder, free ports, on the loopback address. */
export class OwnBox implements TourBox {
  readonly isOwn = true
  readonly dir: string
  readonly file: string
  readonly config: Config
  #child: ChildProcess | undefined
  #log = ''
  /** A tour that is broken off, or whose reader is gone, leaves no box behind. */
  readonly #atExit = (): void => {
    this.#child?.kill('SIGKILL')
    this.#remove()
  }

  private constructor(dir: string, ports: readonly number[]) {
    this.dir = dir
    this.file = join(dir, 'restante.toml')
    writeFileSync(this.file, configText(dir, ports))
    this.config = readConfig(this.file)
    process.once('exit', this.#atExit)
  }

  static async start(): Promise<OwnBox> {
    const ports = await freePorts(3)
    const box = new OwnBox(mkdtempSync(join(tmpdir(), 'restante-tour-')), ports)
    try {
      await box.#start()
    } catch (error) {
      await box.end()
      throw error
    }
    return box
  }

  async killAndStart(): Promise<void> {
    await this.#signal('SIGKILL')
    await this.#start()
  }

  async end(): Promise<void> {
    await this.#signal('SIGTERM')
    this.#remove()
    process.off('exit', this.#atExit)
  }

  #remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }

  async #start(): Promise<void> {
    const child = spawnRestante(['serve', '--config', this.file], ['ignore', 'ignore', 'pipe'])
    this.#child = child
    child.stderr!.on('data', bytes => (this.#log = `${this.#log}${bytes}`.slice(-4000)))
    const isUp = async (): Promise<boolean> => {
      if (child.exitCode !== null)
        throw new StoryError(`The box did not start:\n${this.#log}`, 'The log above says why.')
      return isServing(this.config)
    }
    await until(isUp, READY_MS, 'The box answers /healthz', `Its log so far:\n${this.#log}`)
  }

  async #signal(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const isGone = once(child, 'exit')
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await isGone
    clearTimeout(late)
  }
}

const configText = (dir: string, [sip, msrp, http]: readonly number[]): string => `
domain = "example.org"
hostname = "127.0.0.1"
data_dir = ${JSON.stringify(join(dir, 'data'))}
[listen]
sip_udp = "127.0.0.1:${sip}"
sip_tcp = "127.0.0.1:${sip}"
msrp_tcp = "127.0.0.1:${msrp}"
http = "127.0.0.1:${http}"
[deferral]
reserve_bytes = 0
`
