import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../../base/log.ts'
import { describedBoard } from './boards.ts'
import { Leds } from './leds.ts'

const STATES = describedBoard('nanopi-r4s').leds!

/** As the kernel has them; the files of a trigger are there already. */
function sys(t: Test): string {
  const led = { trigger: '[none] timer', brightness: '1', delay_on: '0', delay_off: '0', pattern: '' }
  return t.testdir({ 'red:sys': led, 'green:wan': { ...led }, 'green:lan': { ...led, trigger: '[netdev]' } })
}

const contents = (folder: string, led: string, ...names: string[]): string[] =>
  names.map(name => readFileSync(join(folder, led, name), 'latin1'))

t.test('each state is written as it is described, and no other LED is touched', async t => {
  const folder = sys(t)
  const leds = new Leds({ states: STATES, folder, log: silentLog })
  await leds.show('boot')
  t.match(contents(folder, 'red:sys', 'trigger', 'delay_on', 'delay_off'), [/^timer/, /^500/, /^500/])
  t.match(contents(folder, 'green:wan', 'trigger', 'brightness'), [/^none/, /^0/])
  await leds.show('degraded')
  t.match(contents(folder, 'green:wan', 'trigger', 'pattern'), [/^pattern/, /^1 150 1 0 0 150/])
  t.match(contents(folder, 'red:sys', 'trigger', 'brightness'), [/^none/, /^0/])
  await leds.show('fault')
  t.match(contents(folder, 'red:sys', 'trigger'), [/^default-on/])
  t.same(contents(folder, 'green:lan', 'trigger'), ['[netdev]'])
})

t.test('of states in a row the last one is shown', async t => {
  const folder = sys(t)
  const leds = new Leds({ states: STATES, folder, log: silentLog })
  await Promise.all([leds.show('boot'), leds.show('ready'), leds.show('fault')])
  t.match(contents(folder, 'red:sys', 'trigger'), [/^default-on/])
  t.match(contents(folder, 'green:wan', 'trigger'), [/^none/])
})

t.test('an LED that is not there is one line in the log, once; the others are set, and no file is made', async t => {
  const folder = sys(t)
  rmSync(join(folder, 'red:sys'), { recursive: true })
  const lines: unknown[] = []
  const log: Log = { ...silentLog, warn: (msg, fields) => void lines.push({ msg, ...fields }) }
  const leds = new Leds({ states: STATES, folder, log })
  await leds.show('ready')
  await leds.show('fault')
  t.match(lines, [{ msg: 'an LED cannot be set', led: 'red:sys', reason: /no such file/ }])
  t.equal(lines.length, 1)
  t.notOk(existsSync(join(folder, 'red:sys')))
  t.match(contents(folder, 'green:wan', 'trigger'), [/^none/])
})

t.test('no permission, and no LEDs at all', async t => {
  const folder = sys(t)
  const lines: string[] = []
  const log: Log = { ...silentLog, warn: msg => void lines.push(msg) }
  await new Leds({ states: STATES, folder: join(folder, 'none'), log }).show('ready')
  t.equal(lines.length, 1)
  if (process.getuid?.() === 0) return t.pass('root may write everything')
  chmodSync(join(folder, 'red:sys', 'trigger'), 0o444)
  await new Leds({ states: STATES, folder, log }).show('ready')
  t.equal(lines.length, 2)
})
