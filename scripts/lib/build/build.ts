/** Builds the program as one file for each machine; started by scripts/build, which says how. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSIDE_LIST, type Inside } from '../../../src/host/packages.ts'
import { sbomOf } from '../../../src/host/sbom.ts'
import { makeBinary } from './binary.ts'
import { bundle } from './bundle.ts'
import { filesOf, insideOf, licencesText, termsOf, together } from './contents.ts'
import { type Arch, addonsOf, packagesFor } from './packages.ts'

const root = join(import.meta.dirname, '../../..')
const [into, flags, ...archs] = process.argv.slice(2) as [string, string, ...Arch[]]

mkdirSync(join(root, 'node_modules/.build'), { recursive: true })
mkdirSync(into, { recursive: true })
const work = mkdtempSync(join(root, 'node_modules/.build/work-'))
try {
  await buildAll()
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function buildAll(): Promise<void> {
  const { code, begin, packages: used } = await bundle(root)
  writeFileSync(join(work, 'restante.cjs'), code)
  writeFileSync(join(work, 'begin.cjs'), begin)
  const files = filesOf(root)
  const lists = []
  for (const arch of archs) {
    const packages = packagesFor(root, arch)
    const inside = await insideOf(packages, used)
    lists.push({ packages, inside })
    make(arch, packages, inside, files)
  }
  const sbom = sbomOf(together(lists.map(({ inside }) => inside)), process.versions)
  writeFileSync(join(into, 'sbom.cdx.json'), `${JSON.stringify(sbom, undefined, 1)}\n`)
  writeFileSync(join(into, 'licences'), licencesText(root, lists))
  const names = [...archs.map(arch => `restante-linux-${arch}`), 'sbom.cdx.json', 'licences'].sort()
  writeFileSync(join(into, 'SHA256SUMS'), names.map(name => `${sha256(join(into, name))}  ${name}\n`).join(''))
}

function make(arch: Arch, packages: string, inside: Inside, files: Record<string, string>): void {
  const list = join(work, INSIDE_LIST)
  writeFileSync(list, JSON.stringify(inside))
  const made = makeBinary({
    arch,
    node: join(packages, `node_modules/node-linux-${arch}/bin/node`),
    flags: flags.split(' '),
    folder: work,
    assets: {
      ...addonsOf(packages, arch),
      ...ownAddon(arch),
      ...files,
      ...termsOf(packages, inside),
      [INSIDE_LIST]: list,
    },
  })
  const name = `restante-linux-${arch}`
  renameSync(made, join(into, name))
  console.error(`${join(into, name)}: ${(statSync(join(into, name)).size / 1e6).toFixed(1)} MB`)
}

/** That of native/; without a compiler for that machine the program does without it, as it does in a checkout. */
function ownAddon(arch: Arch): Record<string, string> {
  const { status, stdout } = spawnSync(join(root, 'scripts/lib/native'), [arch], {
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
  })
  return status === 0 ? { 'addons/restante.node': stdout.trim() } : {}
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
