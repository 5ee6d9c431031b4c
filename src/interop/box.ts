import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RESTANTE } from '../testing/program-under-test.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

export const DOMAIN = 'example.org'
const READY_MS = 20_000
const STOP_MS = 15_000

/** Every account's password. */
export const passwordOf = (user: string): string => `${user}-secret`

export interface BoxOptions {
  /** Accounts of the configuration file. */
  readonly users: readonly string[]
  /** More of the configuration: tables with their keys. */
  readonly toml?: string
  readonly env?: NodeJS.ProcessEnv
  /** A program and its arguments that the box is started by, e.g. `prlimit`. */
  readonly by?: readonly string[]
  /** Another program than that of all tests, with its first arguments. */
  readonly program?: readonly string[]
  /** How long a start may take; 20 s. */
  readonly readyMs?: number
}

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly ms: number
}

/** The real box as a process of its own: one configuration, one data folder, started as often as a test likes. */
export class BoxProcess {
  readonly dir: string
  readonly file: string
  readonly dataDir: string
  readonly sipPort: number
  readonly msrpPort: number
  readonly httpPort: number
  readonly #options: BoxOptions
  #child: ChildProcess | undefined
  #out = ''
  #err = ''

  private constructor(dir: string, ports: readonly number[], options: BoxOptions) {
    this.dir = dir
    this.file = join(dir, 'restante.toml')
    this.dataDir = join(dir, 'data')
    this.sipPort = ports[0]!
    this.msrpPort = ports[1]!
    this.httpPort = ports[2]!
    this.#options = options
    mkdirSync(dir, { recursive: true })
    writeFileSync(this.file, this.#toml())
  }

  /** Not started yet. */
  static async make(dir: string, options: BoxOptions): Promise<BoxProcess> {
    return new BoxProcess(dir, await freePorts(3), options)
  }

  static async start(dir: string, options: BoxOptions): Promise<BoxProcess> {
    const box = await BoxProcess.make(dir, options)
    await box.start()
    return box
  }

  /** What it printed and logged since the last start. */
  get out(): string {
    return this.#out
  }

  get err(): string {
    return this.#err
  }

  /** Of the process that was started last. */
  get pid(): number {
    return this.#child!.pid!
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when it says that it serves; the listeners are open by then. */
  async start(): Promise<void> {
    const child = this.#spawn()
    await until('the box serves', this.#options.readyMs ?? READY_MS, () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the box ended with ${child.exitCode ?? child.signalCode}: ${this.#err}`)
      return this.#err.includes('"msg":"serving"')
    })
  }

  /** Starts what is expected to end by itself. */
  async run(): Promise<Ended> {
    return this.#ended(this.#spawn(), performance.now())
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM. */
  async stop(): Promise<Ended> {
    return this.#end('SIGTERM')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  /** For `t.teardown`: nothing is left running. */
  async discard(): Promise<void> {
    if (this.isRunning) await this.kill()
  }

  /** Resident memory, bytes. */
  rssBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024
  }

  async health(): Promise<{ code: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/healthz`)
    return { code: response.status, text: await response.text() }
  }

  /** Sum over the labels of one counter or gauge; 0 when nothing was counted. */
  async metric(name: string, label = ''): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.httpPort}/metrics`)).text()
    const lines = text.split('\n').filter(line => line.startsWith(name) && /^[ {]/.test(line.slice(name.length)))
    return lines.filter(line => line.includes(label)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  /** The command line against this configuration. */
  async restante(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
    const line = [...this.#before, ...this.#program, ...args, '--config', this.file]
    const child = spawn(line[0]!, line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: this.#env })
    const told = { out: '', err: '' }
    child.stdout.on('data', bytes => (told.out += bytes))
    child.stderr.on('data', bytes => (told.err += bytes))
    const [code] = await once(child, 'close')
    return { code, ...told }
  }

  get #program(): readonly string[] {
    return this.#options.program ?? RESTANTE
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.#options.env }
  }

  /** The test runner has every program load something, which takes longer than a small command, and ends on SIGXFSZ. */
  get #before(): readonly string[] {
    return this.#options.env?.NODE_OPTIONS === undefined ? ['/usr/bin/env', '-u', 'NODE_OPTIONS'] : []
  }

  #spawn(): ChildProcess {
    this.#out = ''
    this.#err = ''
    const { by = [] } = this.#options
    const line = [...this.#before, ...by, ...this.#program, 'serve', '--config', this.file]
    const child = spawn(line[0]!, line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: this.#env })
    child.stdout!.on('data', bytes => (this.#out += bytes))
    child.stderr!.on('data', bytes => (this.#err += bytes))
    const orphan = (): void => void child.kill('SIGKILL')
    process.once('exit', orphan)
    child.once('exit', () => process.off('exit', orphan))
    this.#child = child
    return child
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Ended> {
    const child = this.#child!
    const since = performance.now()
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    const ended = await this.#ended(child, since)
    clearTimeout(late)
    return ended
  }

  async #ended(child: ChildProcess, since: number): Promise<Ended> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return { code: child.exitCode, signal: child.signalCode, ms: performance.now() - since }
  }

  #toml(): string {
    const both = (port: number): string => `["127.0.0.1:${port}", "[::1]:${port}"]`
    const users = this.#options.users.map(
      user => `[[user]]\naor = "sip:${user}@${DOMAIN}"\npassword = "${passwordOf(user)}"\n`,
    )
    return [
      `domain = "${DOMAIN}"`,
      'hostname = "127.0.0.1"',
      `data_dir = "${this.dataDir}"`,
      '[listen]',
      `sip_udp = ${both(this.sipPort)}`,
      `sip_tcp = ${both(this.sipPort)}`,
      `msrp_tcp = ${both(this.msrpPort)}`,
      `http = "127.0.0.1:${this.httpPort}"`,
      this.#options.toml ?? '',
      ...users,
    ].join('\n')
  }
}
