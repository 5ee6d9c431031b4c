import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DEVICE_BYTES = 48 * 1024 * 1024
/** What lies under the device: as much as ext4 needs at first, so that it can be filled. */
const UNDER_BYTES = 96 * 1024 * 1024

const run = (name: string, ...args: readonly string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

/** An ext4 on a loop device, whose file lies on a tmpfs that can be filled: then the device fails what it has not kept yet. Needs root. */
export class LoopMedium {
  readonly #device: string
  readonly #at: string
  readonly #under: string

  private constructor(device: string, at: string, under: string) {
    this.#device = device
    this.#at = at
    this.#under = under
  }

  /** Mounted at `at`; or why there can be none. */
  static make(dir: string, at: string): LoopMedium | { readonly why: string } {
    const under = join(dir, 'under')
    const file = join(under, 'device')
    const undo: (() => unknown)[] = []
    try {
      for (const folder of [under, at]) mkdirSync(folder)
      run('mount', '-t', 'tmpfs', '-o', `size=${UNDER_BYTES}`, 'none', under)
      undo.push(() => run('umount', '-l', under))
      writeFileSync(file, '')
      truncateSync(file, DEVICE_BYTES)
      const device = run('losetup', '--find', '--show', file)
      undo.push(() => run('losetup', '--detach', device))
      run('mkfs.ext4', '-q', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard', device)
      const medium = new LoopMedium(device, at, under)
      medium.mount()
      return medium
    } catch (error) {
      for (const step of undo.reverse()) step()
      const { stderr = '', message } = error as { stderr?: string; message: string }
      return { why: stderr.trim() || message }
    }
  }

  mount(): void {
    run('mount', '-o', 'errors=remount-ro', this.#device, this.#at)
  }

  /** As a technician does after an error: the file system is put right, and mounted anew. Nobody uses it. */
  heal(): void {
    rmSync(join(this.#under, 'ballast'), { force: true })
    run('umount', this.#at)
    try {
      run('fsck.ext4', '-p', this.#device)
    } catch (error) {
      // 1: errors were put right (fsck(8)).
      if ((error as { status?: number }).status !== 1) throw error
    }
    this.mount()
  }

  /** The kernel finds an error and makes it read-only, as its mount options say. */
  breakDown(): void {
    writeFileSync(`/sys/fs/ext4/${this.#device.replace('/dev/', '')}/trigger_fs_error`, 'a test')
  }

  get isReadOnly(): boolean {
    const line = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find(each => each.split(' ')[1] === this.#at)
    return line?.split(' ')[3]?.split(',').includes('ro') ?? false
  }

  /** What was not written before cannot be written any more: the device says EIO. */
  starve(): void {
    try {
      writeFileSync(join(this.#under, 'ballast'), Buffer.alloc(UNDER_BYTES))
    } catch {
      // It is full, which is what it is for.
    }
  }

  remove(): void {
    for (const [name, ...args] of [
      ['umount', '-l', this.#at],
      ['losetup', '--detach', this.#device],
      ['umount', '-l', this.#under],
    ] as const)
      run(name, ...args)
  }
}
