import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Arch = 'x64' | 'arm64'

const SAME_AS = 'installed-lock'
const LISTED = ['package.json', 'package-lock.json', '.npmrc']

/**
 * The folder whose node_modules has the packages for this kind of machine: the checkout itself, or for another kind one below node_modules/.build,
 * filled from the same lockfile, whose integrities npm compares.
 */
export function packagesFor(root: string, arch: Arch): string {
  if (arch === process.arch) return root
  const folder = join(root, 'node_modules/.build/packages', arch)
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const mark = join(folder, SAME_AS)
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return folder
  console.error(`Fetching the packages of package-lock.json for ${arch}...`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const name of LISTED) copyFileSync(join(root, name), join(folder, name))
  const machine = ['--os=linux', `--cpu=${arch}`, '--libc=glibc']
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', ['ci', '--omit=dev', '--ignore-scripts', ...machine, ...quiet], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  })
  // Last, so that what broke off is done again.
  writeFileSync(mark, lock)
  return folder
}

/** Compiled parts: names inside, and where they lie in the folder of packages. */
export const addonsOf = (packages: string, arch: Arch): Record<string, string> => ({
  'addons/lmdb.node': join(packages, `node_modules/@lmdb/lmdb-linux-${arch}/node.napi.glibc.node`),
  'addons/serialport.node': join(
    packages,
    `node_modules/@serialport/bindings-cpp/prebuilds/linux-${arch}`,
    `@serialport+bindings-cpp.${arch === 'arm64' ? 'armv8.' : ''}glibc.node`,
  ),
})

/** Those that are inside although no line of their JavaScript is: Node, and the compiled part of LMDB. */
export const isForMachine = (path: string): boolean => /^node_modules\/(?:node|@lmdb\/lmdb)-linux-/.test(path)
