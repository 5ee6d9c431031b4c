import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { embeddedFile, foundEmbedded, isOneFile, PROGRAM_ROOT } from '../embedded.ts'
import type { AboutService, InnerPackage } from '../services/about.ts'
import { sbomOf } from './sbom.ts'

/** A package as the lockfile names it, and as it lies there. */
export interface PackageInside {
  /** Path in the lockfile, e.g. `node_modules/fastify`. */
  readonly path: string
  readonly name: string
  readonly version: string
  /** SPDX expression; what the package says where the lockfile does not. */
  readonly licence: string
  /** Subresource integrity, e.g. `sha512-...`; empty where the lockfile has none. */
  readonly integrity: string
  readonly description: string
  /** Paths of those that it uses itself. */
  readonly uses: readonly string[]
  /** Name of the file with its terms. */
  readonly licenceFile: string | undefined
}

export interface Inside {
  readonly packages: readonly PackageInside[]
  /** Paths of those that the program itself uses. */
  readonly direct: readonly string[]
}

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly license?: string
  readonly integrity?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Ten times what is inside, and files that people may read. */
const PACKAGES_MAX = 1500
const FILE_BYTES_MAX = 2 * 1024 * 1024
const LICENCE_BYTES_MAX = 256 * 1024

const FOLDER = 'node_modules/'
const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:[-.].*)?$/i

/** Pages of the manual, by the name under which they are served. */
const DOCUMENTS = ['manual.md', 'operations.md', 'storage.md', 'protocol.md'] as const

/** In the one file: what the build found inside, as `Inside`. */
export const INSIDE_LIST = 'inside.json'

/** What is inside, read from the lockfile and from the packages as they lie beside the program; nothing is asked of anybody. */
export class About implements AboutService {
  readonly documents = DOCUMENTS
  readonly runtime = `Node.js ${process.versions.node}, ${process.platform} ${process.arch}`
  readonly #root: string | undefined
  #inside: Promise<Inside> | undefined

  /** `root`: of the program, where package-lock.json lies; undefined: all is inside. */
  constructor(root = isOneFile ? undefined : PROGRAM_ROOT) {
    this.#root = root
  }

  async packages(): Promise<readonly InnerPackage[]> {
    const { packages } = await this.#read()
    const isFirst = ({ name, version }: PackageInside, index: number): boolean =>
      index === packages.findIndex(other => other.name === name && other.version === version)
    return packages.filter(isFirst).map(({ name, version, licence, licenceFile }) => ({
      name,
      version,
      licence,
      hasText: licenceFile !== undefined,
    }))
  }

  async licence(name: string, version: string): Promise<string | undefined> {
    const found = (await this.#read()).packages.find(each => each.name === name && each.version === version)
    if (found?.licenceFile === undefined) return undefined
    return this.#text(LICENCE_BYTES_MAX, `${found.path}/${found.licenceFile}`)
  }

  async sbom(): Promise<string | undefined> {
    const inside = await this.#read()
    return inside.packages.length === 0
      ? undefined
      : `${JSON.stringify(sbomOf(inside, process.versions), undefined, 1)}\n`
  }

  async document(name: string): Promise<string | undefined> {
    const known = DOCUMENTS.find(each => each === name)
    return known && this.#text(FILE_BYTES_MAX, `docs/${known}`)
  }

  #read(): Promise<Inside> {
    this.#inside ??=
      this.#root === undefined
        ? Promise.resolve(JSON.parse(embeddedFile(INSIDE_LIST).toString()) as Inside)
        : packagesIn(this.#root)
    return this.#inside
  }

  async #text(bytesMax: number, name: string): Promise<string | undefined> {
    return this.#root === undefined ? foundEmbedded(name)?.toString() : textUpTo(bytesMax, join(this.#root, name))
  }
}

/** Those of the product, not of its tests, that are installed here; in order of name. */
export async function packagesIn(root: string): Promise<Inside> {
  const lock = await textUpTo(FILE_BYTES_MAX, join(root, 'package-lock.json'))
  if (lock === undefined) return { packages: [], direct: [] }
  const locked = (JSON.parse(lock) as { packages: Record<string, LockedPackage> }).packages
  const wanted = Object.entries(locked).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
  const all = new Set(wanted.map(([path]) => path))
  const found = wanted.slice(0, PACKAGES_MAX).map(([path, entry]) => readPackage(root, path, entry, all))
  const inside = (await Promise.all(found)).filter(each => each !== undefined)
  const packages = inside.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.path < b.path ? -1 : 1))
  return { packages, direct: usesOf('', locked[''] ?? {}, all) }
}

/** Undefined: for another kind of machine, and so not here. */
async function readPackage(
  root: string,
  path: string,
  locked: LockedPackage,
  all: ReadonlySet<string>,
): Promise<PackageInside | undefined> {
  const { version = '', license, integrity = '' } = locked
  const folder = join(root, path)
  const text = await textUpTo(FILE_BYTES_MAX, join(folder, 'package.json'))
  if (text === undefined) return undefined
  const said = JSON.parse(text) as { license?: unknown; description?: unknown }
  const files = await readdir(folder)
  return {
    path,
    name: path.slice(path.lastIndexOf(FOLDER) + FOLDER.length),
    version,
    licence: license ?? (typeof said.license === 'string' ? said.license : ''),
    integrity,
    description: typeof said.description === 'string' ? said.description.slice(0, 500) : '',
    uses: usesOf(path, locked, all),
    licenceFile: files.sort().find(file => LICENCE_FILE.test(file)),
  }
}

const usesOf = (
  path: string,
  { dependencies, optionalDependencies }: LockedPackage,
  all: ReadonlySet<string>,
): string[] => Object.keys({ ...dependencies, ...optionalDependencies }).flatMap(name => usedBy(path, name, all) ?? [])

/** As Node looks for it: in the package itself, then in each folder around it. */
function usedBy(path: string, name: string, all: ReadonlySet<string>): string | undefined {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf(`/${FOLDER}`)))) {
    const candidate = at === '' ? `${FOLDER}${name}` : `${at}/${FOLDER}${name}`
    if (all.has(candidate)) return candidate
    if (at === '') return undefined
  }
}

/** Undefined: it is not there, or larger than it should be. */
async function textUpTo(bytesMax: number, path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    return size <= bytesMax ? await readFile(path, 'utf8') : undefined
  } catch {
    return undefined
  }
}
