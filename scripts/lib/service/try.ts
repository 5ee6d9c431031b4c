/** Installs the package in a Debian with a real systemd and tries what the service promises; started by scripts/try-service, which says how. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { until } from '../../../src/interop/until.ts'
import { Guest, makeTree } from './guest.ts'

/** Where the package lies in the guest. */
const PACKAGE = '/srv/restante.deb'

const [deb = '', archive = '', work = '/var/tmp'] = process.argv.slice(2)
const MESSAGES = 5
/** WatchdogSec=30, and what the start takes. */
const WATCHDOG_MS = 60_000
const LONGER_MS = 35_000
const READY_MS = 30_000
const ACCOUNTS = ['alice', 'bob'].map(
  user => `[[user]]\naor = "sip:${user}@example.org"\npassword = "${user}-secret"\n`,
)

let passed = 0
const wrong: string[] = []

function check(what: string, isRight: boolean, found = ''): void {
  if (isRight) passed++
  else wrong.push(what)
  console.log(
    `${isRight ? 'ok' : 'NOT OK'}  ${what}${isRight || found === '' ? '' : `\n        ${found.trim().replaceAll('\n', '\n        ')}`}`,
  )
}

if (!existsSync(archive)) {
  console.log(`making ${archive} (once, some minutes at most)`)
  mkdirSync(join(archive, '..'), { recursive: true })
  makeTree(`${archive}.new.tar`)
  renameSync(`${archive}.new.tar`, archive)
}
const folder = mkdtempSync(join(work, 'restante-try-service-'))
const tree = join(folder, 'tree')
mkdirSync(tree)
let guest: Guest | undefined
try {
  execFileSync('tar', ['xf', archive, '-C', tree])
  copyFileSync(deb, join(tree, PACKAGE))
  guest = await Guest.boot(tree, openSync(join(folder, 'boot.log'), 'w'))
  console.log(guest.run('systemctl', '--version').out.split('\n')[0])
  await tryAll(guest)
} catch (error) {
  check('all of it was tried', false, String(error))
} finally {
  if (wrong.length > 0 && guest) console.log(guest.run('journalctl', '-u', 'restante', '-n', '60', '--no-pager').out)
  await guest?.end()
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${wrong.length} failed`)
process.exit(wrong.length === 0 ? 0 : 1)

async function tryAll(guest: Guest): Promise<void> {
  install(guest)
  await firstStart(guest)
  custody(guest)
  await ends(guest)
  await watchdog(guest)
  sandbox(guest)
  await requests(guest)
  await noCustody(guest)
  removal(guest)
}

function isReady(guest: Guest): boolean {
  return guest.shown('ActiveState') === 'active'
}

function ready(guest: Guest): Promise<boolean> {
  return until('the service is ready', READY_MS, () => isReady(guest))
}

/** Another process than this one, which is ready. */
function anotherReady(guest: Guest, before: string, ms: number): Promise<boolean> {
  return until('another process', ms, () => isReady(guest) && ![before, '0'].includes(guest.shown('MainPID')))
}

function install(guest: Guest): void {
  const { code, out } = guest.run('dpkg', '-i', PACKAGE)
  check('dpkg -i installs and starts it', code === 0 && isReady(guest), out)
  check('it is started at boot', guest.shown('UnitFileState') === 'enabled')
  const again = guest.run('dpkg', '-i', PACKAGE)
  check('installing it once more is fine', again.code === 0 && isReady(guest), again.out)
}

async function firstStart(guest: Guest): Promise<void> {
  const file = '/var/lib/restante/first-password'
  const { out: listed } = guest.run('stat', '-c', '%a %U', file)
  check('the first password lies in a file for its owner alone', listed.trim() === '400 restante', listed)
  const password = /^admin (\S+)/.exec(guest.run('cat', file).out)?.[1] ?? ''
  const journal = guest.run('journalctl', '-u', 'restante', '--no-pager').out
  check(
    'the journal says where, and has no password',
    password !== '' && journal.includes(file) && !journal.includes(password),
  )
  const toml = `domain = "example.org"\ndata_dir = "/var/lib/restante"\n${ACCOUNTS.join('')}`
  const changed = ['sh', '-c', 'cat >/etc/restante/restante.toml <<"END"\n'.concat(toml, 'END\n')]
  guest.run(...changed)
  const restarted = guest.run('systemctl', 'restart', 'restante')
  check('another configuration, by systemctl restart', restarted.code === 0 && isReady(guest), restarted.out)
}

function custody(guest: Guest): void {
  const stored = guest.beside(process.execPath, join(import.meta.dirname, 'phone.ts'), 'store', String(MESSAGES))
  check(
    'messages for somebody who is away are answered 202',
    stored.out.trim() === '202\n'.repeat(MESSAGES).trim(),
    stored.out,
  )
  const status = guest.shown('StatusText')
  check(
    'systemctl status says what it serves',
    /^serving example\.org: 2 accounts, \d+ messages? waiting$/.test(status),
    status,
  )
  const before = guest.shown('MainPID')
  const reloaded = guest.run('systemctl', 'reload', 'restante')
  check('reload leaves the process as it is', reloaded.code === 0 && guest.shown('MainPID') === before, reloaded.out)
}

async function ends(guest: Guest): Promise<void> {
  let before = guest.shown('MainPID')
  guest.run('kill', '-9', before)
  await anotherReady(guest, before, READY_MS)
  check('kill -9: another process is ready by itself', true)
  before = guest.shown('MainPID')
  const began = performance.now()
  guest.run('systemctl', 'stop', 'restante')
  const ms = performance.now() - began
  check('systemctl stop: within 5 s, without an error', ms < 5000 && guest.shown('Result') === 'success', `${ms} ms`)
  const second = guest.run('systemctl', 'restart', 'restante')
  check('systemctl restart starts it', second.code === 0 && isReady(guest), second.out)
  const taken = guest.beside(process.execPath, join(import.meta.dirname, 'phone.ts'), 'take', String(MESSAGES))
  check('after both all messages are handed over', taken.out.trim() === String(MESSAGES), taken.out)
}

async function watchdog(guest: Guest): Promise<void> {
  await ready(guest)
  const before = guest.shown('MainPID')
  await setTimeout(LONGER_MS)
  check(
    'left alone it feeds the watchdog: the same process as before',
    isReady(guest) && guest.shown('MainPID') === before,
  )
  guest.run('kill', '-STOP', before)
  const began = performance.now()
  await anotherReady(guest, before, WATCHDOG_MS)
  const journal = guest.run('journalctl', '-u', 'restante', '--no-pager', '-n', '100').out
  const s = Math.round((performance.now() - began) / 1000)
  check(
    `a process that stands still is ended by the watchdog, and another is ready (${s} s)`,
    journal.includes('Watchdog timeout'),
  )
}

function sandbox(guest: Guest): void {
  const pid = guest.shown('MainPID')
  // Inside the mounts of the service, as its user and without capabilities.
  const inside = (command: string) =>
    guest.run(
      'nsenter',
      '-t',
      pid,
      '-m',
      '--',
      'setpriv',
      '--reuid=restante',
      '--regid=restante',
      '--clear-groups',
      'sh',
      '-c',
      command,
    )
  for (const place of ['/etc', '/usr/bin', '/root', '/home', '/var/lib', '/var/log', '/boot'])
    check(`it cannot write to ${place}`, inside(`touch ${place}/here`).code !== 0)
  // As root within the same mounts: it is the mounts that refuse, not the owners of the folders.
  const rooted = (command: string) => guest.run('nsenter', '-t', pid, '-m', '--', 'sh', '-c', command)
  for (const place of ['/etc', '/usr/bin', '/var/lib', '/var/log'])
    check(`nor could root there: ${place}`, /Read-only/.test(rooted(`touch ${place}/here`).out))
  for (const place of ['/var/lib/restante', '/etc/restante', '/run/restante'])
    check(`it can write to ${place}`, inside(`touch ${place}/here && rm ${place}/here`).code === 0)
  for (const place of ['/var/lib/restante', '/etc/restante', '/tmp', '/var/tmp'])
    check(
      `nothing is run from ${place}`,
      inside(`cp /usr/bin/true ${place}/here; ${place}/here; code=$?; rm -f ${place}/here; exit $code`).code === 126,
    )
  const status = guest.run('cat', `/proc/${pid}/status`).out
  check(
    'no capabilities, no new ones, and calls of the system are filtered',
    /CapBnd:\s0+\n/.test(status) && /NoNewPrivs:\s1/.test(status) && /Seccomp:\s2/.test(status),
    status,
  )
  const exposure = guest.run('systemd-analyze', 'security', '--no-pager', 'restante.service').out
  const level = Number(/exposure level for restante.service: ([\d.]+)/.exec(exposure)?.[1])
  check(`systemd-analyze security: ${level}, at most 2.0`, level <= 2.0)
}

async function requests(guest: Guest): Promise<void> {
  guest.run('systemctl', 'stop', 'restante')
  const added = guest.run('restante', 'user', 'add', 'carol')
  const foreign = guest.run('find', '/var/lib/restante', '/etc/restante', '!', '-user', 'restante')
  check(
    'a command of root while it is stopped leaves nothing that is root’s',
    added.code === 0 && foreign.out === '',
    `${added.out}${foreign.out}`,
  )
  const asked = guest.run(
    'setpriv',
    '--reuid=restante',
    '--regid=restante',
    '--clear-groups',
    'touch',
    '/run/restante-request/start',
  )
  await ready(guest)
  check('the console, which has no rights, has the service started by a file', asked.code === 0, asked.out)
  await until('the file is gone', READY_MS, () => guest.run('test', '-e', '/run/restante-request/start').code !== 0)
}

/** A medium that takes no write: nobody is told that it is ready. */
async function noCustody(guest: Guest): Promise<void> {
  guest.run('systemctl', 'stop', 'restante')
  guest.run('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=700,uid=restante,gid=restante', 'tmpfs', '/var/lib/restante')
  guest.run('systemctl', 'start', '--no-block', 'restante')
  await until(
    'it says why',
    READY_MS,
    () =>
      /restante: .*(cannot|space)/.test(guest.shown('StatusText')) ||
      /not ready|space|cannot/.test(guest.shown('StatusText')),
  )
  const text = guest.shown('StatusText')
  check(`no room for a store: not ready, and it says why: ${text}`, !isReady(guest))
  guest.run('systemctl', 'stop', 'restante')
  guest.run('umount', '/var/lib/restante')
  guest.run('systemctl', 'reset-failed', 'restante')
  guest.run('systemctl', 'start', 'restante')
  await ready(guest)
  check('with room it starts again', true)
}

function removal(guest: Guest): void {
  const removed = guest.run('dpkg', '-r', 'restante')
  check(
    'dpkg -r stops it and leaves messages and configuration',
    removed.code === 0 &&
      guest.run('test', '-e', '/var/lib/restante/mailbox/data.mdb').code === 0 &&
      guest.run('test', '-e', '/etc/restante/restante.toml').code === 0,
    removed.out,
  )
  const purged = guest.run('dpkg', '-P', 'restante')
  const left = guest.run(
    'sh',
    '-c',
    'ls -d /var/lib/restante /etc/restante /usr/share/restante /lib/systemd/system/restante* /etc/systemd/system/*/restante* 2>/dev/null',
  )
  check('dpkg -P leaves nothing', purged.code === 0 && left.out.trim() === '', `${purged.out}${left.out}`)
}
