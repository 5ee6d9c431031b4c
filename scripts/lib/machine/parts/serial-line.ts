import { Port } from '../port.ts'
import { loginOn, shown, signIn } from '../technician.ts'
import type { Trial } from '../trial.ts'

/** What a technician does on the UART, and what goes wrong there. */
export async function serialLine(trial: Trial): Promise<void> {
  await trial.addConsole()
  await commands(trial)
  await noise(trial)
  await secondProgram(trial)
  await unplugged(trial)
  await slowly(trial)
}

async function commands(trial: Trial): Promise<void> {
  const { line } = trial.machine
  await signIn(trial, line)
  const says: readonly [string, RegExp][] = [
    ['show version', /[Rr]estante/],
    ['show status', /example\.org|[Ww]aiting|messages/],
    ['show clock', /Trusted/],
    ['show log lines 5', /\d\d:\d\d/],
    ['show resets', /first|power|stop|watchdog/],
  ]
  for (const [command, found] of says) {
    const text = await shown(trial, line, command)
    trial.check(`on the line: ${command}`, found.test(text) && !text.includes('%'), text)
  }
  const json = await shown(trial, line, 'show status --json')
  trial.check(
    'show status --json is one document',
    isJson(json.slice(json.indexOf('{'), json.lastIndexOf('}') + 1)),
    json,
  )
  await shown(trial, line, 'configure')
  await shown(trial, line, 'set deferral.default_expiry_s 86400')
  const committed = await shown(trial, line, 'commit confirmed 30')
  const during = await trial.machine.said('cat /etc/restante/restante.toml')
  await trial.until(
    'going back',
    60_000,
    async () => !(await trial.machine.said('cat /etc/restante/restante.toml')).includes('86400'),
  )
  trial.check('commit confirmed 30 that nobody confirms goes back by itself', during.includes('86400'), committed)
  await trial.until('the API', 30_000, async () => (await trial.healthz()).status === 200)
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}

