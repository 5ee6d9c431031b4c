import { send } from '../sender.ts'
import type { Trial } from '../trial.ts'
import { firstRun } from './first-run.ts'

/** A factory reset of the configuration, as the button and the console ask for it. */
export async function restarts(trial: Trial): Promise<void> {
  await send(trial, 3)
  const waiting = await count(trial)
  await byMark(trial, waiting)
}

async function count(trial: Trial): Promise<number> {
  return JSON.parse(await trial.machine.said('restante queue --json')).count
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
