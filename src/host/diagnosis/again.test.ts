import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { Again } from './again.ts'

const ran = (how: string) => {
  const child = join(import.meta.dirname, 'again-child.ts')
  const { status, stdout } = spawnSync(process.execPath, [child, join(t.testdir({}), 'mark'), how])
  return { status, lines: `${stdout}`.trim().split('\n') }
}

t.test('without a service manager the program takes its own place, with the same arguments', async t => {
  const { status, lines } = ran('alone')
  const pid = lines[0]!.split(' ')[1]
  t.equal(lines.length, 2)
  t.match(lines[1], new RegExp(`^again ${pid} .*/mark alone$`))
  t.equal(status, 0)
})

t.test('a service manager that watches it starts another one: the exit is no success', async t => {
  const { status, lines } = ran('managed')
  t.equal(lines.length, 1)
  t.equal(status, 75)
})

t.test('it is asked for once, and comes in a moment', async t => {
  const again = new Again()
  t.notOk(again.isAsked)
  again.ask()
  t.ok(again.isAsked)
  t.equal(await again.asked, 'asked to start anew')
})
