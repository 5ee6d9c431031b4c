import { silentLog } from '../base/log.ts'
import { resetIfMarked } from './factory-reset.ts'

/** Does the reset that is marked and is killed at the step of that number: `FILE TARGET STEP`. */
const [file = '', target = '', last = ''] = process.argv.slice(2)
let steps = 0
await resetIfMarked({
  file,
  target,
  log: silentLog,
  step: () => {
    if (steps++ === Number(last)) process.kill(process.pid, 'SIGKILL')
  },
})
