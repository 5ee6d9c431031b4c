import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

const STOP_MS = 5000

/** Where in PATH the program is; undefined where it is not installed. */
export const installedAt = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(':')
    .map(folder => join(folder, name))
    .find(path => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

/** Says so plainly and gives true where a program is missing; `.ci/run` installs it. */
export function isPassedOver(t: Test, ...names: readonly string[]): boolean {
  const missing = names.filter(name => installedAt(name) === undefined)
  if (missing.length > 0) t.pass(`${missing.join(', ')}: not installed, so this is passed over`)
  return missing.length > 0
}

/** Somebody else's program, its own home folder, and what it printed. */
export class Program {
  readonly name: string
  readonly #child: ChildProcess
  #out = ''

  constructor(name: string, args: readonly string[], home: string) {
    this.name = name
    const env = { PATH: process.env.PATH, HOME: home, LANG: 'C', TERM: 'dumb' }
    this.#child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'], env, cwd: home })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) stream.on('data', bytes => (this.#out += bytes))
    // It may be gone before it has read everything.
    this.#child.stdin!.on('error', () => {})
    const orphan = (): void => void this.#child.kill('SIGKILL')
    process.once('exit', orphan)
    this.#child.once('exit', () => process.off('exit', orphan))
  }

  /** Everything so far, stdout and stderr. */
  get out(): string {
    return this.#out
  }

  line(text: string): void {
    this.#child.stdin!.write(`${text}\n`)
  }

  /** Resolves with the exit code when it has ended and all its output is read; null when it had to be killed. */
  async end(withinMs: number): Promise<number | null> {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), withinMs)
    if (this.isRunning) await once(this.#child, 'close')
    clearTimeout(late)
    return this.#child.exitCode
  }

  /** SIGTERM, and SIGKILL if that does not help. */
  async stop(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGTERM')
    await this.end(STOP_MS)
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }
}
