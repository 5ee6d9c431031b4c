import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { arm64Emulator } from '../../../src/interop/emulator.ts'
import type { Arch } from './packages.ts'

/** Where in Node's binary it is noted that a program is inside; part of Node's interface for this. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** Compiled code has the order of hash tables in it, whose seed would be another one each time. */
const ALWAYS_THE_SAME = '--random-seed=1'

const POSTJECT = createRequire(import.meta.url).resolve('postject/dist/cli.js')

/** Compiles the program as src/host/one-file.ts loads it. */
const COMPILE = `
const { readFileSync, writeFileSync } = require('node:fs')
const script = new (require('node:vm').Script)(readFileSync('restante.cjs', 'latin1'), { filename: 'restante.cjs' })
writeFileSync('restante.cjs.compiled', script.createCachedData())`

interface Parts {
  readonly arch: Arch
  /** Node for that machine. */
  readonly node: string
  /** Flags of Node that the program always runs with. */
  readonly flags: readonly string[]
  /** An empty folder to work in; what lies in it is named without it, so that the result does not depend on where it is. */
  readonly folder: string
  /** Of what is inside: name, and where it lies. */
  readonly assets: Readonly<Record<string, string>>
}

/** `begin.cjs` and `restante.cjs` of the folder and the assets into a copy of Node, as Node's own single executable applications are made. */
export function makeBinary(parts: Parts): string {
  const { arch, node, folder } = parts
  const made = join(folder, `restante-linux-${arch}`)
  copyFileSync(node, made)
  chmodSync(made, 0o755)
  strip(arch, made)
  makeBlob(parts)
  const args = [POSTJECT, made, 'NODE_SEA_BLOB', join(folder, 'restante.blob'), '--sentinel-fuse', FUSE]
  quietly(process.execPath, args, folder)
  return made
}

/** Symbols are a seventh of the file and no use in the field. Only before the program is put in: afterwards it would be lost. */
function strip(arch: Arch, file: string): void {
  const program =
    arch === process.arch ? 'strip' : { x64: 'x86_64-linux-gnu-strip', arm64: 'aarch64-linux-gnu-strip' }[arch]
  const { error } = spawnSync(program, [file], { stdio: ['ignore', 2, 2] })
  if (error)
    console.error(`${program} was not found: restante-linux-${arch} stays larger by its symbols (install binutils).`)
}

/** By Node of the very version that it is for: it would not start with another one's. */
function makeBlob({ arch, node, flags, folder, assets }: Parts): void {
  const by = generatorFor(arch, node)
  const [program, ...own] = by.command
  const args = [...own, ...flags, ALWAYS_THE_SAME]
  if (by.isForMachine) quietly(program!, [...args, '--eval', COMPILE], folder)
  const configuration = {
    main: 'begin.cjs',
    output: 'restante.blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    execArgv: flags,
    // The environment of whoever starts it adds none.
    execArgvExtension: 'none',
    assets: {
      ...assets,
      'restante.cjs': 'restante.cjs',
      ...(by.isForMachine && { 'restante.cjs.compiled': 'restante.cjs.compiled' }),
    },
  }
  const file = `sea-${arch}.json`
  writeFileSync(join(folder, file), JSON.stringify(configuration))
  quietly(program!, [...args, '--experimental-sea-config', file], folder)
}

/** What it says is shown where it fails; postject warns of every section that strip left without a name. */
function quietly(program: string, args: readonly string[], folder: string): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`)
}

/** Compiled code can be put in by the machine's own Node alone: this one, or one under qemu. Any other makes the rest. */
function generatorFor(arch: Arch, node: string): { command: readonly string[]; isForMachine: boolean } {
  if (arch === process.arch) return { command: [node], isForMachine: true }
  const emulator = arch === 'arm64' ? arm64Emulator() : undefined
  if (emulator) return { command: [...emulator, node], isForMachine: true }
  console.error(
    `qemu-user and the libraries of ${arch} were not found: restante-linux-${arch} is made without compiled code, and starts slower (install qemu-user-static and libstdc++6-${arch}-cross).`,
  )
  return { command: [process.execPath], isForMachine: false }
}
