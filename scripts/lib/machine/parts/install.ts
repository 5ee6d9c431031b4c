import { send } from '../sender.ts'
import type { Trial } from '../trial.ts'

/** The package on a machine that has never seen it, with configuration and data on partitions of their own. */
export async function install(trial: Trial): Promise<void> {
  const began = performance.now()
  const machine = await trial.boot()
  console.log(
    `    ${await machine.said('uname -srm')}, systemd ${await machine.said("systemctl --version | sed 's/(.*//;q'")}; up in ${Math.round((performance.now() - began) / 1000)} s`,
  )
  const { code, out } = await trial.install()
  trial.check('dpkg -i installs and starts it', code === 0 && (await trial.isReady()), out)
  const mounts = await machine.said(
    'findmnt -n -o TARGET,FSTYPE,OPTIONS /etc/restante; findmnt -n -o TARGET,FSTYPE,OPTIONS /var/lib/restante',
  )
  trial.check(
    'configuration and data lie on partitions of their own',
    mounts.split('\n').filter(line => line.includes(' ext4 ') && line.includes('errors=remount-ro')).length === 2,
    mounts,
  )
  await trial.configure('[deferral]\nquota_messages = 100000\nquota_bytes = 268435456\nsender_share_percent = 100\n')
  trial.check('ready with another configuration', await trial.isReady())
  const health = await trial.healthz()
  trial.check('/healthz from outside: 200', health.status === 200, health.text)
  const told = await send(trial, 3)
  trial.check(
    'messages for somebody who is away are answered 202',
    told.every(({ status }) => status === 202),
    JSON.stringify(told),
  )
  const exposure = await machine.said('systemd-analyze security --no-pager restante.service')
  const level = Number(/exposure level for restante.service: ([\d.]+)/.exec(exposure)?.[1])
  trial.check(`systemd-analyze security: ${level}, at most 2.0`, level <= 2.0)
  const failed = await machine.said('systemctl --failed --no-legend --plain')
  trial.check('no unit of the system failed', failed === '', failed)
}

/** The package over one that an earlier trial left there, where it is another. */
export async function upgrade(trial: Trial): Promise<void> {
  await trial.boot()
  if (!(await trial.isInstalled())) {
    const { code, out } = await trial.install()
    trial.check('dpkg -i over what is there', code === 0, out)
  }
  await trial.ready()
  await trial.makeToken()
}
