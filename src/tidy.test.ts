import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type SourceFile, sourcesBelow, withoutText } from './testing/source.ts'

/** What keeps the house as its plan has it. Sizes of files and functions and the forms of exports are the linter's to check. */

const root = import.meta.dirname
const files = sourcesBelow(root)
const isTest = (file: SourceFile): boolean => file.path.endsWith('.test.ts')
const roomOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : path)
const isBench = (file: SourceFile): boolean => file.path.includes('/bench/') || file.path.endsWith('.bench.ts')
/** What several tests share. Not shipped. */
const isSupport = (path: string): boolean =>
  path.startsWith('testing/') || path.startsWith('interop/') || path.endsWith('.fixture.ts') || path === 'store/conformance.ts'
const isProduct = (file: SourceFile): boolean => !isTest(file) && !isBench(file) && !isSupport(file.path)

/** Each room and the rooms below it that it may import. */
const BELOW: Record<string, readonly string[]> = {
  'sip-parser-lite': [],
  base: [],
  sdp: ['base', 'sip-parser-lite'],
  content: ['base', 'sip-parser-lite'],
  msrp: ['base', 'sip-parser-lite', 'sdp', 'content'],
  sip: ['base', 'sip-parser-lite', 'sdp', 'content'],
  store: ['base', 'sip-parser-lite', 'sip'],
  im: ['base', 'sip-parser-lite', 'sdp', 'content', 'msrp', 'sip', 'store'],
  'engine-io.ts': ['base', 'store'],
  'engine.ts': ['base', 'store', 'im', 'engine-io.ts'],
  host: ['base', 'sip-parser-lite', 'sip', 'store', 'engine-io.ts'],
  commands: ['base', 'sip-parser-lite', 'store', 'host'],
  'main.ts': ['engine.ts', 'host', 'commands'],
}

const IMPURE = new Set(['host', 'commands', 'main.ts'])
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
const PURE_MODULES_OF: Record<string, readonly string[]> = { 'sip/digest.ts': ['crypto'], 'sip/nonces.ts': ['crypto'] }

/** Started by hand or by a script; and the reference model, which real stores are held against. */
const NOT_IMPORTED = new Set(['main.ts', 'store/memory.ts'])

const linesWith = (file: SourceFile, text: string, pattern: RegExp): string[] =>
  text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}`] : []))

t.test('imports run one way, low to high', async t => {
  for (const file of product) {
    const room = roomOf(file.path)
    t.ok(BELOW[room], `${file.path}: a room of the house`)
    const wrong = file.imports.filter(path => roomOf(path) !== room && !BELOW[room]?.includes(roomOf(path)))
    t.same(wrong, [], `${file.path} imports what may stand above it`)
  }
})

t.test('the engine does no I/O: no clock, timer, entropy, process or promise below the host', async t => {
  t.ok(pure.length > 30, 'files were looked at')
  for (const file of pure)
    for (const [pattern, instead] of BANNED)
      t.same(linesWith(file, file.code, pattern), [], `${file.path}: use ${instead}`)
})

t.test('below the host no node: module that does I/O', async t => {
  for (const file of pure) {
    const modules = [...file.text.matchAll(/from 'node:([^']+)'/g)].map(match => match[1]!)
    const allowed = PURE_MODULES_OF[file.path] ?? []
    const wrong = modules.filter(name => !PURE_MODULES.has(name) && !allowed.includes(name))
    t.same(wrong, [], `${file.path}: what it needs of the outside comes as an argument`)
  }
})

t.test('no file of the product that only its test imports, and no support of tests that nobody uses', async t => {
  const used = new Set(files.flatMap(file => file.imports))
  const usedByProduct = new Set(product.flatMap(file => file.imports))
  for (const file of product) t.ok(NOT_IMPORTED.has(file.path) || usedByProduct.has(file.path), file.path)
  for (const file of files.filter(file => isSupport(file.path))) t.ok(isTest(file) || used.has(file.path), file.path)
})

t.test('the product imports nothing of its tests', async t => {
  for (const file of product)
    t.same(
      file.imports.filter(path => isSupport(path) || path.endsWith('.test.ts')),
      [],
      file.path,
    )
})

t.test('a test stands beside what it tests, and no test is switched off', async t => {
  const off = /\bt\.(todo|skip)\(|\.only\(|\b(todo|only): true/
  for (const file of files.filter(isTest)) {
    const folder = join(root, file.path, '..')
    t.ok(
      existsSync(folder) && files.some(other => !isTest(other) && join(root, other.path, '..') === folder),
      file.path,
    )
    t.same(linesWith(file, file.code, off), [])
  }
})

t.test('nothing is left open, and no path of a machine', async t => {
  const open = new RegExp(
    ['TO', 'DO|FIX', 'ME|XX', 'X'].join('').replace(/^|$|\|/g, part => (part === '|' ? '\\b|\\b' : '\\b')),
  )
  const machine = new RegExp(['/ho', 'me/|/ro', 'ot/|/wo', 'rk/|/Us', 'ers/'].join(''))
  for (const file of files) {
    t.same(linesWith(file, file.text, open), [], `${file.path}: finish it or leave it out`)
    t.same(linesWith(file, file.text, machine), [], `${file.path}: a path of somebody's machine`)
  }
})

t.test('what the scan takes for code', async t => {
  t.match(withoutText("a('process.x') // process.\nb"), /^a\('\s+'\)\s+\nb$/)
  t.notMatch(withoutText('/* await\nawait */ x'), 'await')
  t.notMatch(withoutText('const r = /[/]async/\n'), 'async')
  t.match(withoutText(`\`\${await x}\``), 'await')
  t.match(withoutText('a / b / process.c'), 'process.c')
})
