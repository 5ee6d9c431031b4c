import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { installedAt } from './program.ts'

/** Where Debian keeps the libraries of that machine. */
const SYSROOT = '/usr/aarch64-linux-gnu'

/** The program and its first arguments that run a program of arm64 here. Undefined: not installed, or this is such a machine. */
export function arm64Emulator(): readonly string[] | undefined {
  const program = installedAt('qemu-aarch64') ?? installedAt('qemu-aarch64-static')
  const isThere = process.arch !== 'arm64' && existsSync(join(SYSROOT, 'lib/libstdc++.so.6'))
  return program !== undefined && isThere ? [program, '-L', SYSROOT] : undefined
}
