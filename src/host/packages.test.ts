import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { About } from './packages.ts'

const root = join(import.meta.dirname, '../..')

const lockOf = (packages: object): string => JSON.stringify({ lockfileVersion: 3, packages })

const pack = (name: string, more: object = {}) => JSON.stringify({ name, version: '1.0.0', license: 'MIT', ...more })

/** Two that the program uses, one of them with a copy of its own of a third; one for tests; one for another kind of machine. */
const TREE = {
  'package-lock.json': lockOf({
    '': { dependencies: { one: '1', '@x/two': '1', elsewhere: '1' }, devDependencies: { tests: '1' } },
    'node_modules/one': { version: '1.0.0', license: 'ISC', dependencies: { three: '1', unknown: '1' } },
    'node_modules/one/node_modules/three': {
      version: '1.0.0',
      integrity: `sha512-${Buffer.alloc(64, 7).toString('base64')}`,
    },
    'node_modules/@x/two': { version: '2.0.0', license: '(MIT OR Apache-2.0)', dependencies: { three: '3' } },
    'node_modules/three': { version: '3.0.0', license: 'SEE LICENSE IN file.txt' },
    'node_modules/tests': { version: '1.0.0', dev: true },
    'node_modules/elsewhere': { version: '1.0.0', optional: true },
  }),
  node_modules: {
    one: { 'package.json': pack('one'), 'LICENSE.md': 'terms of one', 'license-other': 'later' },
    '@x': { two: { 'package.json': pack('@x/two', { description: 'd' }) } },
    three: { 'package.json': pack('three') },
    tests: { 'package.json': pack('tests') },
  },
  docs: { 'manual.md': '# Manual', 'secret.md': 'no' },
}

const tree = () => {
  const copy = structuredClone(TREE) as typeof TREE & { node_modules: { one: Record<string, unknown> } }
  copy.node_modules.one.node_modules = { three: { 'package.json': pack('three') } }
  return copy
}

t.test('what is inside: what the product uses and what lies here, each with its terms', async t => {
  const about = new About(t.testdir(tree() as never))
  t.same(await about.packages(), [
    { name: '@x/two', version: '2.0.0', licence: '(MIT OR Apache-2.0)', hasText: false },
    { name: 'one', version: '1.0.0', licence: 'ISC', hasText: true },
    { name: 'three', version: '1.0.0', licence: 'MIT', hasText: false },
    { name: 'three', version: '3.0.0', licence: 'SEE LICENSE IN file.txt', hasText: false },
  ])
  t.equal(await about.licence('one', '1.0.0'), 'terms of one')
  t.equal(await about.licence('one', '2.0.0'), undefined)
  t.equal(await about.licence('../../docs', '1'), undefined)
  t.equal(await about.document('manual.md'), '# Manual')
  for (const name of ['secret.md', '../package-lock.json', '', 'constructor', 'storage.md'])
    t.equal(await about.document(name), undefined, name)
})

t.test('the list for machines says who uses whom, as Node finds them', async t => {
  const sbom = JSON.parse((await new About(t.testdir(tree() as never)).sbom())!)
  t.match(sbom, {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    metadata: { component: { type: 'application', name: 'Restante' } },
    components: [
      { group: '@x', name: 'two', purl: 'pkg:npm/%40x/two@2.0.0', licenses: [{ expression: '(MIT OR Apache-2.0)' }] },
      { name: 'one', licenses: [{ license: { id: 'ISC' } }] },
      { name: 'three', version: '1.0.0', hashes: [{ alg: 'SHA-512', content: '07'.repeat(64) }] },
      { name: 'three', version: '3.0.0', licenses: [{ license: { name: 'SEE LICENSE IN file.txt' } }] },
    ],
  })
  const [two, one, ownThree, three] = sbom.components.map((each: { 'bom-ref': string }) => each['bom-ref'])
  t.equal(new Set([two, one, ownThree, three]).size, 4)
  t.same(sbom.dependencies.slice(1), [
    { ref: two, dependsOn: [three] },
    { ref: one, dependsOn: [ownThree] },
    { ref: ownThree, dependsOn: [] },
    { ref: three, dependsOn: [] },
  ])
  t.same(sbom.dependencies[0].dependsOn, [one, two])
})

t.test('a build that does not say what is inside', async t => {
  const about = new About(t.testdir({}))
  t.same(await about.packages(), [])
  t.equal(await about.sbom(), undefined)
  t.equal(await about.document('manual.md'), undefined)
})

t.test('of this checkout: every package has terms, and the script writes what the box serves', async t => {
  const about = new About(root)
  const packages = await about.packages()
  const direct = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies)
  const names = packages.map(({ name }) => name)
  t.same(
    direct.filter(name => !names.includes(name)),
    [],
  )
  t.same(
    packages.filter(({ licence }) => licence === ''),
    [],
  )
  t.ok(!names.includes('tap') && !names.includes('typescript'), 'nothing of the tests')
  const { components } = JSON.parse((await about.sbom())!)
  const node = components.find((each: { type: string }) => each.type === 'platform')
  t.match(node, { name: 'node', version: process.versions.node, components: [{ type: 'library' }] })
  t.ok(node.components.some(({ name }: { name: string }) => name === 'openssl'))
  t.match(
    components.find(({ name }: { name: string }) => name.startsWith('node-linux-')),
    { description: /third party/ },
  )
  for (const name of about.documents) t.ok(existsSync(join(root, 'docs', name)), name)
  t.equal(execFileSync(join(root, 'scripts/sbom'), { encoding: 'utf8' }), await about.sbom())
})
