import { run } from './commands/program.ts'
import { taken } from './commands/taken.ts'
import { endProcess } from './host/end-process.ts'

// Who reads the output may stop early, as `head` does; the work goes on.
process.stdout.on('error', () => {})

let isStoreOpened = false

// What only some commands need is loaded by these alone, so that the small ones answer at once.
run(process.argv.slice(2), {
  makeEngine: async parts => new (await import('./engine.ts')).Engine(parts),
  openStore: async (...folder) => {
    isStoreOpened = true
    return (await import('./host/open-store.ts')).openStore(...folder)
  },
  stdin: process.stdin,
  screen: process.stdout,
  out: text => process.stdout.write(text),
  taken: () => taken(process.stdout),
  err: text => process.stderr.write(text),
}).then(code => (isStoreOpened ? endProcess(code) : process.exit(code)))
