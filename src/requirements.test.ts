import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = new URL('..', import.meta.url).pathname

function testsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.ts') && entry.name !== 'requirements.test.ts')
    .map(entry => join(entry.parentPath, entry.name))
}

/** "DM-DLV-03/04", "DM-DLV-09, 10", "DM-PSH-01 to 05" and "DM-STO-01..04" name every id they span. */
function idsIn(text: string): Set<string> {
  const ids = new Set<string>()
  for (const [, family, first, rest] of text.matchAll(
    /\b((?:DM|HIS)-[A-Z]{3})-(\d\d)((?:(?:\/|, | to |\.\.)\d\d\b)*)/g,
  )) {
    const add = (from: number, to: number): void => {
      for (let number = from; number <= to; number++) ids.add(`${family}-${String(number).padStart(2, '0')}`)
    }
    let last = Number(first)
    add(last, last)
    for (const [, sign, next] of (rest ?? '').matchAll(/(\/|, | to |\.\.)(\d\d)/g)) {
      const isRange = sign === ' to ' || sign === '..'
      add(isRange ? last : Number(next), Number(next))
      last = Number(next)
    }
  }
  return ids
}

t.test('every requirement that docs/requirements.md calls done is named by a test', async t => {
  const rows = readFileSync(join(root, 'docs/requirements.md'), 'utf8').split('\n')
  const done = rows.filter(row => /^\| (DM|HIS)-/.test(row) && /\| done\b[^|]*\|$/.test(row))
  t.ok(done.length > 25, 'the table is read')
  const named = idsIn(
    testsBelow(join(root, 'src'))
      .map(file => readFileSync(file, 'utf8'))
      .join('\n'),
  )
  for (const row of done)
    for (const id of idsIn(row.split('|')[1] ?? '')) t.ok(named.has(id), `${id} is named by a test`)
})
