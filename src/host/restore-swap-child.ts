import { swapIn } from './restore-swap.ts'

/** Puts what is unpacked in its place and is killed at one step: `DATA_DIR CONFIGURATION_FILE AT STEP`. */
const [dataDir = '', file = '', at = '', last = ''] = process.argv.slice(2)
swapIn({ dataDir, at: Number(at), configuration: { file, before: 'old', text: 'new' } }, step => {
  if (step === last) process.kill(process.pid, 'SIGKILL')
})
