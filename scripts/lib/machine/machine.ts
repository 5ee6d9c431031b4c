import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../../src/interop/until.ts'
import { Monitor } from './monitor.ts'
import { Port } from './port.ts'

export type Arch = 'x64' | 'arm64'

/** What qemu is told of each kind of machine. */
const KINDS = {
  x64: {
    program: 'qemu-system-x86_64',
    options: ['-M', 'pc', '-m', '512'],
    // Emulated: five levels of page tables cost more than they are worth.
    cpu: 'max,la57=off',
    tty: 'ttyS0',
  },
  arm64: {
    program: 'qemu-system-aarch64',
    options: ['-M', 'virt', '-m', '768'],
    cpu: 'cortex-a53',
    tty: 'ttyAMA0',
  },
} as const

export interface Ports {
  readonly sip: number
  readonly http: number
  readonly https: number
}

export interface Disks {
  /** Files of kernel and initrd. */
  readonly base: string
  /** qcow2 over the tree that all trials share. */
  readonly system: string
  readonly state: string
  readonly data: string
  /** The package, read as a disk. */
  readonly deb: string
}

export interface Boot {
  /** qemu-system(1), -rtc base=. */
  readonly clock?: string
}

export interface Place {
  readonly arch: Arch
  readonly isEmulated: boolean
  /** For its sockets and logs. */
  readonly folder: string
  readonly ports: Ports
}

export interface Ran {
  readonly code: number
  readonly out: string
}

/** A kernel that runs says something within a second. */
const PROBE_MS = 8000

/** One that the processor itself runs, and one that is emulated: a minute where nothing else runs. */
const BOOT_MS = { kvm: 60_000, tcg: 900_000 }

/** Its output goes to one pipe with its end marked by the agent, so 2 MiB are enough for all that is asked. */
const RUN_MS = 180_000

/** A virtual machine of qemu: booted, spoken to, and switched off as a power cut does. */
export class Machine {
  readonly arch: Arch
  readonly isEmulated: boolean
  readonly ports: Ports
  readonly monitor: Monitor
  /** The serial line. */
  readonly line: Port
  readonly #agent: Port
  readonly #child: ChildProcess
  readonly #log: string
  #asked = 0

  private constructor(
    parts: Pick<Machine, 'arch' | 'isEmulated' | 'ports' | 'monitor' | 'line'> & {
      agent: Port
      child: ChildProcess
      log: string
    },
  ) {
    this.arch = parts.arch
    this.isEmulated = parts.isEmulated
    this.ports = parts.ports
    this.monitor = parts.monitor
    this.line = parts.line
    this.#agent = parts.agent
    this.#child = parts.child
    this.#log = parts.log
  }

  /** Resolves when commands can be run in it. */
  static async boot(place: Place, disks: Disks, boot: Boot = {}): Promise<Machine> {
    const { arch, isEmulated, folder, ports } = place
    const log = join(folder, 'console.log')
    const errors = openSync(join(folder, 'qemu.log'), 'a')
    const child = spawn(KINDS[arch].program, options(place, disks, boot), {
      stdio: ['ignore', errors, errors],
    })
    const orphan = (): void => void child.kill('SIGKILL')
    process.once('exit', orphan)
    child.once('exit', () => process.off('exit', orphan))
    try {
      const [monitor, line, agent] = await Promise.all([
        Monitor.open(join(folder, 'monitor')),
        Port.open(join(folder, 'serial')),
        Port.open(join(folder, 'agent')),
      ])
      const machine = new Machine({ arch, isEmulated, ports, monitor, line, agent, child, log })
      await machine.up()
      return machine
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(`${error instanceof Error ? error.message : error}; ${readFileSync(join(folder, 'qemu.log'))}`)
    }
  }

  get tty(): string {
    return KINDS[this.arch].tty
  }

  /** What the kernel said. */
  get log(): string {
    return readFileSync(this.#log, 'latin1')
  }

  /** It was started, or started anew. */
  async up(ms = this.isEmulated ? BOOT_MS.tcg : BOOT_MS.kvm): Promise<void> {
    await this.#agent.expect(/^up\r?\n/m, ms).catch(error => {
      throw new Error(`the machine does not come up: ${error.message}\n${this.log.slice(-3000)}`)
    })
  }

  /** A line of its shell, as root. */
  async run(command: string, ms = RUN_MS): Promise<Ran> {
    const id = `r${++this.#asked}`
    this.#agent.type(`${id} ${Buffer.from(command).toString('base64')}\n`)
    const { match } = await this.#agent.expect(new RegExp(`^${id} (\\d+) (\\S*)\\r?\\n`, 'm'), ms)
    return { code: Number(match[1]), out: Buffer.from(match[2]!, 'base64').toString() }
  }

  /** What a command says; rejects where it fails. */
  async said(command: string): Promise<string> {
    const { code, out } = await this.run(command)
    if (code !== 0) throw new Error(`${command}: ${code} ${out}`)
    return out.trim()
  }

  /** A file with this text. */
  async put(file: string, text: string): Promise<void> {
    await this.said(
      `mkdir -p "$(dirname ${file})" && echo ${Buffer.from(text).toString('base64')} | base64 -d >${file}`,
    )
  }

  async shown(property: string, unit = 'restante.service'): Promise<string> {
    return (await this.run(`systemctl show --value --property=${property} ${unit}`)).out.trim()
  }

  /** Nothing is ended in order, and nothing is written any more. */
  async cut(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit')
      this.#child.kill('SIGKILL')
      await ended
    }
    for (const port of [this.monitor, this.line, this.#agent]) port.close()
  }

  /** From now on each write to the disk `data` fails with this number (blkdebug of qemu), until it is switched off. */
  async failWrites(errno: number): Promise<void> {
    const rules = ['write', 'flush'].map(iotype => ({ event: 'none', iotype, errno, once: false }))
    await this.monitor.does('blockdev-add', {
      ...{ driver: 'blkdebug', 'node-name': 'faults', image: 'data-file', 'inject-error': rules },
    })
    await this.monitor.does('blockdev-reopen', { options: [{ driver: 'raw', 'node-name': 'data', file: 'faults' }] })
  }

  /** Until qemu tells one of its events. */
  event(name: string, ms: number): Promise<boolean> {
    return until(name, ms, () => this.monitor.events().includes(name))
  }
}

