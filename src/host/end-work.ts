import type { DrivenEngine, Loop } from './loop.ts'
import type { Streams } from './streams.ts'
import type { WatchedStore } from './watched-store.ts'

/** Of the 5 s that a stop may take: what is under way to receivers and in the store. */
const WORK_STOP_MS = 2500

/** Pushes end after the answers to what is on the way, and whoever waits for a commit gets the answer. */
export async function endWork(
  engine: DrivenEngine,
  loop: Loop | undefined,
  streams: Streams,
  store: WatchedStore,
): Promise<void> {
  streams.stopListening()
  loop?.stop()
  const end = performance.now() + WORK_STOP_MS
  while ((engine.isBusy || store.outstanding > 0) && performance.now() < end)
    await new Promise(done => setTimeout(done, 5))
}
