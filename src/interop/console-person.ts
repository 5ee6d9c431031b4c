import { RESTANTE } from '../testing/program-under-test.ts'
import type { BoxProcess } from './box.ts'
import { PtyLine } from './pty-line.ts'

/** What the tests give `admin`. */
export const ADMIN_PASSWORD = 'marmalade on 9 stones'

/** Printed at the first start of a box. */
export const printedPassword = (box: BoxProcess): string => /^ {2}admin +(\S+)$/m.exec(box.out)![1]!

/** `restante console` on a terminal, for the configuration of that box. */
export const consoleOf = (box: BoxProcess, ...args: readonly string[]): PtyLine =>
  PtyLine.program([...RESTANTE, 'console', '--config', box.file, ...args])

/** The first time with what the box printed, which is to be replaced at once. */
export async function setUpAdmin(line: PtyLine, printed: string): Promise<void> {
  await line.expect(/login: $/)
  line.enter('admin')
  await line.expect(/Password: $/)
  line.enter(printed)
  for (const prompt of [/New password: $/, /Once more: $/]) {
    await line.expect(prompt)
    line.enter(ADMIN_PASSWORD)
  }
  await line.expect(/127.0.0.1> $/)
}

export async function signIn(line: PtyLine): Promise<void> {
  await line.expect(/login: $/)
  line.enter('admin')
  await line.expect(/Password: $/)
  line.enter(ADMIN_PASSWORD)
  await line.expect(/127.0.0.1> $/)
}

/** What is shown until the prompt is back; pages are turned. */
export async function shownBy(line: PtyLine, command: string): Promise<string> {
  line.enter(command)
  let all = ''
  for (;;) {
    const { text, match } = await line.expect(/127\.0\.0\.1[>#] $|--More--/)
    all += text
    if (match[0] !== '--More--') return all
    line.type(' ')
  }
}
