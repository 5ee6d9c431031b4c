/** Prints the test files that start the box as a process: those that come, by way of what they import, to the file that says which program. */
import { join } from 'node:path'
import { sourcesBelow } from '../../src/testing/source.ts'

const PROGRAM = 'testing/program-under-test.ts'

const files = sourcesBelow(join(import.meta.dirname, '../../src'))
const reaching = new Set([PROGRAM])
for (let size = 0; size < reaching.size; ) {
  size = reaching.size
  for (const { path, imports } of files) if (imports.some(each => reaching.has(each))) reaching.add(path)
}
for (const path of [...reaching].filter(each => each.endsWith('.test.ts')).sort()) console.log(`src/${path}`)
