import { linkSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Counters } from '../../base/counters.ts'
import { type LogFields, silentLog } from '../../base/log.ts'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Access } from '../access.ts'
import { Administrators } from '../administrators.ts'
import { SystemEntropy } from '../entropy.ts'
import { isPowerOn, presenceLeftS } from './presence.ts'
import { recoverPassword } from './recovery.ts'

const WALL = Date.UTC(2030, 0, 1)

/** A box with an administrator, an operator, both signed in, and a token. */
async function set() {
  const dir = t.testdir({})
  const entropy = new SystemEntropy()
  const administrators = Administrators.open(dir, entropy, () => WALL)
  await administrators.begin('the printed password')
  await administrators.add('olga', 'operator', 'another long one')
  await administrators.changePassword('admin', 'the lost password')
  const log: string[] = []
  const warn = (msg: string, fields?: LogFields): void => void log.push(`${msg} ${JSON.stringify(fields)}`)
  const now = (): Now => ({ at: 0 as Instant, wall: WALL as WallTime, isWallTrusted: true })
  const access = new Access({ entropy, log: silentLog, now })
  access.use(administrators, new Counters())
  const signIn = (name: string, password: string) => access.signIn({ name, password, from: '192.0.2.1', agent: '' })
  const made = access.addToken('script', 'admin')
  if (typeof made === 'string') throw new Error(made)
  return { dir, entropy, access, signIn, token: made.secret, log, parts: { access, log: { ...silentLog, warn } } }
}

t.test(
  'a lost password: another one, and nobody else is in any more; the alarm stands until it is changed',
  async t => {
    const { dir, entropy, access, signIn, token, log, parts } = await set()
    const olga = await signIn('olga', 'another long one')
    t.ok(access.withToken(token))
    const recovered = await recoverPassword({ ...parts, presenceLeftS: async () => 10 }, '/dev/ttyS1')
    if ('refused' in recovered) throw new Error(recovered.refused)
    const { password } = recovered
    t.match(password, /^[a-z2-7]{16}$/)
    t.equal(access.session(olga.kind === 'in' ? olga.cookie : '', true), undefined)
    t.equal(access.withToken(token), undefined)
    t.equal((await signIn('admin', 'the lost password')).kind, 'wrong')
    t.equal((await signIn('admin', password)).kind, 'in')
    t.equal((await signIn('olga', 'another long one')).kind, 'in', 'others keep their passwords')
    t.equal(access.recoveredAt, WALL)
    t.match(log, [/the password of admin was recovered.*ttyS1/])
    t.notMatch(log.join(), password)
    t.equal(Administrators.open(dir, entropy, () => WALL).recoveredAt, WALL, 'also after a restart')
    await access.changePassword('admin', 'one of my own choice')
    t.equal(access.recoveredAt, undefined)
  },
)

t.test('where nobody stands before the box nothing changes, and the log says that somebody tried', async t => {
  const { access, signIn, token, log, parts } = await set()
  const recovered = await recoverPassword({ ...parts, presenceLeftS: async () => 0 }, 'pid 4711')
  t.match(recovered, { refused: /Nobody is known to stand before/ })
  t.ok(access.withToken(token))
  t.equal((await signIn('admin', 'the lost password')).kind, 'in')
  t.equal(access.recoveredAt, undefined)
  t.match(log, [/nobody stands before.*4711/])
})

const uptimeOf = (seconds: number | string): string => {
  const file = join(t.testdir({}), 'uptime')
  writeFileSync(file, `${seconds} 1.00\n`)
  return file
}
const nothing = { button: '/nonexistent/presence' }

t.test('a machine that was switched on just now has somebody before it', async t => {
  t.equal(await presenceLeftS({ ...nothing, uptime: uptimeOf('10.5') }), 289)
  t.equal(await presenceLeftS({ ...nothing, uptime: uptimeOf(300) }), 0)
  t.equal(await presenceLeftS({ ...nothing, uptime: uptimeOf('nothing') }), 0)
  t.equal(await presenceLeftS({ ...nothing, uptime: '/nonexistent' }), 0)
  t.equal(await presenceLeftS({ ...nothing, uptime: uptimeOf(10), wasSwitchedOn: () => true }), 290)
  t.equal(
    await presenceLeftS({ ...nothing, uptime: uptimeOf(10), wasSwitchedOn: () => false }),
    0,
    'it restarted by itself',
  )
})

t.test('what ended the run before tells whether the machine was switched on', async t => {
  const starts = (...kinds: string[]) => kinds.map(kind => ({ kind, boot: 'now' }))
  t.equal(isPowerOn(starts('power'), 'now'), true)
  t.equal(isPowerOn(starts('killed', 'power'), 'now'), true, 'the program may have started again since')
  t.equal(isPowerOn(starts('power', 'hardware-watchdog'), 'now'), false)
  t.equal(isPowerOn(starts('stop'), 'now'), false)
  t.equal(isPowerOn(starts('first'), 'now'), undefined)
  t.equal(isPowerOn(starts('power'), 'another'), undefined)
  t.equal(isPowerOn([{ kind: 'stop', boot: '' }], ''), undefined)
})

t.test('a button counts for five minutes, if its file was made by whoever may', async t => {
  const dir = t.testdir({})
  const button = join(dir, 'presence')
  const parts = { button, uptime: uptimeOf(9999), wall: () => WALL, ownerOfButton: process.getuid!() }
  const pressed = (agoS: number): void => utimesSync(button, new Date(WALL), new Date(WALL - agoS * 1000))
  t.equal(await presenceLeftS(parts), 0)
  writeFileSync(button, '')
  pressed(100)
  t.equal(await presenceLeftS(parts), 200)
  t.equal(await presenceLeftS({ ...parts, ownerOfButton: process.getuid!() + 1 }), 0)
  for (const ago of [300, 4000, -60]) {
    pressed(ago)
    t.equal(await presenceLeftS(parts), 0, `${ago} s ago`)
  }
  pressed(1)
  linkSync(button, join(dir, 'second'))
  t.equal(await presenceLeftS(parts), 0, 'nor is a second name')
  rmSync(join(dir, 'second'))
  t.equal(await presenceLeftS(parts), 299)
  symlinkSync(button, join(dir, 'link'))
  t.equal(await presenceLeftS({ ...parts, button: join(dir, 'link') }), 0, 'a link is no button')
})
