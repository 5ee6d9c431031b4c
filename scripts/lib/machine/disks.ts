import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Arch, Disks } from './machine.ts'

const here = import.meta.dirname
const MADE_OF = ['tree', 'init', 'agent', 'agent.service']
const STATE_MIB = 64
const DATA_MIB = 512

/** A folder with a Debian in it that machines start from; made where it is not there, which takes minutes. Another way to make it is another folder. */
export function base(arch: Arch, cache: string): string {
  const hash = createHash('sha256')
  for (const file of MADE_OF) hash.update(readFileSync(join(here, file)))
  const folder = join(cache, `machine-${arch}-${hash.digest('hex').slice(0, 8)}`)
  if (!existsSync(join(folder, 'system.ext4'))) {
    console.log(`making ${folder} (once, ${arch === 'x64' ? 'some' : 'ten'} minutes at most)`)
    execFileSync(join(here, 'tree'), [arch, folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return folder
}

/** New disks: the system as Debian has it, the other two empty. */
export function makeDisks(folder: string, baseFolder: string, deb: string): Disks {
  const disks = disksIn(folder, baseFolder)
  const backing = join(baseFolder, 'system.ext4')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'raw', disks.system])
  layPackage(disks, deb)
  partition(disks.state, 'state', STATE_MIB)
  partition(disks.data, 'data', DATA_MIB)
  return disks
}

/** Read by the machine as a disk, which has whole sectors. */
export function layPackage(disks: Disks, deb: string): void {
  execFileSync('cp', [deb, disks.deb])
  execFileSync('truncate', ['--size=%512', disks.deb])
}

export const disksIn = (folder: string, baseFolder: string): Disks => ({
  base: baseFolder,
  system: join(folder, 'system.qcow2'),
  state: join(folder, 'state'),
  data: join(folder, 'data'),
  deb: join(folder, 'deb'),
})

/** A disk of one partition that is found by its name, with an empty ext4 in it, for the flash of a board. */
function partition(file: string, label: string, mib: number): void {
  execFileSync('truncate', [`--size=${mib + 2}M`, file])
  execFileSync('sfdisk', ['-q', file], { input: `label: gpt\nstart=2048, size=${mib}M, name=${label}\n` })
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-E', 'offset=1048576', file, `${mib}M`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
