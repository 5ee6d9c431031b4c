import { send } from '../sender.ts'
import type { Trial } from '../trial.ts'

const GROUP = '/sys/fs/cgroup/system.slice/restante.service'

/** Limits of a real control group, and what becomes of a box that is ended by one. */
export async function limits(trial: Trial): Promise<void> {
  const { machine } = trial
  const usual = await machine.said(`cd ${GROUP}; cat memory.max memory.high pids.max`)
  trial.check(
    'MemoryMax=512M, MemoryHigh=384M and TasksMax=64 are in force',
    usual === `${512 * 2 ** 20}\n${384 * 2 ** 20}\n64`,
    usual,
  )
  await trial.dropIn('small-box.conf')
  await trial.restart()
  const small = await machine.said(`cd ${GROUP}; cat memory.max memory.high`)
  trial.check('small-box.conf: 192 MiB and no MemoryHigh', small === `${192 * 2 ** 20}\nmax`, small)
  const told = await send(trial, 20)
  const used = Number(await machine.said(`cat ${GROUP}/memory.peak`)) / 2 ** 20
  trial.check(
    `small-box.conf: it serves, with ${Math.round(used)} MiB at most`,
    told.every(({ status }) => status === 202) && used <= 192,
  )
  const before = await machine.shown('MainPID')
  await machine.said('systemctl set-property --runtime restante.service MemoryMax=24M')
  await trial.until('an end', 60_000, async () => (await machine.shown('MainPID')) !== before)
  await machine.said('systemctl set-property --runtime restante.service MemoryMax=192M')
  await trial.ready()
  const { api, all } = await trial.lastReset()
  trial.check(
    'ended for want of memory: started again, and told as killed by oom-kill',
    api === 'killed' && all.includes('oom-kill'),
    all,
  )
  await machine.said(
    'rm -r /run/systemd/system.control/restante.service.d /etc/systemd/system/restante.service.d/small-box.conf',
  )
  await trial.restart()
}