async function noise(trial: Trial): Promise<void> {
  const { machine } = trial
  const boot = await machine.said('cat /proc/sys/kernel/random/boot_id')
  await machine.said('echo 0 >/proc/sys/kernel/sysrq')
  await signIn(trial, machine.line)
  machine.line.type('show ver')
  await machine.monitor.does('chardev-send-break', { id: 'serial' })
  machine.line.type('sion')
  await trial.pause(500)
  machine.line.enter('')
  const { text } = await machine.line.expect(/box# $/, trial.ms(20_000))
  trial.check('BREAK in the middle of a command is passed over', /[Rr]estante/.test(text), text)
  machine.line.type(Buffer.from(Array.from({ length: 4096 }, () => Math.floor(Math.random() * 256))))
  await trial.pause(trial.ms(2000))
  await signIn(trial, machine.line).catch(async () => signIn(trial, machine.line))
  const after = await shown(trial, machine.line, 'show version')
  trial.check('four kilobytes of noise, and the console works', /[Rr]estante/.test(after), after)
  const counted = /^restante_console_line_noise_total\S* (\d+)/m.exec(await trial.metrics())?.[1]
  trial.check('BREAK and NUL are counted as noise', Number(counted) > 0, counted ?? 'no counter')
  trial.check(
    'the machine was not restarted by it',
    (await machine.said('cat /proc/sys/kernel/random/boot_id')) === boot,
  )
}

/** A login of the system on the same line. */
async function secondProgram(trial: Trial): Promise<void> {
  const { machine } = trial
  const refused = await machine.run(
    `setpriv --reuid=nobody --regid=dialout --groups=dialout,tty sh -c 'echo hello >/dev/${machine.tty}'`,
  )
  trial.check('a second program is told that the line is busy', /busy/i.test(refused.out), refused.out)
  await machine.said(
    `systemctl unmask serial-getty@${machine.tty}.service; systemctl stop restante; systemctl start serial-getty@${machine.tty}.service`,
  )
  await machine.run('systemctl start restante')
  const said = await trial
    .until('a word about the line', 60_000, async () => {
      const { out } = await machine.run('journalctl -u restante -o cat -n 30 --no-pager')
      return /cannot be used[^\n]*/.exec(out)?.[0]
    })
    .catch(String)
  trial.check(
    'a getty that was there first: the log says that another program has the line',
    said.includes('another program has it open'),
    said,
  )
  await machine.said(`systemctl mask --now serial-getty@${machine.tty}.service`)
  await loginOn(trial, machine.line)
  trial.check('when the getty is gone the console has the line by itself', true)
}

const isHere = (trial: Trial, isThere: boolean): Promise<boolean> =>
  trial.until(
    isThere ? 'the adapter' : 'it is gone',
    20_000,
    async () => ((await trial.machine.run('test -c /dev/ttyUSB0')).code === 0) === isThere,
  )

/** A USB adapter that is pulled out and put in again. */
async function unplugged(trial: Trial): Promise<void> {
  const { machine } = trial
  const { monitor } = machine
  await monitor.does('chardev-add', {
    id: 'usbline',
    backend: {
      type: 'socket',
      data: { addr: { type: 'unix', data: { path: `${trial.place.folder}/usb` } }, server: true, wait: false },
    },
  })
  const plug = () =>
    monitor.does('device_add', {
      driver: 'usb-serial',
      id: 'adapter',
      bus: 'usb.0',
      chardev: 'usbline',
      'always-plugged': true,
    })
  await machine.put('/etc/modules-load.d/restante-usb.conf', 'usbserial\n')
  await machine.said('systemctl restart systemd-modules-load')
  await trial.dropIn('serial-line.conf', text => text.replaceAll('/dev/ttyS1', 'char-ttyUSB'))
  await trial.addConfiguration('[console]\ndevice = "/dev/ttyUSB0"\nbaud = 115200\n')
  await plug()
  await isHere(trial, true)
  const line = await Port.open(`${trial.place.folder}/usb`)
  const first = await loginOn(trial, line).then(() => 'a login', String)
  trial.check('an adapter that comes after the start of the box has its console', first === 'a login', first)
  await signIn(trial, line)
  await monitor.does('device_del', { id: 'adapter' })
  await monitor.does('device_del', { id: 'adapter' }).catch(() => {})
  await isHere(trial, false)
  trial.check('an adapter is pulled out: the box goes on', (await trial.healthz()).status === 200)
  await plug()
  await isHere(trial, true)
  const back = await loginOn(trial, line).then(() => 'a login', String)
  trial.check('put in again: the line is back, and whoever was signed in is not', back === 'a login', back)
  line.close()
  await trial.dropIn('serial-line.conf', text => text.replaceAll('ttyS1', machine.tty))
  await trial.addConfiguration('')
}

/** As a console of its own unit, at 9600 baud. */
async function slowly(trial: Trial): Promise<void> {
  const { machine } = trial
  await machine.put(
    `/etc/systemd/system/restante-console@${machine.tty}.service.d/baud.conf`,
    '[Service]\nEnvironment=BAUD=9600\n',
  )
  await machine.said(`systemctl daemon-reload; systemctl start restante-console@${machine.tty}`)
  await loginOn(trial, machine.line)
  const speed = await machine.said(`stty -F /dev/${machine.tty} speed`)
  trial.check('restante-console@ at 9600 baud', speed === '9600', speed)
  await machine.said('systemctl stop restante')
  await signIn(trial, machine.line).catch(async () => signIn(trial, machine.line))
  const text = await shown(trial, machine.line, 'show status')
  trial.check('it works while the service is stopped', /reduced|not run|stopped|does not/i.test(text), text)
  machine.line.enter('reload')
  await machine.line.expect(/\? .*$/, trial.ms(20_000))
  machine.line.enter('y')
  await trial.ready()
  trial.check('it has the service started by a file, through restante-start.path', true)
  await machine.said(`systemctl stop restante-console@${machine.tty}`)
}
