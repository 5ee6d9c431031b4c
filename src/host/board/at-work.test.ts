import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { until } from '../../interop/until.ts'
import { BoxState } from '../watchdog/box-state.ts'
import { BoardAtWork } from './at-work.ts'

const led = { trigger: '[none]', brightness: '0', delay_on: '0', delay_off: '0', pattern: '' }

t.test('the LEDs follow the state of the box, and an update takes their place while it goes on', async t => {
  const root = t.testdir({
    proc: { 'device-tree': { compatible: 'friendlyarm,nanopi-r4s\0' } },
    sys: { class: { leds: { 'red:sys': led, 'green:wan': { ...led } } } },
  })
  const shown = (name: string, file: string): string => readFileSync(join(root, 'sys/class/leds', name, file), 'latin1')
  const state = new BoxState()
  const work = new BoardAtWork({ state, log: silentLog, root })
  t.match(work.board, { name: 'nanopi-r4s', title: /NanoPi R4S/ })
  await until('starting', 5000, () => shown('red:sys', 'trigger').startsWith('timer'))
  state.set('ready')
  await until('ready', 5000, () => shown('green:wan', 'trigger').startsWith('default-on'))
  state.set('degraded', 'the clock is not trusted')
  await until('degraded', 5000, () => shown('green:wan', 'pattern') !== '')
  const ended = Promise.withResolvers<void>()
  const update = work.updating(() => ended.promise)
  await until('an update', 5000, () => shown('green:wan', 'delay_on').startsWith('100'))
  state.set('fault', 'the store cannot write')
  t.notMatch(shown('red:sys', 'trigger'), /default-on/, 'an update goes before')
  ended.reject(new Error('it did not fit'))
  await t.rejects(update, /did not fit/)
  await until('fault', 5000, () => shown('red:sys', 'trigger').startsWith('default-on'))
  work.stop()
})

t.test('a machine that is no known board: nothing is assumed, and nothing is written', async t => {
  const root = t.testdir({ sys: { class: { leds: { 'red:sys': led } } } })
  const state = new BoxState()
  const work = new BoardAtWork({ state, log: silentLog, root })
  t.equal(work.board, undefined)
  state.set('fault')
  t.equal(await work.updating(async () => 7), 7)
  t.equal(readFileSync(join(root, 'sys/class/leds/red:sys/trigger'), 'latin1'), '[none]')
})
