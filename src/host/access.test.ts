import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { Access } from './access.ts'
import { Administrators } from './administrators.ts'
import { SystemEntropy } from './entropy.ts'

const PASSWORD = 'correct horse battery'
const MINUTE = 60_000
const entropy = new SystemEntropy()

async function opened(dir: string) {
  let at = 0
  const now = (): Now => ({ at: at as Instant, wall: (1.9e12 + at) as WallTime, isWallTrusted: true })
  const access = new Access({ entropy, log: silentLog, now })
  const administrators = Administrators.open(dir, entropy, () => now().wall)
  await administrators.begin(PASSWORD)
  access.use(administrators, new Counters())
  const ask = (password: string, name = 'admin', from = '192.0.2.1') => ({ name, password, from, agent: 'test' })
  const cookie = async (name = 'admin') => {
    const signIn = await access.signIn(ask(PASSWORD, name))
    if (signIn.kind !== 'in') throw new Error(signIn.kind)
    return signIn.cookie
  }
  const pass = (ms: number) => {
    at += ms
  }
  return { access, administrators, ask, cookie, pass }
}

t.test('before the box serves nobody comes in', async t => {
  const access = new Access({ entropy, log: silentLog, now: () => ({ at: 0, wall: 0 }) as unknown as Now })
  t.match(await access.withPassword({ name: 'admin', password: PASSWORD, from: '', agent: '' }), { kind: 'busy' })
  t.equal(access.withToken('rst_x'), undefined)
  t.equal(access.session('x', true), undefined)
})

t.test(
  'a session ends after half an hour in which nobody did anything; what a page asks by itself is nothing',
  async t => {
    const { access, cookie, pass } = await opened(t.testdir({}))
    const one = await cookie()
    pass(30 * MINUTE - 1)
    t.match(access.session(one, true), { name: 'admin', role: 'admin', by: 'session' })
    pass(30 * MINUTE - 1)
    t.ok(access.session(one, false), 'a look by itself is answered')
    t.equal(access.sessions()[0]?.seen, 1.9e12 + 30 * MINUTE - 1, 'and is no sign of life')
    pass(1)
    t.same(access.sessions(), [], 'it is over before anybody asks with it')
    t.equal(access.session(one, true), undefined)
    t.equal(access.session(one, true), undefined)
  },
)

t.test('a session ends after twelve hours whatever is done in it', async t => {
  const { access, cookie, pass } = await opened(t.testdir({}))
  const one = await cookie()
  for (let minutes = 20; minutes < 12 * 60; minutes += 20) {
    pass(20 * MINUTE)
    t.ok(access.session(one, true))
  }
  pass(20 * MINUTE)
  t.equal(access.session(one, true), undefined)
})

t.test(
  'every session has a secret, a token for its forms and a name of its own, and the name opens nothing',
  async t => {
    const { access, cookie } = await opened(t.testdir({}))
    const cookies = [await cookie(), await cookie()]
    const [one, two] = cookies.map(each => access.session(each, true)!)
    t.equal(new Set([...cookies, one!.csrf, two!.csrf, one!.session, two!.session]).size, 6)
    for (const each of [one!.session!, one!.csrf!, '', 'x'.repeat(100_000)])
      t.equal(access.session(each, true), undefined)
    t.ok(access.endSession(one!.session!))
    t.notOk(access.endSession(one!.session!))
    t.equal(access.session(cookies[0]!, true), undefined)
    t.ok(access.session(cookies[1]!, true))
    access.signOut(cookies[1]!)
    t.equal(access.session(cookies[1]!, true), undefined)
  },
)

t.test('of one administrator ten sessions are open at most: the one not seen for longest ends', async t => {
  const { access, cookie, pass } = await opened(t.testdir({}))
  const cookies: string[] = []
  for (let each = 0; each < 10; each++) {
    cookies.push(await cookie())
    pass(1000)
  }
  access.session(cookies[0]!, true)
  pass(1000)
  await cookie()
  t.equal(access.sessions().length, 10)
  t.ok(access.session(cookies[0]!, true))
  t.equal(access.session(cookies[1]!, true), undefined)
})

t.test('a new password ends all sessions of that name but the one it was chosen in; removing ends all', async t => {
  const { access, cookie } = await opened(t.testdir({}))
  await access.addAdministrator('ops', 'operator', PASSWORD)
  const [admin, one, two] = [await cookie(), await cookie('ops'), await cookie('ops')]
  t.equal(access.changeRole('ops', 'viewer'), undefined)
  t.match(access.session(one, true), { role: 'viewer' }, 'the role counts at once')
  t.equal(await access.changePassword('ops', 'another long sentence', access.session(one, true)!.session), undefined)
  t.ok(access.session(one, true))
  t.equal(access.session(two, true), undefined)
  t.equal(access.removeAdministrator('ops'), undefined)
  t.equal(access.session(one, true), undefined)
  t.ok(access.session(admin, true))
})

