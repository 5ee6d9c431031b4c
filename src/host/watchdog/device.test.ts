import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../../base/log.ts'
import type { Native } from '../native.ts'
import { WatchdogDevice, wasResetByDevice } from './device.ts'

/** What a driver answers; the device itself is a file, which shows what was written. */
function machine(t: Test, { maxS = 60, feeding = 0, options = 0x100, bootStatus = 0, nowayout = '0' } = {}) {
  const root = t.testdir({
    watchdog: '',
    sys: { class: { watchdog: { watchdog0: { nowayout: `${nowayout}\n`, bootstatus: `${bootStatus}\n` } } } },
  })
  const state = { feeding, fed: 0 }
  const calls: Partial<Native> = {
    watchdogSetTimeout: (_, seconds) => (seconds <= maxS ? seconds : -22),
    watchdogTimeout: () => 12,
    watchdogOptions: () => options,
    watchdogBootStatus: () => bootStatus,
    watchdogKeepAlive: () => {
      state.fed++
      return state.feeding
    },
  }
  const lines: string[] = []
  const note = (msg: string): void => void lines.push(msg)
  const log: Log = { ...silentLog, warn: note, error: note }
  const path = join(root, 'watchdog')
  const open = (addon: () => Native | { missing: string } = () => calls as Native) =>
    new WatchdogDevice({ path, log, root, addon })
  return { root, path, state, lines, open, written: () => readFileSync(path, 'latin1') }
}

t.test('the longest time that the driver takes; fed by its own call; closed in order it stands still', async t => {
  for (const [maxS, timeoutS] of [
    [100, 60],
    [15, 15],
    [5, 12],
  ]) {
    const { open, state, written, lines } = machine(t, { maxS: maxS! })
    const device = open()
    t.equal(device.timeoutS, timeoutS)
    device.keepAlive()
    t.equal(state.fed, 1)
    t.equal(written(), '')
    device.close()
    t.equal(written(), 'V')
    t.same(lines, [])
  }
})

t.test('one that cannot be stopped is left as it is, and that is said', async t => {
  const nowayout = machine(t, { nowayout: '1' })
  nowayout.open().close()
  t.equal(nowayout.written(), '')
  t.match(nowayout.lines, [/cannot be stopped/])
  const magicless = machine(t, { options: 0 })
  magicless.open().close()
  t.match(magicless.lines, [/cannot be stopped/])
})

t.test('without the addon it is fed by writing, and its time is what it is', async t => {
  const { open, written } = machine(t)
  const device = open(() => ({ missing: 'not compiled' }))
  t.equal(device.timeoutS, undefined)
  device.keepAlive()
  t.equal(written(), '\0')
  device.close()
  t.equal(written(), '\0V')
})

t.test('one that cannot be fed is said once, until it can again; one that is not there throws', async t => {
  const { open, state, lines, path, root } = machine(t)
  const device = open()
  state.feeding = -5
  device.keepAlive()
  device.keepAlive()
  t.equal(device.isFailing, true)
  t.same(lines, ['the watchdog device cannot be fed'])
  state.feeding = 0
  device.keepAlive()
  t.equal(device.isFailing, false)
  t.throws(() => new WatchdogDevice({ path: `${path}s/none`, log: silentLog, root }), { code: 'ENOENT' })
})

t.test('whether the device reset the machine is told by sysfs, without opening it, and by the device', async t => {
  const { root, open } = machine(t, { bootStatus: 0x20 })
  t.equal(wasResetByDevice('/dev/watchdog', root), true)
  t.equal(wasResetByDevice('/dev/watchdog1', root), false)
  t.equal(wasResetByDevice('', root), true, 'none is configured: the one that PID 1 may feed')
  t.equal(open().wasCardReset, true)
  writeFileSync(join(root, 'sys/class/watchdog/watchdog0/bootstatus'), '16\n')
  t.equal(wasResetByDevice('/dev/watchdog0', root), false, 'another flag')
})
