import { loginOn, shown, signIn } from '../technician.ts'
import type { Trial } from '../trial.ts'

/** What a technician does on the UART, and what goes wrong there. */
export async function serialLine(trial: Trial): Promise<void> {
  await trial.addConsole()
  await commands(trial)
  await noise(trial)
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

/** As a console of its own unit, at 9600 baud. */
async function slowly(trial: Trial): Promise<void> {
  const { machine } = trial
  await machine.put(
    `/etc/systemd/system/restante-console@${machine.tty}.service.d/baud.conf`,
    '[Service]\nEnvironment=BAUD=9600\n',
  )
  await machine.said(`systemctl daemon-reload; systemctl start restante-console@${machine.tty}`)
  await loginOn(trial, machine.line)
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