t.test('whoever guesses waits, five minutes at most, and nobody is locked out for ever or by others', async t => {
  const { access, ask, pass } = await opened(t.testdir({}))
  for (let guess = 0; guess < 9; guess++) t.match(await access.withPassword(ask(`no${guess}`)), { kind: 'wrong' })
  t.match(await access.withPassword(ask('no')), { kind: 'wrong' })
  t.match(await access.withPassword(ask(PASSWORD)), { kind: 'wait', seconds: 30 }, 'nor is the right one looked at')
  t.match(await access.withPassword(ask(PASSWORD, 'admin', '192.0.2.2')), { kind: 'in' }, 'from elsewhere it is')
  for (let round = 0; round < 12; round++) {
    pass(5 * MINUTE)
    await access.withPassword(ask('no'))
  }
  for (let guess = 0; guess < 20; guess++) await access.withPassword(ask('no'))
  const waits = await access.withPassword(ask(PASSWORD))
  if (waits.kind !== 'wait') throw new Error(waits.kind)
  t.ok(waits.seconds <= 300)
  pass(300_000)
  t.match(await access.withPassword(ask(PASSWORD)), { kind: 'in' })
  t.match(await access.withPassword(ask('no')), { kind: 'wrong' }, 'and it begins anew')
})

t.test('a whole IPv6 subnet is one source', async t => {
  const { access, ask } = await opened(t.testdir({}))
  for (let guess = 0; guess < 10; guess++) await access.withPassword(ask('no', 'admin', `2001:db8::${guess}`))
  t.match(await access.withPassword(ask(PASSWORD, 'admin', '2001:db8::ffff')), { kind: 'wait' })
  t.match(await access.withPassword(ask(PASSWORD, 'admin', '2001:db8:0:1::1')), { kind: 'in' })
})

t.test('a name that does not exist costs the same work as one that does', async t => {
  const { access, ask } = await opened(t.testdir({}))
  const { scrypt } = crypto
  const costs: unknown[] = []
  crypto.scrypt = ((...parts: Parameters<typeof scrypt>) => {
    const [, salt, length, cost] = parts
    costs.push([(salt as Buffer).length, length, cost])
    scrypt(...parts)
  }) as typeof scrypt
  syncBuiltinESMExports()
  t.teardown(() => {
    crypto.scrypt = scrypt
    syncBuiltinESMExports()
  })
  for (const name of ['admin', 'nobody', '', '__proto__', 'x'.repeat(5000)])
    t.match(await access.withPassword(ask('wrong', name)), { kind: 'wrong' })
  t.equal(costs.length, 5)
  for (const cost of costs) t.same(cost, costs[0])
})

t.test('two passwords of one address are looked at at a time; who comes then is told to come again', async t => {
  const { access, ask } = await opened(t.testdir({}))
  const three = ['a', 'b', 'c'].map(name => access.withPassword(ask('wrong', name)))
  t.same(
    (await Promise.all(three)).map(({ kind }) => kind),
    ['wrong', 'wrong', 'busy'],
  )
  t.match(await access.withPassword(ask(PASSWORD)), { kind: 'in' })
})

t.test('whoever floods the box with guesses keeps out nobody at another address', async t => {
  const { access, ask } = await opened(t.testdir({}))
  const guess = (name: string, from: string) => access.withPassword(ask('wrong', name, from)).then(({ kind }) => kind)
  const flood = Array.from({ length: 20 }, (_, count) => guess(`name${count}`, '192.0.2.9'))
  t.match(await access.withPassword(ask(PASSWORD)), { kind: 'in' })
  t.equal((await Promise.all(flood)).filter(kind => kind === 'busy').length, 18)
  const many = Array.from({ length: 80 }, (_, count) => guess('admin', `198.51.100.${count}`))
  t.equal((await Promise.all(many)).filter(kind => kind === 'busy').length, 16, 'only so many wait')
  t.match(await access.withPassword(ask(PASSWORD)), { kind: 'in' })
})

t.test('whoever is removed while their new password is made does not come back by it', async t => {
  const { access, administrators } = await opened(t.testdir({}))
  await access.addAdministrator('ops', 'operator', PASSWORD)
  const changing = access.changePassword('ops', 'another long sentence')
  t.equal(access.removeAdministrator('ops'), undefined)
  t.equal(await changing, 'unknown')
  t.equal(administrators.roleOf('ops'), undefined)
  // Their passwords are derived side by side: whichever is done first.
  const roles = ['operator', 'admin'] as const
  const twice = await Promise.all(roles.map(role => access.addAdministrator('eve', role, PASSWORD)))
  t.same([...twice].sort(), ['name taken', undefined])
  t.equal(administrators.roleOf('eve'), roles[twice.indexOf(undefined)])
})

t.test('the printed password is known as such until another is chosen, also after a restart', async t => {
  const dir = t.testdir({})
  const { access } = await opened(dir)
  t.ok(access.hasPrintedPassword)
  const again = () => Administrators.open(dir, entropy, () => 0)
  t.ok(again().hasPrintedPassword)
  t.equal(await access.changePassword('admin', 'another long sentence'), undefined)
  t.notOk(again().hasPrintedPassword)
  t.ok(again().isNew)
  t.equal(await again().roleWith('admin', PASSWORD), undefined)
})
