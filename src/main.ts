import { run } from './commands/program.ts'
import { Engine } from './engine.ts'
import { openStore } from './host/open-store.ts'

const code = await run(process.argv.slice(2), {
  makeEngine: parts => new Engine(parts),
  openStore,
  stdin: process.stdin,
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
})
process.exit(code)
