import { missing, send } from '../sender.ts'
import type { Trial } from '../trial.ts'

/** A machine that wakes up in 1970. */
export async function clock(trial: Trial): Promise<void> {
  await trial.dropIn('set-clock.conf')
  await trial.machine.said(
    'systemctl mask --now systemd-timesyncd; rm -f /var/lib/systemd/timesync/clock; touch -d 1970-01-02 /usr/lib/clock-epoch; sync',
  )
  const before = await trial.machine.said('date +%Y')
  const machine = await trial.cutAndBoot({ clock: '1970-01-02' })
  await trial.ready()
  const year = await machine.said('date +%Y')
  // systemd(1) moves a clock from before that file to its time, and no further.
  trial.check(`the clock of the system is wrong: ${year} in place of ${before}`, year < before, year)
  const view = await trial.api('/api/v1/time')
  trial.check(
    'the box does not trust it, and may set it',
    view.is_trusted === false && view.can_set === true,
    JSON.stringify(view),
  )
  const alarms = JSON.stringify(await trial.api('/api/v1/alarms'))
  trial.check('an alarm says so', /clock/.test(alarms), alarms)
  const told = await send(trial, 5)
  trial.check(
    'messages are taken meanwhile',
    told.every(({ status }) => status === 202),
    JSON.stringify(told),
  )
  const set = await trial.ask('PUT', '/api/v1/time', { now: new Date().toISOString(), far_ahead: true })
  const now = await machine.said('date +%s')
  trial.check(
    'the API sets it (set-clock.conf)',
    set.status === 200 && Math.abs(Number(now) - Date.now() / 1000) < 60,
    `${set.text} ${now}`,
  )
  await trial.until('it is trusted', 60_000, async () => (await trial.api('/api/v1/time')).is_trusted === true)
  const lost = await missing(
    trial,
    told.map(({ callId }) => callId),
  )
  trial.check('trusted again, and nothing that came meanwhile is lost', lost.length === 0, lost.join('\n'))
  const rtc = await machine.run('cat /sys/class/rtc/rtc0/since_epoch')
  trial.check(
    'the clock of the hardware was set with it',
    Math.abs(Number(rtc.out) - Date.now() / 1000) < 3600,
    rtc.out,
  )
  await trial.cutAndBoot()
  await trial.ready()
}
