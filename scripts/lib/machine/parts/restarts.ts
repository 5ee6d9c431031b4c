import { send } from '../sender.ts'
import { signIn } from '../technician.ts'
import type { Trial } from '../trial.ts'
import { firstRun } from './first-run.ts'

/** What somebody asks for on the console that restarts the machine, or takes what is on it. */
export async function restarts(trial: Trial): Promise<void> {
  await reload(trial)
  await send(trial, 3)
  const waiting = await count(trial)
  await byConsole(trial, waiting)
  await byMark(trial, waiting)
  await full(trial)
}

async function count(trial: Trial): Promise<number> {
  return JSON.parse(await trial.machine.said('restante queue --json')).count
}

async function openConsole(trial: Trial): Promise<void> {
  await trial.addConsole()
  await signIn(trial, trial.machine.line)
}

async function reload(trial: Trial): Promise<void> {
  const { machine } = trial
  await openConsole(trial)
  machine.monitor.events()
  machine.line.enter('reload machine')
  await machine.line.expect(/\?[^\n]*$/, trial.ms(20_000))
  machine.line.enter('y')
  await machine.event('RESET', trial.ms(60_000))
  await machine.up()
  await trial.ready()
  const { api, metrics, all } = await trial.lastReset()
  trial.check(
    'reload machine restarts the machine, and the reason is restart',
    api === 'restart' && metrics === 'restart',
    all,
  )
}

async function byConsole(trial: Trial, waiting: number): Promise<void> {
  const { machine } = trial
  await openConsole(trial)
  const before = await machine.shown('MainPID')
  machine.line.enter('factory-reset config')
  await machine.line.expect(/to go on: $/, trial.ms(20_000))
  machine.line.enter('box')
  await trial.until(
    'another process',
    60_000,
    async () => (await trial.isReady()) && (await machine.shown('MainPID')) !== before,
  )
  await isReset(trial, waiting, 'factory-reset config on the console')
}

async function byMark(trial: Trial, waiting: number): Promise<void> {
  const { machine } = trial
  await machine.said('echo config >/var/lib/restante/factory-reset; systemctl restart restante')
  await trial.ready()
  await isReset(trial, waiting, 'a mark in data_dir')
}

async function isReset(trial: Trial, waiting: number, how: string): Promise<void> {
  const { machine } = trial
  const config = await machine.said('cat /etc/restante/restante.toml')
  const isShipped = config.includes('example.org') && !config.includes('[console]')
  trial.check(
    `${how}: the configuration is as shipped, with domain and accounts`,
    isShipped,
    config.replaceAll(/password.*/g, ''),
  )
  const kept = await count(trial)
  trial.check(`${how}: all ${waiting} messages are kept`, kept === waiting, `${kept}`)
  const password = await machine.run('test -e /var/lib/restante/first-password')
  trial.check(`${how}: the first run comes again`, password.code === 0)
  await trial.addConfiguration('')
  await firstRun(trial)
}

/** data_dir is a mount point: it stays, and what the file system keeps there does no harm. */
async function full(trial: Trial): Promise<void> {
  const { machine } = trial
  await machine.said('echo full >/var/lib/restante/factory-reset; systemctl restart restante')
  await trial.ready()
  const left = await machine.said('ls -A /var/lib/restante')
  const mounted = await machine.run('findmnt /var/lib/restante && findmnt /etc/restante')
  trial.check('factory-reset full: both mount points are what they were', mounted.code === 0, mounted.out)
  const config = await machine.said('cat /etc/restante/restante.toml')
  trial.check('factory-reset full: the configuration is as shipped', config.includes('restante.invalid'), left)
  trial.check('factory-reset full: nothing waits', (await count(trial)) === 0)
  const { out } = await machine.run('test -e /var/lib/restante/factory-reset && echo still there')
  trial.check('factory-reset full: the mark is gone', out === '', out)
  await trial.addConfiguration('')
  await firstRun(trial)
}
