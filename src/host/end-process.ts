import { native } from './native.ts'

/**
 * Ends the process as `process.exit` does, but waits for no thread: Node joins those of its pool first, and one of LMDB that is in the midst of
 * a transaction waits for a callback that never comes. What was not answered yet is as after a power cut. Without the addon of `native/` as Node does it.
 */
export function endProcess(code: number): never {
  const calls = native()
  if (!('missing' in calls)) {
    process.emit('exit', code)
    calls.exitNow(code)
  }
  process.exit(code)
}
