import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../../base/log.ts'
import type { SelfTestView } from '../../base/self-test-view.ts'
import type { Instant, WallTime } from '../../base/time.ts'
import type { Native } from '../native.ts'
import { silentNotifier } from '../service/notifier.ts'
import { BoxWatch, type WatchedBox } from './box-watch.ts'
import type { Deadman } from './deadman.ts'

const WALL = 1_900_000_000_000

interface Given {
  readonly dir?: string
  readonly isManaged?: boolean
  readonly device?: boolean
  readonly deadman?: Deadman
  readonly watchdogMs?: number | undefined
}

/** A look lets a turn pass. */
async function firstLook(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await nextTurn()
}

/** A box whose every figure is set by hand, and what its watchdogs are told. Ticks come by hand too: the manager waits for days. */
async function watched(
  t: Test,
  { dir = t.testdir({ run: {}, watchdog: '' }), isManaged = true, device = false, ...given }: Given = {},
) {
  const told: string[] = []
  const lines: string[] = []
  const note = (msg: string): void => void lines.push(msg)
  const log: Log = { ...silentLog, info: note, warn: note, error: note }
  const time = { ms: 0, lag: 1 }
  let fed = 0
  const calls: Partial<Native> = {
    watchdogSetTimeout: (_, seconds) => seconds,
    watchdogOptions: () => 0x100,
    watchdogBootStatus: () => 0,
    watchdogKeepAlive: () => {
      fed++
      return 0
    },
  }
  const watch = new BoxWatch({
    notifier: {
      ...silentNotifier,
      watchdogMs: 'watchdogMs' in given ? given.watchdogMs : 1e9,
      alive: () => void told.push('WATCHDOG'),
      status: text => told.push(text),
    },
    ...{ log, isManaged, deadman: given.deadman, runtimeDir: join(dir, 'run'), root: dir },
    monotonicMs: () => time.ms,
    lagMs: () => time.lag,
    addon: () => calls as Native,
  })
  const state = {
    problem: undefined as string | undefined | 'never',
    store: { oldestMs: 0, stalledMs: 0, flushedAgoMs: undefined as number | undefined },
    loop: { lateMs: 0 },
    engine: { selfTest: undefined as SelfTestView | undefined },
  }
  const box: WatchedBox = {
    config: { watchdog: { device: device ? join(dir, 'watchdog') : '', hang_s: 60 } },
    ...state,
    health: { examined: async () => state.problem, also: () => undefined },
    clock: { now: () => ({ at: 1000 as Instant, wall: WALL as WallTime, isWallTrusted: true }) },
  }
  watch.began(dir, box.config)
  const release = watch.use(box)
  await firstLook()
  t.teardown(() => watch.close())
  let end: Error | undefined
  void watch.ended.then(why => {
    end = why
  })
  /** Words to the manager, and to the device, by one look. */
  const look = async (): Promise<number> => {
    const before = told.length
    await watch.tick()
    return told.slice(before).filter(each => each === 'WATCHDOG').length
  }
  return { watch, box, state, time, told, lines, look, release, dir, ended: () => end, fed: () => fed }
}

const failedTest = (failures: number): SelfTestView => ({
  result: 'failed',
  detail: 'the message was not answered within 40 s',
  failures,
  isRefused: false,
  at: 500 as Instant,
})

const runs = (dir: string) => JSON.parse(readFileSync(join(dir, 'runs.json'), 'utf8'))

t.test(
  'while messages get on both watchdogs are fed by each look, and nobody is told what has not changed',
  async t => {
    const { watch, look, fed, state } = await watched(t, { device: true })
    await look()
    t.equal(await look(), 1)
    const before = fed()
    t.equal(await look(), 1)
    t.equal(fed(), before + 1)
    t.same(watch.state.view, { condition: 'ready', reason: '' })
    state.store.flushedAgoMs = 2500
    t.match(watch.figures, {
      condition: 'ready',
      flushedAgoS: 2,
      selfTest: { result: 'none yet' },
      serviceS: 1e6,
      device: { timeoutS: 60, problem: '' },
    })
    t.match(watch.describe(), { starts: 1, last_reset: { first: 1 } })
  },
)

