import { missing, Writer } from '../sender.ts'
import type { Trial } from '../trial.ts'

const ROUNDS = 3
const WRITE_MS = 2500

/** qemu is killed while messages come in: whatever was answered 202 is there when the machine is back. */
export async function powerCuts(trial: Trial): Promise<void> {
  const kept: string[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    const writer = await Writer.start(trial)
    const before = kept.length
    await trial.until('some messages', 30_000, () => writer.kept.length > 20)
    await trial.pause(trial.ms(WRITE_MS) * (0.5 + Math.random() / 2))
    await trial.cut()
    await writer.stop()
    kept.push(...writer.kept)
    const began = performance.now()
    const machine = await trial.boot()
    await trial.ready()
    const s = ((performance.now() - began) / 1000).toFixed(1)
    const lost = await missing(trial, kept)
    trial.check(
      `power cut ${round}: ${kept.length - before} messages more were answered 202, all of ${kept.length} are there (ready after ${s} s)`,
      lost.length === 0,
      lost.join('\n'),
    )
    // By e2fsck, before it is mounted.
    const { out } = await machine.run('journalctl -b --no-pager -o cat | grep "vdc1: recovering journal"')
    if (round === 1) trial.check('the journal of its file system was replayed', out !== '')
  }
  const { api, metrics, all } = await trial.lastReset()
  trial.check(
    'the reason of the start is power, on Status and in /metrics',
    api === 'power' && metrics === 'power',
    all,
  )
}
