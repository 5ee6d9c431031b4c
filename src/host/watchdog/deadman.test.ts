import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../../base/log.ts'
import { type Native, native } from '../native.ts'
import { silentNotifier } from '../service/notifier.ts'
import { BLOCKED_CODE, Deadman, fedBy, forgetBlocked, wasBlocked } from './deadman.ts'

/** What it is fed with, in ticks of a second. */
function watched({ result = 0 } = {}) {
  const fed: number[] = []
  const lines: string[] = []
  const time = { ms: 0 }
  const state = { isDebugged: false, armed: 0 }
  const calls: Partial<Native> = {
    deadmanArm: (_tickMs, ticks) => {
      state.armed = ticks
      return result
    },
    deadmanFeed: ticks => fed.push(ticks),
  }
  const log: Log = { ...silentLog, warn: msg => void lines.push(msg) }
  const parts = { log, monotonicMs: () => time.ms, isDebugged: () => state.isDebugged }
  const deadman = new Deadman({ ...parts, addon: () => calls as Native })
  return { deadman, fed, lines, time, state, last: () => fed.at(-1) }
}

t.test('it is fed with its seconds, and with more while something is allowed to stand', async t => {
  const { deadman, state, time, last } = watched()
  deadman.feed()
  t.equal(last(), undefined, 'nobody watches yet')
  deadman.allow(300)
  deadman.watch('/data', 60)
  t.same([state.armed, last(), deadman.limitS], [60, 300, 60])
  time.ms = 290_000
  deadman.feed()
  t.equal(last(), 60, 'what is left of it is less')
  const told: string[] = []
  const notifier = fedBy(
    { ...silentNotifier, alive: () => void told.push('alive'), extendS: seconds => void told.push(`${seconds}`) },
    deadman,
  )
  notifier.extendS(200)
  notifier.extendS(100)
  time.ms += 50_000
  notifier.alive()
  t.equal(last(), 150, 'the longer one stands')
  t.same(told, ['200', '100', 'alive'])
  deadman.forbid()
  t.equal(last(), 60)
})

t.test('another number of the configuration, none, and a program that is debugged', async t => {
  const { deadman, state, last } = watched()
  deadman.watch('/data', 60)
  deadman.watch('/data', 20)
  t.same([state.armed, last(), deadman.limitS], [60, 20, 20], 'it is armed once')
  state.isDebugged = true
  deadman.feed()
  t.equal(last(), 0)
  state.isDebugged = false
  deadman.feed()
  t.equal(last(), 20)
  deadman.watch('/data', 0)
  t.same([last(), deadman.limitS], [0, undefined])
  deadman.watch('/data', 30)
  deadman.stop()
  t.same([last(), deadman.limitS], [0, undefined])
})

t.test('without the addon, and where the system has no thread for it, that is said and all else goes on', async t => {
  const refused = watched({ result: -11 })
  refused.deadman.watch('/data', 60)
  t.same([refused.lines.length, refused.deadman.limitS, refused.fed], [1, undefined, []])
  const lines: string[] = []
  const log: Log = { ...silentLog, warn: msg => void lines.push(msg) }
  const bare = new Deadman({ log, addon: () => ({ missing: 'not compiled' }) })
  bare.watch('/data', 60)
  bare.feed()
  t.same([lines.length, bare.limitS], [1, undefined])
})

const calls = native()
const skip = 'missing' in calls ? calls.missing : false
const MODULE = JSON.stringify(join(import.meta.dirname, 'deadman.ts'))
const NEVER = 'for (;;) {}'

/** A process whose switch waits for `limitMs`, in hundredths of it. */
function program(t: Test, limitMs: number, script: string): { child: ChildProcess; dir: string } {
  const dir = t.testdir({})
  const options = `{ tickMs: ${limitMs / 100}, isDebugged: () => false, log: { warn: console.log } }`
  const text = `import { Deadman } from ${MODULE}
const deadman = new Deadman(${options})
const stand = ms => { const end = performance.now() + ms; while (performance.now() < end); }
deadman.watch(${JSON.stringify(dir)}, ${limitMs / 1000})
console.log('armed')
${script}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['pipe', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, dir }
}

const ended = async (child: ChildProcess): Promise<number | null> => (await once(child, 'exit'))[0]

t.test('a loop that stands is ended with a code of its own, a line and a mark', { skip }, async t => {
  const { child, dir } = program(t, 200, NEVER)
  let said = ''
  child.stderr?.on('data', bytes => {
    said += bytes
  })
  t.equal(await ended(child), BLOCKED_CODE)
  t.match(said, /^\{"level":"error","msg":"the program stood still, and is ended"\}\n$/)
  t.equal(wasBlocked(dir), true)
  t.equal(readFileSync(join(dir, 'blocked'), 'latin1'), 'it stood still\n')
  forgetBlocked(dir)
  t.equal(wasBlocked(dir), false)
  forgetBlocked(join(dir, 'none'))
})

t.test('also where nobody reads what it writes', { skip }, async t => {
  const filling = "for (;;) try { fs.writeSync(2, 'x'.repeat(4096)) } catch {}"
  const { child, dir } = program(t, 200, `const fs = await import('node:fs')\n${filling}`)
  child.stderr?.pause()
  t.equal(await ended(child), BLOCKED_CODE)
  t.equal(wasBlocked(dir), true)
})

t.test('what is allowed to stand stands, and a switch that was stopped does nothing', { skip }, async t => {
  const allowed = program(t, 200, 'deadman.allow(60); stand(600); deadman.stop(); stand(600); process.exit(3)')
  t.equal(await ended(allowed.child), 3)
  t.notOk(existsSync(join(allowed.dir, 'blocked')))
})

t.test('a process that was stopped goes on where it was, however long that took', { skip }, async t => {
  const { child, dir } = program(
    t,
    1000,
    `setInterval(() => deadman.feed(), 20)
process.stdin.on('data', () => process.exit(4))`,
  )
  await once(child.stdout!, 'data')
  child.kill('SIGSTOP')
  const end = performance.now() + 1500
  while (performance.now() < end) await new Promise(resolve => setTimeout(resolve, end - performance.now()))
  child.kill('SIGCONT')
  child.stdin?.write('\n')
  t.equal(await ended(child), 4)
  t.equal(wasBlocked(dir), false)
})