t.test('a dead store: it goes on, is fed, and says so', async t => {
  const { watch, box, look, state, ended } = await watched(t)
  await look()
  state.problem = 'the store cannot write: the medium failed: EIO'
  state.engine.selfTest = failedTest(50)
  for (let count = 0; count < 10; count++) t.equal(await look(), 1)
  t.same(watch.state.view, { condition: 'fault', reason: state.problem })
  t.equal(box.health.also(), undefined, 'health says it by itself')
  state.problem = undefined
  t.equal(await look(), 1, 'well again, before the next self-test says so')
  state.engine.selfTest = failedTest(52)
  t.equal(await look(), 1)
  t.equal(ended(), undefined)
  state.engine.selfTest = { ...failedTest(0), result: 'passed' }
  t.equal(await look(), 1)
  t.equal(watch.state.view.condition, 'ready')
  t.equal(ended(), undefined)
})

t.test('a store that hangs: the last word is written, nobody is fed any more, and the process is to end', async t => {
  const { watch, look, state, ended, dir, told, fed } = await watched(t, { device: true })
  await look()
  state.store.oldestMs = 89_000
  t.equal(await look(), 1)
  t.match(watch.state.view, { condition: 'degraded', reason: /slow/ })
  const before = fed()
  state.store.stalledMs = 91_000
  t.equal(await look(), 0)
  t.equal(await look(), 0)
  t.equal(fed(), before, 'nor the device')
  t.match(ended()?.message, /begins anew: the store has done nothing for 91 s/)
  t.match(runs(dir).ended, { kind: 'watchdog', detail: /done nothing/ })
  t.match(told.at(-1), /begins anew/)
  watch.ending('failed', 'what follows from it')
  t.equal(runs(dir).ended.kind, 'watchdog')
})

t.test(
  'a self-test that fails is told by /healthz at once, and ends the process when the store is well and it fails again',
  async t => {
    const { box, look, state, ended } = await watched(t)
    state.engine.selfTest = failedTest(1)
    t.equal(await look(), 1)
    t.match(box.health.also(), /self-test failed/)
    state.engine.selfTest = failedTest(3)
    t.equal(await look(), 0)
    t.match(ended()?.message, /self-test failed: .* \(3 times\)/)
  },
)

t.test('a store that is slow under its load is not ended for self-tests that wait their turn', async t => {
  const { look, state, ended } = await watched(t)
  state.store.oldestMs = 35_000
  for (const failures of [1, 2, 3, 4]) {
    state.engine.selfTest = failedTest(failures)
    t.equal(await look(), 1)
  }
  state.store.oldestMs = 5
  t.equal(await look(), 1)
  t.equal(ended(), undefined)
  state.engine.selfTest = { ...failedTest(0), result: 'passed' }
  await look()
  state.engine.selfTest = failedTest(3)
  t.equal(await look(), 0, 'of those only')
})

t.test('self-tests that were refused in a flood do not count with one that failed after it', async t => {
  const { look, state, ended } = await watched(t)
  for (let failures = 1; failures <= 10; failures++) {
    state.engine.selfTest = { ...failedTest(failures), isRefused: true }
    t.equal(await look(), 1)
  }
  for (const failures of [11, 12]) {
    state.engine.selfTest = failedTest(failures)
    t.equal(await look(), 1)
  }
  t.equal(ended(), undefined)
  state.engine.selfTest = failedTest(13)
  t.equal(await look(), 0)
  t.match(ended()?.message, /self-test failed/, 'three in a row')
})

t.test('three times within an hour, then it goes on and says why', async t => {
  const dir = t.testdir({ run: {} })
  for (let count = 0; count < 3; count++) {
    const { look, state, watch } = await watched(t, { dir })
    state.loop.lateMs = 61_000
    t.equal(await look(), 0, `start ${count + 1}`)
    watch.close()
  }
  const { watch, look, state, ended } = await watched(t, { dir })
  state.loop.lateMs = 61_000
  t.equal(await look(), 1)
  t.match(watch.state.view, { condition: 'fault', reason: /timers.*3 times within an hour/ })
  t.equal(ended(), undefined)
})

