import type { ConsoleClock } from '../../console/options.ts'

export const systemClock: ConsoleClock = {
  nowMs: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}
