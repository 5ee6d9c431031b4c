import { ADMIN_PASSWORD, type Trial } from '../trial.ts'

/** console.device on the real UART, up to the first password of admin: what comes later signs in with it. */
export async function firstRun(trial: Trial): Promise<void> {
  const { machine } = trial
  await trial.dropIn('serial-line.conf', text => text.replaceAll('ttyS1', machine.tty))
  await machine.said(`systemctl mask --now serial-getty@${machine.tty}.service`)
  await trial.addConsole()
  const { line } = machine
  line.enter('')
  await line.expect(/login: $/, trial.ms(20_000))
  const password = /^admin (\S+)/m.exec(await machine.said('cat /var/lib/restante/first-password'))?.[1] ?? ''
  line.enter('admin')
  await line.expect(/Password: $/, trial.ms(20_000))
  line.enter(password)
  for (const prompt of [/New password: $/, /Once more: $/]) {
    await line.expect(prompt, trial.ms(20_000))
    line.enter(ADMIN_PASSWORD)
  }
  await line.expect(/box> $/, trial.ms(20_000))
  trial.check('the first run on the serial line: a new password for admin', true)
  line.enter('exit')
  await trial.makeToken()
  if (trial.place.arch !== 'arm64') return
  const board = JSON.stringify((await trial.api('/api/v1/status')).board)
  trial.check('Status names the board qemu-aarch64', board.includes('qemu-aarch64'), board)
}
