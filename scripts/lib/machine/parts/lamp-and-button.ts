import type { Trial } from '../trial.ts'

/** The keyboard of a PC stands for a board: one of its lamps, and a key. */
const LAMP = 'input0::capslock'
const BOARD = `title = "A keyboard"
[match]
[console]
tty = "ttyS0"
baud = 115200
firmware_baud = 115200
[rtc]
present = true
driver = "rtc_cmos"
keeps_time = true
[boot]
command_line = "console=ttyS0,115200"
[leds]
boot = [{ led = "LAMP", trigger = "timer", on_ms = 500, off_ms = 500 }]
ready = [{ led = "LAMP", trigger = "default-on" }]
degraded = [{ led = "LAMP", trigger = "pattern", pattern = "1 150 1 0 0 150 0 0" }]
update = [{ led = "LAMP", trigger = "timer", on_ms = 100, off_ms = 100 }]
fault = [{ led = "LAMP", trigger = "none" }]
[flash]
medium = "virtio-blk"
data_dir = "/var/lib/restante"
partitions = [{ label = "data", size_mib = 0, file_system = "ext4", mount = "/var/lib/restante" }]
`
const F12 = 88

export async function lampAndButton(trial: Trial): Promise<void> {
  if (trial.place.arch === 'arm64') return await gpioButton(trial)
  const { machine } = trial
  const lamp = (await machine.said(`ls /sys/class/leds | grep capslock | head -n 1`)) || LAMP
  await machine.put('/etc/restante/board.toml', BOARD.replaceAll('LAMP', lamp))
  await machine.said(
    'chown restante: /etc/restante/board.toml; cp /usr/share/restante/machine/leds.rules /etc/udev/rules.d/60-restante-leds.rules; cp /usr/share/restante/machine/leds-modules.conf /etc/modules-load.d/restante-leds.conf',
  )
  await trial.dropIn('leds.conf', text => text.replace('-/sys/devices/platform/leds', '-/sys/devices/platform/i8042'))
  await machine.said(
    'systemctl daemon-reload; systemctl restart systemd-modules-load restante; udevadm control --reload; udevadm trigger -s leds -c change; udevadm settle',
  )
  await trial.ready()
  const trigger = () => machine.said(`cat "/sys/class/leds/${lamp}/trigger"`)
  const isLit = await trial
    .until('the lamp', 30_000, async () => (await trigger()).includes('[default-on]'))
    .catch(String)
  trial.check('leds.rules and leds.conf: the lamp says ready', isLit === true, `${isLit} ${await trigger()}`)
  const status = await trial.api('/api/v1/status')
  trial.check(
    'Status names the board of /etc/restante/board.toml',
    JSON.stringify(status.board).includes('A keyboard'),
    JSON.stringify(status.board),
  )
  await machine.said('systemctl stop restante')
  const stopped = await trigger()
  trial.check('stopped: it blinks slowly', stopped.includes('[timer]'), stopped)
  await trial.restart()
  await button(trial, '/dev/input/by-path/platform-i8042-serio-0-event-kbd', F12, 'f12')
  await machine.said(
    'rm /etc/restante/board.toml /etc/systemd/system/restante.service.d/leds.conf; systemctl daemon-reload; systemctl restart restante',
  )
  await trial.ready()
}

async function button(trial: Trial, device: string, code: number, qcode: string): Promise<void> {
  const { machine } = trial
  await machine.put(
    '/etc/systemd/system/restante-button.service.d/key.conf',
    `[Unit]\nConditionPathExists=\nConditionPathExists=${device}\n[Service]\nExecStart=\nExecStart=/usr/lib/restante/button ${device} ${code} 3 10\n`,
  )
  await machine.said('systemctl daemon-reload; systemctl restart restante-button; sleep 2')
  const press = (down: boolean) =>
    machine.monitor.does('input-send-event', {
      events: [{ type: 'key', data: { down, key: { type: 'qcode', data: qcode } } }],
    })
  await press(true)
  await trial.pause(500)
  await press(false)
  await trial.pause(trial.ms(500))
  const tooShort = await machine.run('test -e /run/restante/presence')
  trial.check('a key that is touched does nothing', tooShort.code !== 0)
  await press(true)
  await trial.pause(4500)
  await press(false)
  const held = await trial
    .until('presence', 10_000, async () => (await machine.run('test -e /run/restante/presence')).code === 0)
    .catch(String)
  trial.check(
    'a key held for 4.5 s: somebody stands before the box',
    held === true,
    `${held} ${(await machine.run('systemctl status restante-button --no-pager')).out}`,
  )
  await machine.said('rm -f /run/restante/presence; systemctl stop restante-button')
}

/** The one key that the virtual board has: it is let go after a tenth of a second. */
async function gpioButton(trial: Trial): Promise<void> {
  const { machine } = trial
  const device = '/dev/input/by-path/platform-gpio-keys-event'
  await machine.said(
    'install -D /usr/share/restante/machine/logind.conf /etc/systemd/logind.conf.d/50-restante.conf; echo HandlePowerKey=ignore >>/etc/systemd/logind.conf.d/50-restante.conf; systemctl restart systemd-logind',
  )
  await machine.put(
    '/etc/systemd/system/restante-button.service.d/key.conf',
    `[Service]\nExecStart=\nExecStart=/usr/lib/restante/button ${device} 116 0 10\n`,
  )
  await machine.said('systemctl daemon-reload; systemctl start restante-button; sleep 2')
  await machine.monitor.does('system_powerdown')
  const held = await trial
    .until('presence', 10_000, async () => (await machine.run('test -e /run/restante/presence')).code === 0)
    .catch(String)
  trial.check(
    'the key of gpio-keys is seen',
    held === true,
    `${held} ${(await machine.run('systemctl status restante-button --no-pager; ls -l /dev/input/by-path')).out}`,
  )
  await machine.said('rm -f /run/restante/presence; systemctl stop restante-button')
}
