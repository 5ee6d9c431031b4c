import { missing, send, Writer } from '../sender.ts'
import { shown, signIn } from '../technician.ts'
import type { Trial } from '../trial.ts'

const FAULTS: readonly [name: string, errno: number][] = [
  ['EIO', 5],
  ['ENOSPC', 28],
]

/** Writes to the disk of data fail while messages come in. */
export async function disk(trial: Trial): Promise<void> {
  for (const [name, errno] of FAULTS) await failure(trial, name, errno)
}

async function failure(trial: Trial, name: string, errno: number): Promise<void> {
  const { machine } = trial
  await trial.addConsole()
  const writer = await Writer.start(trial)
  await trial.until('some messages', 30_000, () => writer.kept.length > 20)
  await machine.failWrites(errno)
  await trial.until('a refusal', 60_000, async () => (await trial.healthz()).status === 503)
  await writer.stop()
  // Kernels since 6.1.113 stop all writing without calling the mount read-only.
  const touched = await trial
    .until('a file that cannot be made', 60_000, async () => {
      const { code, out } = await machine.run('touch /var/lib/restante/trial && rm /var/lib/restante/trial')
      return code === 0 ? undefined : out
    })
    .catch(String)
  trial.check(`${name}: ext4 takes nothing more`, /Read-only file system/.test(touched), touched)
  const told = await send(trial, 2)
  trial.check(
    `${name}: senders are told 603`,
    told.every(({ status }) => status === 603),
    JSON.stringify(told),
  )
  const health = await trial.healthz()
  trial.check(`${name}: /healthz says 503: ${health.text}`, health.status === 503)
  const alarms = JSON.stringify(await trial.api('/api/v1/alarms'))
  trial.check(`${name}: the alarm store-failing stands`, alarms.includes('store-failing'), alarms)
  await signIn(trial, machine.line)
  const status = await shown(trial, machine.line, 'show alarms')
  trial.check(`${name}: the console works and says so`, /read-only|write|flash|store/i.test(status), status)
  const before = await machine.shown('MainPID')
  await trial.pause(trial.ms(5000))
  trial.check(
    `${name}: it goes on without a new start`,
    (await machine.shown('MainPID')) === before && (await machine.shown('NRestarts')) === '0',
  )
  await trial.cutAndBoot()
  await trial.ready()
  const lost = await missing(trial, writer.kept)
  trial.check(
    `${name}: with a sound disk all ${writer.kept.length} that were answered 202 are there`,
    lost.length === 0,
    lost.join('\n'),
  )
  const [again] = await send(trial, 1)
  trial.check(`${name}: and messages are taken again`, again?.status === 202, JSON.stringify(again))
}
