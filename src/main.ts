import { run } from './commands/program.ts'

// Who reads the output may stop early, as `head` does; the work goes on.
process.stdout.on('error', () => {})

// What only some commands need is loaded by these alone, so that the small ones answer at once.
const code = await run(process.argv.slice(2), {
  makeEngine: async parts => new (await import('./engine.ts')).Engine(parts),
  openStore: async (...folder) => (await import('./host/open-store.ts')).openStore(...folder),
  stdin: process.stdin,
  out: text => process.stdout.write(text),
  taken: () =>
    new Promise(resolve => {
      if (!process.stdout.writableNeedDrain || process.stdout.destroyed) return resolve()
      for (const event of ['drain', 'close', 'error']) process.stdout.once(event, resolve)
    }),
  err: text => process.stderr.write(text),
})
process.exit(code)
