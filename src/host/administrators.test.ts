import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Administrators, newPassword } from './administrators.ts'
import { SystemEntropy } from './entropy.ts'

const entropy = new SystemEntropy()
const GOOD = 'correct horse battery'
let wall = 1000
const opened = (dir: string) => Administrators.open(dir, entropy, () => wall)

t.test(
  'a new box has nobody until it begins; the device’s password is a hash that only its owner may read',
  async t => {
    const dir = t.testdir({})
    const administrators = opened(dir)
    t.ok(administrators.isEmpty)
    t.equal(await administrators.roleWith('admin', ''), undefined, 'nobody is, before there is one')
    const password = newPassword(entropy)
    t.match(password, /^[a-z2-7]{16}$/)
    await administrators.begin(password)
    t.match(administrators, { isEmpty: false, isNew: true })
    const again = opened(dir)
    t.equal(await again.roleWith('admin', password), 'admin')
    t.equal(await again.roleWith('admin', `${password}x`), undefined)
    t.equal(await again.roleWith('root', password), undefined)
    t.notMatch(readFileSync(join(dir, 'admin'), 'utf8'), password)
    t.equal(statSync(join(dir, 'admin')).mode & 0o777, 0o600)
    again.finishSetup()
    t.notOk(opened(dir).isNew)
  },
)

t.test(
  'the file from before there was a page is read: its password is that of admin, and the box is set up',
  async t => {
    const dir = t.testdir({})
    const administrators = opened(dir)
    await administrators.begin(GOOD)
    const { scrypt, salt, hash } = JSON.parse(readFileSync(join(dir, 'admin'), 'utf8')).administrators[0]
    writeFileSync(join(dir, 'admin'), JSON.stringify({ scrypt, salt, hash }))
    t.notOk(opened(dir).isNew)
    t.equal(await opened(dir).roleWith('admin', GOOD), 'admin')
  },
)

t.test('others come and go, each with a role; admin stays what it is', async t => {
  const dir = t.testdir({})
  const administrators = opened(dir)
  await administrators.begin(GOOD)
  t.equal(await administrators.add('ops', 'operator', 'kestrel over the dunes'), undefined)
  t.equal(await administrators.add('ops', 'viewer', GOOD), 'name taken')
  for (const name of ['', 'Ops', 'a b', '../x', 'x'.repeat(33)])
    t.equal(await administrators.add(name, 'viewer', GOOD), 'name unfit', name)
  t.equal(await administrators.add('eve', 'viewer', 'short'), 'password short')
  t.equal(await administrators.add('eve', 'viewer', 'x'.repeat(257)), 'password long')
  for (const common of ['Password123', 'aaaaaaaaaaaa', 'eve-was-here', '1234567890'])
    t.equal(await administrators.add('eve', 'viewer', common), 'password common', common)
  t.equal(administrators.changeRole('ops', 'viewer'), undefined)
  t.equal(administrators.changeRole('nobody', 'viewer'), 'unknown')
  t.equal(administrators.changeRole('admin', 'viewer'), 'last administrator')
  t.equal(administrators.remove('admin'), 'last administrator')
  t.equal(await administrators.changePassword('ops', 'another long sentence'), undefined)
  t.equal(await administrators.changePassword('nobody', GOOD), 'unknown')
  const again = opened(dir)
  t.match(again.list(), [
    { name: 'admin', role: 'admin' },
    { name: 'ops', role: 'viewer', changedAt: 1000 },
  ])
  t.equal(await again.roleWith('ops', 'kestrel over the dunes'), undefined)
  t.equal(await again.roleWith('ops', 'another long sentence'), 'viewer')
  t.equal(again.remove('ops'), undefined)
  t.equal(await again.roleWith('ops', 'another long sentence'), undefined)
})

t.test('as many administrators and tokens as there may be', async t => {
  const administrators = opened(t.testdir({}))
  await administrators.begin(GOOD)
  for (let each = 1; each < 32; each++) await administrators.add(`u${each}`, 'viewer', GOOD)
  t.equal(await administrators.add('more', 'viewer', GOOD), 'too many')
  for (let each = 0; each < 32; each++) t.type(administrators.addToken(`t${each}`, 'viewer'), 'object')
  t.equal(administrators.addToken('more', 'viewer'), 'too many')
})

t.test('a token opens until it ends or goes; only its hash is kept', async t => {
  const dir = t.testdir({})
  const administrators = opened(dir)
  await administrators.begin(GOOD)
  const made = administrators.addToken('backup script', 'operator', 5000)
  if (typeof made === 'string') throw new Error(made)
  t.match(made.secret, /^rst_[a-z2-7]{32}$/)
  t.notMatch(readFileSync(join(dir, 'admin'), 'utf8'), made.secret)
  t.match(opened(dir).tokenOf(made.secret), { name: 'backup script', role: 'operator' })
  for (const wrong of ['', 'rst_', `${made.secret}x`, made.secret.slice(4), 'x'.repeat(10_000)])
    t.equal(administrators.tokenOf(wrong), undefined)
  wall = 5000
  t.equal(administrators.tokenOf(made.secret), undefined, 'it has ended')
  wall = 1000
  t.notMatch(administrators.tokens(), [{ hash: /./ }])
  t.ok(administrators.removeToken(administrators.tokens()[0]!.id))
  t.notOk(administrators.removeToken('x'))
  t.equal(administrators.tokenOf(made.secret), undefined)
})

t.test('names of tokens have letters, digits, spaces and few signs', async t => {
  const administrators = opened(t.testdir({}))
  for (const name of ['', ' ', ' a', 'a ', '-a', 'A', 'ä', 'a\nb', 'a\u202eb', 'a\u00a0b', 'a<b>', 'a'.repeat(65)])
    t.equal(administrators.addToken(name, 'viewer'), 'name unfit', JSON.stringify(name))
  for (const name of ['a', 'backup script 2', 'a.b_c-d', 'a'.repeat(64)])
    t.type(administrators.addToken(name, 'viewer'), 'object', name)
})

t.test('a file that cannot be read or written is told with its path and what to do', async t => {
  const dir = t.testdir({})
  const administrators = Administrators.open(join(dir, 'gone'), entropy, () => wall)
  await t.rejects(administrators.begin(GOOD), {
    message: `${join(dir, 'gone', 'admin')}: the administrators' passwords cannot be written: there is no such file or folder. Check the path.`,
  })
  t.ok(administrators.isEmpty, 'nothing is believed that was not written')
  for (const text of ['', '{', '{}', '[]']) {
    writeFileSync(join(dir, 'admin'), text)
    t.throws(() => opened(dir), /the administrators cannot be read: .+\. Put back a backup of it, or remove it/, text)
  }
  mkdirSync(join(dir, 'folder', 'admin'), { recursive: true })
  t.throws(() => opened(join(dir, 'folder')), /it is a folder/)
})
