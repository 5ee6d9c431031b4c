import { PRODUCT, VERSION } from '../base/product.ts'
import type { Inside, PackageInside } from './packages.ts'

/** What the box is made of, for machines: CycloneDX 1.5. Made of nothing but its argument, so that two boxes of one build say the same. */
export function sbomOf({ packages, direct }: Inside): object {
  const refs = new Map(packages.map(each => [each.path, refOf(each)]))
  const own = `pkg:generic/${PRODUCT.toLowerCase()}@${VERSION}`
  const refsOf = (paths: readonly string[]): string[] => paths.flatMap(path => refs.get(path) ?? [])
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': own,
        name: PRODUCT,
        version: VERSION,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: packages.map(each => component(each, refs.get(each.path)!)),
    dependencies: [
      { ref: own, dependsOn: refsOf(direct) },
      ...packages.map(each => ({ ref: refs.get(each.path)!, dependsOn: refsOf(each.uses) })),
    ],
  }
}

/** One version may lie in several places: each is a component of its own. */
const refOf = (each: PackageInside): string => `${purl(each)}#${each.path}`

/** Package URL: the `@` of a scope is percent-encoded. */
const purl = ({ name, version }: PackageInside): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

function component(each: PackageInside, ref: string): object {
  const { name, version, licence, integrity, description } = each
  const [, group, plain] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [undefined, undefined, name]
  return {
    type: 'library',
    'bom-ref': ref,
    ...(group !== undefined && { group }),
    name: plain,
    version,
    ...(description !== '' && { description }),
    ...(licence !== '' && { licenses: [licenceOf(licence)] }),
    ...hashOf(integrity),
    purl: purl(each),
  }
}

/** A single identifier, an expression of several, or words that are neither. */
function licenceOf(licence: string): object {
  if (/^[\w.+-]+$/.test(licence)) return { license: { id: licence } }
  return /^[\w.+\-() ]+$/.test(licence) && / (?:AND|OR|WITH) /.test(licence)
    ? { expression: licence }
    : { license: { name: licence } }
}

/** Subresource integrity has base64, this has hex. */
function hashOf(integrity: string): object {
  const [, size, base64] = /^sha(256|384|512)-([A-Za-z\d+/=]+)/.exec(integrity) ?? []
  if (base64 === undefined) return {}
  return { hashes: [{ alg: `SHA-${size}`, content: Buffer.from(base64, 'base64').toString('hex') }] }
}
