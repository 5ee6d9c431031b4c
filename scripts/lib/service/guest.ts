import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { until } from '../../../src/interop/until.ts'

const BOOT_MS = 60_000
const END_MS = 20_000

export interface Ran {
  readonly code: number | null
  readonly out: string
}

/** A Debian of its own with a systemd as its first process, in a container of systemd-nspawn; it has a network with nobody else in it. */
export class Guest {
  readonly #child: ChildProcess
  readonly #leader: string

  private constructor(child: ChildProcess, leader: string) {
    this.#child = child
    this.#leader = leader
  }

  static async boot(tree: string, log: number): Promise<Guest> {
    const options = ['--register=no', '--keep-unit', '--private-network', `--machine=restante-try-${process.pid}`]
    const child = spawn('systemd-nspawn', [`--directory=${tree}`, '--boot', ...options], {
      stdio: ['ignore', log, log],
    })
    try {
      return await Guest.#booted(child)
    } catch (error) {
      kill(child)
      throw error
    }
  }

  static #booted(child: ChildProcess): Promise<Guest> {
    // The container's first process comes by way of others.
    return until('the guest runs', BOOT_MS, () => {
      if (child.exitCode !== null) throw new Error(`systemd-nspawn ended with ${child.exitCode}`)
      const guest = new Guest(child, leaderOf(child) ?? 'none')
      return /^(running|degraded)/.test(guest.run('systemctl', 'is-system-running').out) ? guest : undefined
    })
  }

  /** Inside of it, as its root. */
  run(...line: readonly string[]): Ran {
    const { status, stdout, stderr } = spawnSync('nsenter', ['-t', this.#leader, '-a', '--', ...line], {
      encoding: 'utf8',
      timeout: 300_000,
    })
    return { code: status, out: `${stdout}${stderr}` }
  }

  /** A program of this machine, in the guest's network. */
  beside(...line: readonly string[]): Ran {
    const { status, stdout, stderr } = spawnSync('nsenter', ['-t', this.#leader, '-n', '--', ...line], {
      encoding: 'utf8',
      timeout: 120_000,
    })
    return { code: status, out: `${stdout}${stderr}` }
  }

  /** One property of a unit. */
  shown(property: string, unit = 'restante.service'): string {
    return this.run('systemctl', 'show', '--value', `--property=${property}`, unit).out.trim()
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    // systemd(1): halt, without waiting for anything.
    spawnSync('nsenter', ['-t', this.#leader, '-a', '--', 'systemctl', 'poweroff', '--force'])
    const late = setTimeout(() => kill(this.#child), END_MS)
    await ended
    clearTimeout(late)
  }
}

function leaderOf({ pid }: ChildProcess): string | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ')[0] || undefined
}

/** The container's first process outlives the program that made it, and all others end with it. */
function kill(child: ChildProcess): void {
  const leader = child.exitCode === null && child.signalCode === null ? leaderOf(child) : undefined
  if (leader) process.kill(Number(leader), 'SIGKILL')
  child.kill('SIGKILL')
}

/** A tree of Debian with systemd, made of Debian's packages. */
export function makeTree(archive: string): void {
  const included = '--include=systemd,systemd-sysv,dbus,libstdc++6'
  execFileSync('mmdebstrap', ['--variant=minbase', included, 'bookworm', archive], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}
