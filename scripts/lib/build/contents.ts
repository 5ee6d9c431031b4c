import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Inside, packagesIn } from '../../../src/host/packages.ts'
import { isForMachine } from './packages.ts'

/** What the documentation that About serves is read from, and other files that travel with the program as they are. */
const FOLDERS = ['src/web/page/assets', 'docs', 'examples', 'board'] as const
const TRAVELS = /\.(?:md|toml|css|js|svg)$/

/** Name inside and path on disk. */
export function filesOf(root: string): Record<string, string> {
  const names = FOLDERS.filter(folder => existsSync(join(root, folder))).flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => `${folder}/${name}`),
  )
  return Object.fromEntries(
    names
      .filter(name => TRAVELS.test(name))
      .sort()
      .map(name => [name, join(root, name)]),
  )
}

/** Of what lies in the folder of packages: those of which something is in the program. */
export async function insideOf(packages: string, used: ReadonlySet<string>): Promise<Inside> {
  const { packages: all, direct } = await packagesIn(packages)
  const isInside = (path: string): boolean => used.has(path) || isForMachine(path)
  return {
    packages: all.filter(({ path }) => isInside(path)).map(each => ({ ...each, uses: each.uses.filter(isInside) })),
    direct: direct.filter(isInside),
  }
}

/** Both machines' lists as one. */
export function together(lists: readonly Inside[]): Inside {
  const packages = new Map(lists.flatMap(({ packages }) => packages.map(each => [each.path, each] as const)))
  const uses = (path: string): string[] => [
    ...new Set(lists.flatMap(list => list.packages.find(each => each.path === path)?.uses ?? [])),
  ]
  return {
    packages: [...packages.values()]
      .map(each => ({ ...each, uses: uses(each.path) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    direct: [...new Set(lists.flatMap(({ direct }) => direct))].sort(),
  }
}

/** Names inside and paths of the terms of each package. */
export const termsOf = (packages: string, { packages: all }: Inside): Record<string, string> =>
  Object.fromEntries(
    all.flatMap(({ path, licenceFile }) =>
      licenceFile === undefined ? [] : [[`${path}/${licenceFile}`, join(packages, path, licenceFile)]],
    ),
  )

const RULE = '='.repeat(100)

/** All terms as one text: the program's own, Node's with those of what Node embeds, and each package's. */
export function licencesText(root: string, lists: readonly { packages: string; inside: Inside }[]): string {
  const own = `Restante\n${RULE}\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}`
  const parts = new Map<string, string>()
  for (const { packages, inside } of lists)
    for (const { path, name, version, licence, licenceFile } of inside.packages) {
      const text =
        licenceFile === undefined
          ? `The package has no text of its own; it says: ${licence}.\n`
          : readFileSync(join(packages, path, licenceFile), 'utf8')
      parts.set(`${name} ${version} (${licence})`, text)
    }
  const names = [...parts.keys()].sort()
  return [own, ...names.map(name => `${name}\n${RULE}\n\n${parts.get(name)}`)]
    .map(part => `${part.trimEnd()}\n`)
    .join('\n\n')
}
