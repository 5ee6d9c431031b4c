/** Starts anew once, with a file beside it to know it by: `MARK managed|alone`. */
import { existsSync, writeFileSync } from 'node:fs'
import { startAnew } from './again.ts'

const [mark = '', how = ''] = process.argv.slice(2)
if (existsSync(mark)) process.stdout.write(`again ${process.pid} ${process.argv.slice(2).join(' ')}\n`)
else {
  writeFileSync(mark, '')
  process.stdout.write(`first ${process.pid}\n`, () => startAnew(how === 'managed'))
}
