import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'

interface Bundle {
  /** ASCII alone. */
  readonly code: string
  /** What runs it (src/host/one-file.ts). */
  readonly begin: string
  /** Folders of the packages that something of was taken from, e.g. `node_modules/fastify`. */
  readonly packages: ReadonlySet<string>
}

/**
 * The program as one file of JavaScript, the same for every machine: a function that Node would wrap a CommonJS module in, since what begins
 * it passes what Node embeds on.
 */
export async function bundle(root: string): Promise<Bundle> {
  const [program, begin] = await Promise.all([bundled(root, 'src/main.ts'), bundled(root, 'src/host/one-file.ts')])
  return {
    code: `(function(require,module,exports,__filename,__dirname){${program.code}\n})`,
    begin: begin.code,
    packages: program.packages,
  }
}

async function bundled(root: string, entry: string): Promise<{ code: string; packages: ReadonlySet<string> }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: 'bundled.cjs',
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Identifiers stay, so that a stack in a log can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    charset: 'ascii',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    // What is imported late is inside as well: nothing is ever looked for on disk.
    supported: { 'dynamic-import': false },
    define: {
      'import.meta.url': '__programUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: 'const __programUrl=require("node:url").pathToFileURL(process.execPath).href;' },
    plugins: [embeddedAddons(root), wholeOrderedBinary(root)],
  })
  const paths = Object.keys(metafile.outputs['bundled.cjs']!.inputs)
  return { code: asciiOf(outputFiles[0]!.text), packages: new Set(paths.flatMap(packageOf)) }
}

/** One octet a character: esbuild leaves tagged templates as they are, where an escape is the same to a page and to a regular expression. */
const asciiOf = (code: string): string =>
  code.replace(/[^\0-\x7f]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const packageOf = (path: string): string[] => {
  const [folder] = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []
  return folder === undefined ? [] : [folder]
}

/** Both libraries search the disk for their compiled part; here it comes from inside. */
const embeddedAddons = (root: string): Plugin => ({
  name: 'embedded addons',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node-gyp-build(-optional-packages)?$/ }, ({ importer }) => {
      const [, name] = /node_modules\/(?:@serialport\/)?(lmdb|bindings-cpp)\//.exec(importer) ?? []
      if (name === undefined) throw new Error(`${importer} has a compiled part that the build does not know`)
      return { path: name === 'lmdb' ? 'lmdb' : 'serialport', namespace: 'addon' }
    })
    // A faster part of msgpackr, which does without it.
    onResolve({ filter: /^msgpackr-extract$/ }, ({ path }) => ({ path, namespace: 'left out' }))
    onLoad({ filter: /./, namespace: 'left out' }, ({ path }) => ({
      contents: `throw new Error("${path} is left out")`,
    }))
    onLoad({ filter: /./, namespace: 'addon' }, ({ path }) => ({
      contents: `module.exports = () => require('./src/host/embedded.ts').addon(${JSON.stringify(path)})`,
      resolveDir: root,
    }))
  },
})

/**
 * ordered-binary makes functions with a direct `eval` that refer to variables of its module. A bundler renames these: what is put can be got,
 * but ranges are read with wrong keys. In its CommonJS form the names stay.
 */
const wholeOrderedBinary = (root: string): Plugin => ({
  name: 'whole ordered-binary',
  setup({ onResolve }) {
    const path = join(createRequire(join(root, 'node_modules/lmdb/index.js')).resolve('ordered-binary'))
    onResolve({ filter: /^ordered-binary$/ }, () => ({ path }))
  },
})
