import t from 'tap'
import { type SourceFile, sourcesBelow, withoutText } from './testing/source.ts'

/** What keeps the house as its plan has it. Sizes of files and functions and the forms of exports are the linter's to check. */

const root = import.meta.dirname
const files = sourcesBelow(root)
const isTest = (file: SourceFile): boolean => file.path.endsWith('.test.ts')
const roomOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : path)
const isBench = (file: SourceFile): boolean => file.path.includes('/bench/') || file.path.endsWith('.bench.ts')
/** What several tests share, and the clients of the tour and the interoperation tests. Not part of the box. */
const isSupport = (path: string): boolean =>
  /^(testing|tour|interop)\/|\/fixtures\//.test(path) || path.endsWith('.fixture.ts') || path === 'store/conformance.ts'
const isProduct = (file: SourceFile): boolean => !isTest(file) && !isBench(file) && !isSupport(file.path)

/** Each room and the rooms below it that it may import. */
const BELOW: Record<string, readonly string[]> = {
  'sip-parser-lite': [],
  base: [],
  sdp: ['base', 'sip-parser-lite'],
  content: ['base', 'sip-parser-lite'],
  msrp: ['base'],
  sip: ['base', 'sip-parser-lite', 'sdp', 'content'],
  store: ['base', 'sip-parser-lite', 'sip'],
  im: ['base', 'sip-parser-lite', 'sdp', 'content', 'msrp', 'sip', 'store'],
  'engine-io.ts': ['base', 'store'],
  'engine.ts': ['base', 'store', 'im', 'engine-io.ts'],
  'embedded.ts': [],
  services: ['base', 'store'],
  web: ['base', 'sip-parser-lite', 'content', 'sip', 'store', 'services', 'embedded.ts'],
  console: ['base', 'sip-parser-lite', 'store', 'services'],
  host: [
    ...['base', 'sip-parser-lite', 'content', 'sip', 'store', 'services', 'web', 'console'],
    ...['embedded.ts', 'engine-io.ts'],
  ],
  commands: ['base', 'sip-parser-lite', 'store', 'services', 'embedded.ts', 'host'],
  'main.ts': ['engine.ts', 'host', 'commands'],
}

/** Within `im`: each folder and those that it may use beside what stands in `im` itself. */
const IM_BELOW: Record<string, readonly string[]> = {
  delivery: [],
  fetch: ['delivery'],
  history: ['delivery', 'fetch'],
  joined: ['history'],
  recording: ['history'],
  large: ['history'],
  settings: ['delivery'],
  waiting: [],
}

const IMPURE = new Set(['embedded.ts', 'services', 'web', 'console', 'host', 'commands', 'main.ts'])
const product = files.filter(isProduct)
const pure = product.filter(file => !IMPURE.has(roomOf(file.path)))

/** What no file below the host may use, and what it is given instead. */
const BANNED: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\b/, 'the `now: Now` of the input'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/, '`Timers` of base'],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/, '`Entropy` of base'],
  [/\bprocess\./, 'an option of the constructor'],
  [/\bconsole\./, 'the `Log` that was handed in'],
  [/\basync\b|(?<!\.)\bawait\s|\bPromise\b/, 'a continuation that runs as an input of its own'],
]

/** node: modules that compute and do nothing else. */
const PURE_MODULES = new Set(['buffer', 'zlib'])
const PURE_MODULES_OF: Record<string, readonly string[]> = {
  'sip/digest.ts': ['crypto'],
  'sip/nonces.ts': ['crypto'],
  'store/identities.ts': ['crypto'],
}

/** Started by hand or by a script (and `*-child.ts` by a test); and the reference model, which real stores are held against. */
const NOT_IMPORTED = new Set(['main.ts', 'host/one-file.ts', 'tour/tour.ts', 'store/memory.ts'])

