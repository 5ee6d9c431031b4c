import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { embeddedFile, foundEmbedded, isOneFile } from './embedded.ts'

t.test('from a checkout, what travels with the program is what lies beside it', t => {
  t.equal(isOneFile, false)
  t.same(embeddedFile('docs/manual.md'), readFileSync(join(import.meta.dirname, '../docs/manual.md')))
  t.equal(foundEmbedded('docs/nothing.md'), undefined)
  t.throws(() => embeddedFile('docs/nothing.md'), { message: /docs\/nothing\.md did not travel/ })
  t.end()
})