t.test('where nobody would start it anew it goes on', async t => {
  const { watch, look, state } = await watched(t, { isManaged: false })
  state.store.stalledMs = 100_000
  t.equal(await look(), 1)
  t.match(watch.state.view, { condition: 'fault', reason: /nobody would start it anew/ })
})

t.test('between two boxes of one process it is fed for two minutes, then it ends', async t => {
  const { watch, look, release, time, ended } = await watched(t)
  await look()
  release()
  t.equal(watch.state.view.condition, 'stopping')
  time.ms += 119_000
  t.equal(await look(), 1)
  time.ms += 2000
  t.equal(await look(), 0)
  t.match(ended()?.message, /did not start again/)
})

t.test('a look that does not end feeds nobody', async t => {
  const { watch, box, told } = await watched(t)
  await watch.tick()
  const before = told.length
  const never = Promise.withResolvers<undefined>()
  Object.assign(box.health, { examined: () => never.promise })
  const first = watch.tick()
  await watch.tick()
  await watch.tick()
  t.equal(told.length, before)
  never.resolve(undefined)
  await first
  t.equal(told.length, before + 1)
})

t.test('a device that is not there is an alarm, no end', async t => {
  const { watch, look, box, lines } = await watched(t)
  watch.use({ ...box, config: { watchdog: { device: '/dev/none/watchdog', hang_s: 60 } } })
  await firstLook()
  t.match(watch.figures.device, { path: '/dev/none/watchdog', problem: /ENOENT/ })
  t.ok(lines.includes('the watchdog device cannot be opened'))
  await look()
  t.equal(await look(), 1)
})

t.test('what was due while the loop stood is done before it is judged', async t => {
  const { look, state, ended } = await watched(t)
  state.loop.lateMs = 300_000
  setImmediate(() => (state.loop.lateMs = 0))
  t.equal(await look(), 1)
  t.equal(ended(), undefined)
})

t.test('what a process that stands still cannot write was written before, into memory', async t => {
  const { dir, look, state, watch } = await watched(t)
  state.store.oldestMs = 20_000
  await look()
  watch.close()
  t.match(JSON.parse(readFileSync(join(dir, 'run', 'heartbeat'), 'utf8')), { condition: 'degraded', reason: /slow/ })
  const next = await watched(t, { dir })
  t.match(next.watch.resets[0], { kind: 'killed', detail: /its last word: degraded, slow flash/ })
})

t.test(
  'the switch of a program that nobody manages: longer while a store is opened, fed by nobody else, told once',
  async t => {
    const dir = t.testdir({ run: {}, blocked: 'it stood still' })
    const told: string[] = []
    const deadman = {
      limitS: 60,
      watch: (dataDir: string, seconds: number) => void told.push(`watch ${dataDir === dir} ${seconds}`),
      allow: (seconds: number) => void told.push(`allow ${seconds}`),
      forbid: () => void told.push('forbid'),
      stop: () => void told.push('stop'),
    } as unknown as Deadman
    const { watch } = await watched(t, { dir, deadman })
    t.same(told, ['allow 120', 'forbid'], 'the manager watches')
    t.equal(watch.figures.deadmanS, 60)
    t.match(watch.resets[0], { kind: 'first' })
    t.notOk(existsSync(join(dir, 'blocked')))
    watch.close()
    told.length = 0
    writeFileSync(join(dir, 'blocked'), 'it stood still')
    const alone = await watched(t, { dir, deadman, watchdogMs: undefined })
    t.same(told, ['watch true 60', 'allow 120', 'forbid'])
    t.match(alone.watch.resets[0], { kind: 'blocked' })
    alone.watch.close()
    t.equal(told.at(-1), 'stop')
  },
)