/** Whether the kernel of this machine runs one of that kind itself: where a /dev/kvm is there, but not all that firmware needs, nothing ever comes on the line. */
export async function isRunByKvm(arch: Arch, baseFolder: string): Promise<boolean> {
  const isOwn = process.arch === arch
  if (!isOwn || !existsSync('/dev/kvm')) return false
  const { options: machine, program, tty } = KINDS[arch]
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', ...machine, '-accel', 'kvm', '-cpu', 'host']
  const kernel = [
    '-kernel',
    join(baseFolder, 'kernel'),
    '-append',
    `console=${tty} panic=-1`,
    '-no-reboot',
    '-serial',
    'stdio',
  ]
  const child = spawn(program, [...args, ...kernel], { stdio: ['ignore', 'pipe', 'ignore'] })
  const first = once(child.stdout, 'data').then(() => true)
  const ended = once(child, 'exit').then(() => false)
  const late = setTimeout(() => child.kill('SIGKILL'), PROBE_MS)
  const isRun = await Promise.race([first, ended])
  clearTimeout(late)
  child.kill('SIGKILL')
  return isRun
}

const socket = (id: string, folder: string): string[] => [
  '-chardev',
  `socket,id=${id},path=${join(folder, id)},server=on,wait=off`,
]

// cache=none: nothing that the guest wrote waits in the memory of this machine. The file has a name of its own, so that something can be put before it.
const disk = (id: string, file: string): string[] => [
  ...['-blockdev', `file,node-name=${id}-file,filename=${file},cache.direct=on`],
  ...['-blockdev', `raw,node-name=${id},file=${id}-file`],
]

function options({ arch, isEmulated, folder, ports }: Place, disks: Disks, boot: Boot): string[] {
  const { options: machine, cpu, tty } = KINDS[arch]
  const forwards = [
    ['tcp', ports.sip, 5060],
    ['tcp', ports.http, 8080],
    ['tcp', ports.https, 8443],
  ].map(([kind, from, to]) => `hostfwd=${kind}:127.0.0.1:${from}-:${to}`)
  // As board/qemu-aarch64 has it, and a console for the log, which is not the last one.
  const append = `console=hvc0 console=${tty},115200 quiet loglevel=3 panic=10 systemd.firstboot=off`
  const processor = isEmulated ? ['-accel', 'tcg,thread=multi', '-cpu', cpu] : ['-accel', 'kvm', '-cpu', 'host']
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', ...machine, ...processor, '-smp', '2'],
    ...['-kernel', join(disks.base, 'kernel'), '-initrd', join(disks.base, 'initrd'), '-append', append],
    ...['-drive', `if=none,id=system,file=${disks.system},format=qcow2`, '-device', 'virtio-blk-pci,drive=system'],
    ...disk('state', disks.state),
    ...['-device', 'virtio-blk-pci,drive=state'],
    ...disk('data', disks.data),
    ...['-device', 'virtio-blk-pci,drive=data,werror=report,rerror=report'],
    ...['-drive', `if=none,id=deb,file=${disks.deb},format=raw,readonly=on`, '-device', 'virtio-blk-pci,drive=deb'],
    ...['-netdev', ['user,id=lan', ...forwards].join(','), '-device', 'virtio-net-pci,netdev=lan,romfile='],
    ...['-device', 'virtio-rng-pci', '-device', 'i6300esb', '-action', 'watchdog=reset'],
    ...['-device', 'qemu-xhci,id=usb', '-rtc', `base=${boot.clock ?? 'utc'}`],
    ...[...socket('serial', folder), '-serial', 'chardev:serial'],
    ...['-chardev', `file,id=log,path=${join(folder, 'console.log')},append=on`],
    ...['-device', 'virtio-serial-pci', '-device', 'virtconsole,chardev=log'],
    ...[...socket('agent', folder), '-device', 'virtserialport,chardev=agent,name=agent'],
    ...['-qmp', `unix:${join(folder, 'monitor')},server=on,wait=off`],
  ]
}