const linesWith = (file: SourceFile, text: string, pattern: RegExp): string[] =>
  text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}`] : []))

t.test('imports run one way, low to high', async t => {
  const wrong = product.flatMap(file => {
    const room = roomOf(file.path)
    const above = file.imports.filter(path => roomOf(path) !== room && !BELOW[room]?.includes(roomOf(path)))
    return above.map(path => `${file.path} imports ${path}`)
  })
  t.same(wrong, [])
})

t.test('the functions of messaging use each other one way', async t => {
  const folderOf = (path: string): string | undefined => /^im\/([^/]+)\//.exec(path)?.[1]
  const wrong = product.flatMap(file => {
    const folder = folderOf(file.path)
    if (folder === undefined) return []
    const others = file.imports.filter(path => folderOf(path) !== undefined && folderOf(path) !== folder)
    return others
      .filter(path => !IM_BELOW[folder]?.includes(folderOf(path)!))
      .map(path => `${file.path} imports ${path}`)
  })
  t.same(wrong, [])
})

t.test('the engine does no I/O: no clock, timer, entropy, process or promise below the host', async t => {
  t.ok(pure.length > 30, 'files were looked at')
  const wrong = pure.flatMap(file =>
    BANNED.flatMap(([pattern, instead]) => linesWith(file, file.code, pattern).map(line => `${line}: use ${instead}`)),
  )
  t.same(wrong, [])
})

t.test('below the host no node: module that does I/O', async t => {
  const wrong = pure.flatMap(file => {
    const modules = [...file.text.matchAll(/from 'node:([^']+)'/g)].map(match => match[1]!)
    const allowed = PURE_MODULES_OF[file.path] ?? []
    return modules
      .filter(name => !PURE_MODULES.has(name) && !allowed.includes(name))
      .map(name => `${file.path}: ${name}`)
  })
  t.same(wrong, [], 'what a file needs of the outside comes as an argument')
})

t.test('no file of the product that only its test imports, and no support of tests that nobody uses', async t => {
  const used = new Set(files.flatMap(file => file.imports))
  const usedByProduct = new Set(product.flatMap(file => file.imports))
  const support = files.filter(file => isSupport(file.path) && !isTest(file))
  const dead = [
    ...product.filter(file => !usedByProduct.has(file.path)),
    ...support.filter(file => !used.has(file.path)),
  ]
  t.same(
    dead.map(file => file.path).filter(path => !NOT_IMPORTED.has(path) && !path.endsWith('-child.ts')),
    [],
  )
})

t.test('the product imports nothing of its tests', async t => {
  const isForTests = (path: string) => isSupport(path) || path.endsWith('.test.ts')
  const wrong = product.flatMap(file => file.imports.filter(isForTests).map(path => `${file.path} imports ${path}`))
  t.same(wrong, [])
})

t.test('no test is switched off or narrowed', async t => {
  const off = /\bt\.(todo|skip)\(|\.only\(|\b(todo|only): true/
  t.same(
    files.filter(isTest).flatMap(file => linesWith(file, file.code, off)),
    [],
  )
})

t.test('nothing is left open, and no path of a machine', async t => {
  // Written so that this file does not find itself.
  const open = /\b(TO[D]O|FIX[M]E|XX[X])\b/
  const machine = /\/(hom[e]|roo[t]|wor[k]|User[s])\//
  t.same(
    files.flatMap(file => linesWith(file, file.text, open)),
    [],
    'finish it or leave it out',
  )
  t.same(
    files.flatMap(file => linesWith(file, file.text, machine)),
    [],
  )
})

t.test('what the scan takes for code', async t => {
  t.match(withoutText("a('process.x') // process.\nb"), /^a\('\s+'\)\s+\nb$/)
  t.notMatch(withoutText('/* await\nawait */ x'), 'await')
  t.notMatch(withoutText('const r = /[/]async/\n'), 'async')
  t.match(withoutText(`\`\${await x}\``), 'await')
  t.match(withoutText('a / b / process.c'), 'process.c')
})
