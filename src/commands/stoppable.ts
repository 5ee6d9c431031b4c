import { PlainError } from '../host/plain-error.ts'

/** Ctrl-C ends the work in order. */
export async function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  process.once('SIGINT', stop)
  try {
    return await work(stopping.signal)
  } catch (error) {
    throw stopping.signal.aborted ? new PlainError('Stopped before it was done.') : error
  } finally {
    process.removeListener('SIGINT', stop)
  }
}
