import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Log, LogFields } from '../../base/log.ts'
import { silentLog } from '../../base/log.ts'
import { NotifyEar, PYTHON } from '../../interop/notify-ear.ts'
import { installedAt } from '../../interop/program.ts'
import { native, nativeError } from '../native.ts'
import { openNotifier, silentNotifier } from './notifier.ts'

const calls = native()
const skip =
  'missing' in calls ? calls.missing : installedAt(PYTHON) === undefined ? `${PYTHON} is not installed` : false

/** Short: a socket's path has 107 characters at most. */
const dir = mkdtempSync(join(tmpdir(), 'restante-notify-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
let sockets = 0
const fresh = (): string => join(dir, String(sockets++))

const warnings = (): { log: Log; told: LogFields[] } => {
  const told: LogFields[] = []
  return { told, log: { ...silentLog, warn: (_msg, fields) => void told.push(fields ?? {}) } }
}

t.test('the service manager hears each state from the process itself', { skip }, async t => {
  for (const socket of [fresh(), `@restante-test-${process.pid}`]) {
    const ear = await NotifyEar.open(socket)
    t.teardown(() => ear.close())
    const environment = {
      NOTIFY_SOCKET: socket,
      WATCHDOG_USEC: '30000000',
      WATCHDOG_PID: String(process.pid),
      PATH: '/',
    }
    const notifier = openNotifier(environment, silentLog)
    t.same(environment, { PATH: '/' }, 'programs that the box starts cannot speak for it')
    t.equal(notifier.watchdogMs, 30_000)
    notifier.extendS(90)
    notifier.status('serving example.org\nREADY=1')
    notifier.ready()
    notifier.alive()
    notifier.reloading()
    notifier.dead()
    notifier.stopping()
    await ear.count(7)
    t.match(ear.texts, [
      'EXTEND_TIMEOUT_USEC=90000000',
      'STATUS=serving example.org READY=1',
      'READY=1',
      'WATCHDOG=1',
      /^RELOADING=1\nMONOTONIC_USEC=[0-9]+$/,
      'WATCHDOG=trigger',
      'STOPPING=1',
    ])
    t.ok(ear.heard.every(({ pid }) => pid === process.pid))
  }
})

t.test('a status is told once, cut, and again when it changes', { skip }, async t => {
  const ear = await NotifyEar.open(fresh())
  t.teardown(() => ear.close())
  const notifier = openNotifier({ NOTIFY_SOCKET: ear.socket }, silentLog)
  for (const text of ['one', 'one', 'x'.repeat(5000), 'one']) notifier.status(text)
  await ear.count(3)
  t.same(ear.texts, ['STATUS=one', `STATUS=${'x'.repeat(200)}`, 'STATUS=one'])
  t.equal(notifier.watchdogMs, undefined, 'nobody watches')
})

t.test(
  'a manager that hangs costs the box no more than a moment, and hears the latest state afterwards',
  { skip },
  async t => {
    const ear = await NotifyEar.open(fresh())
    t.teardown(() => ear.close())
    await ear.hang()
    const { log, told } = warnings()
    const notifier = openNotifier({ NOTIFY_SOCKET: ear.socket }, log)
    // Its queue takes as many datagrams as the kernel allows for each socket.
    for (let count = 0; told.length === 0 && count < 5000; count++) notifier.alive()
    t.same(told, [{ reason: 'EAGAIN' }])
    notifier.status('serving')
    notifier.ready()
    ear.goOn()
    await ear.has('READY=1')
    await ear.has('STATUS=serving')
    t.equal(told.length, 1, 'one line for all that did not arrive')
  },
)

t.test('nobody there: one line in the log, and the box goes on', { skip }, async t => {
  const { log, told } = warnings()
  const socket = fresh()
  const notifier = openNotifier({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' }, log)
  notifier.ready()
  notifier.alive()
  t.same(told, [{ reason: 'ENOENT' }])
  t.equal(notifier.watchdogMs, undefined, 'the watchdog is meant for another process')
})

t.test('no manager asks, or the addon is not there', async t => {
  const { log, told } = warnings()
  t.equal(openNotifier({}, log), silentNotifier)
  t.same(told, [])
  t.equal(
    openNotifier({ NOTIFY_SOCKET: '/run/x' }, log, () => ({ missing: 'not compiled' })),
    silentNotifier,
  )
  t.same(told, [{ reason: 'not compiled' }])
  for (const call of Object.values(silentNotifier)) if (typeof call === 'function') call(0 as never)
})

t.test('the addon refuses what is no address, no text or no watchdog', { skip }, async t => {
  if ('missing' in calls) return
  const why = (result: number): string => (result < 0 ? nativeError(result) : String(result))
  t.equal(why(calls.notify('vsock:2:3', 'READY=1')), 'EAFNOSUPPORT')
  t.equal(why(calls.notify(`/${'x'.repeat(107)}`, 'READY=1')), 'ENAMETOOLONG')
  t.equal(why(calls.notify(`/${'x'.repeat(5000)}`, 'READY=1')), 'EINVAL')
  t.equal(why(calls.notify('/run/x', '')), 'EINVAL')
  t.equal(why(calls.notify('/run/x', 'x'.repeat(5000))), 'EINVAL')
  t.equal(why((calls.notify as (...all: unknown[]) => number)(1)), 'EINVAL')
  const wrong = -1
  t.equal(why(calls.watchdogTimeout(wrong)), 'EBADF')
  t.equal(why(calls.watchdogBootStatus(wrong)), 'EBADF')
  t.equal(why(calls.watchdogOptions(wrong)), 'EBADF')
  t.equal(why(calls.watchdogKeepAlive(wrong)), 'EBADF')
  t.equal(why(calls.watchdogSetTimeout(wrong, 15)), 'EBADF')
  t.equal(why(calls.watchdogSetTimeout(wrong, 0)), 'EINVAL')
})

t.test('the addon is hardened as the rest of the machine is', { skip }, async t => {
  const [addon] = execFileSync(join(import.meta.dirname, '../../../scripts/lib/native'), { encoding: 'utf8' }).split(
    '\n',
  )
  const headers = execFileSync('readelf', ['-lWd', addon!], { encoding: 'utf8' })
  t.match(headers, /GNU_RELRO/)
  t.match(headers, /NOW/)
  t.match(headers, /GNU_STACK .* RW /, 'no executable stack')
})
