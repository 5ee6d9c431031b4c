import type { Trial } from '../trial.ts'

/** The watchdog of the machine, fed by the box, and what is told of a reset by it. */
export async function watchdog(trial: Trial): Promise<void> {
  const { machine } = trial
  await machine.put('/etc/modules-load.d/restante-watchdog.conf', 'i6300esb\n')
  await machine.said('modprobe i6300esb')
  await trial.dropIn('hardware-watchdog.conf')
  await trial.addConfiguration('[watchdog]\ndevice = "/dev/watchdog0"\n')
  await byTheBox(trial)
  await machine.said('rm -f /etc/systemd/system/restante.service.d/hardware-watchdog.conf')
  await trial.addConfiguration('')
}

async function byTheBox(trial: Trial): Promise<void> {
  const { machine } = trial
  const open = await machine.said('cat /sys/class/watchdog/watchdog0/state /sys/class/watchdog/watchdog0/timeout')
  trial.check('the box has the watchdog of the machine, with 60 s', open === 'active\n60', open)
  await machine.said('systemctl stop restante')
  const stopped = await machine.said('cat /sys/class/watchdog/watchdog0/state')
  trial.check('stopped in order, it stops the watchdog', stopped === 'inactive', stopped)
  await machine.said('systemctl start restante')
  await trial.ready()
  await panic(trial, 'a kernel that panics')
  // A service manager that would see nothing: nobody but the machine's watchdog is left. PID 1 itself cannot be stopped.
  await machine.put('/run/systemd/system/restante.service.d/still.conf', '[Service]\nWatchdogSec=0\n')
  await trial.restart()
  await machine.said('kill -STOP $(systemctl show --value -p MainPID restante)')
  await reset(trial, 'a box that stands still')
}

/** By SysRq; with panic=10 it would restart by itself, sooner. */
async function panic(trial: Trial, what: string): Promise<void> {
  const { machine } = trial
  await machine.said('echo 0 >/proc/sys/kernel/panic')
  machine.monitor.events()
  await machine.run('nohup sh -c "sleep 1; echo c >/proc/sysrq-trigger" >/dev/null 2>&1 &')
  await reset(trial, what)
}

async function reset(trial: Trial, what: string): Promise<void> {
  const { machine } = trial
  const began = performance.now()
  await machine.event('WATCHDOG', trial.ms(120_000))
  const s = Math.round((performance.now() - began) / 1000)
  trial.check(`${what}: the watchdog resets the machine after ${s} s`, true)
  await machine.up()
  await trial.ready()
  const { api, metrics, all } = await trial.lastReset()
  trial.check(
    `${what}: Status and /metrics say hardware-watchdog`,
    api === 'hardware-watchdog' && metrics === 'hardware_watchdog',
    `${metrics} ${all}`,
  )
}
