import type { Port } from './port.ts'
import { ADMIN_PASSWORD, type Trial } from './trial.ts'

/** Somebody at the console who is signed in and enabled, whatever stood there before; the prompt is `box# `. */
export async function signIn(trial: Trial, line: Port): Promise<void> {
  const ms = trial.ms(20_000)
  // ^U, ^C: what was begun goes.
  line.type('\u0015\u0003')
  await trial.pause(500)
  line.forget()
  line.enter('')
  const { match } = await line.expect(/(login: |box[>#(][^\n]*)$/, ms)
  if (match[1] === 'login: ') {
    line.enter('admin')
    await line.expect(/Password: $/, ms)
    line.enter(ADMIN_PASSWORD)
    await line.expect(/box> $/, ms)
  }
  line.enter('terminal length 0')
  await line.expect(/box[>#] $/, ms)
  line.enter('enable')
  const asked = await line.expect(/(Password: |box# )$/, ms)
  if (asked.match[1] === 'box# ') return
  line.enter(ADMIN_PASSWORD)
  await line.expect(/box# $/, ms)
}

/** What a command shows, until the prompt is back. */
export async function shown(trial: Trial, line: Port, command: string): Promise<string> {
  line.enter(command)
  return (await line.expect(/box(\([^)]*\))?[>#] $/, trial.ms(30_000))).text
}

/** Until Enter brings a login. */
export async function loginOn(trial: Trial, line: Port): Promise<boolean> {
  const seen = await trial.until('a login on the line', 40_000, () => {
    line.forget()
    line.enter('')
    return line.expect(/box login: $/, trial.ms(2000)).catch(() => undefined)
  })
  return seen !== undefined
}
