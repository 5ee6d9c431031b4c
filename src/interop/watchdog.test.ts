import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { native } from '../host/native.ts'
import { FROM_SOURCE, RESTANTE } from '../testing/program-under-test.ts'
import { BoxProcess } from './box.ts'
import { NotifyEar, PYTHON } from './notify-ear.ts'
import { installedAt, isPassedOver } from './program.ts'
import { until } from './until.ts'

const calls = native()
const skip =
  'missing' in calls ? calls.missing : installedAt(PYTHON) === undefined ? `${PYTHON} is not installed` : false
const LONG_MS = 60_000
const WATCHDOG_MS = 1500

/** A box, and who manages it: hears its words, and has a folder in memory for it. */
async function managed(t: Test, by: readonly string[] = [], program: readonly string[] = RESTANTE) {
  // A socket's path has 107 characters at most.
  const run = mkdtempSync(join(tmpdir(), 'restante-watchdog-'))
  const ear = await NotifyEar.open(join(run, 'notify'))
  mkdirSync(join(run, 'memory'))
  const env = {
    NOTIFY_SOCKET: ear.socket,
    WATCHDOG_USEC: String(WATCHDOG_MS * 1000),
    RUNTIME_DIRECTORY: join(run, 'memory'),
  }
  const box = await BoxProcess.make(t.testdir({}), { users: ['alice', 'bob'], env, by, program })
  t.teardown(async () => {
    await box.discard()
    await ear.close()
    rmSync(run, { recursive: true, force: true })
  })
  await box.start()
  const words = (): number => ear.texts.filter(text => text === 'WATCHDOG=1').length
  const fed = (): Promise<boolean> => {
    const before = words()
    return until('a word to the manager', LONG_MS, () => words() > before)
  }
  /** For as long as the manager waits. */
  const silent = async (): Promise<void> => {
    let heard = words()
    let since = performance.now()
    await until('silence', LONG_MS, () => {
      if (words() > heard) since = performance.now()
      heard = words()
      return performance.now() - since > WATCHDOG_MS
    })
  }
  /** As systemd does: ended, with a word of it for the next run. */
  const ends = async (word: string): Promise<void> => {
    await box.kill()
    writeFileSync(join(run, 'memory', 'result'), `${word}\n`)
    await box.start()
  }
  const runs = () => JSON.parse(readFileSync(join(box.dataDir, 'runs.json'), 'utf8'))
  return { box, ear, fed, silent, ends, runs }
}

t.test(
  'a box that is well feeds the manager, its own message leaves nothing to be seen, and each run says how the one before ended',
  { skip },
  async t => {
    const { box, ear, fed, silent, ends, runs } = await managed(t)
    await ear.has('READY=1')
    await until('a self-test', LONG_MS, async () => (await box.metric('restante_self_test_passed')) >= 1)
    await fed()
    t.match((await box.restante('queue')).out, /^0 messages/)
    t.notMatch((await box.restante('user', 'list')).out, /self-test/)
    t.equal(await box.metric('restante_accounts'), 2)
    t.equal(await box.metric('restante_messages_waiting'), 0)
    t.equal(await box.metric('restante_messages_stored_total'), 0)
    t.equal(await box.metric('restante_messages_delivered_total'), 0)
    t.equal(await box.metric('restante_starts'), 1)
    t.equal((await box.health()).code, 200)
    t.equal((await box.stop()).code, 0)
    t.match(runs().ended, { kind: 'stop', detail: 'SIGTERM' })
    await box.start()
    t.match(runs().resets[0], { kind: 'stop', detail: 'SIGTERM' })
    t.equal(await box.metric('restante_last_reset_stop'), 1)
    await fed()
    // A program that stands still.
    box.signal('SIGSTOP')
    await silent()
    await ends('watchdog killed KILL')
    t.match(runs().resets[0], { kind: 'hung', detail: /heard nothing/ })
    await fed()
    await ends('signal killed KILL')
    t.match(runs().resets[0], { kind: 'killed', detail: /signal killed KILL/ })
  },
)

t.test('where nobody manages it a program that stands still ends itself, and the next run says so', async t => {
  // Only a program from source takes what makes its loop stand.
  const stand = 'process.on("SIGUSR2", () => { for (;;); })'
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(stand)}` }
  const toml = '[watchdog]\nhang_s = 2'
  const box = await BoxProcess.make(t.testdir({}), { users: ['alice'], env, toml, program: FROM_SOURCE })
  t.teardown(() => box.discard())
  await box.start()
  box.signal('SIGUSR2')
  t.equal((await box.stop()).code, 70, 'SIGTERM is not heard any more')
  t.match(box.err, /"the program stood still, and is ended"/)
  await box.start()
  const runs = () => JSON.parse(readFileSync(join(box.dataDir, 'runs.json'), 'utf8'))
  t.match(runs().resets[0], { kind: 'blocked' })
})

t.test('a dead store: degraded and fed, /healthz and the manager are told, and it ends in order', { skip }, async t => {
  if (isPassedOver(t, 'prlimit')) return
  // A binary could not put down its compiled part of LMDB, which is larger.
  const { box, ear, fed } = await managed(t, ['prlimit', '--fsize=200000'], FROM_SOURCE)
  await until('the manager hears why', LONG_MS, () => ear.texts.some(text => /STATUS=.*(cannot|not ready)/.test(text)))
  t.equal((await box.health()).code, 503)
  await fed()
  t.ok(box.isRunning)
  t.equal((await box.stop()).code, 0)
})
